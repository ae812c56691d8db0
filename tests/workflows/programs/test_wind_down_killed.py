"""The worker killed in the steps of a wind-down: the end goes on where it was, each step is done once, the ledger is clean."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain import ids
from domain.definition.document import Definition, scaled
from domain.members.membership import Membership
from domain.programs.wind_down import STEPS
from domain.rollout.openings import WaveOpening
from ledger import Earn, Ledger
from runtime.database import create_engine
from store.programs import announcements, programs, wind_down
from tests.conftest import Databases
from tests.program_steps import AGREEMENT, sample_definition
from tests.stack import first_revision, program_id
from tests.workflows.killing import AFTER, BEFORE, deaths, killed
from workflows.members.member_lifecycle import MemberLifecycle, MemberStart
from workflows.programs.wind_down import WindDown

MEMBERS = ("ann", "bob")
WALK = (
    "tell_partners",
    "announce_end",
    "stop_schedules",
    "suspend_expiry",
    "mature_pending",
    "remind",
    "settle_holds",
    "settle_remainder",
    "state_partners",
    "trial_balance",
    "release_liability",
    "end_memberships",
    "settle_personal_data",
    "report_end",
    "erase_personal_data",
)
"""Every activity of a wind-down, in the order in which they come."""
_TIMES_FASTER = 86_400.0 * 4
"""Four days in a second."""


def _ending() -> Definition:
    program = program_id("killed")
    partner = {"id": "records", "name": "A record shop", "events": ["purchase"]}
    end = {"notice": "P2D", "redeem_window": "P12D", "late_files": "P4D", "reminders": ["P4D"], "keep_for": "P4D"}
    # Without offers to the silent: as fast as this, everybody is, and the points of an offer would come in between.
    played = sample_definition(program, partners=[partner], wind_down=end | {"remainder": "cash_out"}, retention=None)
    return scaled(played, _TIMES_FASTER)


async def _live(environment: WorkflowEnvironment, engine: AsyncEngine, database: str) -> tuple[str, WorkflowHandle[Any, Any]]:
    """A launched program with two members and their points, one pending, whose end has begun with nobody to work on it."""
    definition, at = _ending(), datetime.now(UTC)
    program, revision = definition.program, first_revision(definition, at)
    async with engine.begin() as connection:
        await programs.register(connection, revision)
        await programs.put_in_force(connection, program, 1, at)
        await programs.open_wave(connection, WaveOpening(program=program, revision=1, wave="all", share=Decimal(100), at=at))
    async with killed(environment, database):
        for participant in MEMBERS:
            start = MemberStart(program=program, participant=participant, agreement=AGREEMENT)
            workflow_id = ids.member(program, participant)
            member = await environment.client.start_workflow(
                MemberLifecycle.run, start, id=workflow_id, task_queue=ids.MEMBERS_QUEUE
            )
            joined: Membership = await member.execute_update("join", result_type=Membership)
            assert joined.participant == participant
    ledger = Ledger(engine)
    for participant, points, pending in (("ann", 101, False), ("bob", 33, True)):
        asked: dict[str, Any] = {"program": program, "participant": participant, "currency": "NOTES", "effective_at": at}
        asked |= {"key": participant, "points": points, "expires_at": at + timedelta(days=900), "pending": pending}
        await ledger.earn(Earn(**asked, details={"event": "purchase"}))
    end = await environment.client.start_workflow(
        WindDown.run, revision, id=ids.wind_down(program), task_queue=ids.PROGRAMS_QUEUE
    )
    return program, end


async def _killed_in(environment: WorkflowEnvironment, engine: AsyncEngine, database: str, wanted: list[str]) -> None:
    """A program's end whose worker is killed so, one death after the other; then all is as if it had lived."""
    program, end = await _live(environment, engine, database)
    erasure = environment.client.get_workflow_handle(ids.erasure(program))
    async with killed(environment, database, wanted) as worker:
        result = await end.result()
        assert await erasure.result() == len(MEMBERS)
        assert worker.left == []
    assert (result.settled, result.members) == (134, len(MEMBERS))

    ledger = Ledger(engine)
    report = await ledger.check(program)
    assert report.clean, report.drifts
    (totals,) = await ledger.totals(program)
    assert (totals.issued, totals.cashed_out, totals.outstanding) == (134, 134, 0)
    payouts = await ledger.payouts(program, 0, 10)
    assert {each.participant: (each.points, each.received) for each in payouts} == {"ann": (101, "0.51"), "bob": (33, "0.17")}
    async with engine.connect() as connection:
        steps = await wind_down.steps(connection, program)
        details = await announcements.noticed(connection, program, announcements.END)
        twice = "SELECT count(*) FROM ledger.txn WHERE program = :program AND kind IN ('cash_out', 'confirm', 'stop_expiry')"
        assert await connection.scalar(text(twice), {"program": program}) == 2 + 1 + 2, "each of them once"
    assert [(step.step, step.ended_at is not None) for step in steps if step.step != "case"] == [
        (step, True) for step in STEPS if step != "case"
    ]
    assert details == {"end": 1, "final-statement": 1}, "members' notices are erased, the partner's are kept"
    assert max(step.attempts for step in steps) >= 2, "a step whose worker was killed has been tried again"


@asynccontextmanager
async def _database(databases: Databases) -> AsyncIterator[tuple[str, AsyncEngine]]:
    address = await databases.create()
    engine = create_engine(address, pool_size=5)
    yield address, engine
    await engine.dispose()
    await databases.drop(address)


@pytest.fixture
async def own_temporal(tmp_path: Path) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server on which no other worker polls; its clock is everybody's."""
    from tests.conftest import _time_skipping

    async with _time_skipping(tmp_path) as environment:
        yield environment


@pytest.mark.parametrize("when", [BEFORE, AFTER])
async def test_the_end_goes_on_where_its_worker_was_killed_while_it_settled_what_was_left(
    own_temporal: WorkflowEnvironment, database: Databases, when: str
) -> None:
    async with _database(database) as (address, engine):
        await _killed_in(own_temporal, engine, address, deaths(["settle_remainder"], when))


@pytest.mark.long
async def test_the_end_goes_on_though_its_worker_is_killed_in_every_step(
    own_temporal: WorkflowEnvironment, database: Databases
) -> None:
    async with _database(database) as (address, engine):
        await _killed_in(own_temporal, engine, address, deaths(WALK))


def test_the_walk_goes_through_every_activity_of_a_wind_down() -> None:
    from activities.programs.wind_down import WindDownActivities

    own = {name for name, member in vars(WindDownActivities).items() if callable(member) and not name.startswith("_")}
    assert set(WALK) == own - {"weigh_end"} | {"stop_schedules"}
