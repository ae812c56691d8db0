"""Clawback: an earn's points are taken back, from its own lot first, and its qualifying amounts in proportion."""

from collections.abc import Mapping
from typing import Any, NamedTuple, assert_never

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.points.errors_ledger import BelowLowestAllowed
from ledger.accounts import Locked
from ledger.entry import Side, asked, enter, moves_of, pick, total
from ledger.errors import Refused, too_few
from ledger.requests import PostingResult
from ledger.requests_corrections import Reverse, Shortfall
from ledger.tables import qualification, txn


class _ShortfallRule(NamedTuple):
    """The treatment of points that a clawback does not find in their own lot."""

    takes_other_lots: bool
    refuses: bool
    """Whether the clawback is refused if points are still missing."""
    owed: bool
    """Whether the member owes the missing points; else the program bears the loss."""


def _shortfall_rule(shortfall: Shortfall) -> _ShortfallRule:
    match shortfall:
        case "refuse":
            return _ShortfallRule(takes_other_lots=False, refuses=True, owed=False)
        case "other_lots":
            return _ShortfallRule(takes_other_lots=True, refuses=True, owed=False)
        case "negative":
            return _ShortfallRule(takes_other_lots=True, refuses=False, owed=True)
        case "loss":
            return _ShortfallRule(takes_other_lots=False, refuses=False, owed=False)
        case _:
            assert_never(shortfall)


async def claw_back(
    connection: AsyncConnection, system: Mapping[str, int], account: Locked, request: Reverse, original: int, points: int
) -> PostingResult:
    """Take `points` of the earn from its own lot, and treat missing points as `request.shortfall` says.

    Held points stay held. Points of the earn that have expired count as missing.
    """
    # The order of the decisions: the earn's own lot; other lots if the policy permits them; a refusal if it demands all points;
    # a debt down to the lowest balance allowed; and any points left over are the program's loss.
    picked = await pick(connection, account.id, points, only=original)
    rule = _shortfall_rule(request.shortfall)
    if rule.takes_other_lots:
        picked += await pick(connection, account.id, points - total(picked), apart_from=original)
    taken = total(picked)
    missing = points - taken
    if missing and rule.refuses:
        raise too_few(points, taken)
    debt = missing if rule.owed else 0
    if account.debt + debt > -request.lowest_allowed and debt:
        text = f"The member would owe {account.debt + debt} points, and may owe {-request.lowest_allowed}."
        raise Refused(BelowLowestAllowed.code, text, points)
    return await enter(
        connection,
        account.id,
        asked(request),
        "clawback",
        points,
        sides=[Side(account.id, system["clawback"], taken + debt), Side(system["loss"], system["clawback"], missing - debt)],
        moves=moves_of(picked),
        debt=debt,
        reverses=original,
    )


async def uncount(connection: AsyncConnection, request: Reverse, original: Row[Any], reversed_points: int, txn_id: int) -> None:
    """Take back the earn's qualifying amounts, in proportion to all its points reversed so far, as of when they counted.

    Each time the total is rounded (halves up), and the difference to earlier reversals is written, so that the parts add up to
    the whole.
    """
    whose = {"program": request.program, "participant": request.participant}
    reversals = select(txn.c.id).where(txn.c.reverses == original.id)
    counted = func.sum(qualification.c.amount)
    query = (
        select(
            qualification.c.counter,
            qualification.c.effective_at,
            counted.filter(qualification.c.txn_id == original.id).label("amount"),
            func.coalesce(-counted.filter(qualification.c.txn_id != original.id), 0).label("before"),
        )
        .filter_by(**whose)
        .where((qualification.c.txn_id == original.id) | qualification.c.txn_id.in_(reversals))
        .group_by(qualification.c.counter, qualification.c.effective_at)
    )
    rows = []
    for row in (await connection.execute(query)).all():
        back = int(row.amount)
        if original.points:
            back = (2 * back * reversed_points + original.points) // (2 * original.points)
        if back != row.before:
            rows.append(
                whose
                | {
                    "counter": row.counter,
                    "effective_at": row.effective_at,
                    "txn_id": txn_id,
                    "amount": int(row.before) - back,
                }
            )
    if rows:
        await connection.execute(insert(qualification), rows)
