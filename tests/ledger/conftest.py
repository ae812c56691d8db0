"""A ledger on a fresh database, and a connection as the owner of its tables."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import Ledger
from runtime.database import create_engine


@pytest.fixture
async def ledger(engine: AsyncEngine) -> AsyncIterator[Ledger]:
    """A ledger on a fresh database; whatever a test did with it must reconcile at its end."""
    ledger = Ledger(engine)
    yield ledger
    report = await ledger.check()
    assert report.clean, report.drifts


@pytest.fixture
async def owner(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection that may do what the application may not; each statement commits."""
    url = engine.url.render_as_string(hide_password=False)
    owning = create_engine(url, pool_size=1, role=None, isolation_level="AUTOCOMMIT")
    async with owning.connect() as connection:
        yield connection
    await owning.dispose()
