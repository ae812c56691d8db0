"""Transaction logs: the real purchases that prototypes are run on."""

import csv
import io
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import StringConstraints

from api.errors import InvalidRequest
from api.once import Answer, Key, once
from api.people import may
from api.services import WithServices
from domain.gates import Person
from store import transaction_logs
from store.transaction_logs import LogRow

router = APIRouter(prefix="/transaction-logs", tags=["transaction logs"])

_COLUMNS = ["customer", "at", "amount"]
_FAULTS_SHOWN = 50
LogName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


@router.post(
    "/{name}",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A header line `customer,at,amount`, then a purchase per line; `at` is ISO 8601 with a time zone.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
)
async def load_log(
    name: LogName,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(may("load a transaction log"))],
) -> JSONResponse:
    """Load a log whole, or not at all: every line that cannot be read is named."""

    async def act() -> Answer:
        rows = _rows(await request.body())
        async with services.engine.begin() as connection:
            number = await transaction_logs.load(connection, name, rows)
        return Answer(201, {"name": name, "rows": number}, None)

    return await once(request, services, person, key, act)


def _rows(body: bytes) -> list[LogRow]:
    try:
        lines = csv.reader(io.StringIO(body.decode()))
        header = next(lines, None)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest([{"field": "body", "problem": "the body is not CSV as UTF-8 text"}]) from error
    if header != _COLUMNS:
        raise InvalidRequest(
            [{"field": "line 1", "problem": f"the header must be {','.join(_COLUMNS)}, not {','.join(header or [])!r}"}]
        )
    rows: list[LogRow] = []
    faults: list[dict[str, object]] = []
    for number, line in enumerate(lines, 2):
        try:
            rows.append(_row(line))
        except ValueError as error:
            faults.append({"field": f"line {number}", "problem": str(error)})
            if len(faults) == _FAULTS_SHOWN:
                break
    if not rows and not faults:
        faults.append({"field": "body", "problem": "the log has no purchases"})
    if faults:
        raise InvalidRequest(faults)
    return rows


def _row(line: list[str]) -> LogRow:
    if len(line) != len(_COLUMNS):
        raise ValueError(f"{len(line)} columns instead of {len(_COLUMNS)}")
    customer, at, amount = line
    instant = datetime.fromisoformat(at)
    if instant.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone; write for instance 2026-03-10T09:30:00Z")
    try:
        value = Decimal(amount)
    except InvalidOperation as error:
        raise ValueError(f"{amount!r} is not a number") from error
    if not customer or not value.is_finite() or value < 0:
        raise ValueError("customer must not be empty, and amount not be negative")
    return LogRow(customer, instant, value)
