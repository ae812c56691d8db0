"""A program's books: read provisionally, closed month by month for ever, and ended with the program.

A period is closed by an explicit act, and its figures are stored. Each closing books all transactions that took effect by the
period's end, less those of earlier closings: so a late transaction of a closed period is booked in the next open one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.accounting.deferral import Books, CurrencyBooks, Movement, PortfolioPosition, Terms, kept
from domain.accounting.periods import ends, following, last_instant, period_of, starts, through
from domain.definition.document import Definition, PointsCurrency
from domain.model import Message
from ledger.books import movements
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
from store.programs import programs
from store.programs.programs import RevisionsInForce
from store.tables import books_estimate, books_period


class Estimate(Message):
    """The share of all points that will ever be redeemed, as finance estimates it from a period on."""

    period: str
    currency: str
    redemption_rate: Decimal
    why: str
    entered_by: str
    at: datetime


class _Program(NamedTuple):
    """The facts of a program that do not change while its books are kept."""

    id: str
    first: str
    zone: ZoneInfo
    money: str
    revisions: RevisionsInForce


class Bookkeeping:
    """The books of all programs, over the ledger's movements."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self, program: str, period: str | None, now: datetime) -> Books:
        """Return the books of a period, closed or provisional. `period` None: the next one to close, or else the last one.

        Raises BooksNotOpen, PeriodUnknown.
        """
        async with self._engine.connect() as connection:
            found, closed = await _program(connection, program, now), await _closed(connection, program)
            wanted = period or _next(found, closed, now)
            _check_known(found, closed, wanted, now)
            already = next((books for books in closed if books.period == wanted), None)
            return already or (await self._open(connection, found, closed, wanted))[-1]

    async def closed(self, program: str) -> Sequence[Books]:
        """Return all closed periods, from the first. Raises BooksNotOpen."""
        async with self._engine.connect() as connection:
            await _program(connection, program)
            return await _closed(connection, program)

    async def close(self, program: str, period: str, by: str, now: datetime) -> Books:
        """Close a period that is over, once all earlier ones are closed; return the stored books of a closed period.

        Raises BooksNotOpen, PeriodUnknown, PeriodNotOver, PeriodSkipped, BooksEnded.
        """
        async with self._engine.begin() as connection:
            await _lock(connection, program)
            found, closed = await _program(connection, program), await _closed(connection, program)
            already = next((books for books in closed if books.period == period), None)
            if already is not None:
                return already
            first_open = _first_open(found, closed)
            if closed and closed[-1].status == "final":
                raise BooksEnded(program, closed[-1].period)
            _check_known(found, closed, period, now)
            if now < ends(period, found.zone):
                raise PeriodNotOver(period, ends(period, found.zone).isoformat())
            if period != first_open:
                raise PeriodSkipped(period, first_open)
            (books,) = await self._open(connection, found, closed, period)
            return await _keep(connection, books, "closed", by, now)

    async def close_for_good(self, program: str, by: str, at: datetime) -> Books:
        """End the books at an instant: close the open periods, and release all that is left in the last one.

        All transactions ever posted are then booked, whenever they took effect. Books that have ended already are returned as
        stored. Raises BooksNotOpen, PointsOutstanding.
        """
        async with self._engine.begin() as connection:
            await _lock(connection, program)
            found, closed = await _program(connection, program), await _closed(connection, program)
            if closed and closed[-1].status == "final":
                return closed[-1]
            last = max(_first_open(found, closed), period_of(at, found.zone))
            *before, ending = await self._open(connection, found, closed, last, final=True)
            left = [f"{each.standing.outstanding} {each.currency}" for each in ending.currencies if each.standing.outstanding]
            if left:
                raise PointsOutstanding(program, " and ".join(left))
            for books in before:
                await _keep(connection, books, "closed", by, at)
            return await _keep(connection, ending, "final", by, at)

    async def estimate(
        self,
        program: str,
        rate: Decimal,
        reason: str,
        *,
        by: str,
        key: str,
        now: datetime,
        period: str | None = None,
        currency: str | None = None,
    ) -> Estimate:
        """Enter an estimate for an open period (None: the present month) and later ones; the same key enters it once.

        Raises BooksNotOpen, PeriodUnknown, PeriodIsClosed, BooksEnded, BookedCurrencyUnknown.
        """
        async with self._engine.begin() as connection:
            await _lock(connection, program)
            found, closed = await _program(connection, program), await _closed(connection, program)
            entered = await connection.execute(
                _ESTIMATES.where(books_estimate.c.program == program, books_estimate.c.key == key)
            )
            if (before := entered.mappings().one_or_none()) is not None:
                return Estimate.model_validate(dict(before))
            if closed and closed[-1].status == "final":
                raise BooksEnded(program, closed[-1].period)
            first_open = _first_open(found, closed)
            wanted = period or max(first_open, period_of(now, found.zone))
            if closed and found.first <= wanted < first_open:
                raise PeriodIsClosed(wanted, first_open)
            _check_known(found, closed, wanted, now)
            known = list((await _terms(connection, found, closed, list(through(found.first, wanted))))[wanted])
            if currency is not None and currency not in known:
                raise BookedCurrencyUnknown(currency, known)
            new = Estimate(
                period=wanted, currency=currency or known[0], redemption_rate=rate, why=reason, entered_by=by, at=now
            )
            await connection.execute(insert(books_estimate).values(program=program, key=key, **new.model_dump()))
            return new

    async def estimates(self, program: str) -> Sequence[Estimate]:
        """Return all estimates, in the order of their entry. Raises ProgramUnknown."""
        async with self._engine.connect() as connection:
            await programs.find(connection, program)
            return await _estimates(connection, program)

    async def _open(
        self, connection: AsyncConnection, found: _Program, closed: Sequence[Books], last: str, *, final: bool = False
    ) -> list[Books]:
        """Compute the books of the open periods up to `last`, each from the one before."""
        names = list(through(found.first, last))
        terms = await _terms(connection, found, closed, names)
        prices = {(code, place): each.price_per_point for place, name in enumerate(names) for code, each in terms[name].items()}
        begin, until = [starts(name, found.zone) for name in names], None if final else ends(last, found.zone)
        moved = await movements(connection, found.id, begin, until, prices)
        made: list[Books] = []
        for place, name in enumerate(names[len(closed) :], len(closed)):
            before = made[-1] if made else closed[-1] if closed else None
            currencies: list[CurrencyBooks] = []
            for code, each in terms[name].items():
                # The first open period gets all movements by its end that are not booked yet, however late they came.
                movement = moved.get((code, place), Movement())
                if not made:
                    movement = sum((moved.get((code, earlier), Movement()) for earlier in range(place)), movement)
                    movement = movement - sum((booked.points for booked in _of(closed, code)), Movement())
                rests_on = before.of(code) if before is not None else None
                position = rests_on.standing if rests_on is not None else PortfolioPosition()
                currencies.append(kept(code, found.money, position, movement, each, final=final and name == last))
            made.append(
                Books(
                    program=found.id,
                    period=name,
                    money=found.money,
                    starts_at=starts(name, found.zone),
                    ends_at=ends(name, found.zone),
                    status="open",
                    currencies=tuple(currencies),
                )
            )
        return made


async def _program(connection: AsyncConnection, program: str, now: datetime | None = None) -> _Program:
    """Return the program, with the money of its launch; its months begin with the launch, or with an earlier pilot.

    A program that was never launched has the books of its pilot. With `now`, a revision that is not yet in force does not count
    in a month that is not over. Raises ProgramUnknown, BooksNotOpen.
    """
    record = await programs.find(connection, program)
    revisions = await programs.revisions_in_force(connection, program)
    opened = record.launched_at or revisions.began
    launched = revisions.lived_by(opened) if opened is not None else None
    if opened is None or launched is None:
        raise BooksNotOpen(program)
    definition = launched.definition
    first = period_of(min(opened, revisions.began or opened), definition.zone)
    return _Program(program, first, definition.zone, definition.money, revisions.up_to(max(now, opened)) if now else revisions)


async def _closed(connection: AsyncConnection, program: str) -> list[Books]:
    """Return the closed periods as stored, in order."""
    query = select(books_period.c.books).where(books_period.c.program == program).order_by(books_period.c.period.collate("C"))
    return [Books.model_validate(books) for books in await connection.scalars(query)]


async def _keep(connection: AsyncConnection, books: Books, status: str, by: str, at: datetime) -> Books:
    """Store the books of a period as closed."""
    closing = Books.model_validate(books.model_dump() | {"status": status, "closed_by": by, "closed_at": at})
    await connection.execute(
        insert(books_period).values(
            program=closing.program,
            period=closing.period,
            status=status,
            closed_by=by,
            closed_at=at,
            books=closing.model_dump(mode="json"),
        )
    )
    return closing


async def _estimates(connection: AsyncConnection, program: str) -> list[Estimate]:
    rows = await connection.execute(_ESTIMATES.where(books_estimate.c.program == program).order_by(books_estimate.c.id))
    return [Estimate.model_validate(dict(row)) for row in rows.mappings()]


async def _terms(
    connection: AsyncConnection, found: _Program, closed: Sequence[Books], names: Sequence[str]
) -> dict[str, dict[str, Terms]]:
    """Return each period's terms by currency: a closed period's as stored; a currency dropped since keeps its last terms."""
    frozen = {books.period: books for books in closed}
    entered = await _estimates(connection, found.id)
    of_period: dict[str, dict[str, Terms]] = {}
    terms: dict[str, Terms] = {}
    for name in names:
        if name in frozen:
            terms = {each.currency: each.terms for each in frozen[name].currencies}
        else:
            terms = terms | _defined(found, name)
            for code, each in terms.items():
                if (estimate := _estimate_for(entered, code, name)) is not None:
                    details = {
                        "redemption_rate": estimate.redemption_rate,
                        "estimated_by": estimate.entered_by,
                        "why": estimate.why,
                    }
                    terms[code] = each.model_copy(update=details)
        of_period[name] = terms
    return of_period


def _defined(found: _Program, period: str) -> dict[str, Terms]:
    """Return the terms of the currencies in the revision that is in force at the end of a period."""
    revision = found.revisions.lived_by(last_instant(period, found.zone))
    assert revision is not None, "the books begin with the launch, or with the pilot before it"
    return {
        code: Terms(
            value_per_point=each.value_per_point,
            cost_per_point=each.cost_per_point,
            redemption_rate=each.expected_redemption_rate,
            revision=revision.number,
        )
        for code, each in _currencies(revision.definition).items()
    }


def _currencies(definition: Definition) -> dict[str, PointsCurrency]:
    """Return the currencies of a definition by code, the one that members earn first."""
    return {each.code: each for each in (definition.currency, *definition.other_currencies)}


def _estimate_for(entered: Sequence[Estimate], currency: str, period: str) -> Estimate | None:
    """Return the estimate that applies in a period: the last one entered for the latest period up to it."""
    mine = [each for each in entered if each.currency == currency and each.period <= period]
    return max(reversed(mine), key=lambda each: each.period, default=None)


def _of(closed: Sequence[Books], currency: str) -> Iterator[CurrencyBooks]:
    return (booked for books in closed if (booked := books.of(currency)) is not None)


def _first_open(found: _Program, closed: Sequence[Books]) -> str:
    return following(closed[-1].period) if closed else found.first


def _next(found: _Program, closed: Sequence[Books], now: datetime) -> str:
    """Return the next period to close, or the last closed one if the books have ended or the next has not begun."""
    if closed and (closed[-1].status == "final" or _first_open(found, closed) > period_of(now, found.zone)):
        return closed[-1].period
    return _first_open(found, closed)


def _check_known(found: _Program, closed: Sequence[Books], period: str, now: datetime) -> None:
    """Raise PeriodUnknown for a period before the launch, one that has not begun, or one after the end of the books."""
    ended = closed[-1].period if closed and closed[-1].status == "final" else None
    last = ended or max(found.first, period_of(now, found.zone))
    if not found.first <= period <= last:
        raise PeriodUnknown(period, found.first, last)


async def _lock(connection: AsyncConnection, program: str) -> None:
    """Take the lock of a program's books for a closing or an estimate; readers do not wait for it."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"books/{program}", 0))))


_ESTIMATES = select(*(books_estimate.c[name] for name in Estimate.model_fields))
