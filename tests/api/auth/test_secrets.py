"""A token, a key or the issuer's key that was used stands in no log, no answer, no history and no row."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from domain import ids
from runtime.settings import Settings
from tests.api.sample_program import Waiting
from tests.stack import ISSUER, Stack, token_of


@pytest.fixture
async def waiting(begin: Callable[[], Any]) -> Waiting:
    found: Waiting = await begin()
    return found


async def test_no_secret_stands_anywhere_after_it_was_used(
    stack: Stack, waiting: Waiting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for chatty in ("sqlalchemy.engine", "sqlalchemy.pool"):
        caplog.set_level(logging.DEBUG, logger=chatty)
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = await stack.post("/api-keys", {"name": "till", "roles": ["member_service", "finance"], "expires_at": until})
    key, token = made.json()["key"], token_of("demo-marketing")
    secrets = {
        "the key": key,
        "the key's secret": key.split("_", 2)[2],
        "the token": token,
        "the token's signature": token.rpartition(".")[2],
        "the issuer's key": json.loads(ISSUER.private_key)["d"],
    }
    bodies: list[str] = []

    async def ask(method: str, path: str, shown: str, body: Any = None) -> None:
        headers = {"Authorization": f"Bearer {shown}", "Idempotency-Key": f"secret-{len(bodies)}"}
        response = await stack.http.request(method, path, json=body, headers=headers)
        bodies.append(response.text + str(response.headers))

    vote = {"answer": "approve", "digest": waiting.digest}
    for shown in (key, token):
        await ask("GET", "/programs", shown)
        await ask("GET", "/programs/nowhere", shown)
        await ask("POST", f"/gates/{waiting.gate}/decisions", shown, vote)
        await ask("POST", "/programs", shown, {"program": "half"})
        await ask("GET", "/ledger/verification?after=1", shown)
    for broken in (f"{key}x", f"{token}x", f"{token[:-4]}AAAA"):
        await ask("GET", "/programs", broken)
    assert "vote" in bodies[7] and "201" not in bodies[2]  # the person's vote counted, the machine's did not

    details = {"logs": caplog.text, "answers": "\n".join(bodies)}
    assert len(details["logs"]) > 10_000
    for workflow in (ids.lifecycle(waiting.program), ids.qualification(waiting.program, 1), waiting.gate):
        history = await stack.temporal.get_workflow_handle(workflow).fetch_history()
        details[workflow] = history.to_json() + "".join(
            payload.data.decode(errors="replace")
            for event in history.events
            for payload in event.workflow_execution_started_event_attributes.input.payloads
        )
    async with stack.engine.connect() as connection:
        for table in ("person", "api_key", "request", "audit", "gate"):
            rows = (await connection.execute(text(f"SELECT t::text FROM store.{table} AS t"))).scalars().all()  # noqa: S608
            details[table] = "\n".join(rows)
    assert all(details.values())
    found = [(what, where) for what, secret in secrets.items() for where, text_ in details.items() if secret in text_]
    assert found == []


def test_settings_do_not_tell_what_they_hold() -> None:
    secret = "very-secret"
    settings = Settings(token=SecretStr(secret), database_url=f"postgresql://tenure:{secret}@db/tenure")
    assert secret not in repr(settings) + str(settings)
