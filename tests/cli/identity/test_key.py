"""`tenure api-key`, and who asks: by an id of the people file, by a token, by an API key."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.app import create_app
from api.http.dependencies import Services
from cli.core.tokens import named, tokens_of
from runtime.identity.development_issuer import DevelopmentIssuer, key_file
from tests.cli.conftest import Ask, Tenure
from tests.serving import served
from tests.stack import ISSUER, Stack, api_settings, people_in, token_of


@pytest.fixture
def owner(ask_as: Callable[[str], Ask]) -> Ask:
    return ask_as("demo-owner")


async def test_a_key_is_made_shown_once_used_listed_and_revoked(owner: Ask, tenure: Tenure, address: str) -> None:
    created = await owner("api-key", "create", "till 7", "--role", "member_service", "--days", "30", "--key", "till-7")
    assert created.exit_code == 0, created.output
    key = created.stdout.strip()
    assert key.startswith("tnr_")
    assert "only time" in created.stderr
    again = await owner("api-key", "create", "till 7", "--role", "member_service", "--days", "30", "--key", "till-8", "--json")
    assert json.loads(again.stdout)["name"] == "till 7"

    used = await asyncio.to_thread(tenure, "program", "list", TENURE_API_URL=address, TENURE_TOKEN=key)
    assert used.exit_code == 0, used.output

    id_ = key.split("_")[1]
    listed = await owner("api-key", "list")
    row = next(line for line in listed.stdout.splitlines() if id_ in line)
    assert "till 7" in row and "member_service" in row and "demo-owner" in row and "never" not in row
    assert key.rpartition("_")[2] not in listed.stdout

    revoked = await owner("api-key", "revoke", id_)
    assert revoked.exit_code == 0, revoked.output
    refused = await asyncio.to_thread(tenure, "program", "list", TENURE_API_URL=address, TENURE_TOKEN=key)
    assert (refused.exit_code, "token_refused" in refused.stderr) == (1, True)
    assert key not in refused.output


async def test_who_may_not_make_keys_is_told_who_may(owner: Ask) -> None:
    refused = await owner("api-key", "create", "till", "--role", "member_service", person="demo-shop")
    assert (refused.exit_code, "product_owner" in refused.stderr) == (1, True)
    unknown = await owner("api-key", "revoke", "nowhere")
    assert (unknown.exit_code, "api_key_unknown" in unknown.stderr) == (1, True)


@pytest.mark.parametrize(("rate", "codes"), [("1/second", [0, 0, 0]), ("1/hour", [0, 1, 1])])
async def test_a_command_comes_back_where_the_api_says_that_it_soon_may(
    stack: Stack, tenure: Tenure, tmp_path: Path, rate: str, codes: list[int]
) -> None:
    services = Services(stack.engine, stack.ledger, stack.temporal)
    async with served(create_app(api_settings(people_in(tmp_path), rate_ledger=rate), services=services)) as address:
        words = ("--as", "demo-analyst", "ledger", "check")
        where = {"TENURE_API_URL": address, "TENURE_PEOPLE_FILE": tmp_path / "people.json"}
        results = [await asyncio.to_thread(tenure, *words, **where) for _ in codes]
    assert [result.exit_code for result in results] == codes, [result.output for result in results]
    for result in results:
        assert ("too_many_requests" in result.stderr) == (result.exit_code == 1)


def test_without_the_issuers_key_nobody_can_be_asked_for(tenure: Tenure, people_file: Path) -> None:
    key_file(people_file).unlink()
    result = tenure("--as", "fiona", "gate", "list", TENURE_PEOPLE_FILE=people_file)
    assert result.exit_code == 2
    assert "issuer_key_unusable" in result.stderr
    assert "TENURE_TOKEN" in result.stderr


def test_a_long_command_shows_a_fresh_token_before_the_old_one_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens_of(people_in(tmp_path), "demo-shop")
    first = token()
    assert token() == first
    soon = time.time() + 570
    monkeypatch.setattr(time, "time", lambda: soon)
    assert token() != first


def test_whose_token_it_is_can_be_said_without_giving_it_away() -> None:
    another = DevelopmentIssuer.new().token("demo-shop", "Demo Shop", [])
    assert named(token_of("demo-shop")) == named(another) == "demo-shop"
    assert named("tnr_0123456789abcdef_secret") == "the API key 0123456789abcdef"
    for broken in ("", "one", "one.two.three", "a.W10.b", "a.InRleHQi.b", ISSUER.signed({}) + "."):
        assert named(broken) == "a token"
