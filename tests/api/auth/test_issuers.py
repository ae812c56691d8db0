"""Whose tokens the API takes is said by its settings; where nothing safe is said, it does not start."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from api.auth.credentials import Credentials
from api.http.dependencies import Services
from api.http.rate_limits import Rates
from domain.errors import TenureError
from ledger import Ledger
from runtime.identity.development_issuer import DevelopmentIssuer, key_file
from runtime.identity.issuer_settings import AudienceMissing, DevelopmentUnusable, IssuerMissing, TwoIssuers
from runtime.settings import Settings
from store.identity import people
from tests.api.sample_program import problem
from tests.stack import Stack, api_settings, client_of, people_in

ELSEWHERE = "https://id.tenure.test"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, IssuerMissing),
        ({"oidc_audience": "tenure"}, IssuerMissing),
        ({"oidc_issuer": ELSEWHERE}, AudienceMissing),
        ({"oidc_issuer": ELSEWHERE, "oidc_audience": "tenure", "development_issuer": True}, TwoIssuers),
        ({"development_issuer": True}, DevelopmentUnusable),
    ],
)
def test_without_one_issuer_nobody_can_be_recognised(
    tmp_path: Path, settings: dict[str, Any], error: type[TenureError]
) -> None:
    with pytest.raises(error) as raised:
        create_app(Settings(home=tmp_path, **settings))
    assert "TENURE_" in str(raised.value)


async def test_with_an_issuer_elsewhere_no_people_file_is_needed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, oidc_issuer=ELSEWHERE, oidc_audience="tenure")
    assert create_app(settings).title == "Tenure"
    assert not settings.directory_is_closed
    await Credentials.of(settings, Rates(settings)).close()


@pytest.mark.processes
def test_the_process_says_in_one_sentence_why_it_does_not_start(tmp_path: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TENURE_")}
    ended = subprocess.run(
        [sys.executable, "-m", "api"],
        env=plain | {"TENURE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 1
    assert "TENURE_OIDC_ISSUER" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("address", ["http://id.tenure.test", "ftp://id.tenure.test", "id.tenure.test", "https://", ""])
@pytest.mark.parametrize("setting", ["oidc_issuer", "oidc_jwks_url"])
def test_keys_are_never_fetched_where_others_could_change_them_on_the_way(setting: str, address: str) -> None:
    changed: dict[str, Any] = {setting: address}
    with pytest.raises(ValidationError, match="https"):
        Settings(**changed)


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ("{}", "valid tuple"),
        ("[", "Expecting"),
        ('[{"id": "a b", "name": "A", "roles": []}]', "id"),
        ('[{"id": "a", "name": "A", "roles": ["king"]}]', "'king' names no role"),
        ('[{"id": "a", "name": "A", "roles": ["finance@A"]}]', "names no program"),
    ],
)
def test_a_people_file_that_cannot_be_used_is_told_why(tmp_path: Path, entries: str, text: str) -> None:
    file = people_in(tmp_path)
    file.write_text(entries)
    with pytest.raises(DevelopmentUnusable, match=text):
        create_app(api_settings(file))


@pytest.mark.parametrize("key", ["", "{}", "[]", '{"kty": "oct", "k": "c2VjcmV0"}', '{"kty": "OKP", "crv": "Ed25519"}'])
def test_a_key_that_is_none_is_told(tmp_path: Path, key: str) -> None:
    file = people_in(tmp_path)
    key_file(file).write_text(key)
    with pytest.raises(DevelopmentUnusable, match="key"):
        create_app(api_settings(file))


async def test_another_stacks_key_signs_for_nobody_here(engine: AsyncEngine, stack: Stack, tmp_path: Path) -> None:
    stranger = DevelopmentIssuer.new().token("demo-owner", "Demo Owner", ["product_owner"])
    app = create_app(api_settings(people_in(tmp_path)), services=Services(engine, Ledger(engine), stack.temporal))
    async with app.router.lifespan_context(app), client_of(app) as http:
        problem(await http.get("/programs", headers={"Authorization": f"Bearer {stranger}"}), 401, "token_refused")
        async with engine.connect() as connection:
            known = await people.all_known(connection)
    # Everybody of the people file can be counted on before they ask for the first time.
    assert "demo-legal" in {each.id for each in known if "legal" in each.roles.everywhere and each.seen_at is None}
    assert api_settings(people_in(tmp_path)).directory_is_closed
