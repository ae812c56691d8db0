"""Reinstatement: expired points come back to their lots, with a new expiry."""

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.points.errors_ledger import NothingToReinstate, UnknownExpiry
from ledger.accounts import Locked, SystemAccounts
from ledger.entry import Move, Side, asked, check_limit, enter
from ledger.errors import Refused
from ledger.idempotency import idempotent
from ledger.journal import find
from ledger.requests import PostingResult
from ledger.requests_corrections import Reinstate
from ledger.tables import lot


async def reinstate(engine: AsyncEngine, system: SystemAccounts, request: Reinstate) -> PostingResult:
    """Give back the points of one expiry, or of all expiries since an instant, that have not been given back yet.

    Refuses: `unknown_expiry`, `nothing_to_reinstate`, `balance_limit`. Raises KeyConflict.
    """
    breakage = (await system.of(request.program, request.currency))["breakage"]

    async def work(connection: AsyncConnection, account: Locked) -> PostingResult:
        only = None
        if request.of is not None:
            found = await find(connection, request.program, request.of, account.id)
            if found is None or found.kind != "expire":
                raise Refused(UnknownExpiry.code, f"The member has no expiry {request.of!r} in {request.currency}.")
            only = found.id
        parameters = {"account": account.id, "only": only, "since": request.since, "at": request.effective_at}
        expired = (await connection.execute(_LAPSED, parameters)).all()
        points = sum(row.points for row in expired)
        if points == 0:
            raise Refused(NothingToReinstate.code, "Nothing that expired then is still gone.")
        check_limit(account.posted, points)
        renewed = update(lot).where(lot.c.id.in_([row.lot_id for row in expired]))
        await connection.execute(renewed.values(expires_at=request.expires_at))
        return await enter(
            connection,
            account.id,
            asked(request),
            "reinstate",
            points,
            sides=[Side(breakage, account.id, points)],
            moves=[Move(row.lot_id, taken=-row.points) for row in expired],
            concerns=only,
        )

    return await idempotent(engine, request, "reinstate", work)


# A lot gets back the points of the requested expiries, but never more than all its expiries, less reinstatements, have taken.
_LAPSED = text(
    """
WITH moved AS (
    SELECT lot_id,
        sum(amount) AS gone,
        sum(amount) FILTER (
            WHERE kind = 'expire' AND effective_at <= CAST(:at AS timestamptz)
                AND (txn.id = CAST(:only AS bigint) OR effective_at >= CAST(:since AS timestamptz))
        ) AS meant
    FROM ledger.txn JOIN ledger.lot_move ON txn_id = txn.id
    WHERE account_id = :account AND kind IN ('expire', 'reinstate')
    GROUP BY lot_id
)
SELECT lot_id, CAST(least(gone, meant) AS bigint) AS points FROM moved WHERE least(gone, meant) > 0 AND meant > 0
ORDER BY lot_id
"""
)
