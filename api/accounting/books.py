"""A program's books: figures and journal of a month, closing it, and the estimates that it rests on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field, StringConstraints

from api.auth.authorization import require
from api.http.dependencies import Services, WithServices
from api.http.idempotency import ACCEPTED_LATER, Key, StoredResponse, idempotent
from api.http.openapi import Responses, links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from domain import ids
from domain.accounting.deferral import Books, CurrencyBooks
from domain.accounting.journal import ACCOUNTS, Account, AccountCode, as_csv
from domain.accounting.periods import PeriodName
from domain.definition.values import CurrencyCode, Fraction
from domain.identity.person import Person
from domain.model import CAN_BE_KEPT, Value, formerly
from services.accounting.bookkeeping import Bookkeeping, Estimate
from services.accounting.errors import (
    BookedCurrencyUnknown,
    BooksEnded,
    BooksNotOpen,
    PeriodIsClosed,
    PeriodNotOver,
    PeriodSkipped,
    PeriodUnknown,
    PointsOutstanding,
)

router = APIRouter(prefix="/programs/{program}/books", tags=["books"], route_class=RetryReadRoute)

Reader = Depends(require("read the books"))
Keeper = Annotated[Person, Depends(require("keep the books"))]


class EstimateIn(Value):
    """The share of all points that will ever be redeemed, as finance sees it from a month on, and why.

    Without `period`, from the present month on; without `currency`, of the points that members earn.
    """

    redemption_rate: Fraction
    reason: Annotated[str, StringConstraints(strip_whitespace=True), Field(min_length=1, max_length=2000), CAN_BE_KEPT]
    period: PeriodName | None = None
    currency: CurrencyCode | None = None
    _old_name = formerly("why", "reason")


class BooksOut(Value):
    """The books of a month, with what stands in each account, and what the accounts are."""

    program: str
    period: str
    money: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    status: Literal["open", "closed", "final"]
    closed_by: str | None
    closed_at: AwareDatetime | None
    currencies: Sequence[CurrencyBooks]
    balances: dict[AccountCode, Decimal]
    accounts: Sequence[Account]


class JournalLine(Value):
    """One side of an entry, in units of money."""

    period: str
    status: str
    currency: str
    entry: str
    text: str
    account: AccountCode
    account_name: str
    debit: Decimal
    credit: Decimal
    money: str


class Journal(Value):
    """The journal line by line, and what its accounts are."""

    program: str
    accounts: Sequence[Account]
    lines: Sequence[JournalLine]


_NO_BOOKS = (BooksNotOpen, PeriodUnknown)
_AS_CSV: Responses = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "As JSON, or as CSV."}}


@router.get("", dependencies=[Reader], responses=raises(*_NO_BOOKS))
async def show_books(program: str, services: WithServices, period: PeriodName | None = None) -> BooksOut:
    """The figures, terms and journal of a month; provisional while it is open. Without `period`: the one to close next."""
    return _to_response(await _bookkeeping(services).read(program, period, datetime.now(UTC)))


@router.get("/journal", dependencies=[Reader], response_model=Journal, responses=together(_AS_CSV, raises(*_NO_BOOKS)))
async def show_journal(
    program: str, services: WithServices, period: PeriodName | None = None, format: Literal["json", "csv"] = "json"
) -> Response:
    """The journal line by line: of a month, or without `period` of all closed ones, in their order."""
    books = _bookkeeping(services)
    found = [await books.read(program, period, datetime.now(UTC))] if period else await books.closed(program)
    lines = [line for each in found for line in each.lines()]
    if format == "csv":
        name = f"{program}-{period or 'journal'}.csv"
        return Response(as_csv(lines), media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'})
    journal = {"program": program, "accounts": ACCOUNTS, "lines": lines}
    return JSONResponse(Journal.model_validate(journal).model_dump(mode="json"))


@router.get("/estimates", dependencies=[Reader])
async def list_estimates(program: str, services: WithServices, paged: Paged) -> Page[Estimate]:
    """Every estimate that finance entered, in the order in which they were."""
    (after,) = paged.after(int) or (0,)
    # Nothing is ever taken out of them or put between, so that a place in their order stays what it is.
    numbered = list(enumerate(await _bookkeeping(services).estimates(program), 1))[after:]
    items, following = paged.cut(numbered, lambda each: (each[0],))
    return Page(items=[estimate for _, estimate in items], next=following)


@router.post(
    "/estimates",
    status_code=201,
    response_model=Estimate,
    responses=together(
        links(201, show_books={"program": "$request.path.program", "period": "$response.body#/period"}),
        raises(*_NO_BOOKS, PeriodIsClosed, BooksEnded, BookedCurrencyUnknown),
    ),
)
async def enter_estimate(
    program: str, estimate: EstimateIn, request: Request, services: WithServices, key: Key, person: Keeper
) -> JSONResponse:
    """Enter an estimate for an open month and those after it; what it changes is earned or given back as a catch-up there."""

    async def act() -> StoredResponse:
        entered = await _bookkeeping(services).estimate(
            program,
            estimate.redemption_rate,
            estimate.reason,
            by=person.id,
            key=ids.asked(person.id, key),
            now=datetime.now(UTC),
            period=estimate.period,
            currency=estimate.currency,
        )
        return StoredResponse(201, entered.model_dump(mode="json"), f"/programs/{program}/books?period={entered.period}")

    return await idempotent(request, services, person, key, act)


@router.post(
    "/{period}/closing",
    response_model=BooksOut,
    responses=together(ACCEPTED_LATER, raises(*_NO_BOOKS, PeriodNotOver, PeriodSkipped, BooksEnded, PointsOutstanding)),
)
async def close_period(
    program: str, period: PeriodName, request: Request, services: WithServices, key: Key, person: Keeper
) -> JSONResponse:
    """Close a month that is over, for ever; a month that is closed already is answered as it was closed."""

    async def act() -> StoredResponse:
        books = await _bookkeeping(services).close(program, period, person.id, datetime.now(UTC))
        return StoredResponse(200, _to_response(books).model_dump(mode="json"), f"/programs/{program}/books?period={period}")

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


def _bookkeeping(services: Services) -> Bookkeeping:
    return Bookkeeping(services.engine)


def _to_response(books: Books) -> BooksOut:
    """The books with what stands in each account, and what the accounts are."""
    tier_status = {code: amount for code, amount in books.balances().items() if amount}
    return BooksOut(**books.model_dump(), balances=tier_status, accounts=ACCOUNTS)
