"""A launched program whose points are sold at 1 for 10, in the past, and its books: for tests that close periods."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.accounting.deferral import Books, CurrencyBooks
from ledger import Burn, Earn, Ledger, Reverse
from services.accounting.bookkeeping import Bookkeeping
from store.programs import programs
from tests.stack import example, first_revision

LAUNCH = datetime(2026, 1, 15, 12, tzinfo=UTC)
STAR = {"code": "STAR", "name": "Stars", "value_per_point": "1", "cost_per_point": "0.8", "expected_redemption_rate": "0.95"}


def at(month: int, day: int = 10, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


class Shop:
    """A launched program whose points are sold at 1 for 10, and its books."""

    def __init__(self, engine: AsyncEngine, program: str) -> None:
        self.engine, self.ledger, self.program = engine, Ledger(engine), program
        self.books = Bookkeeping(engine)
        self._number = 0

    async def launch(self, **changes: Any) -> None:
        changes = {"money": "JPY", "currency": STAR} | changes
        definition = example("cd-club.yaml", self.program, **changes)
        async with self.engine.begin() as connection:
            await programs.register(connection, first_revision(definition, LAUNCH))
            await programs.put_in_force(connection, self.program, 1, LAUNCH)

    def _asked(self, when: datetime) -> dict[str, Any]:
        self._number += 1
        key = f"k{self._number}"
        return {"program": self.program, "participant": "ann", "currency": "STAR", "key": key, "effective_at": when}

    async def end(self, when: datetime) -> Books:
        """End the books, as the program's end does."""
        return await self.books.close_for_good(self.program, "wind-down", when)

    async def sell(self, when: datetime, price: str = "10000", points: int = 1000) -> str:
        asked = self._asked(when)
        await self.ledger.earn(Earn(**asked, points=points, details={"event": "purchase", "amount": price}))
        key: str = asked["key"]
        return key

    async def redeem(self, when: datetime, points: int) -> None:
        assert (await self.ledger.burn(Burn(**self._asked(when), points=points))).outcome == "posted"

    async def give_back(self, when: datetime, sale: str) -> None:
        assert (await self.ledger.reverse(Reverse(**self._asked(when), of=sale, shortfall="other_lots"))).outcome == "posted"

    async def estimate(self, rate: str, when: datetime, **more: Any) -> Any:
        self._number += 1
        details: dict[str, Any] = {"by": "demo-finance", "key": f"e{self._number}", "now": when} | more
        return await self.books.estimate(self.program, Decimal(rate), "More come back than we thought", **details)

    async def close(self, period: str, when: datetime) -> CurrencyBooks:
        return star(await self.books.close(self.program, period, "demo-finance", when))

    async def read(self, period: str | None, when: datetime) -> Books:
        return await self.books.read(self.program, period, when)


def star(books: Books) -> CurrencyBooks:
    """The books of the program's points."""
    found = books.of("STAR")
    assert found is not None
    return found
