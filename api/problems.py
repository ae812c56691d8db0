"""Errors at the edge become RFC 9457 problems: type, title, status, detail, and what to do."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, InterfaceError
from starlette.exceptions import HTTPException
from temporalio.service import RPCError

from api.errors import InvalidRequest, ServiceUnavailable
from runtime.errors import TenureError

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


def problem(error: TenureError) -> JSONResponse:
    """The problem document of an error."""
    body: dict[str, Any] = {
        "type": f"https://tenure.example/problems/{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "remedy": error.remedy,
    }
    if error.field is not None:
        body["field"] = error.field
    if errors := getattr(error, "errors", None):
        body["errors"] = errors
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return JSONResponse(body, status_code=error.status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Have every error of the application answered as a problem."""

    @app.exception_handler(TenureError)
    async def _tenure_error(request: Request, error: TenureError) -> JSONResponse:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def _wrong_shape(request: Request, error: RequestValidationError) -> JSONResponse:
        errors: list[dict[str, object]] = [
            {"field": ".".join(str(part) for part in fault["loc"] if part != "body") or "body", "problem": fault["msg"]}
            for fault in error.errors()
        ]
        return problem(InvalidRequest(errors))

    @app.exception_handler(HTTPException)
    async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
        body = {"type": "about:blank", "title": str(error.detail), "status": error.status_code, "code": "http_error"}
        return JSONResponse(body, status_code=error.status_code, media_type=MEDIA_TYPE, headers=error.headers)

    @app.exception_handler(RPCError)
    async def _temporal_away(request: Request, error: RPCError) -> JSONResponse:
        logger.warning("Temporal: %s", error)
        return problem(ServiceUnavailable("Temporal"))

    @app.exception_handler(InterfaceError)
    @app.exception_handler(ConnectionError)
    async def _database_away(request: Request, error: Exception) -> JSONResponse:
        logger.warning("database: %s", error)
        return problem(ServiceUnavailable("The database"))

    @app.exception_handler(DBAPIError)
    async def _database_error(request: Request, error: DBAPIError) -> JSONResponse:
        logger.exception("database")
        if error.connection_invalidated:
            return problem(ServiceUnavailable("The database"))
        return problem(
            TenureError("The database refused what was asked of it.", remedy="Tell the operator; the log has the details.")
        )
