"""The directory under the development issuer is its people file: who is taken out has no role, and their gates are told of."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from api.http.dependencies import Services
from domain.definition.gates import GatePolicy, GateRule
from domain.gates.opening import opening
from domain.gates.state import Subject
from ledger import Ledger
from store.audit import trail
from store.gates import gates
from store.identity import people
from store.programs import programs
from tests.program_steps import sample_definition
from tests.stack import Stack, api_settings, first_revision, people_in

FINANCE: dict[str, Any] = {"id": "demo-finance", "name": "Demo Finance", "roles": ["finance"]}
LEGAL: dict[str, Any] = {"id": "demo-legal", "name": "Demo Legal", "roles": ["legal@directory", "marketing@elsewhere"]}


async def test_a_gate_that_waits_for_a_role_which_nobody_has_any_more_is_told_of_once(
    engine: AsyncEngine, stack: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = await _waiting(engine)
    text = f"nobody is left who could approve at {gate} as legal"
    await _started(engine, stack, tmp_path / "both", [FINANCE, LEGAL])
    assert text not in caplog.text
    async with engine.connect() as connection:
        assert await gates.beyond_reach(connection) == []

    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            await _started(engine, stack, tmp_path / "one", [FINANCE])
    assert text in caplog.text
    async with engine.connect() as connection:
        ((state, missing),) = await gates.beyond_reach(connection, "directory")
        (entry,) = await trail.listed(connection, "directory", limit=10)
        known = {each.id: each for each in await people.all_known(connection)}
    assert (state.id, missing) == (gate, {"legal": 1})
    assert (entry.action, entry.about, entry.details) == ("gate_beyond_reach", gate, {"lacking": {"legal": 1}})
    assert (known["demo-legal"].name, known["demo-legal"].roles.entries) == ("Demo Legal", [])

    await _started(engine, stack, tmp_path / "back", [FINANCE, LEGAL])
    async with engine.connect() as connection:
        assert await gates.beyond_reach(connection) == []


async def test_only_the_gates_of_the_program_that_is_asked_about_are_looked_at(
    engine: AsyncEngine, stack: Stack, tmp_path: Path
) -> None:
    gate = await _waiting(engine, "elsewhere")
    await _started(engine, stack, tmp_path, [FINANCE, LEGAL])  # legal in another program alone
    async with engine.connect() as connection:
        assert [(state.id, missing) for state, missing in await gates.beyond_reach(connection)] == [(gate, {"legal": 1})]
        assert await gates.beyond_reach(connection, "nowhere") == []


async def _waiting(engine: AsyncEngine, program: str = "directory") -> str:
    """An open gate that asks finance and legal once each."""
    definition, now = sample_definition(program), datetime.now(UTC)
    policy = GatePolicy(rules=(GateRule(role="finance"), GateRule(role="legal")))
    subject = Subject(kind="revision", program=program, revision=1, title="the launch", digest="d" * 64)
    gate = f"program/{program}/gate/launch/1"
    async with engine.begin() as connection:
        await programs.register(connection, first_revision(definition))
        await gates.save(connection, opening("launch", 1, subject, policy, (), now, definition.zone, id_=gate))
    return gate


async def _started(engine: AsyncEngine, stack: Stack, folder: Path, entries: list[dict[str, Any]]) -> None:
    """The API with these people, up to where it would answer."""
    folder.mkdir(exist_ok=True)
    services = Services(engine, Ledger(engine), stack.temporal)
    app = create_app(api_settings(people_in(folder, entries)), services=services)
    async with app.router.lifespan_context(app):
        pass
