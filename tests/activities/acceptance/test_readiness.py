"""The look at readiness on real servers: queues without workers, drifts, stock, and looks that fail themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.acceptance.readiness import ReadinessActivities, ReadinessTask
from domain.acceptance.readiness import Check
from ledger import Earn, Ledger
from runtime.database import create_engine
from runtime.notices_file import logged_alone
from store.acceptance import readiness
from store.programs import programs
from store.rewards import redemptions
from tests.stack import Stack, example, first_revision

AT = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
PROGRAM = "cd-club"
CARD = {"id": "card", "name": "A card", "points": 10, "fulfilment": {"kind": "voucher_codes"}}


@pytest.fixture
async def program(engine: AsyncEngine) -> str:
    revision = first_revision(example("cd-club.yaml", PROGRAM, rewards=[CARD], readiness={"codes_in_stock": 2}), AT)
    async with engine.begin() as connection:
        await programs.register(connection, revision)
    return PROGRAM


def looking(engine: AsyncEngine, client: Client, **options: Any) -> ReadinessActivities:
    return ReadinessActivities(engine, Ledger(engine), client, logged_alone().routing, **options)


async def look(engine: AsyncEngine, client: Client, at: datetime = AT, **options: Any) -> Check:
    task = ReadinessTask(program=PROGRAM, revision=1, at=at)
    return await looking(engine, client, **options).check_readiness(task)


def missing(found: Check) -> dict[str, str]:
    return {each.id: each.why for each in found.missing}


async def test_everything_but_the_codes_is_ready_where_workers_poll(engine: AsyncEngine, stack: Stack, program: str) -> None:
    found = await look(engine, stack.temporal)
    assert missing(found) == {"stock/card": "0 free codes, and 2 must be there"}
    async with engine.begin() as connection:
        await redemptions.stock(connection, program, "card", ["a", "b"])
    later = await look(engine, stack.temporal, AT + timedelta(minutes=1))
    assert later.ready
    areas = {each.area for each in later.findings}
    assert areas == {"workers", "ledger", "stock", "messages", "notices"}


async def test_a_look_repeated_is_told_what_was_kept_and_a_later_one_is_the_last(
    engine: AsyncEngine, stack: Stack, program: str
) -> None:
    first = await look(engine, stack.temporal)
    async with engine.begin() as connection:
        await redemptions.stock(connection, program, "card", ["a", "b"])
    assert await look(engine, stack.temporal) == first
    later = await look(engine, stack.temporal, AT + timedelta(minutes=1))
    async with engine.connect() as connection:
        assert await readiness.last_check(connection, program, 1) == later
        assert await readiness.last_check(connection, program, 1, AT) == first
        assert await readiness.last_check(connection, program, 2) is None


async def test_a_queue_that_no_worker_serves_is_missing(engine: AsyncEngine, stack: Stack, program: str) -> None:
    found = await look(engine, stack.temporal, queues=["programs", "nobody"])
    assert missing(found)["workers/nobody"] == "no worker asks for workflows and activities"
    assert "workers/programs" not in missing(found)


async def test_a_ledger_that_does_not_add_up_is_missing(
    engine: AsyncEngine, stack: Stack, program: str, database_url: str
) -> None:
    earn = {"program": program, "participant": "ann", "currency": "NOTES", "key": "one", "points": 10, "effective_at": AT}
    await Ledger(engine).earn(Earn.model_validate(earn))
    assert "ledger" not in missing(await look(engine, stack.temporal))
    owner = create_engine(database_url, pool_size=1, role=None)
    async with owner.begin() as connection:
        await connection.execute(text("SET session_replication_role = replica"))
        await connection.execute(text("UPDATE ledger.account SET posted = 11 WHERE participant = 'ann'"))
    await owner.dispose()
    found = missing(await look(engine, stack.temporal, AT + timedelta(minutes=1)))
    assert "balance against its postings, 11 instead of 10" in found["ledger"]


async def test_a_look_that_fails_is_unknown_which_is_missing_and_says_why(
    engine: AsyncEngine, stack: Stack, program: str
) -> None:
    """The queues cannot be described under a namespace that there is not; all else is looked at none the less."""
    config = stack.temporal.config()
    config["namespace"] = "nowhere"
    found = await look(engine, Client(**config))
    (workers,) = [each for each in found.findings if each.area == "workers"]
    assert (workers.state, workers.owner) == ("unknown", "operator")
    assert workers.why.startswith("not known: RPCError: ")
    assert "nowhere" in workers.why
    assert {each.area for each in found.findings} == {"workers", "ledger", "stock", "messages", "notices"}
