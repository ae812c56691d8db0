"""Adjustments: points given or taken by hand, with the reason and the author."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accounts import Locked, SystemAccounts
from ledger.entry import NewLot, Side, asked, check_limit, enter, moves_of, pick_exactly
from ledger.idempotency import idempotent
from ledger.requests import PostingResult
from ledger.requests_corrections import Adjust


async def adjust(engine: AsyncEngine, system: SystemAccounts, request: Adjust) -> PostingResult:
    """Give or take the points; `details` keep reason, author and the change with its sign.

    Refuses: `insufficient_points`, `balance_limit`. Raises KeyConflict.
    """
    opposite = (await system.of(request.program, request.currency))["adjustment"]

    async def work(connection: AsyncConnection, account: Locked) -> PostingResult:
        points = abs(request.points)
        origin = asked(request, reason=request.reason, author=request.author, change=request.points)
        if request.points > 0:
            check_limit(account.posted, points)
            lots = [NewLot(points, request.effective_at, request.expires_at)]
            sides = [Side(opposite, account.id, points)]
            return await enter(connection, account.id, origin, "adjustment", points, sides=sides, lots=lots)
        picked = await pick_exactly(connection, account, points)
        sides = [Side(account.id, opposite, points)]
        return await enter(connection, account.id, origin, "adjustment", points, sides=sides, moves=moves_of(picked))

    return await idempotent(engine, request, "adjustment", work)
