"""Reversals: the points of a burn or a capture return to their lots; the points of an earn are clawed back."""

from typing import Any

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.points.errors_ledger import (
    EarnCancelled,
    EarnPending,
    ExceedsOriginal,
    NotReversible,
    ReversalOfReversal,
    UnknownTransaction,
)
from ledger import clawback, outbox, pending
from ledger.accounts import Locked, SystemAccounts
from ledger.entry import Move, Side, asked, check_limit, enter
from ledger.errors import LedgerFault, Refused
from ledger.idempotency import idempotent
from ledger.journal import find
from ledger.requests import PostingResult
from ledger.requests_corrections import Reverse
from ledger.tables import lot, txn

SPENT, EARNED, REVERSED = {"burn", "capture"}, {"earn", "bonus", "confirm"}, {"reversal", "clawback"}
"""Kinds of transactions whose reversal returns points to lots; whose reversal is a clawback; and that are reversals."""


async def reverse(engine: AsyncEngine, system: SystemAccounts, request: Reverse) -> PostingResult:
    """Take back the rest of a transaction, or some points of it.

    Refuses: `unknown_transaction`, `not_reversible`, `reversal_of_reversal`, `exceeds_original`, `earn_pending`,
    `earn_cancelled`; for a burn `balance_limit`; for an earn, depending on `shortfall`, `insufficient_points` and
    `below_lowest_allowed`. Raises KeyConflict.
    """
    system_accounts = await system.of(request.program, request.currency)

    async def work(connection: AsyncConnection, account: Locked) -> PostingResult:
        original = await _original(connection, account, request)
        before = await _reversed(connection, original.id)
        left = original.points - before.points
        # An earn of no points may have qualifying amounts: it can be reversed whole, once.
        if (left == 0 and (original.points or before.times)) or (request.points or 0) > left:
            summary = f"Of the {original.points} points of {request.of!r}, {left} are left to be reversed."
            raise Refused(ExceedsOriginal.code, summary, request.points or 0)
        points = request.points or left
        if original.kind in SPENT:
            answer = await _give_back(connection, system_accounts["redemption"], account, request, original.id, points)
        else:
            answer = await clawback.claw_back(connection, system_accounts, account, request, original.id, points)
            await clawback.uncount(connection, request, original, before.points + points, answer.txn_id)
        await outbox.put(connection, request.nudge)
        return answer

    return await idempotent(engine, request, "reversal", work)


async def _original(connection: AsyncConnection, account: Locked, request: Reverse) -> Row[Any]:
    """Return the transaction to reverse; for an earn that was pending, that of its confirmation."""
    # Refused are, in this order: a transaction that does not exist, a reversal, a kind without a reversal, a pending and a
    # cancelled earn.
    found = await find(connection, request.program, request.of, account.id)
    if found is None:
        raise Refused(UnknownTransaction.code, f"The member has no posted transaction {request.of!r} in {request.currency}.")
    if found.kind in REVERSED:
        raise Refused(
            ReversalOfReversal.code, f"{request.of!r} is a reversal itself; post what it took back anew.", found.points
        )
    if found.kind not in SPENT | EARNED:
        raise Refused(NotReversible.code, f"{request.of!r} is of the kind {found.kind}, which has no reversal.", found.points)
    waiting = await pending.of_earn(connection, found.id) if found.kind in {"earn", "bonus"} else None
    if waiting is None:
        return found
    if waiting.state == "open":
        raise Refused(EarnPending.code, f"The earn {request.of!r} is pending; cancel it instead.", waiting.points)
    if waiting.state == "cancelled":
        raise Refused(EarnCancelled.code, f"The earn {request.of!r} was cancelled before.", waiting.points)
    return (await connection.execute(select(txn).where(txn.c.id == waiting.ended_by))).one()


async def _reversed(connection: AsyncConnection, original: int) -> Row[Any]:
    """Return the points of a transaction reversed so far, and the number of reversals."""
    summed = func.coalesce(func.sum(txn.c.points), 0).label("points")
    query = select(summed, func.count().label("times")).where(txn.c.reverses == original, txn.c.outcome == "posted")
    return (await connection.execute(query)).one()


async def _give_back(
    connection: AsyncConnection, redemption: int, account: Locked, request: Reverse, original: int, points: int
) -> PostingResult:
    # Lots get their points back in the order of `_TAKEN` until all are returned. A lot that has expired meanwhile gets a new
    # expiry if the request has one; else `once` expires its points again in this transaction.
    check_limit(account.posted, points)
    moves, expired, wanted = [], [], points
    for taken in await connection.execute(_TAKEN, {"original": original}):
        back = min(wanted, taken.left)
        if back:
            moves.append(Move(taken.lot_id, taken=-back))
            wanted -= back
            if taken.expires_at is not None and taken.expires_at <= request.effective_at:
                expired.append(taken.lot_id)
    if wanted:
        raise LedgerFault(f"Transaction {original} has {wanted} points fewer in its lots than there are to give back.")
    if expired and request.reinstate_until is not None:
        await connection.execute(update(lot).where(lot.c.id.in_(expired)).values(expires_at=request.reinstate_until))
    sides = [Side(redemption, account.id, points)]
    return await enter(connection, account.id, asked(request), "reversal", points, sides=sides, moves=moves, reverses=original)


# The lot taken from last gets its points back first: the points that stay taken are those that a smaller burn would have taken.
_TAKEN = text(
    """
WITH back AS (
    SELECT lot_id, -sum(lot_move.amount) AS amount
    FROM ledger.txn JOIN ledger.lot_move ON txn_id = txn.id
    WHERE reverses = :original GROUP BY lot_id
)
SELECT lot.id AS lot_id, expires_at, CAST(taken.amount - coalesce(back.amount, 0) AS bigint) AS left
FROM ledger.lot_move AS taken JOIN ledger.lot ON lot.id = taken.lot_id LEFT JOIN back ON back.lot_id = taken.lot_id
WHERE taken.txn_id = :original
ORDER BY expires_at DESC NULLS FIRST, lot.id DESC
"""
)
