"""Cohorts: named lists of a program's participants, by reference, for waves and pilots; whoever is in one is in no other."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Text, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from domain.model import Message
from store.errors import CohortBegun, CohortsOverlap, CohortUnknown
from store.tables import cohort, cohort_member

_NAMED = 5
"""So many of those who are in another cohort already are named; the others are counted."""


class CohortRecord(Message):
    """A cohort: how many are in it; since when, and by which wave or pilot, it is changed no more (None: it still can be)."""

    name: str
    size: int
    created_by: str
    created_at: datetime
    begun_at: datetime | None
    begun_by: str | None


_SIZE = (
    select(func.count())
    .select_from(cohort_member)
    .where(cohort_member.c.program == cohort.c.program, cohort_member.c.cohort == cohort.c.name)
    .scalar_subquery()
    .label("size")
)
_COLUMNS = [_SIZE if name == "size" else cohort.c[name] for name in CohortRecord.model_fields]


async def add(connection: AsyncConnection, program: str, name: str, participants: Sequence[str], by: str, at: datetime) -> int:
    """Put participants into a cohort, which is made where it is not there; who is in it already stays. How many were new.

    Raises CohortBegun, and CohortsOverlap, after which the transaction must be given up.
    """
    made = insert(cohort).values(program=program, name=name, created_by=by, created_at=at)
    await connection.execute(made.on_conflict_do_nothing())
    await _lock_changeable(connection, program, name)
    # In one order for all, so that two lists with the same people in them wait for each other and never in a circle.
    rows = [{"program": program, "cohort": name, "participant": each} for each in sorted(participants)]
    written = await connection.execute(
        insert(cohort_member).on_conflict_do_nothing().returning(cohort_member.c.participant), rows
    )
    added = len(written.all())
    elsewhere = (cohort_member.c.program == program, _among(participants), cohort_member.c.cohort != name)
    many = await connection.scalar(select(func.count()).select_from(cohort_member).where(*elsewhere)) or 0
    if many:
        found = await connection.execute(
            select(cohort_member.c.participant, cohort_member.c.cohort)
            .where(*elsewhere)
            .order_by(cohort_member.c.participant)
            .limit(_NAMED)
        )
        raise CohortsOverlap(name, many, {row.participant: row.cohort for row in found})
    return added


async def remove(connection: AsyncConnection, program: str, name: str, participants: Sequence[str]) -> int:
    """Take participants out of a cohort; how many were in it. Raises CohortUnknown, CohortBegun."""
    await _lock_changeable(connection, program, name)
    gone = await connection.execute(delete(cohort_member).where(*_is_of(program, name), _among(participants)))
    return gone.rowcount


async def begin(connection: AsyncConnection, program: str, name: str, by: str, at: datetime) -> CohortRecord:
    """From now on the cohort is changed no more, since a wave or a pilot (`by`, in words) has begun with it.

    A repetition changes nothing. Raises CohortUnknown.
    """
    await connection.execute(
        update(cohort).where(*_is(program, name), cohort.c.begun_at.is_(None)).values(begun_at=at, begun_by=by)
    )
    return await find(connection, program, name)


async def find(connection: AsyncConnection, program: str, name: str) -> CohortRecord:
    """The cohort by its name. Raises CohortUnknown."""
    row = (await connection.execute(select(*_COLUMNS).where(*_is(program, name)))).mappings().one_or_none()
    if row is None:
        raise CohortUnknown(program, name)
    return CohortRecord.model_validate(dict(row))


async def listed(
    connection: AsyncConnection, program: str, after: str = "", limit: int | None = None
) -> Sequence[CohortRecord]:
    """The program's cohorts by name, from the one after `after` on."""
    rows = await connection.execute(
        select(*_COLUMNS).where(cohort.c.program == program, cohort.c.name > after).order_by(cohort.c.name).limit(limit)
    )
    return [CohortRecord.model_validate(dict(row)) for row in rows.mappings()]


async def participants_after(connection: AsyncConnection, program: str, name: str, after: str, limit: int) -> Sequence[str]:
    """The next `limit` of those in a cohort by reference, after this one."""
    found = await connection.scalars(
        select(cohort_member.c.participant)
        .where(*_is_of(program, name), cohort_member.c.participant > after)
        .order_by(cohort_member.c.participant)
        .limit(limit)
    )
    return list(found)


async def cohort_of(connection: AsyncConnection, program: str, participant: str) -> str | None:
    """The cohort that a participant is in, or None."""
    found: str | None = await connection.scalar(
        select(cohort_member.c.cohort).where(cohort_member.c.program == program, cohort_member.c.participant == participant)
    )
    return found


async def _lock_changeable(connection: AsyncConnection, program: str, name: str) -> None:
    """Until the transaction ends, no wave begins with the cohort. Raises CohortUnknown, CohortBegun."""
    row = (
        await connection.execute(select(cohort.c.begun_at, cohort.c.begun_by).where(*_is(program, name)).with_for_update())
    ).one_or_none()
    if row is None:
        raise CohortUnknown(program, name)
    if row.begun_at is not None:
        raise CohortBegun(name, row.begun_by, row.begun_at)


def _is(program: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return cohort.c.program == program, cohort.c.name == name


def _is_of(program: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return cohort_member.c.program == program, cohort_member.c.cohort == name


def _among(participants: Sequence[str]) -> ColumnElement[bool]:
    asked = bindparam("participants", list(participants), type_=ARRAY(Text))
    return cohort_member.c.participant == any_(asked)
