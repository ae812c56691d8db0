"""The application: its routes, who may call them, and what it needs before the first request."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import late_requests
from api.acceptance import prototypes, readiness, transaction_logs
from api.accounting import books
from api.audit import audit
from api.auth.credentials import Credentials
from api.auth.development import enter, persons_of_development
from api.definition import body
from api.evaluation import evaluations, schedule
from api.gates import delegations, gates, inbox
from api.http import openapi, problem_pages, problems, rate_limits
from api.http.dependencies import Services
from api.http.errors import BodyTooLarge
from api.http.head_requests import HeadRequests
from api.http.negotiation import negotiate
from api.http.rate_limits import Rates
from api.http.security_headers import SecurityHeaders
from api.identity import api_keys
from api.ledger import ledger_books
from api.members import members
from api.notices import notices
from api.points import corrections, events, exchanges, statements
from api.programs import amendments, holds, programs, revisions, wind_down
from api.reports import operational_reports, program_report
from api.retention import survey_answers
from api.rewards import redemptions, rewards
from api.rollout import cohorts, holdout, invitations, rollouts
from domain.model import Value
from ledger import Ledger
from runtime.database import create_engine
from runtime.identity.signatures import KeyRing
from runtime.settings import Settings
from runtime.temporal import connect

logger = logging.getLogger(__name__)

_DESCRIPTION = """\
Starts loyalty programs, decides at their gates, serves their members.

Every POST takes an `Idempotency-Key` (in a batch of events, each event has its own): repeated with the same body, it gets the
same answer. What takes a workflow longer than a few seconds is answered 202: its `Location` has the outcome once it is known.
Lists come in pages: `next` is the `cursor` of the page behind, null the end, and the header `Link` has its address. Every error
is a problem document (RFC 9457) whose `code` never changes, whose `type` explains it, and whose `remedy` says what to do.
"""


class Health(Value):
    """The process answers."""

    status: Literal["ok"] = "ok"


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


class Api(FastAPI):
    """The application with security headers around all of it, around what answers unforeseen errors too."""

    def build_middleware_stack(self) -> ASGIApp:
        return SecurityHeaders(super().build_middleware_stack())


def create_app(settings: Settings, *, services: Services | None = None) -> FastAPI:
    """The API; with `services` given (tests), it uses and does not close them.

    Raises IssuerMissing, AudienceMissing, TwoIssuers or DevelopmentUnusable where nobody could be recognised.
    """
    rates = Rates(settings)
    credentials = Credentials.of(settings, rates)
    persons = persons_of_development(settings.people) if settings.development_issuer else ()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if services is not None:
            app.state.services = services
            await enter(services.engine, persons)
            yield
            await services.leave_late()
            await credentials.close()
            return
        engine = create_engine(settings.required_database_url, pool_size=settings.database_pool)
        try:
            ledger = Ledger(engine)
            own = app.state.services = Services(engine, ledger, await connect(), settings.answer_within)
            await enter(engine, persons)
            yield
            await own.leave_late()
        finally:
            await credentials.close()
            await engine.dispose()

    app = Api(
        title="Tenure",
        version="0.1.0",
        description=_DESCRIPTION,
        lifespan=lifespan,
        dependencies=[Depends(negotiate)],
        strict_content_type=False,  # a body that does not say what it is, is taken for what the route takes
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.credentials, app.state.rates = credentials, rates
    app.state.keys = KeyRing(settings.signing_keys, settings.verification_keys)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes)
    app.add_middleware(HeadRequests)
    problems.install(app)
    openapi.install(app, body.schemas)
    rate_limits.install(app)
    of_programs = (
        programs,
        revisions,
        amendments,
        holds,
        evaluations,
        schedule,
        audit,
        program_report,
        operational_reports,
        inbox,
        gates,
        readiness,
        delegations,
        transaction_logs,
        prototypes,
        ledger_books,
        books,
        notices,
        rollouts,
        wind_down,
        api_keys,
    )
    of_members = (invitations, cohorts, members, events, statements, corrections, exchanges, rewards, redemptions)
    for module in (*of_programs, *of_members, survey_answers, holdout, late_requests, problem_pages):
        app.include_router(module.router)

    @app.get("/health", tags=["operation"])
    async def show_health() -> Health:
        """Whether the process answers; needs no token and tells nothing."""
        return Health()

    return app
