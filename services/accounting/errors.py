"""Refusals of requests to a program's books."""

from domain.errors import TenureError
from domain.points.errors import CurrencyUnknown


class BooksNotOpen(TenureError):
    """Books are kept from the launch on."""

    code = "books_not_open"
    category = "conflict"
    title = "The program has no books yet"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} was never launched: nothing has been sold, and there is nothing to keep books of.",
            remedy="Ask once its first revision is in force; the books open with the month of the launch.",
            field="program",
        )


class PeriodUnknown(TenureError):
    """A period is a month from the launch to the present one."""

    code = "period_unknown"
    category = "conflict"
    title = "The books have no such period"
    example = {"period": "2025-11", "first": "2026-01", "last": "2026-12"}

    def __init__(self, period: str, first: str, last: str) -> None:
        super().__init__(
            f"The books go from {first} to {last}, and {period} is not among these months.",
            remedy=f"Name a period from {first} to {last}.",
            field="period",
        )


class PeriodNotOver(TenureError):
    """A month can be closed once it is over."""

    code = "period_not_over"
    category = "conflict"
    title = "The period is not over"

    def __init__(self, period: str, ends_at: str) -> None:
        super().__init__(
            f"The period {period} ends at {ends_at}.",
            remedy="Close it once it is over; until then its figures can be read, and are provisional.",
            field="period",
        )


class PeriodSkipped(TenureError):
    """Months are closed one after the other."""

    code = "period_skipped"
    category = "conflict"
    title = "An earlier period is open"

    def __init__(self, period: str, first_open: str) -> None:
        super().__init__(
            f"Before {period} comes {first_open}, which is not closed.",
            remedy=f"Close {first_open} first: periods are closed one after the other.",
            field="period",
        )


class PeriodIsClosed(TenureError):
    """A closed month never changes; a new estimate counts from an open month on."""

    code = "period_closed"
    category = "conflict"
    title = "The period is closed"

    def __init__(self, period: str, first_open: str) -> None:
        super().__init__(
            f"The period {period} is closed, and the estimates that it rests on stay as they are.",
            remedy=f"Enter the estimate for {first_open} or later: it makes a catch-up there.",
            field="period",
        )


class BooksEnded(TenureError):
    """With the end of the program its books end, too."""

    code = "books_ended"
    category = "conflict"
    title = "The books are closed for good"

    def __init__(self, program: str, last: str) -> None:
        super().__init__(
            f"The books of program {program!r} ended with {last}.",
            remedy="Nothing more is booked; the closed periods can be read.",
            field="period",
        )


class BookedCurrencyUnknown(TenureError):
    """The program's books have no currency of this code."""

    code = CurrencyUnknown.code
    category = CurrencyUnknown.category
    title = CurrencyUnknown.title

    def __init__(self, currency: str, known: list[str]) -> None:
        super().__init__(f"There is no currency {currency!r}.", remedy=f"The books have: {', '.join(known)}.", field="currency")


class PointsOutstanding(TenureError):
    """Books end with nothing owed to members."""

    code = "points_outstanding"
    category = "conflict"
    title = "The books cannot end yet"

    def __init__(self, program: str, outstanding: str) -> None:
        super().__init__(
            f"Members of program {program!r} still have {outstanding}.",
            remedy="Let the points be redeemed or forfeited first; then the books can end.",
            field="program",
        )
