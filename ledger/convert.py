"""Conversion: points of one currency become points of another at a rate, rounded down."""

from fractions import Fraction

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.points.errors_ledger import ConvertsToNothing
from ledger.accounts import Locked, Owner, SystemAccounts, lock
from ledger.entry import NewLot, Origin, Side, asked, check_limit, enter, moves_of, pick_exactly
from ledger.errors import Refused
from ledger.idempotency import idempotent
from ledger.requests import PostingResult
from ledger.requests_exchanges import Convert
from ledger.upkeep import again, bring_up_to_date


async def convert(engine: AsyncEngine, system: SystemAccounts, request: Convert) -> PostingResult:
    """Take the points of one currency and give points of the other; `details.received` is their number.

    Refuses: `insufficient_points`, `converts_to_nothing`, `balance_limit` (in the other currency). Raises KeyConflict.
    """
    leaves = (await system.of(request.program, request.currency))["conversion"]
    comes = (await system.of(request.program, request.to_currency))["conversion"]
    to = request.model_copy(update={"currency": request.to_currency})
    received = int(Fraction(request.rate) * request.points)

    async def work(connection: AsyncConnection, sender: Locked) -> PostingResult:
        points = request.points
        picked = await pick_exactly(connection, sender, points)
        if received == 0:
            text = f"{points} points at {request.rate} are less than one point of {request.to_currency}."
            raise Refused(ConvertsToNothing.code, text, points)
        getter = await lock(connection, to)
        getter = await bring_up_to_date(connection, request.program, getter, request.effective_at)
        check_limit(getter.posted, received, asked_for=points)
        rate = str(request.rate)
        answer = await enter(
            connection,
            sender.id,
            asked(request, to_currency=request.to_currency, rate=rate, received=received),
            "convert",
            points,
            sides=[Side(sender.id, leaves, points)],
            moves=moves_of(picked),
        )
        details = {"from_currency": request.currency, "rate": rate, "given": points}
        await enter(
            connection,
            getter.id,
            Origin(request.program, request.effective_at, details=request.details | details),
            "convert_in",
            received,
            sides=[Side(comes, getter.id, received)],
            lots=[NewLot(received, request.effective_at, request.expires_at)],
            concerns=answer.txn_id,
        )
        await bring_up_to_date(connection, request.program, await again(connection, getter), request.effective_at)
        return answer

    return await idempotent(engine, request, "convert", work, also=[Owner(to.program, to.participant, to.currency)])
