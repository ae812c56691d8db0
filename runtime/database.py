"""The database engine: one way to connect, always as the application's role, never as the owner of the tables."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

APPLICATION_ROLE = "tenure_application"
"""May read and write, but cannot change or delete rows of the append-only tables; the migrations create it."""


def async_url(url: str) -> URL:
    """The given PostgreSQL address for the asyncpg driver."""
    return make_url(url).set(drivername="postgresql+asyncpg")


def create_engine(url: str, *, pool_size: int, role: str | None = APPLICATION_ROLE, **options: Any) -> AsyncEngine:
    """An engine whose connections act as `role` (None: as whoever the address names, for migrations).

    Connections are not tried out before each use, which would cost more round trips than most uses: after the database has
    gone and come back, what fails once is tried again, by the retry policy of an activity or by the caller of the API.
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
    """A connection on which each statement is a transaction of its own, without a round trip to begin it and one to end it."""
    return engine.execution_options(isolation_level="AUTOCOMMIT").connect()
