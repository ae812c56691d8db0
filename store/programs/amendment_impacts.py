"""What amendments mean for the members that exist, as it is kept: figures for each revision, a row for each member."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from domain.programs.amendment_impact import Impact, MemberImpact
from store.tables import amendment_impact, amendment_impact_member

_COLUMNS = [amendment_impact_member.c[name] for name in MemberImpact.model_fields]
_CHANGE = amendment_impact_member.c.points_after - amendment_impact_member.c.points_before


class Sums(Message):
    """What the rows of all members come to."""

    points_before: int
    points_after: int
    members_gaining: int
    members_losing: int
    points_gained: int
    points_lost: int


async def forget(connection: AsyncConnection, program: str, revision: int) -> None:
    """Forget what was computed for a revision: it is computed anew."""
    for table in (amendment_impact, amendment_impact_member):
        await connection.execute(table.delete().where(table.c.program == program, table.c.revision == revision))


async def keep_tiers(connection: AsyncConnection, program: str, revision: int, rows: Sequence[MemberImpact]) -> None:
    """Keep what becomes of members' tiers."""
    await _keep(connection, program, revision, rows, ("tier_before", "tier_after", "tier_by_rules"))


async def keep_points(connection: AsyncConnection, program: str, revision: int, rows: Sequence[MemberImpact]) -> None:
    """Keep what members' events bring."""
    await _keep(connection, program, revision, rows, ("points_before", "points_after"))


async def keep_value(
    connection: AsyncConnection, program: str, revision: int, currency: str, change: Decimal
) -> tuple[int, Decimal]:
    """Keep what members' points are worth more: points in the currency, and the change of all, in units of money.

    One statement, however many members there are.
    """
    asked = {"program": program, "revision": revision, "currency": currency, "change": change}
    await connection.execute(text(_KEEP_VALUE), asked)
    row = (await connection.execute(text(_OUTSTANDING), {"program": program, "currency": currency})).one()
    outstanding = int(row[0])
    return outstanding, outstanding * change


async def keep(connection: AsyncConnection, program: str, impact: Impact) -> None:
    """Keep the figures; a repetition replaces them."""
    values = {"impact": impact.model_dump(mode="json"), "at": impact.at}
    written = insert(amendment_impact).values(program=program, revision=impact.revision, **values)
    await connection.execute(written.on_conflict_do_update(constraint="amendment_impact_pkey", set_=values))


async def sums(connection: AsyncConnection, program: str, revision: int) -> Sums:
    """What the rows of all members come to."""
    gained, lost = func.greatest(_CHANGE, 0), func.greatest(-_CHANGE, 0)
    query = select(
        func.coalesce(func.sum(amendment_impact_member.c.points_before), 0).label("points_before"),
        func.coalesce(func.sum(amendment_impact_member.c.points_after), 0).label("points_after"),
        func.count().filter(_CHANGE > 0).label("members_gaining"),
        func.count().filter(_CHANGE < 0).label("members_losing"),
        func.coalesce(func.sum(gained), 0).label("points_gained"),
        func.coalesce(func.sum(lost), 0).label("points_lost"),
    ).where(_of(program, revision))
    row = (await connection.execute(query)).mappings().one()
    return Sums(**{name: int(value) for name, value in row.items()})


async def find(connection: AsyncConnection, program: str, revision: int) -> Impact | None:
    """The figures of a revision; None where none were computed: it is no amendment, or not at its launch gate yet."""
    found = await connection.scalar(
        select(amendment_impact.c.impact).where(amendment_impact.c.program == program, amendment_impact.c.revision == revision)
    )
    return Impact.model_validate(found) if found is not None else None


async def members(
    connection: AsyncConnection, program: str, revision: int, after: tuple[int, str] | None, limit: int
) -> Sequence[MemberImpact]:
    """The members touched, those who lose most points first; `after` is the change and the reference of the one before."""
    query = select(*_COLUMNS).where(_of(program, revision))
    if after is not None:
        change, participant = after
        behind = and_(literal(change) == _CHANGE, amendment_impact_member.c.participant > participant)
        query = query.where(or_(literal(change) < _CHANGE, behind))
    rows = await connection.execute(query.order_by(_CHANGE, amendment_impact_member.c.participant).limit(limit))
    return [MemberImpact.model_validate(dict(row)) for row in rows.mappings()]


async def _keep(
    connection: AsyncConnection, program: str, revision: int, rows: Sequence[MemberImpact], columns: Sequence[str]
) -> None:
    if not rows:
        return
    values = [
        {"program": program, "revision": revision, "participant": row.participant}
        | {column: getattr(row, column) for column in columns}
        for row in rows
    ]
    written = insert(amendment_impact_member)
    changed = {column: written.excluded[column] for column in columns}
    statement = written.on_conflict_do_update(constraint="amendment_impact_member_pkey", set_=changed)
    await connection.execute(statement, values)


def _of(program: str, revision: int) -> Any:
    return (amendment_impact_member.c.program == program) & (amendment_impact_member.c.revision == revision)


# The ledger's accounts are read here and nowhere else in the store: a million rows are not carried through a process twice.
_KEEP_VALUE = """
INSERT INTO store.amendment_impact_member (program, revision, participant, value_change)
SELECT account.program, CAST(:revision AS integer), account.participant, account.posted * CAST(:change AS numeric)
FROM ledger.account JOIN store.member ON member.program = account.program AND member.participant = account.participant
WHERE account.program = :program AND account.currency = :currency AND account.kind = 'participant' AND account.posted <> 0
    AND member.status = 'active'
ON CONFLICT ON CONSTRAINT amendment_impact_member_pkey DO UPDATE SET value_change = excluded.value_change
"""
_OUTSTANDING = """
SELECT coalesce(sum(posted), 0) FROM ledger.account
JOIN store.member ON member.program = account.program AND member.participant = account.participant
WHERE account.program = :program AND account.currency = :currency AND account.kind = 'participant'
    AND member.status = 'active'
"""
