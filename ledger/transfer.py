"""Transfers: points go to another member, and keep their expiry."""

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accounts import Locked, Owner, SystemAccounts, lock
from ledger.entry import NewLot, Origin, Side, asked, check_limit, enter, moves_of, pick_exactly
from ledger.idempotency import idempotent
from ledger.requests import PostingResult
from ledger.requests_exchanges import Transfer
from ledger.upkeep import again, bring_up_to_date


async def transfer(engine: AsyncEngine, system: SystemAccounts, request: Transfer) -> PostingResult:
    """Take the points from one member and give them to another; the answer is the sender's.

    Refuses: `insufficient_points`, `balance_limit` (of the receiver). Raises KeyConflict.
    """
    between = (await system.of(request.program, request.currency))["transfer"]
    to = request.model_copy(update={"participant": request.to_participant})

    async def work(connection: AsyncConnection, sender: Locked) -> PostingResult:
        points = request.points
        picked = await pick_exactly(connection, sender, points)
        getter = await lock(connection, to)
        getter = await bring_up_to_date(connection, request.program, getter, request.effective_at)
        check_limit(getter.posted, points)
        answer = await enter(
            connection,
            sender.id,
            asked(request, to_participant=request.to_participant),
            "transfer",
            points,
            sides=[Side(sender.id, between, points)],
            moves=moves_of(picked),
        )
        await enter(
            connection,
            getter.id,
            Origin(request.program, request.effective_at, details=request.details | {"from_participant": request.participant}),
            "transfer_in",
            points,
            sides=[Side(between, getter.id, points)],
            lots=[NewLot(each.points, each.earned_at, each.expires_at) for each in picked],
            concerns=answer.txn_id,
        )
        await bring_up_to_date(connection, request.program, await again(connection, getter), request.effective_at)
        return answer

    return await idempotent(engine, request, "transfer", work, also=[Owner(to.program, to.participant, to.currency)])
