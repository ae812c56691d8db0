"""Forfeits: all points of a member who leaves, and the remainder of every member when a program ends."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accounts import SystemAccounts, lock, lock_program, owing
from ledger.entry import Origin, Side, enter
from ledger.errors import LedgerFault
from ledger.journal import answer_again, check_same, settled, stored, write
from ledger.outflow import OutflowKind, Settlement, sweep_out
from ledger.requests import Forfeit, PostingResult, Swept
from ledger.tables import account, txn
from ledger.upkeep import bring_all_up_to_date, bring_up_to_date


async def forfeit(engine: AsyncEngine, system: SystemAccounts, request: Forfeit) -> PostingResult:
    """Take all points that no hold keeps from one member; points due by then expire first. Raises KeyConflict."""
    await system.of(request.program, request.currency)
    return await settled(engine, lambda connection: _forfeit(connection, request))


async def _forfeit(connection: AsyncConnection, request: Forfeit) -> PostingResult:
    owner = await lock(connection, request)
    if owner.stored is not None:
        return answer_again(owner.stored, request.hash())
    owner = await bring_up_to_date(connection, request.program, owner, request.effective_at)
    taken = await sweep_out(connection, "forfeit", [owner.id], request.effective_at, request)
    if taken.points == 0:
        return await write(connection, request, kind="forfeit", account=owner.id, points=0, balance=owner.posted)
    row = (await stored(connection, request.program, [request.key]))[request.key]
    return answer_again(row, request.hash()).model_copy(update={"duplicate": False})


async def forfeit_remainder(engine: AsyncEngine, program: str, key: str, at: datetime) -> Swept:
    """Take the remainder of every member of a program; points due by then expire first, and are not counted in the answer.

    One database transaction; the same key gets the same answer. Raises KeyConflict.
    """

    async def work(connection: AsyncConnection, accounts: Sequence[int]) -> Swept:
        return await sweep_out(connection, "forfeit", accounts, at)

    return await _of_all(engine, program, key, at, "forfeit_remainder", work)


async def settle_remainder(
    engine: AsyncEngine,
    system: SystemAccounts,
    program: str,
    key: str,
    at: datetime,
    kind: OutflowKind,
    settlement: Settlement | None,
) -> Swept:
    """Settle the remainder of a program that ends: forfeit it, pay it out in money, or convert it to another company's points.

    A member's debt is written off, since no later points can pay it. Raises KeyConflict, and LedgerFault for a currency without
    a rate.
    """
    losses = {code: (await system.of(program, code))["loss"] for code in await _currencies(engine, program)}
    if settlement is not None and (unpriced := sorted(set(losses) - set(settlement.rates))):
        raise LedgerFault(f"What is left in {', '.join(unpriced)} has no rate at which it becomes {settlement.unit}.")

    async def work(connection: AsyncConnection, accounts: Sequence[int]) -> Swept:
        for row in await owing(connection, accounts):
            side = Side(losses[row.currency], row.id, row.debt)
            await enter(connection, row.id, Origin(program, at), "write_off", row.debt, sides=[side], debt=-row.debt)
        return await sweep_out(connection, kind, accounts, at, settlement=settlement)

    asked = f"{kind} {settlement}" if settlement is not None else kind
    return await _of_all(engine, program, key, at, f"settle_remainder {asked}", work)


async def _currencies(engine: AsyncEngine, program: str) -> list[str]:
    """Return every currency in which a member of the program has an account."""
    mine = (account.c.program == program, account.c.kind == "participant")
    async with engine.connect() as connection:
        return list(await connection.scalars(select(account.c.currency).where(*mine).distinct().order_by(account.c.currency)))


async def _of_all(
    engine: AsyncEngine,
    program: str,
    key: str,
    at: datetime,
    asked: str,
    work: Callable[[AsyncConnection, Sequence[int]], Awaitable[Swept]],
) -> Swept:
    """Bring every member's account of a program to the instant and do the work on them, in one database transaction."""
    request_hash = hashlib.sha256(f"{asked} {at.timestamp()}".encode()).digest()

    async def settle(connection: AsyncConnection) -> Swept:
        accounts = await lock_program(connection, program)
        known = (await stored(connection, program, [key])).get(key)
        if known is not None:
            check_same(known, request_hash)
            return Swept(**known.details)
        await bring_all_up_to_date(connection, accounts, at)
        swept = await work(connection, accounts)
        row = {"program": program, "key": key, "request_hash": request_hash, "kind": asked.partition(" ")[0]}
        kept = {"effective_at": at, "points": swept.points, "balance": 0, "details": swept.model_dump()}
        await connection.execute(insert(txn).values(row | kept))
        return swept

    return await settled(engine, settle)
