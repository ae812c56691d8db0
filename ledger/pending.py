"""Pending earns: confirmed, which posts their points and qualifying amounts, or cancelled. `earn.py` writes them."""

from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.members.tiers import Watch
from domain.points.errors_ledger import EarnCancelled, EarnConfirmed, NotPending, UnknownEarn
from ledger import outbox
from ledger.accounts import Locked, SystemAccounts
from ledger.entry import NewLot, Side, asked, check_limit, enter
from ledger.errors import Refused
from ledger.idempotency import idempotent
from ledger.journal import find
from ledger.requests import PostingResult
from ledger.requests_corrections import Cancel, Confirm
from ledger.tables import pending, qualification, txn

_SETTLED = {"confirmed": EarnConfirmed, "cancelled": EarnCancelled}
"""What is refused of an earn that does not wait any more, by the state in which it is."""


async def confirm(engine: AsyncEngine, system: SystemAccounts, request: Confirm) -> PostingResult:
    """Post the pending points; they are earned, and count, as of the instant at which the earn took effect.

    Refuses: `unknown_earn`, `not_pending`, `earn_confirmed`, `earn_cancelled`, `balance_limit`. Raises KeyConflict.
    """
    issuance = (await system.of(request.program, request.currency))["issuance"]

    async def work(connection: AsyncConnection, account: Locked) -> PostingResult:
        waiting = await _open(connection, account, request)
        points = waiting.points
        check_limit(account.posted, points)
        expires_at = request.expires_at or waiting.expires_at
        answer = await enter(
            connection,
            account.id,
            asked(request),
            "confirm",
            points,
            sides=[Side(issuance, account.id, points)],
            lots=[NewLot(points, waiting.effective_at, expires_at)] if points else [],
            concerns=waiting.txn_id,
        )
        await _end(connection, waiting.txn_id, "confirmed", answer.txn_id)
        await _count(connection, request, waiting, answer.txn_id)
        return answer

    return await idempotent(engine, request, "confirm", work)


async def cancel(engine: AsyncEngine, request: Cancel) -> PostingResult:
    """Drop the pending points.

    Refuses: `unknown_earn`, `not_pending`, `earn_confirmed`, `earn_cancelled`. Raises KeyConflict.
    """

    async def work(connection: AsyncConnection, account: Locked) -> PostingResult:
        waiting = await _open(connection, account, request)
        answer = await enter(connection, account.id, asked(request), "cancel", waiting.points, concerns=waiting.txn_id)
        await _end(connection, waiting.txn_id, "cancelled", answer.txn_id)
        return answer

    return await idempotent(engine, request, "cancel", work)


async def of_earn(connection: AsyncConnection, earn_id: int) -> Row[Any] | None:
    """Return the pending row of this earn, open or ended; None if the earn was posted at once."""
    query = select(pending, txn.c.effective_at).join(txn, txn.c.id == pending.c.txn_id).where(pending.c.txn_id == earn_id)
    return (await connection.execute(query)).one_or_none()


async def _open(connection: AsyncConnection, account: Locked, request: Confirm | Cancel) -> Row[Any]:
    """Return the pending earn that the request names. Refuses one that does not exist or is no longer pending."""
    found = await find(connection, request.program, request.earn, account.id)
    if found is None or found.kind not in {"earn", "bonus"}:
        raise Refused(UnknownEarn.code, f"The member has no earn {request.earn!r} in {request.currency}.")
    waiting = await of_earn(connection, found.id)
    if waiting is None:
        raise Refused(NotPending.code, f"The earn {request.earn!r} was posted at once.", found.points)
    if waiting.state != "open":
        raise Refused(_SETTLED[waiting.state].code, f"The earn {request.earn!r} was {waiting.state} before.", waiting.points)
    return waiting


async def _end(connection: AsyncConnection, earn_id: int, state: str, ended_by: int) -> None:
    await connection.execute(update(pending).where(pending.c.txn_id == earn_id).values(state=state, ended_by=ended_by))


async def _count(connection: AsyncConnection, request: Confirm, waiting: Row[Any], txn_id: int) -> None:
    """Write the earn's qualifying amounts, and nudge the watching workflow once if a counter reaches a watched figure."""
    whose = {"program": request.program, "participant": request.participant}
    rows = [
        whose | {"counter": counter, "amount": amount, "effective_at": waiting.effective_at, "txn_id": txn_id}
        for counter, amount in waiting.qualifying.items()
        if amount
    ]
    if rows:
        await connection.execute(insert(qualification), rows)
    if waiting.nudge_on_watch is None:
        return
    for watch in map(Watch.model_validate, waiting.watches):
        counted = (
            select(func.coalesce(func.sum(qualification.c.amount), 0))
            .filter_by(**whose, counter=watch.counter)
            .where(qualification.c.effective_at > watch.since, qualification.c.effective_at <= waiting.effective_at)
        )
        if (await connection.execute(counted)).scalar_one() >= watch.at_least:
            await outbox.put(connection, [waiting.nudge_on_watch])
            return
