"""Pilots: a real cohort joins before the launch, and its events are rated by the revision under test."""

from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from store.tables import cohort_member, pilot, revision


class PilotRecord(Message):
    """One attempt at a pilot: who may join, from when until when."""

    program: str
    revision: int
    phase: str
    attempt: int
    cohort: str
    opened_at: datetime
    due: datetime


async def begin(connection: AsyncConnection, begun: PilotRecord) -> datetime:
    """Open enrolment to the cohort, and have its events rated by the revision until the pilot is due; a repetition changes
    nothing. Since when the revision is piloted: an attempt that prolongs another one goes on with it.
    """
    await connection.execute(insert(pilot).values(begun.model_dump()).on_conflict_do_nothing())
    await connection.execute(
        update(revision)
        .where(revision.c.program == begun.program, revision.c.number == begun.revision)
        .values(piloted_from=func.coalesce(revision.c.piloted_from, begun.opened_at), piloted_until=begun.due)
    )
    since: datetime | None = await connection.scalar(
        select(revision.c.piloted_from).where(revision.c.program == begun.program, revision.c.number == begun.revision)
    )
    assert since is not None
    return since


async def end(connection: AsyncConnection, program: str, number: int, at: datetime, *, passed: bool) -> None:
    """Close enrolment; where the pilot has passed, its members go on earning until the launch, else no later than now."""
    open_ones = (pilot.c.program == program, pilot.c.revision == number, pilot.c.closed_at.is_(None))
    await connection.execute(update(pilot).where(*open_ones).values(closed_at=at))
    until = None if passed else func.least(revision.c.piloted_until, at)
    await connection.execute(
        update(revision).where(revision.c.program == program, revision.c.number == number).values(piloted_until=until)
    )


async def stop_earning(connection: AsyncConnection, program: str, number: int, at: datetime) -> None:
    """What a revision that will not be launched has begun with its pilot's members ends; what they have stays theirs."""
    mine = (revision.c.program == program, revision.c.number == number)
    piloted = (revision.c.piloted_from.is_not(None), revision.c.piloted_until.is_(None), revision.c.effective_from.is_(None))
    await connection.execute(update(revision).where(*mine, *piloted).values(piloted_until=at))


async def admits(connection: AsyncConnection, program: str, participant: str, at: datetime) -> bool:
    """Whether a pilot that is open at the instant lets this participant join."""
    among = exists().where(
        cohort_member.c.program == pilot.c.program,
        cohort_member.c.cohort == pilot.c.cohort,
        cohort_member.c.participant == participant,
    )
    is_open = (pilot.c.program == program, pilot.c.closed_at.is_(None), pilot.c.opened_at <= at, pilot.c.due > at)
    return bool(await connection.scalar(select(exists().where(*is_open, among))))
