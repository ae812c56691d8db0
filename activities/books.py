"""The end of a program's books: the last period is closed, and whatever is left is released."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.model import Message
from ledger.books import movements
from store.books import Bookkeeping


class BooksEnding(Message):
    """Whose books end, when, and who is written down as having ended them."""

    program: str
    at: datetime
    by: str = "wind-down"


class EndedBooks(Message):
    """The last period, what it still earned in units of money, and the liabilities that remain, which are nothing."""

    period: str
    revenue: Decimal
    liability: Decimal


class BooksActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._books = Bookkeeping(engine, movements)

    async def end_books(self, ending: BooksEnding) -> EndedBooks:
        """Close what is open, and release the rest; a repetition finds it done.

        Fails with `points_outstanding` while members have points: they are forfeited first.
        """
        books = await self._books.close_for_good(ending.program, ending.by, ending.at)
        return EndedBooks(
            period=books.period,
            revenue=sum((each.revenue for each in books.currencies), Decimal(0)),
            liability=sum((each.deferred_liability + each.standing.provision for each in books.currencies), Decimal(0)),
        )
