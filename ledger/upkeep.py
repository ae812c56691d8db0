"""The upkeep of an account before any other work on it: due holds time out, lots pay the debt, due points expire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Locked, owing
from ledger.entry import Origin, enter, moves_of, pick, total
from ledger.outflow import expire, sweep_out
from ledger.release import time_out
from ledger.tables import account


async def bring_up_to_date(connection: AsyncConnection, program: str, locked: Locked, at: datetime) -> Locked:
    """Bring a locked account up to date at the instant; return it as it is then."""
    # The order matters: holds that time out free points; a debt is paid from free points, even from those already due; only
    # then do the due points that are left expire.
    due = (await connection.execute(_DUE, {"account": locked.id, "at": at})).one()
    owes = locked.debt and (due.free or due.holds)
    if due.holds:
        await time_out(connection, [locked.id], at)
    if owes:
        await settle(connection, program, locked.id, locked.debt, at)
    if due.lots or due.holds:
        await expire(connection, locked.id, at)
    if not (due.holds or owes or due.lots):
        return locked
    return await again(connection, locked)


async def bring_all_up_to_date(connection: AsyncConnection, accounts: Sequence[int], at: datetime) -> None:
    """Bring many locked accounts up to date at the instant."""
    await time_out(connection, accounts, at)
    await settle_all(connection, await owing(connection, accounts), at)
    await sweep_out(connection, "expire", accounts, at)


async def again(connection: AsyncConnection, locked: Locked) -> Locked:
    """Read a locked account again."""
    row = (await connection.execute(select(account).where(account.c.id == locked.id))).one()
    return locked._replace(posted=row.posted, held=row.held, debt=row.debt)


async def settle_all(connection: AsyncConnection, locked: Sequence[Row[Any]], at: datetime) -> None:
    """Pay the debts of the locked accounts from their lots."""
    for row in locked:
        if row.debt:
            await settle(connection, row.program, row.id, row.debt, at)


async def settle(connection: AsyncConnection, program: str, account_id: int, debt: int, at: datetime) -> None:
    """Pay a locked account's debt from its lots, as far as these suffice; the balance does not change."""
    picked = await pick(connection, account_id, debt)
    paid = total(picked)
    if paid:
        await enter(connection, account_id, Origin(program, at), "settle", paid, moves=moves_of(picked), debt=-paid)


_DUE = text(
    """
SELECT
    EXISTS (SELECT FROM ledger.hold WHERE account_id = :account AND state = 'open' AND expires_at <= :at) AS holds,
    EXISTS (
        SELECT FROM ledger.lot WHERE account_id = :account AND remaining > 0 AND remaining > held AND expires_at <= :at
    ) AS lots,
    EXISTS (SELECT FROM ledger.lot WHERE account_id = :account AND remaining > 0 AND remaining > held) AS free
"""
)
