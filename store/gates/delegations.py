"""Delegations: who decides for whom, from when until when; what was lent stays written, and can only be ended."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import TenureError
from domain.gates.delegations import Delegation
from store.tables import delegation as table
from store.tables import person

_LOCK = 0x6C656E74
"""The advisory lock of those who delegate: "lent" in ASCII. Two at once could close a circle that neither of them sees."""
_COLUMNS = [table.c[name] for name in Delegation.model_fields]


class DelegationUnknown(TenureError):
    """A delegation is known to the two whom it concerns."""

    code = "delegation_unknown"
    category = "not_found"
    title = "There is no such delegation"

    def __init__(self, delegation: str) -> None:
        super().__init__(
            f"There is no delegation {delegation!r} that you have given or been given.",
            remedy="List your delegations and take an id from there.",
            field="delegation",
        )


async def lock(connection: AsyncConnection) -> None:
    """Keep everybody else from delegating until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def add(connection: AsyncConnection, given: Delegation) -> None:
    """Write a delegation; written again, it changes nothing."""
    values = given.model_dump() | {"roles": list(given.roles)}
    await connection.execute(insert(table).values(values).on_conflict_do_nothing(index_elements=["id"]))


async def find(connection: AsyncConnection, delegation: str) -> Delegation | None:
    """The delegation by its id, or None."""
    found = await _read(connection, select(*_COLUMNS).where(table.c.id == delegation))
    return found[0] if found else None


async def end(connection: AsyncConnection, delegation: str, at: datetime) -> None:
    """End a delegation before its time; one that has been ended stays so."""
    await connection.execute(update(table).where(table.c.id == delegation, table.c.ended_at.is_(None)).values(ended_at=at))


async def of(
    connection: AsyncConnection, person_id: str, *, after: tuple[datetime, str] | None = None, limit: int | None = None
) -> Sequence[Delegation]:
    """What somebody has given or been given, the latest first; `after` is the beginning and the id of the one before."""
    query = select(*_COLUMNS).where((table.c.giver == person_id) | (table.c.taker == person_id))
    if after is not None:
        since, id_ = after
        query = query.where((table.c.since < since) | ((table.c.since == since) & (table.c.id > id_)))
    return await _read(connection, query.order_by(table.c.since.desc(), table.c.id).limit(limit))


async def not_over(connection: AsyncConnection, at: datetime) -> Sequence[Delegation]:
    """All that hold at an instant or will hold later, of everybody."""
    ends = func.least(table.c.until, func.coalesce(table.c.ended_at, table.c.until))
    return await _read(connection, select(*_COLUMNS).where(ends > at).order_by(table.c.id))


async def holding(
    connection: AsyncConnection, delegate: str, program: str, at: datetime, *, delegator: str | None = None
) -> Sequence[Delegation]:
    """What somebody has been lent for the gates of a program at an instant; of one giver or of all."""
    found = await _read(connection, select(*_COLUMNS).where(table.c.taker == delegate, table.c.until > at).order_by(table.c.id))
    return [each for each in found if each.holds(program, at) and delegator in (None, each.giver)]


async def is_known(connection: AsyncConnection, person_id: str) -> bool:
    """Whether somebody of this id has ever been told of."""
    return await connection.scalar(select(person.c.id).where(person.c.id == person_id)) is not None


async def _read(connection: AsyncConnection, query: Select[tuple[object, ...]]) -> list[Delegation]:
    return [Delegation.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]
