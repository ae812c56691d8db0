"""Holds: points reserved for a redemption under way, until they are captured or voided."""

from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accounts import Locked, SystemAccounts
from ledger.entry import Move, Side, asked, enter, pick_exactly
from ledger.errors import Refused
from ledger.idempotency import idempotent
from ledger.journal import find
from ledger.requests import PostingResult
from ledger.requests_holds import Capture, Hold, Void
from ledger.tables import hold as holds
from ledger.tables import hold_lot, lot


async def hold(engine: AsyncEngine, request: Hold) -> PostingResult:
    """Hold the points. Refuses: `insufficient_points`. Raises KeyConflict."""

    async def work(connection: AsyncConnection, account: Locked) -> PostingResult:
        picked = await pick_exactly(connection, account, request.points)
        moves = [Move(each.lot, held=each.points) for each in picked]
        answer = await enter(connection, account.id, asked(request), "hold", request.points, moves=moves)
        await connection.execute(
            insert(holds).values(
                txn_id=answer.txn_id, account_id=account.id, points=request.points, expires_at=request.expires_at
            )
        )
        kept = [{"hold_id": answer.txn_id, "lot_id": each.lot, "amount": each.points} for each in picked]
        await connection.execute(insert(hold_lot).values(kept))
        return answer

    return await idempotent(engine, request, "hold", work)


async def capture(engine: AsyncEngine, system: SystemAccounts, request: Capture) -> PostingResult:
    """Spend the held points, or some of them, which releases the rest.

    Refuses: `unknown_hold`, `hold_captured`, `hold_voided`, `hold_timed_out`, `exceeds_hold`. Raises KeyConflict.
    """
    redemption = (await system.of(request.program, request.currency))["redemption"]

    async def work(connection: AsyncConnection, account: Locked) -> PostingResult:
        kept = await _open(connection, account, request)
        points = kept.points if request.points is None else request.points
        if points > kept.points:
            raise Refused("exceeds_hold", f"The hold keeps {kept.points} points, and {points} were to be captured.", points)
        moves, left = [], points
        for part in await _parts(connection, kept.txn_id):
            taken = min(left, part.amount)
            left -= taken
            moves.append(Move(part.lot_id, taken=taken, held=-part.amount))
        answer = await enter(
            connection,
            account.id,
            asked(request),
            "capture",
            points,
            sides=[Side(account.id, redemption, points)],
            moves=moves,
            concerns=kept.txn_id,
        )
        await _end(connection, kept.txn_id, state="captured", captured=points, ended_by=answer.txn_id)
        return answer

    return await idempotent(engine, request, "capture", work)


async def void(engine: AsyncEngine, request: Void) -> PostingResult:
    """Release all held points.

    Refuses: `unknown_hold`, `hold_captured`, `hold_voided`, `hold_timed_out`. Raises KeyConflict.
    """

    async def work(connection: AsyncConnection, account: Locked) -> PostingResult:
        kept = await _open(connection, account, request)
        moves = [Move(part.lot_id, held=-part.amount) for part in await _parts(connection, kept.txn_id)]
        answer = await enter(connection, account.id, asked(request), "void", kept.points, moves=moves, concerns=kept.txn_id)
        await _end(connection, kept.txn_id, state="voided", ended_by=answer.txn_id)
        return answer

    return await idempotent(engine, request, "void", work)


async def _open(connection: AsyncConnection, account: Locked, request: Capture | Void) -> Row[Any]:
    """Return the hold that the request names. Refuses one that does not exist or is no longer open."""
    found = await find(connection, request.program, request.hold, account.id)
    kept = (await connection.execute(select(holds).where(holds.c.txn_id == found.id))).one_or_none() if found else None
    if kept is None:
        raise Refused("unknown_hold", f"The member has no hold {request.hold!r} in {request.currency}.")
    if kept.state != "open":
        became = {"captured": "was captured before", "voided": "was voided before", "timed_out": "has timed out"}[kept.state]
        raise Refused(f"hold_{kept.state}", f"The hold {request.hold!r} {became}.", kept.points)
    return kept


async def _parts(connection: AsyncConnection, hold_id: int) -> list[Row[Any]]:
    """Return the points that a hold keeps of each lot, the lot that expires first going first."""
    query = select(hold_lot).join(lot, lot.c.id == hold_lot.c.lot_id).where(hold_lot.c.hold_id == hold_id)
    return list(await connection.execute(query.order_by(lot.c.expires_at, lot.c.id)))


async def _end(connection: AsyncConnection, hold_id: int, **values: Any) -> None:
    await connection.execute(update(holds).where(holds.c.txn_id == hold_id).values(**values))
