"""A program's books: figures and journal of a month, closing it, and the estimates that it rests on."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from api.once import Answer, Key, once
from api.people import may
from api.reading import ReadAgain
from api.services import Services, WithServices
from domain import ids
from domain.accounting import Books
from domain.accounting_journal import ACCOUNTS, as_csv
from domain.accounting_periods import PeriodName
from domain.definition_values import CurrencyCode, Fraction
from domain.gates import Person
from domain.model import CAN_BE_KEPT, Value
from ledger.books import movements
from store.books import Bookkeeping

router = APIRouter(prefix="/programs/{program}/books", tags=["books"], route_class=ReadAgain)

Reader = Depends(may("read the books"))
Keeper = Annotated[Person, Depends(may("keep the books"))]


class EstimateIn(Value):
    """The share of all points that will ever be redeemed, as finance sees it from a month on, and why.

    Without `period`, from the present month on; without `currency`, of the points that members earn.
    """

    redemption_rate: Fraction
    why: Annotated[str, StringConstraints(strip_whitespace=True), Field(min_length=1, max_length=2000), CAN_BE_KEPT]
    period: PeriodName | None = None
    currency: CurrencyCode | None = None


@router.get("", dependencies=[Reader])
async def show_books(program: str, services: WithServices, period: PeriodName | None = None) -> dict[str, Any]:
    """The figures, terms and journal of a month; provisional while it is open. Without `period`: the one to close next."""
    return _told(await _bookkeeping(services).read(program, period, datetime.now(UTC)))


@router.get("/journal", dependencies=[Reader])
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
    return JSONResponse({"program": program, "accounts": _accounts(), "lines": lines})


@router.get("/estimates", dependencies=[Reader])
async def list_estimates(program: str, services: WithServices) -> list[dict[str, Any]]:
    """Every estimate that finance entered, in the order in which they were."""
    return [each.model_dump(mode="json") for each in await _bookkeeping(services).estimates(program)]


@router.post("/estimates", status_code=201)
async def enter_estimate(
    program: str, estimate: EstimateIn, request: Request, services: WithServices, key: Key, person: Keeper
) -> JSONResponse:
    """Enter an estimate for an open month and those after it; what it changes is earned or given back as a catch-up there."""

    async def act() -> Answer:
        entered = await _bookkeeping(services).estimate(
            program,
            estimate.redemption_rate,
            estimate.why,
            by=person.id,
            key=ids.asked(person.id, key),
            now=datetime.now(UTC),
            period=estimate.period,
            currency=estimate.currency,
        )
        return Answer(201, entered.model_dump(mode="json"), f"/programs/{program}/books?period={entered.period}")

    return await once(request, services, person, key, act)


@router.post("/{period}/closing")
async def close_period(
    program: str, period: PeriodName, request: Request, services: WithServices, key: Key, person: Keeper
) -> JSONResponse:
    """Close a month that is over, for ever; a month that is closed already is answered as it was closed."""

    async def act() -> Answer:
        books = await _bookkeeping(services).close(program, period, person.id, datetime.now(UTC))
        return Answer(200, _told(books), f"/programs/{program}/books?period={period}")

    return await once(request, services, person, key, act)


def _bookkeeping(services: Services) -> Bookkeeping:
    return Bookkeeping(services.engine, movements)


def _told(books: Books) -> dict[str, Any]:
    """The books with what stands in each account, and what the accounts are."""
    standing = {code: str(amount) for code, amount in books.balances().items() if amount}
    return books.model_dump(mode="json") | {"balances": standing, "accounts": _accounts()}


def _accounts() -> list[dict[str, str]]:
    return [account.model_dump() for account in ACCOUNTS]
