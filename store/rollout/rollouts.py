"""Rollouts as they are kept: where one stands once somebody has interfered, what guardrails found, who joined by which wave."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from domain.rollout.guardrails import Check
from domain.rollout.state import RolloutState
from store.programs import programs
from store.programs.programs import Stop
from store.tables import guardrail_look, member, program, rollout

_LOCK = 0x7761_7665
"""The advisory locks of those who join a wave that counts them: "wave" in ASCII, and with it program and wave."""


class RolloutRecord(Message):
    """A rollout in which somebody or something has interfered, as of when."""

    revision: int
    state: RolloutState
    at: datetime


class CheckRecord(Check):
    """One look at a guardrail, in its wave."""

    revision: int
    wave: str
    guardrail: str


class Joined(NamedTuple):
    """How many have joined by a wave: all who ever did, and how many of them lately."""

    all: int
    lately: int


_LOOK_COLUMNS = [guardrail_look.c[name] for name in CheckRecord.model_fields]


async def keep(connection: AsyncConnection, program_id: str, record: RolloutRecord) -> None:
    """Keep where a rollout stands; a repetition changes nothing. A pause closes the program to new members, a stop to earning
    too.
    """
    values = {"state": record.state.model_dump(mode="json"), "at": record.at}
    written = insert(rollout).values(program=program_id, revision=record.revision, **values)
    await connection.execute(written.on_conflict_do_update(constraint="rollout_pkey", set_=values))
    state = record.state
    paused = [action.at for action in (state.paused, state.paused_with_program) if action is not None]
    await connection.execute(
        update(program)
        .where(program.c.id == program_id)
        .values(rollout_paused_at=min(paused, default=None) if state.stopped is None else None)
    )
    if state.stopped is not None:
        stops = await _stops(connection, program_id)
        if not stops or stops[-1].until is not None:
            await _write_stops(connection, program_id, [*stops, Stop(since=state.stopped.at, why=state.stopped.why)])


async def begin_anew(connection: AsyncConnection, program_id: str, at: datetime) -> None:
    """A further revision is rolled out: from now on members join and earn again. A repetition changes nothing."""
    stops = await _stops(connection, program_id)
    if stops and stops[-1].until is None:
        await _write_stops(connection, program_id, [*stops[:-1], stops[-1].model_copy(update={"until": at})])


async def listed(connection: AsyncConnection, program_id: str) -> Sequence[RolloutRecord]:
    """Those of the program's rollouts in which something has interfered, the newest first."""
    columns = [rollout.c[name] for name in RolloutRecord.model_fields]
    rows = await connection.execute(select(*columns).where(rollout.c.program == program_id).order_by(rollout.c.revision.desc()))
    return [RolloutRecord.model_validate(dict(row)) for row in rows.mappings()]


async def keep_check(
    connection: AsyncConnection, program_id: str, revision: int, wave: str, guardrail: str, check: Check
) -> Check:
    """Keep a look at a guardrail; the first one under its number stays, and is what is returned."""
    which = {"program": program_id, "revision": revision, "wave": wave, "guardrail": guardrail}
    values = check.model_dump() | {"interval": check.interval.model_dump(mode="json") if check.interval is not None else None}
    await connection.execute(insert(guardrail_look).values(**which, **values).on_conflict_do_nothing())
    found = select(*_LOOK_COLUMNS).where(
        *(guardrail_look.c[name] == value for name, value in which.items()), guardrail_look.c.number == check.number
    )
    return Check.model_validate(dict((await connection.execute(found)).mappings().one()))


async def looks(
    connection: AsyncConnection, program_id: str, revision: int, *, latest: int
) -> Mapping[tuple[str, str], Sequence[CheckRecord]]:
    """The last looks at each guardrail of a rollout, newest first, by wave and guardrail."""
    place = (
        func.row_number()
        .over(partition_by=(guardrail_look.c.wave, guardrail_look.c.guardrail), order_by=guardrail_look.c.number.desc())
        .label("place")
    )
    numbered = (
        select(*_LOOK_COLUMNS, place)
        .where(guardrail_look.c.program == program_id, guardrail_look.c.revision == revision)
        .subquery()
    )
    rows = await connection.execute(select(numbered).where(numbered.c.place <= latest).order_by(numbered.c.place))
    found: dict[tuple[str, str], list[CheckRecord]] = {}
    for row in rows.mappings():
        found.setdefault((row["wave"], row["guardrail"]), []).append(CheckRecord.model_validate(dict(row)))
    return found


async def count_by_wave(connection: AsyncConnection, program_id: str) -> Mapping[str, int]:
    """How many have joined by each wave, those who have left since too."""
    rows = await connection.execute(
        select(member.c.wave, func.count())
        .where(member.c.program == program_id, member.c.wave.is_not(None))
        .group_by(member.c.wave)
    )
    return {row[0]: row[1] for row in rows}


async def count_in_turn(connection: AsyncConnection, program_id: str, wave: str, since: datetime) -> Joined:
    """How many have joined by a wave, and how many of them after `since`; until the transaction ends nobody else joins by it.

    For waves whose count decides something: whoever joins is counted by whoever joins next.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(f"{program_id}/{wave}"))))
    # In a statement of its own, which sees what whoever held the lock before has written.
    return await joined(connection, program_id, wave, since)


async def joined(connection: AsyncConnection, program_id: str, wave: str, since: datetime) -> Joined:
    """The same without waiting for anybody."""
    row = (
        await connection.execute(
            select(func.count(), func.count().filter(member.c.joined_at > since)).where(
                member.c.program == program_id, member.c.wave == wave
            )
        )
    ).one()
    return Joined(row[0], row[1])


async def _stops(connection: AsyncConnection, program_id: str) -> list[Stop]:
    await connection.execute(select(program.c.id).where(program.c.id == program_id).with_for_update(key_share=True))
    return list((await programs.find(connection, program_id)).stops)


async def _write_stops(connection: AsyncConnection, program_id: str, stops: Sequence[Stop]) -> None:
    written = [each.model_dump(mode="json") for each in stops]
    await connection.execute(update(program).where(program.c.id == program_id).values(stops=written))
