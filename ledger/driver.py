"""Direct access to the driver for the few most frequent statements: SQLAlchemy's overhead would cost more than they do.

They run on connections of the engine's own pool, and raise SQLAlchemy's errors.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypeAlias

import asyncpg
from asyncpg import Connection, Record
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

Driver: TypeAlias = "Connection[Record]"


async def fetch(engine: AsyncEngine, statement: str, arguments: Sequence[Any]) -> list[Record]:
    """Run one statement as its own transaction and return its rows. Raises DBAPIError."""
    # Within a rehearsal the statement gets a savepoint in place of a transaction: its error must harm nothing else.
    async with _checked_out(engine) as driver, driver.transaction() if driver.is_in_transaction() else nullcontext():
        rows: list[Record] = await driver.fetch(statement, *arguments)
        return rows


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[Driver]:
    """Open a transaction for the driver's statements, and roll it back if the block raises. Raises DBAPIError."""
    async with _checked_out(engine) as driver, driver.transaction():
        yield driver


@asynccontextmanager
async def _checked_out(engine: AsyncEngine) -> AsyncIterator[Driver]:
    pool = engine.pool
    try:
        pooled = await engine.raw_connection()
    except engine.dialect.loaded_dbapi.Error as error:
        raise OperationalError(None, None, error) from error
    driver = pooled.driver_connection
    assert isinstance(driver, Connection)
    try:
        yield driver
    except _FAILURES as error:
        if isinstance(error, asyncpg.InternalClientError):  # broken in the middle of an exchange: no longer usable
            driver.terminate()
        if driver.is_closed():
            pooled.invalidate()
            if engine.pool is pool:  # if one connection is lost, all may be: a new pool replaces this one
                await engine.dispose()
        raise _wrapped(error, driver) from error
    finally:
        pooled.close()


_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


def _wrapped(error: Exception, driver: Driver) -> DBAPIError:
    """Convert the driver's error into SQLAlchemy's, without the statement and its arguments."""
    kind: type[DBAPIError] = OperationalError
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        kind = IntegrityError
    elif isinstance(error, asyncpg.DataError):
        kind = DataError
    return kind(None, None, error, connection_invalidated=driver.is_closed())
