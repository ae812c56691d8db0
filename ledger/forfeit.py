"""Forfeits: everything left of one member who leaves, or of every member of a program that ends."""

import hashlib
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accounts import SystemAccounts, lock, lock_program
from ledger.drain import drain
from ledger.journal import answer_again, check_same, settled, stored, write
from ledger.requests import Answer, Forfeit, Swept
from ledger.tables import txn
from ledger.upkeep import bring_up, bring_up_all


async def forfeit(engine: AsyncEngine, system: SystemAccounts, request: Forfeit) -> Answer:
    """Take everything that is left of one member; what is due by then lapses first. Raises KeyConflict."""
    await system.of(request.program, request.currency)
    return await settled(engine, lambda connection: _forfeit(connection, request))


async def _forfeit(connection: AsyncConnection, request: Forfeit) -> Answer:
    account = await lock(connection, request)
    if account.stored is not None:
        return answer_again(account.stored, request.hash())
    account = await bring_up(connection, request.program, account, request.effective_at)
    taken = await drain(connection, "forfeit", [account.id], request.effective_at, request)
    if taken.points == 0:
        return await write(connection, request, kind="forfeit", account=account.id, points=0, balance=account.posted)
    row = (await stored(connection, request.program, [request.key]))[request.key]
    return answer_again(row, request.hash()).model_copy(update={"duplicate": False})


async def forfeit_remainder(engine: AsyncEngine, program: str, key: str, at: datetime) -> Swept:
    """Take everything that is left of every member of a program; what is due by then lapses first, and is not counted here.

    One database transaction; the same key gets the same answer. Raises KeyConflict.
    """
    return await settled(engine, lambda connection: _forfeit_remainder(connection, program, key, at))


async def _forfeit_remainder(connection: AsyncConnection, program: str, key: str, at: datetime) -> Swept:
    request_hash = hashlib.sha256(f"forfeit_remainder {at.timestamp()}".encode()).digest()
    accounts = await lock_program(connection, program)
    known = (await stored(connection, program, [key])).get(key)
    if known is not None:
        check_same(known, request_hash)
        return Swept(**known.details)
    await bring_up_all(connection, accounts, at)
    swept = await drain(connection, "forfeit", accounts, at)
    row = {"program": program, "key": key, "request_hash": request_hash, "kind": "forfeit_remainder", "effective_at": at}
    await connection.execute(insert(txn).values(row | {"points": swept.points, "balance": 0, "details": swept.model_dump()}))
    return swept
