"""A rehearsal: a ledger on which everything is done by the same statements as ever, and of which nothing stays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncpg import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from ledger.ledger import Ledger


@asynccontextmanager
async def rehearsal(engine: AsyncEngine) -> AsyncIterator[Ledger]:
    """A ledger within one database transaction on one connection, which is undone however the block ends.

    What would be a transaction of its own is a savepoint in it, so that each call sees what the calls before have done, and
    nobody else sees any of it. It is for one caller at a time, under a program of its own, which keeps it from waiting for
    accounts in use. Numbers that sequences have given out are gone. A report that needs a snapshot of its own (`check`,
    `statement`) cannot be had here.
    """
    pooled = await engine.raw_connection()
    driver = pooled.driver_connection
    assert isinstance(driver, Connection)

    async def the_connection() -> Connection:
        return driver

    # The driver makes whatever is begun within its transaction a savepoint; all parts of the ledger meet on this connection.
    within = create_async_engine(engine.url, async_creator=the_connection, poolclass=StaticPool)
    whole = driver.transaction()
    try:
        await whole.start()
        yield Ledger(within)
    finally:
        try:
            await whole.rollback()
        finally:
            if driver.is_closed():
                pooled.invalidate()
            pooled.close()
