"""A rehearsal: a ledger that runs the same statements as always inside a transaction that is always undone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncpg import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from ledger.ledger import Ledger


@asynccontextmanager
async def rehearsal(engine: AsyncEngine) -> AsyncIterator[Ledger]:
    """Open a ledger within one database transaction on one connection, which is undone however the block ends.

    Each call is a savepoint in place of a transaction: it sees the effects of earlier calls, and no other connection sees any.
    One caller at a time uses it, under its own program, so that it never waits for accounts in use. Numbers taken from
    sequences are lost. Reports that need their own snapshot (`check`, `statement`) do not work here.
    """
    pooled = await engine.raw_connection()
    driver = pooled.driver_connection
    assert isinstance(driver, Connection)

    async def the_connection() -> Connection:
        return driver

    # The driver turns each transaction begun within its own into a savepoint; all parts of the ledger use this connection.
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
