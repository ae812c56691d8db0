"""Expiry: the sweep of due points, and changes to the expiry of open lots."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accounts import SystemAccounts, lock, lock_program
from ledger.journal import answer_again, check_same, settled, stored, write
from ledger.outflow import sweep_out
from ledger.requests import PostingResult, Reschedule, Swept
from ledger.sweep import sweep
from ledger.tables import account, lot, txn
from ledger.upkeep import bring_all_up_to_date, bring_up_to_date, settle_all

_AT_ONCE = 1000
"""Accounts in one database transaction of the sweep: few enough that no other request waits long for it."""


async def expire_due(engine: AsyncEngine, program: str, as_of: datetime) -> Swept:
    """Expire the points of a program's members that are due at the instant, with one transaction for each account.

    The account's debt is paid first. An account in use is left out: a burn expires due points itself, and the next sweep comes.
    """

    async def expire_locked(connection: AsyncConnection, locked: Sequence[Row[Any]]) -> Swept:
        await settle_all(connection, locked, as_of)
        return await sweep_out(connection, "expire", [row.id for row in locked], as_of)

    return await sweep(engine, _DUE, {"program": program, "as_of": as_of}, expire_locked, at_once=_AT_ONCE)


async def stop_expiry(engine: AsyncEngine, program: str, key: str, at: datetime) -> int:
    """Take the expiry from all open lots of the program from this instant on; return the number of lots.

    Points due by then are swept first. The same key gets the same answer. Raises KeyConflict.
    """
    await expire_due(engine, program, at)
    return await settled(engine, lambda connection: _stop_expiry(connection, program, key, at))


async def _stop_expiry(connection: AsyncConnection, program: str, key: str, at: datetime) -> int:
    request_hash = hashlib.sha256(f"stop_expiry {at.timestamp()}".encode()).digest()
    accounts = await lock_program(connection, program)
    known = (await stored(connection, program, [key])).get(key)
    if known is not None:
        check_same(known, request_hash)
        return int(known.details["lots"])
    await bring_all_up_to_date(connection, accounts, at)
    mine = lot.c.account_id.in_(select(account.c.id).where(account.c.program == program))
    lots = (await connection.execute(update(lot).values(expires_at=None).where(mine, *_OPEN, lot.c.expires_at > at))).rowcount
    row = {"program": program, "key": key, "request_hash": request_hash, "kind": "stop_expiry", "effective_at": at}
    await connection.execute(insert(txn).values(row | {"points": 0, "balance": 0, "details": {"lots": lots}}))
    return lots


async def reschedule(engine: AsyncEngine, system: SystemAccounts, request: Reschedule) -> PostingResult:
    """Give every open lot of a member a new expiry; points due by then expire first. Raises KeyConflict."""
    await system.of(request.program, request.currency)
    return await settled(engine, lambda connection: _reschedule(connection, request))


async def _reschedule(connection: AsyncConnection, request: Reschedule) -> PostingResult:
    locked = await lock(connection, request)
    if locked.stored is not None:
        return answer_again(locked.stored, request.hash())
    locked = await bring_up_to_date(connection, request.program, locked, request.effective_at)
    # Points that are past due and still here are held; they expire when the hold ends.
    not_due = lot.c.expires_at.is_(None) | (lot.c.expires_at > request.effective_at)
    change = update(lot).values(expires_at=request.expires_at).where(lot.c.account_id == locked.id, *_OPEN, not_due)
    lots = (await connection.execute(change)).rowcount
    return await write(
        connection,
        request,
        kind="reschedule",
        account=locked.id,
        points=0,
        balance=locked.posted,
        details=request.details | {"lots": lots},
    )


_OPEN = (lot.c.remaining > 0,)
_DUE = (
    select(lot.c.account_id)
    .distinct()
    .join(account, account.c.id == lot.c.account_id)
    .where(
        *_OPEN, lot.c.remaining > lot.c.held, lot.c.expires_at <= bindparam("as_of"), account.c.program == bindparam("program")
    )
)
