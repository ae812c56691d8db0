"""When something is not there: the database restarts or goes, an error nobody foresaw; nothing of the inside is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from api.http.dependencies import Services
from ledger import Ledger
from tests.api.sample_program import problem
from tests.conftest import Databases
from tests.stack import Stack, api_settings, client_of, people_in

_ROWS = "customer,at,amount\nc1,2026-01-01T10:00:00Z,1.00\n"
_HEADERS = {"Authorization": "Bearer demo-owner", "Idempotency-Key": "away"}


@pytest.fixture
async def app(engine: AsyncEngine, stack: Stack, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The API over a database of its own, which may go."""
    app = create_app(api_settings(people_in(tmp_path)), services=Services(engine, Ledger(engine), stack.temporal))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """As over a network: an error inside is seen by its answer alone."""
    async with client_of(app, raise_app_exceptions=False) as http:
        yield http


async def _end_sessions(database: Databases, engine: AsyncEngine) -> None:
    """What a restart of PostgreSQL does to connections that wait in the pool."""
    connection = await asyncpg.connect(database.server.url_of("postgres"))
    try:
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", engine.url.database
        )
    finally:
        await connection.close()
    assert ended


async def test_after_a_restart_of_the_database_reads_are_answered(
    http: AsyncClient, database: Databases, engine: AsyncEngine
) -> None:
    assert (await http.get("/programs", headers=_HEADERS)).json() == {"items": [], "next": None}
    await _end_sessions(database, engine)
    assert (await http.get("/programs", headers=_HEADERS)).json() == {"items": [], "next": None}


async def test_after_a_restart_of_the_database_a_post_is_repeated_at_most_once(
    http: AsyncClient, database: Databases, engine: AsyncEngine
) -> None:
    assert (await http.get("/programs", headers=_HEADERS)).json() == {"items": [], "next": None}
    await _end_sessions(database, engine)
    found = problem(await http.post("/transaction-logs/away", content=_ROWS, headers=_HEADERS), 503, "service_unavailable")
    assert "same Idempotency-Key" in found["remedy"]
    assert (await http.post("/transaction-logs/away", content=_ROWS, headers=_HEADERS)).status_code == 201


async def test_without_its_database_the_api_says_that_it_cannot_be_reached(
    http: AsyncClient, database: Databases, engine: AsyncEngine
) -> None:
    await database.drop(engine.url.render_as_string())
    problem(await http.get("/programs", headers=_HEADERS), 503, "service_unavailable")
    problem(await http.post("/transaction-logs/away", content=_ROWS, headers=_HEADERS), 503, "service_unavailable")
    assert (await http.get("/health")).status_code == 200


async def test_an_error_that_nobody_foresaw_tells_nothing_of_the_inside(http: AsyncClient, app: FastAPI) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("secret words")

    response = await http.get("/broken")
    assert "secret" not in response.text
    found = problem(response, 500, "internal")
    assert "operator" in found["remedy"]


async def test_a_failed_statement_tells_nothing_of_the_inside(http: AsyncClient, app: FastAPI, engine: AsyncEngine) -> None:
    @app.get("/broken")
    async def broken() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT secret FROM words"))

    response = await http.get("/broken")
    assert "secret" not in response.text
    problem(response, 500, "internal")
