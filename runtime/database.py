"""The database engine: one way to connect, always as the application's role, never as the owner of the tables."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

APPLICATION_ROLE = "tenure_application"
"""The role may read and write, but not change or delete rows of append-only tables; the migrations create it."""


def async_url(url: str) -> URL:
    """Return the given PostgreSQL address for the asyncpg driver."""
    return make_url(url).set(drivername="postgresql+asyncpg")


def create_engine(url: str, *, pool_size: int, role: str | None = APPLICATION_ROLE, **options: Any) -> AsyncEngine:
    """Create an engine whose connections act as `role` (None: as the user in the address, for migrations).

    It does not test connections before each use, which would cost more round trips than most uses. After an interruption of the
    database the first request on a connection fails; an activity's retry policy or the API's caller repeats it.
    """
    server_settings = {"timezone": "UTC", "application_name": "tenure"} | ({"role": role} if role else {})
    return create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"server_settings": server_settings},
        **options,
    )


def each_by_itself(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    """Open a connection on which each statement is its own transaction, without round trips to begin and to end it."""
    return engine.execution_options(isolation_level="AUTOCOMMIT").connect()
