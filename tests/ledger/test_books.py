"""What the books ask of the ledger: every point that moved, in its period, and of each price what falls to the points."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.accounting.deferral import Movement, Terms, allocated
from ledger import Earn, Ledger
from ledger.books import movements
from tests.ledger.requests import (
    CURRENCY,
    PROGRAM,
    a_burn,
    a_cancel,
    a_capture,
    a_confirm,
    a_convert,
    a_forfeit,
    a_hold,
    a_reinstate,
    a_reverse,
    a_transfer,
    a_void,
    an_adjustment,
    an_earn,
    day,
)

_TERMS = [
    Terms(value_per_point=Decimal("0.013"), cost_per_point=Decimal(1), redemption_rate=Decimal(rate), revision=1)
    for rate in ("0.9", "0.7")
]
_PRICES = {(code, place): _TERMS[place].price_per_point for place in (0, 1) for code in (CURRENCY, "GEM")}
_STARTS = [day(0), day(31)]


def _sale(key: str, price: str, points: int, **more: object) -> Earn:
    return an_earn(key, points, **({"details": {"event": "purchase", "amount": price}} | more))  # type: ignore[arg-type]


async def _moved(engine: AsyncEngine, until: float | None = 59) -> dict[tuple[str, int], Movement]:
    async with engine.connect() as connection:
        return await movements(connection, PROGRAM, _STARTS, day(until) if until else None, _PRICES)


async def _outstanding_is_the_ledgers(ledger: Ledger, engine: AsyncEngine) -> None:
    """What came less what left is what is outstanding, in each currency."""
    moved = await _moved(engine, until=None)
    for total in await ledger.totals(PROGRAM):
        mine = [each for (currency, _), each in moved.items() if currency == total.currency]
        assert sum(each.came - each.left for each in mine) == total.outstanding


async def test_a_sale_is_split_at_the_terms_of_its_own_period(engine: AsyncEngine, ledger: Ledger) -> None:
    await ledger.earn(_sale("before", "10.00", 100, at=-3))
    await ledger.earn(_sale("one", "19.99", 333, at=30.9))
    await ledger.earn(_sale("two", "0.01", 7, at=31))
    await ledger.earn(_sale("later", "5.00", 50, at=59))
    moved = await _moved(engine)
    first = allocated(Decimal("10.00"), 100, _TERMS[0]) + allocated(Decimal("19.99"), 333, _TERMS[0])
    assert round(moved[CURRENCY, 0].allocated - first, 12) == 0
    assert (moved[CURRENCY, 0].sold, moved[CURRENCY, 0].sales) == (433, Decimal("29.99"))
    assert round(moved[CURRENCY, 1].allocated - allocated(Decimal("0.01"), 7, _TERMS[1]), 12) == 0
    assert (moved[CURRENCY, 1].sold, len(moved)) == (7, 2)
    assert (await _moved(engine, until=None))[CURRENCY, 1].sold == 57


async def test_every_operation_is_in_the_books(engine: AsyncEngine, ledger: Ledger) -> None:
    await ledger.earn(_sale("sale", "100.00", 1000, expires=40))
    await ledger.earn(an_earn("bonus", 200, kind="bonus", activity=False))
    await ledger.earn(an_earn("free", 30))
    await ledger.earn(an_earn("left", 4, member="cat"))
    await ledger.earn(_sale("waits", "50.00", 500, pending=True))
    await ledger.earn(_sale("never", "50.00", 500, pending=True))
    await ledger.confirm(a_confirm("confirm", "waits", at=32))
    await ledger.cancel(a_cancel("cancel", "never"))
    await ledger.burn(a_burn("burn", 100))
    await ledger.reverse(a_reverse("unburn", "burn", 40, at=33))
    for each in ("kept", "free-again"):
        await ledger.hold(a_hold(each, 50))
    await ledger.capture(a_capture("capture", "kept"))
    await ledger.void(a_void("void", "free-again"))
    await ledger.burn(a_burn("too-much", 100_000))
    await ledger.transfer(a_transfer("transfer", "bob", 20))
    await ledger.convert(a_convert("convert", 100, "0.1"))
    await ledger.adjust(an_adjustment("more", 15))
    await ledger.adjust(an_adjustment("less", -5))
    await ledger.reverse(a_reverse("return", "sale", 200, at=34, shortfall="other_lots"))
    await ledger.expire_due(PROGRAM, day(41))
    await ledger.reinstate(a_reinstate("back", at=42, since=day(40), expires=80))
    await ledger.forfeit(a_forfeit("leaves", member="cat", at=43))
    await ledger.stop_expiry(PROGRAM, "stop", day(44))

    moved = await _moved(engine)
    part = allocated(Decimal(100), 1000, _TERMS[0])
    first, second = moved[CURRENCY, 0], moved[CURRENCY, 1]
    assert first == Movement(
        sold=1000, given=200 + 30 + 4 + 15, redeemed=150, removed=105, sales=Decimal(100), allocated=first.allocated
    )
    assert round(first.allocated - part, 12) == 0
    assert second.model_copy(update={"allocated": Decimal(0)}) == Movement(
        sold=500, returned_sold=200, redeemed=-40, expired=20, forfeited=4, sales=Decimal(50) - Decimal(20)
    ), "what had expired of one came back, and of the other not"
    confirmed = allocated(Decimal(50), 500, _TERMS[1])
    assert round(second.allocated - (confirmed - part / 5), 12) == 0, "a return takes back what was split off at the sale"
    assert moved["GEM", 0] == Movement(given=10)
    await _outstanding_is_the_ledgers(ledger, engine)


async def test_what_a_clawback_no_longer_finds_is_owed_or_given_by_the_program(engine: AsyncEngine, ledger: Ledger) -> None:
    for member, shortfall in (("ann", "loss"), ("bob", "negative")):
        await ledger.earn(_sale(f"sale/{member}", "10.00", 100, member=member))
        await ledger.burn(a_burn(f"burn/{member}", 70, member=member))
        back = a_reverse(f"back/{member}", f"sale/{member}", member=member, shortfall=shortfall, lowest_allowed=-1000)
        assert (await ledger.reverse(back)).outcome == "posted"
    await ledger.earn(an_earn("gift", 40))
    await ledger.reverse(a_reverse("ungift", "gift", 10))
    found = (await _moved(engine))[CURRENCY, 0]
    assert (found.sold, found.returned_sold, found.given, found.returned_given, found.redeemed) == (200, 200, 110, 10, 140)
    assert round(found.allocated, 12) == found.sales == 0
    await _outstanding_is_the_ledgers(ledger, engine)


async def test_only_the_program_and_the_currencies_that_are_asked_for_count(engine: AsyncEngine, ledger: Ledger) -> None:
    await ledger.earn(_sale("sale", "10.00", 100))
    await ledger.earn(_sale("sale", "10.00", 100).model_copy(update={"program": "other"}))
    async with engine.connect() as connection:
        alone = await movements(connection, PROGRAM, _STARTS, None, {("GEM", place): Decimal(1) for place in (0, 1)})
    assert alone == {}
    assert (await _moved(engine))[CURRENCY, 0].sold == 100
