"""An idempotent operation on one member's account: lock it, bring it up to date, do the work or refuse it, answer."""

from collections.abc import Awaitable, Callable, Iterable

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accounts import Locked, Owner, lock, lock_all
from ledger.errors import Refused
from ledger.journal import answer_again, settled, write
from ledger.requests import PostingResult, Request
from ledger.upkeep import again, bring_up_to_date

Work = Callable[[AsyncConnection, Locked], Awaitable[PostingResult]]


async def idempotent(
    engine: AsyncEngine, request: Request, kind: str, work: Work, *, also: Iterable[Owner] = ()
) -> PostingResult:
    """Do the work under the lock of the request's account, or store and return its refusal. Raises KeyConflict.

    `also` are other accounts that the work needs: all are locked first, in the order that every transaction uses. Points that
    the work gives back or releases and that are due already expire in the same database transaction.
    """
    owner = Owner(request.program, request.participant, request.currency)
    owners = {owner, *also}

    async def under_lock(connection: AsyncConnection) -> PostingResult:
        if len(owners) > 1:
            await lock_all(connection, owners)
        locked = await lock(connection, request)
        if locked.stored is not None:
            return answer_again(locked.stored, request.hash())
        locked = await bring_up_to_date(connection, request.program, locked, request.effective_at)
        try:
            answer = await work(connection, locked)
        except Refused as refused:
            return await write(
                connection,
                request,
                kind=kind,
                account=locked.id,
                outcome="refused",
                points=refused.points,
                balance=locked.posted,
                refusal=refused.code,
                detail=refused.detail,
            )
        await bring_up_to_date(connection, request.program, await again(connection, locked), request.effective_at)
        return answer

    return await settled(engine, under_lock)
