"""The sweep of holds that are due."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.outflow import sweep_out
from ledger.release import time_out
from ledger.requests import Swept
from ledger.sweep import sweep
from ledger.tables import account, hold
from ledger.upkeep import settle_all

_AT_ONCE = 500
"""Accounts in one database transaction of the sweep."""


async def expire_holds(engine: AsyncEngine, program: str, as_of: datetime) -> Swept:
    """Time out a program's holds that are due at the instant; return the numbers of lots, points and participants freed.

    Freed points that are past due expire in the same transaction. An account in use is left to the next sweep.
    """

    async def end(connection: AsyncConnection, locked: Sequence[Row[Any]]) -> Swept:
        accounts = [row.id for row in locked]
        swept = await time_out(connection, accounts, as_of)
        await settle_all(connection, locked, as_of)
        await sweep_out(connection, "expire", accounts, as_of)
        return swept

    return await sweep(engine, _DUE, {"program": program, "as_of": as_of}, end, at_once=_AT_ONCE)


async def last_hold(engine: AsyncEngine, program: str) -> datetime | None:
    """Return the instant at which the last of a program's open holds times out; None if there is none."""
    async with engine.connect() as connection:
        latest: datetime | None = await connection.scalar(_LAST, {"program": program})
        return latest


_DUE = (
    select(hold.c.account_id)
    .distinct()
    .join(account, account.c.id == hold.c.account_id)
    .where(hold.c.state == "open", hold.c.expires_at <= bindparam("as_of"), account.c.program == bindparam("program"))
)
_LAST = (
    select(func.max(hold.c.expires_at))
    .join(account, account.c.id == hold.c.account_id)
    .where(hold.c.state == "open", account.c.program == bindparam("program"))
)
