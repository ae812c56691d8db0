"""What tests of workflows and of the API share: a whole Tenure in this process, on real servers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Request, Response
from ruamel.yaml import YAML
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from api.app import create_app
from api.http.dependencies import Services
from domain.definition.document import Definition, digest, scaled
from domain.programs.lifecycle import Revision
from ledger import Ledger
from runtime.identity.development_issuer import DevelopmentIssuer, key_file
from runtime.identity.keys import ensure_keys
from runtime.identity.signatures import KeyRing
from runtime.settings import Settings
from tests.paths import EXAMPLES

OWNER = "demo-owner"
PEOPLE = {
    "demo-owner": ["product_owner", "finance"],
    "demo-finance": ["finance"],
    "demo-legal": ["legal"],
    "demo-marketing": ["marketing"],
    "demo-operations": ["operations"],
    "demo-shop": ["member_service"],
    "demo-app": ["member_service"],
    "demo-analyst": ["analyst"],
    "demo-guest": [],
}
"""The owner is in finance too, so that four eyes and not a missing role keeps their vote out; a guest has a token alone."""

_WAIT_TIMEOUT = 30.0
"""Seconds that a caller of the API waits: a machine under load must not turn an answer into a 202."""
ISSUER = DevelopmentIssuer.new()
"""Signs the tokens of all tests."""

_numbers = count(1)


def program_id(prefix: str = "club") -> str:
    """A program that no other test knows."""
    return f"{prefix}-{next(_numbers)}"


def example(name: str, program: str, *, faster: float = 1, **changes: Any) -> Definition:
    """An example's definition under another program id, played `faster`, with parts replaced.

    Without the guardrails and the notice of amendments, for which a test would wait that is about something else, and without
    the holdout, which keeps out whom it wants in.
    """
    document = YAML(typ="safe").load((EXAMPLES / name).read_text())
    for part in ("guardrails", "amendments", "holdout"):
        document.pop(part, None)
    definition = Definition.model_validate(document | {"program": program} | changes)
    return scaled(definition, faster) if faster != 1 else definition


def first_revision(definition: Definition, at: datetime | None = None) -> Revision:
    return Revision(
        program=definition.program,
        number=1,
        digest=digest(definition),
        definition=definition,
        owner=OWNER,
        submitted_by=OWNER,
        submitted_at=at or datetime.now(UTC),
    )


@dataclass
class Stack:
    """The parts, and the API as each person calls it."""

    engine: AsyncEngine
    ledger: Ledger
    temporal: Client
    http: AsyncClient
    keys: KeyRing
    """Those by which its API signs decisions."""
    app: FastAPI

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """Meanwhile a request waits for a workflow no longer than so, and is then answered 202."""
        services = self.app.state.services
        self.app.state.services = replace(services, wait_timeout=seconds)
        try:
            yield
        finally:
            self.app.state.services = services

    async def get(self, path: str, person: str = "demo-owner") -> Any:
        """What a GET answers, which must be well."""
        response = await self.http.get(path, headers=_token(person))
        assert response.status_code == 200, response.text
        return response.json()

    async def post(
        self, path: str, body: Any = None, *, person: str = "demo-owner", key: str | None = None, content: str | None = None
    ) -> Response:
        """The response to a POST, under a key of its own unless one is given."""
        headers = _token(person) | {"Idempotency-Key": key or f"key-{next(_numbers)}"}
        if content is not None:
            return await self.http.post(path, content=content, headers=headers)
        return await self.http.post(path, json=body, headers=headers)


def stack_over(engine: AsyncEngine, temporal: Client, folder: Path) -> tuple[Stack, Any]:
    """A stack without its workers, and the application to run; people and keys lie in the folder."""
    signing, verification = (folder / f"{name}.json" for name in ("signing-keys", "verification-keys"))
    ensure_keys(signing, verification, datetime.now(UTC))
    ledger = Ledger(engine)
    settings = api_settings(people_in(folder), signing_keys_file=signing, verification_keys_file=verification)
    app = create_app(settings, services=Services(engine, ledger, temporal, wait_timeout=_WAIT_TIMEOUT))
    return Stack(engine, ledger, temporal, client_of(app), KeyRing(signing, verification), app), app


def client_of(app: Any, **options: Any) -> AsyncClient:
    """Calls an application; where `Authorization` says `Bearer PERSON`, PERSON's token is sent."""
    return AsyncClient(
        transport=ASGITransport(app=app, **options),
        base_url="http://tenure",
        timeout=timedelta(seconds=60).total_seconds(),
        event_hooks={"request": [_with_token]},
    )


def api_settings(people_file: Path, **more: Any) -> Settings:
    """Settings of an API that takes the tokens of these tests, and as many bad ones as it takes to try every route."""
    return Settings(people_file=people_file, development_issuer=True, **{"rate_failed_tokens": "100000/minute"} | more)


def people_entries() -> list[dict[str, Any]]:
    return [{"id": id_, "name": _name(id_), "roles": roles} for id_, roles in PEOPLE.items()]


def people_in(folder: Path, entries: list[dict[str, Any]] | None = None) -> Path:
    """A people file in this folder, and the issuer's key beside it."""
    file = folder / "people.json"
    file.write_text(json.dumps(people_entries() if entries is None else entries))
    key_file(file).write_text(ISSUER.private_key)
    return file


def token_of(person: str) -> str:
    """The token of one of the tests' persons."""
    return ISSUER.token(person, _name(person), PEOPLE[person])


async def _with_token(request: Request) -> None:
    scheme, _, person = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer" and person in PEOPLE:
        request.headers["Authorization"] = f"Bearer {token_of(person)}"


def _name(person: str) -> str:
    return person.replace("-", " ").title()


def _token(person: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {person}"}
