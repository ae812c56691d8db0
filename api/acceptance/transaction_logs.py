"""Transaction logs: the real purchases that prototypes are run on."""

import csv
import io
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import StringConstraints, TypeAdapter, ValidationError

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from domain.acceptance.errors import LogMissing
from domain.definition.values import Amount
from domain.errors_input import InvalidRequest
from domain.identity.person import Person
from domain.model import Value
from store.acceptance import transaction_logs
from store.acceptance.transaction_logs import LogRecord, LogRow
from store.errors import LogDiffers, LogUnknown

router = APIRouter(prefix="/transaction-logs", tags=["transaction logs"], route_class=RetryReadRoute)

_COLUMNS = ["customer", "at", "amount"]
_FAULTS_SHOWN = 50
_LONGEST_CUSTOMER = 200
_AMOUNT: TypeAdapter[Amount] = TypeAdapter(Amount)
LogName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class LogLoaded(Value):
    """A log that is kept now: how many purchases it has."""

    name: str
    rows: int


@router.post(
    "/{name}",
    status_code=201,
    response_model=LogLoaded,
    responses=together(links(201, show_log={"name": "$response.body#/name"}), raises(LogDiffers)),
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
    person: Annotated[Person, Depends(require("load a transaction log"))],
) -> JSONResponse:
    """Load a log whole, or not at all: every line that cannot be read is named."""

    async def act() -> StoredResponse:
        rows = _rows(await request.body())
        async with services.engine.begin() as connection:
            number = await transaction_logs.load(connection, name, rows)
        return StoredResponse(201, LogLoaded(name=name, rows=number).model_dump(mode="json"), f"/transaction-logs/{name}")

    return await idempotent(request, services, person, key, act)


@router.get("", dependencies=[Depends(require("read programs"))])
async def list_logs(services: WithServices, paged: Paged) -> Page[LogRecord]:
    """The logs that are there, by name."""
    (after,) = paged.after(str) or ("",)
    async with services.engine.connect() as connection:
        return paged.page(await transaction_logs.listed(connection, after, paged.one_more), lambda log: (log.name,))


@router.get("/{name}", dependencies=[Depends(require("read programs"))], responses=raises(LogMissing))
async def show_log(name: str, services: WithServices) -> LogRecord:
    """A log that is there: how many rows it has, and their SHA-256."""
    async with services.engine.connect() as connection:
        try:
            return await transaction_logs.find(connection, name)
        except LogUnknown as error:
            raise LogMissing(name) from error


def _rows(body: bytes) -> list[LogRow]:
    """The purchases of a CSV body. Raises InvalidRequest with every line that is none."""
    rows: list[LogRow] = []
    faults: list[dict[str, object]] = []
    try:
        lines = csv.reader(io.StringIO(body.decode(), newline=""))
        header = next(lines, [])
        if header != _COLUMNS:
            raise InvalidRequest(
                [{"field": "line 1", "problem": f"the header must be {','.join(_COLUMNS)}, not {','.join(header)[:100]!r}"}]
            )
        for line in lines:
            try:
                rows.append(_row(line))
            except ValueError as error:
                faults.append({"field": f"line {lines.line_num}", "problem": str(error)})
                if len(faults) == _FAULTS_SHOWN:
                    break
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest([{"field": "body", "problem": "the body is not CSV as UTF-8 text"}]) from error
    if not rows and not faults:
        faults.append({"field": "body", "problem": "the log has no purchases"})
    if faults:
        raise InvalidRequest(faults)
    return rows


def _row(line: list[str]) -> LogRow:
    if len(line) != len(_COLUMNS):
        raise ValueError(f"{len(line)} columns instead of {len(_COLUMNS)}")
    customer, at, amount = line
    if not customer or len(customer) > _LONGEST_CUSTOMER or "\x00" in customer:
        raise ValueError(f"the customer must be a text of 1 to {_LONGEST_CUSTOMER} characters")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError as error:
        raise ValueError(f"{at[:40]!r} is not a time; write for instance 2026-03-10T09:30:00Z") from error
    if instant.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone; write for instance 2026-03-10T09:30:00Z")
    try:
        instant = instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{at!r} is out of range") from error
    try:
        value = _AMOUNT.validate_python(amount)
    except ValidationError as error:
        raise ValueError(f"{amount[:40]!r} is no amount of money, from 0 up to 10^12 with at most 9 decimals") from error
    return LogRow(customer, instant, value)
