"""What many tests need: a real PostgreSQL and a real Temporal server, each started once, from the installed binaries."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from activities.search_attributes import SEARCH_ATTRIBUTES
from runtime.database import create_engine
from store.migrate import migrate
from tests.stack import Stack, stack_over
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.temporal import DYNAMIC_CONFIG, installed_temporal
from worker.hosting import hosted
from worker.relay import relay

_numbers = itertools.count(1)


class Databases:
    """One PostgreSQL server and a migrated template, from which each test gets a database of its own."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self.template_url = server.url

    async def create(self) -> str:
        """A new migrated database; its address, as the owner of the tables."""
        name = f"test_{next(_numbers)}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "tenure"')
        return self.server.url_of(name)

    async def drop(self, url: str) -> None:
        """Remove a database, and whoever is still connected to it."""
        name = url.partition("@/")[2].partition("?")[0]
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server.url_of("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Databases]:
    """A PostgreSQL server for this run of the tests, with a migrated template database."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("pg") / "data", durable=False)
    await server.start()
    try:
        await migrate(server.url)
        yield Databases(server)
    finally:
        await server.stop()


@pytest.fixture
async def database_url(database: Databases) -> AsyncIterator[str]:
    """A fresh migrated database for this test alone; its address, as the owner of the tables."""
    url = await database.create()
    yield url
    await database.drop(url)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Connections to this test's own database, as the application's role."""
    engine = create_engine(database_url, pool_size=20)
    yield engine
    await engine.dispose()


@asynccontextmanager
async def _time_skipping(downloads: Path, **config: str) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server whose clocks stand in the hands of the tests, with more of its dynamic configuration."""
    executable = installed_temporal()
    settings = DYNAMIC_CONFIG | {"frontend.WorkflowTimeSkippingEnabled": "true"} | config
    async with await WorkflowEnvironment.start_time_skipping_v2(
        # A child begins at its parent's time, and stays there until it is forwarded itself.
        ts_config=TimeSkippingConfig(enabled=False, disable_propagation=True),
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_existing_path=str(executable) if executable else None,
        dev_server_extra_args=[f"--dynamic-config-value={name}={value}" for name, value in settings.items()],
        dev_server_log_level="error",
        download_dest_dir=str(downloads),
    ) as environment:
        yield environment


@asynccontextmanager
async def _whole_stack(database: Databases, environment: WorkflowEnvironment, folder: Path) -> AsyncIterator[Stack]:
    """A whole Tenure in this process: workers, relay and API over one database."""
    url = await database.create()
    engine = create_engine(url, pool_size=20)
    stack, app = stack_over(engine, environment.client, folder)
    workers = hosted(environment.client, engine, max_cached_workflows=500, keys=stack.keys)
    async with app.router.lifespan_context(app), stack.http, workers:
        relaying = asyncio.create_task(relay(engine, environment.client))
        yield stack
        relaying.cancel()
    await engine.dispose()
    await database.drop(url)


@pytest.fixture(scope="session")
async def temporal_env(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server whose clocks stand in the hands of the tests: `fast_forward(handle, duration)`."""
    async with _time_skipping(tmp_path_factory.getbasetemp()) as environment:
        yield environment


@pytest.fixture(scope="session")
async def stack(
    database: Databases, temporal_env: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """A whole Tenure in this process: workers, relay and API over one database; tests keep apart by their programs."""
    async with _whole_stack(database, temporal_env, tmp_path_factory.mktemp("people")) as stack:
        yield stack


@pytest.fixture(scope="session")
async def hasty_env(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkflowEnvironment]:
    """Another such server, which suggests to continue as new after few events: after more than it takes to join and be offered
    something, and fewer than a program has behind it when it comes into operation."""
    suggest = {"limit.historyCount.suggestContinueAsNew": "60"}
    async with _time_skipping(tmp_path_factory.getbasetemp(), **suggest) as environment:
        yield environment


@pytest.fixture(scope="session")
async def hasty_stack(
    database: Databases, hasty_env: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """A whole Tenure whose workflows continue as new as soon as they may."""
    async with _whole_stack(database, hasty_env, tmp_path_factory.mktemp("people")) as stack:
        yield stack
