"""Pilots as they are kept: who may join when, and until when the revision under test rates their events."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.acceptance import pilots
from store.acceptance.pilots import PilotRecord
from store.programs import programs
from store.rollout import cohorts
from tests.anchors import AT
from tests.stack import example, first_revision

DAY = timedelta(days=1)
PROGRAM = "cd-club"


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One with a program that has a cohort, `friends`, and has begun its pilot."""
    async with engine.begin() as connection:
        await programs.register(connection, first_revision(example("cd-club.yaml", PROGRAM), AT))
        await cohorts.add(connection, PROGRAM, "friends", ["ann"], "demo-owner", AT)
        assert await pilots.begin(connection, attempt(1, AT)) == AT
        yield connection


def attempt(number: int, at: datetime) -> PilotRecord:
    return PilotRecord(
        program=PROGRAM, revision=1, phase="pilot", attempt=number, cohort="friends", opened_at=at, due=at + 30 * DAY
    )


async def rates(connection: AsyncConnection, at: datetime) -> bool:
    """Whether the revision rates what happens at an instant."""
    return (await programs.revisions_in_force(connection, PROGRAM)).at(at) is not None


async def test_the_cohort_alone_may_join_and_only_while_it_lasts(connection: AsyncConnection) -> None:
    assert await pilots.admits(connection, PROGRAM, "ann", AT)
    assert not await pilots.admits(connection, PROGRAM, "eve", AT)
    assert not await pilots.admits(connection, PROGRAM, "ann", AT - DAY)
    assert not await pilots.admits(connection, PROGRAM, "ann", AT + 30 * DAY)
    await pilots.end(connection, PROGRAM, 1, AT + DAY, passed=True)
    assert not await pilots.admits(connection, PROGRAM, "ann", AT + DAY)


async def test_events_are_rated_from_its_beginning_until_it_is_due_and_on_where_it_has_passed(
    connection: AsyncConnection,
) -> None:
    assert not await rates(connection, AT - DAY)
    assert await rates(connection, AT)
    assert not await rates(connection, AT + 30 * DAY)
    await pilots.end(connection, PROGRAM, 1, AT + 30 * DAY, passed=True)
    assert await rates(connection, AT + 31 * DAY)
    # It went back at a later gate: nothing is earned by it any more, and members live by it on.
    await pilots.stop_earning(connection, PROGRAM, 1, AT + 32 * DAY)
    assert await rates(connection, AT + 31 * DAY)
    assert not await rates(connection, AT + 32 * DAY)
    assert await programs.in_force_at(connection, PROGRAM, AT + 40 * DAY) is not None


async def test_a_failed_pilot_ends_what_is_earned_and_one_that_goes_on_begins_where_it_began(
    connection: AsyncConnection,
) -> None:
    await pilots.end(connection, PROGRAM, 1, AT + 2 * DAY, passed=False)
    assert await rates(connection, AT + DAY)
    assert not await rates(connection, AT + 2 * DAY)
    assert await pilots.begin(connection, attempt(2, AT + 5 * DAY)) == AT
    assert await rates(connection, AT + 3 * DAY)
    assert await rates(connection, AT + 34 * DAY)
    assert not await rates(connection, AT + 35 * DAY)
    assert await pilots.admits(connection, PROGRAM, "ann", AT + 6 * DAY)


async def test_once_launched_the_revision_rates_without_end(connection: AsyncConnection) -> None:
    await pilots.end(connection, PROGRAM, 1, AT + 30 * DAY, passed=True)
    await programs.put_in_force(connection, PROGRAM, 1, AT + 40 * DAY)
    await pilots.stop_earning(connection, PROGRAM, 1, AT + 50 * DAY)
    assert await rates(connection, AT + 60 * DAY)
    assert (await programs.find(connection, PROGRAM)).launched_at == AT + 40 * DAY
