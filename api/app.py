"""The application: its routes, who may call them, and what it needs before the first request."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import (
    corrections,
    events,
    exchanges,
    gates,
    invitations,
    ledger_books,
    members,
    problems,
    programs,
    prototypes,
    redemptions,
    reports,
    rewards,
    statements,
    transaction_logs,
    wind_down,
)
from api.errors import BodyTooLarge
from api.people import People
from api.services import Services
from ledger import Ledger
from runtime.database import create_engine
from runtime.settings import Settings
from runtime.temporal import connect
from store.gates import name_people

logger = logging.getLogger(__name__)

_DESCRIPTION = """\
Starts loyalty programs, decides at their gates, serves their members.

Every POST takes an `Idempotency-Key` (in a batch of events, each event has its own): repeated with the same body, it gets the
same answer. Every error is a problem document (RFC 9457) whose `code` never changes and whose `remedy` says what to do.
"""


class BodyLimit:
    """Refuses a body that is larger than the limit, whether its length was announced or not.

    The body is read here, whole: every route needs it so, and what is too large is known before any of them looks at it.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        body = await self._read(receive) if not announced.isdigit() or int(announced) <= self._limit else None
        if body is None:
            await problems.problem(BodyTooLarge(self._limit))(scope, receive, send)
            return
        waiting: list[Message] = [body]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, again, send)

    async def _read(self, receive: Receive) -> Message | None:
        """The body in one message, or that the client has gone; None if there is more than may be."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limit:
                return None
            if not message.get("more_body", False):
                return {"type": "http.request", "body": b"".join(parts), "more_body": False}


def create_app(settings: Settings, *, services: Services | None = None) -> FastAPI:
    """The API; with `services` given (tests), it uses and does not close them."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if services is not None:
            app.state.services = services
            await _name_people(services, app.state.people)
            yield
            return
        engine = create_engine(settings.required_database_url, pool_size=settings.database_pool)
        try:
            ledger = Ledger(engine)
            app.state.services = Services(engine, ledger, await connect())
            await _name_people(app.state.services, app.state.people)
            yield
        finally:
            await engine.dispose()

    app = FastAPI(title="Tenure", version="0.1.0", description=_DESCRIPTION, lifespan=lifespan)
    app.state.people = People.read(settings.people)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    problems.install(app)
    of_programs = (programs, reports, gates, transaction_logs, prototypes, ledger_books, wind_down)
    of_members = (invitations, members, events, statements, corrections, exchanges, rewards, redemptions)
    for module in (*of_programs, *of_members):
        app.include_router(module.router)

    @app.get("/health", tags=["operation"])
    async def health() -> dict[str, str]:
        """Whether the process answers; needs no token and tells nothing."""
        return {"status": "ok"}

    return app


async def _name_people(services: Services, people: People) -> None:
    async with services.engine.begin() as connection:
        await name_people(connection, people.names)
