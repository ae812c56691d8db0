"""Errors at the edge become RFC 9457 problems: type, title, status, detail, and what to do."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.routing import Match
from temporalio.service import RPCError

from api.http.errors import HttpRefused, MethodNotAllowed, RouteUnknown, ZoneMissing
from api.http.errors_server import Internal, ServiceUnavailable
from api.http.statuses import status_of
from domain.errors import TenureError
from domain.errors_input import InvalidRequest

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_AWAY = ("08", "53", "57P", "3D000")
"""How PostgreSQL's codes begin when it is not there: connection, resources, shutdown or start, no such database."""
_NO_TEXT = {"22021", "22P05"}
"""PostgreSQL's codes for a character that it cannot keep, U+0000 above all."""


class ProblemResponse(JSONResponse):
    """In ASCII, so that it can tell of any text, even of one that no encoding can write."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode()


def document(error: TenureError) -> dict[str, Any]:
    """The problem document of an error, as it stands in a body."""
    body: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": status_of(error),
        "code": error.code,
        "detail": error.detail,
        "remedy": error.remedy,
    }
    if error.field is not None:
        body["field"] = error.field
    if errors := getattr(error, "errors", None):
        body["errors"] = errors
    return body


def problem(error: TenureError, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    """The response that an error is answered with."""
    challenge = {"WWW-Authenticate": "Bearer"} if error.category == "unauthenticated" else {}
    return ProblemResponse(document(error), status_code=status_of(error), headers={**(headers or {}), **challenge})


def of_shape(faults: Sequence[Mapping[str, Any]]) -> TenureError:
    """What is wrong with something that was sent, from every fault that Pydantic found in it."""
    errors = [_shape_fault(fault) for fault in faults]
    without_zone = all(fault["type"] == "timezone_aware" for fault in faults)
    return ZoneMissing(errors) if without_zone else InvalidRequest(errors)


def install(app: FastAPI) -> None:
    """Have every error of the application answered as a problem."""

    @app.exception_handler(TenureError)
    async def _tenure_error(request: Request, error: TenureError) -> ProblemResponse:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def _wrong_shape(request: Request, error: RequestValidationError) -> ProblemResponse:
        return problem(of_shape(error.errors()))

    @app.exception_handler(HTTPException)
    async def _http_error(request: Request, error: HTTPException) -> ProblemResponse:
        if error.status_code == 405:
            allowed = _allowed(request)
            return problem(MethodNotAllowed(request.method, request.url.path, allowed), {"Allow": allowed})
        found = RouteUnknown(request.url.path) if error.status_code == 404 else HttpRefused(str(error.detail))
        return problem(found, error.headers)

    @app.exception_handler(RPCError)
    async def _temporal_away(request: Request, error: RPCError) -> ProblemResponse:
        logger.warning("Temporal: %s", error)
        return problem(ServiceUnavailable("Temporal"))

    @app.exception_handler(NoConnectionFree)
    @app.exception_handler(OSError)
    async def _nobody_there(request: Request, error: Exception) -> ProblemResponse:
        logger.warning("database: %s", error)
        return problem(ServiceUnavailable("The database"))

    @app.exception_handler(DBAPIError)
    async def _database_error(request: Request, error: DBAPIError) -> ProblemResponse:
        sqlstate = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or sqlstate.startswith(_AWAY):
            logger.warning("database: %s", error.orig)
            return problem(ServiceUnavailable("The database"))
        if sqlstate in _NO_TEXT:
            return problem(InvalidRequest([{"field": "request", "problem": "a text holds the character U+0000"}]))
        logger.error("database", exc_info=error)
        return problem(Internal())

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> ProblemResponse:
        return problem(Internal())  # the server writes the error to the log


def _shape_fault(fault: Mapping[str, Any]) -> dict[str, object]:
    """One fault of a body or an address, as the field and what is wrong with it."""
    if fault["type"] == "json_invalid":
        reason = fault.get("ctx", {}).get("error", "")
        return {"field": "body", "problem": f"the body is not JSON (at character {fault['loc'][-1]}: {reason})"}
    field = ".".join(str(part) for part in fault["loc"] if part != "body") or "body"
    return {"field": field, "problem": str(fault["msg"]).removeprefix("Value error, ")}


def _allowed(request: Request) -> str:
    """The methods of an address, of all the routes that share it."""
    routes = request.app.router.routes
    allowed = [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ", ".join(["HEAD", *allowed] if "GET" in allowed else allowed)
