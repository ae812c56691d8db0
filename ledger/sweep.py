"""The one way to sweep a population: accounts that are due, some at a time; accounts in use are left out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.journal import settled
from ledger.requests import Swept
from ledger.tables import account

Work = Callable[[AsyncConnection, Sequence[Row[Any]]], Awaitable[Swept]]
"""The work on some locked accounts in one database transaction."""


async def sweep(engine: AsyncEngine, due: Executable, parameters: Mapping[str, Any], work: Work, *, at_once: int) -> Swept:
    """Do the work on every account that `due` finds, `at_once` of them in a database transaction; return the sums.

    An account in use is left to the next sweep: the transaction that uses it brings it up to date itself.
    """
    async with engine.connect() as connection:
        found = list((await connection.execute(due, parameters)).scalars())
    lots = points = participants = 0
    for start in range(0, len(found), at_once):
        some = found[start : start + at_once]
        swept = await settled(engine, lambda connection, some=some: _some(connection, some, work))  # type: ignore[misc]
        lots, points, participants = lots + swept.lots, points + swept.points, participants + swept.participants
    return Swept(lots=lots, points=points, participants=participants)


async def _some(connection: AsyncConnection, accounts: Sequence[int], work: Work) -> Swept:
    free = select(account).where(account.c.id.in_(accounts)).with_for_update(skip_locked=True)
    return await work(connection, (await connection.execute(free)).all())
