"""A program's books on the database: the known answer through sales and points, closing, late events, estimates, the end."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.accounting.deferral import CurrencyBooks
from domain.errors import TenureError
from ledger import Reverse
from ledger.outflow import OutflowKind, Settlement
from services.accounting.errors import PointsOutstanding
from store.acceptance import pilots
from store.acceptance.pilots import PilotRecord
from store.programs import programs
from store.rollout import cohorts
from tests.bookshop import LAUNCH, STAR, Shop, at, star
from tests.stack import example, first_revision

PROGRAM = "books"


def _figures(found: CurrencyBooks) -> tuple[int, int, int, int]:
    """Deferred, earned, caught up in the period; and the liability at its end."""
    return int(found.deferred), int(found.revenue), int(found.catch_up), int(found.deferred_liability)


@pytest.fixture
async def shop(engine: AsyncEngine) -> Shop:
    shop = Shop(engine, PROGRAM)
    await shop.launch()
    return shop


async def test_example_52_from_the_sales_to_the_journal(shop: Shop) -> None:
    for day in range(16, 26):
        await shop.sell(at(1, day))
    await shop.redeem(at(1, 28), 4_500)
    assert _figures(await shop.close("2026-01", at(2, 2))) == (8_676, 4_110, 0, 4_566)
    await shop.redeem(at(2, 20), 4_000)
    await shop.estimate("0.97", at(2, 25))
    assert (await shop.read("2026-02", at(2, 26))).status == "open"
    second = await shop.close("2026-02", at(3, 2))
    assert _figures(second) == (0, 3_493, 4_025 - 4_110, 1_073)
    assert (second.terms.redemption_rate, second.terms.estimated_by) == (Decimal("0.97"), "demo-finance")
    assert [(line.account, int(line.debit), int(line.credit)) for each in second.entries for line in each.lines] == [
        ("deferred_revenue", 3_470, 0),
        ("revenue_from_points", 0, 3_470),
        ("deferred_revenue", 23, 0),
        ("revenue_from_breakage", 0, 23),
        ("cost_of_rewards", 3_200, 0),
        ("redemption_payable", 0, 3_200),
    ]


async def test_what_a_pilot_before_the_launch_has_issued_is_in_the_books(engine: AsyncEngine) -> None:
    shop, begun = Shop(engine, "piloted"), datetime(2025, 12, 10, 12, tzinfo=UTC)
    definition = example("cd-club.yaml", shop.program, money="JPY", currency=STAR)
    pilot = {"program": shop.program, "revision": 1, "phase": "friends", "attempt": 1, "cohort": "friends"}
    async with engine.begin() as connection:
        await programs.register(connection, first_revision(definition, begun))
        await cohorts.add(connection, shop.program, "friends", ["ann"], "demo-owner", begun)
        await pilots.begin(connection, PilotRecord.model_validate(pilot | {"opened_at": begun, "due": at(1)}))
    await shop.sell(datetime(2025, 12, 20, 12, tzinfo=UTC))
    async with engine.begin() as connection:
        await pilots.end(connection, shop.program, 1, datetime(2025, 12, 28, 12, tzinfo=UTC), passed=False)
        await programs.put_in_force(connection, shop.program, 1, LAUNCH)
    assert star(await shop.read("2025-12", at(2))).points.sold == 1000
    assert star(await shop.read("2026-01", at(2))).points.sold == 0


async def test_months_end_where_the_program_is(shop: Shop) -> None:
    await shop.sell(datetime(2026, 2, 1, 4, 59, tzinfo=UTC))
    await shop.sell(datetime(2026, 2, 1, 5, 0, tzinfo=UTC), price="5000", points=500)
    assert star(await shop.read("2026-01", at(2))).points.sold == 1000, "in New York, January has five hours more in UTC"
    assert star(await shop.read("2026-02", at(2))).points.sold == 500


async def test_open_periods_rest_on_each_other_as_if_they_were_closed(shop: Shop) -> None:
    await shop.sell(at(1, 20))
    await shop.redeem(at(2), 300)
    await shop.sell(at(3), price="777", points=100)
    await shop.redeem(at(3, 11), 50)
    provisional = [await shop.read(period, at(4)) for period in ("2026-01", "2026-02", "2026-03")]
    closed = [await shop.close(period, at(4)) for period in ("2026-01", "2026-02", "2026-03")]
    assert [star(books) for books in provisional] == closed


async def test_a_period_closed_again_is_answered_as_it_was_whatever_came_since(shop: Shop) -> None:
    await shop.sell(at(1, 20))
    first = await shop.books.close(PROGRAM, "2026-01", "demo-finance", at(2, 2))
    await shop.sell(at(1, 21))
    again = await shop.books.close(PROGRAM, "2026-01", "demo-owner", at(2, 9))
    assert again == first == await shop.read("2026-01", at(2, 9))
    assert (first.status, first.closed_by, first.closed_at) == ("closed", "demo-finance", at(2, 2))


async def test_two_who_close_at_once_get_the_same_answer(shop: Shop) -> None:
    await shop.sell(at(1, 20))
    closing = [shop.books.close(PROGRAM, "2026-01", f"demo-{number}", at(2, 2)) for number in range(4)]
    one, *others = await asyncio.gather(*closing)
    assert all(other == one for other in others)


async def test_what_comes_late_for_a_closed_period_is_booked_in_the_next_open_one(shop: Shop) -> None:
    await shop.sell(at(1, 20))
    await shop.estimate("0.5", at(2, 1))
    await shop.close("2026-01", at(2, 2))
    await shop.sell(at(1, 21))
    late = await shop.close("2026-02", at(3, 2))
    assert (late.points.sold, int(late.deferred)) == (1000, 1_735 - 868), (
        "split at the 95 % of January, to which the sale belongs"
    )
    assert late.terms.redemption_rate == Decimal("0.5")
    assert (await shop.close("2026-03", at(4, 2))).points.sold == 0


async def test_a_return_after_the_closing_takes_back_what_was_deferred(shop: Shop) -> None:
    sale = await shop.sell(at(1, 20))
    await shop.close("2026-01", at(2, 2))
    await shop.give_back(at(2, 5), sale)
    found = await shop.close("2026-02", at(3, 2))
    assert (_figures(found), found.points.returned_sold) == ((-868, 0, 0, 0), 1000)


async def test_a_lower_estimate_is_caught_up_and_counts_until_another(shop: Shop) -> None:
    for _ in range(10):
        await shop.sell(at(1, 20))
    await shop.redeem(at(1, 21), 4_500)
    await shop.close("2026-01", at(2, 2))
    await shop.estimate("0.9", at(2, 3))
    await shop.estimate("0.8", at(2, 4))
    assert _figures(await shop.close("2026-02", at(3, 2))) == (0, 4_880 - 4_110, 4_880 - 4_110, 8_676 - 4_880)
    assert _figures(await shop.close("2026-03", at(4, 2)))[1:3] == (0, 0)
    entered = await shop.books.estimates(PROGRAM)
    assert [str(each.redemption_rate) for each in entered] == ["0.9", "0.8"]


async def _refused(doing: Any, code: str, field: str = "period") -> str:
    with pytest.raises(TenureError) as caught:
        await doing
    assert (caught.value.code, caught.value.field) == (code, field), caught.value
    assert caught.value.remedy
    return caught.value.detail


async def test_a_period_is_closed_after_its_end_and_after_all_before_it(shop: Shop) -> None:
    assert "ends at 2026-02-01T05:00:00" in await _refused(shop.close("2026-01", at(1, 31)), "period_not_over")
    assert "Before 2026-02 comes 2026-01" in await _refused(shop.close("2026-02", at(3)), "period_skipped")
    for period in ("2025-12", "2026-04"):
        assert "from 2026-01 to 2026-03" in await _refused(shop.close(period, at(3)), "period_unknown")
        await _refused(shop.read(period, at(3)), "period_unknown")
    assert await shop.books.closed(PROGRAM) == []


async def test_an_estimate_is_for_an_open_period_that_has_begun(shop: Shop) -> None:
    await shop.close("2026-01", at(2, 2))
    assert "is closed" in await _refused(shop.estimate("0.9", at(2, 3), period="2026-01"), "period_closed")
    for period in ("2025-12", "2026-03"):
        await _refused(shop.estimate("0.9", at(2, 3), period=period), "period_unknown")
    await _refused(shop.estimate("0.9", at(2, 3), currency="GOLD"), "currency_unknown", "currency")
    assert await shop.books.estimates(PROGRAM) == []
    one = await shop.estimate("0.9", at(2, 3), key="same")
    assert (one.period, one.currency) == ("2026-02", "STAR")
    assert await shop.estimate("0.9", at(3, 3), key="same") == one
    assert await shop.books.estimates(PROGRAM) == [one]


async def test_a_program_that_was_never_launched_has_no_books(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await programs.register(connection, first_revision(example("cd-club.yaml", PROGRAM), LAUNCH))
    shop = Shop(engine, PROGRAM)
    await _refused(shop.read(None, at(3)), "books_not_open", "program")
    await _refused(shop.close("2026-01", at(3)), "books_not_open", "program")


async def test_the_period_that_is_read_is_the_one_to_be_closed_next(shop: Shop) -> None:
    assert (await shop.read(None, at(3))).period == "2026-01"
    await shop.close("2026-01", at(2, 2))
    assert (await shop.read(None, at(3))).period == "2026-02"
    assert (await shop.read(None, at(1, 31))).period == "2026-01", "the next one has not begun"


async def test_a_revision_changes_the_terms_from_its_month_on_and_a_dropped_currency_keeps_its_last(shop: Shop) -> None:
    other = {"code": "GEM", "name": "Gems", "value_per_point": "5", "cost_per_point": "4", "expected_redemption_rate": "0.5"}
    first = example("cd-club.yaml", PROGRAM, money="JPY", currency=STAR | {"value_per_point": "2"}, other_currencies=[other])
    dropped = first.model_copy(update={"other_currencies": ()})
    async with shop.engine.begin() as connection:
        for number, definition, month in ((2, first, 2), (3, dropped, 3)):
            revision = first_revision(definition, LAUNCH).model_copy(update={"number": number})
            await programs.add_revision(connection, revision)
            await programs.put_in_force(connection, PROGRAM, number, at(month))
    details = {}
    for month in (1, 2, 3):
        books = await shop.read(f"2026-0{month}", at(3, 20))
        details[month] = [(each.currency, str(each.terms.value_per_point), each.terms.revision) for each in books.currencies]
    assert details == {1: [("STAR", "1", 1)], 2: [("STAR", "2", 2), ("GEM", "5", 2)], 3: [("STAR", "2", 3), ("GEM", "5", 2)]}


async def test_the_books_end_at_zero_with_all_that_was_deferred_earned(shop: Shop) -> None:
    for month in (1, 2, 3):
        await shop.sell(at(month, 20), price="9999", points=333)
        await shop.redeem(at(month, 21), 100)
    await shop.close("2026-01", at(2, 2))
    with pytest.raises(PointsOutstanding, match="699 STAR"):
        await shop.end(at(4))
    assert len(await shop.books.closed(PROGRAM)) == 1, "nothing is closed where the end is refused"

    await shop.ledger.forfeit_remainder(PROGRAM, "remainder", at(4, 10, 11))
    ended = await shop.end(at(4))
    assert (ended.period, ended.liability) == ("2026-04", Decimal(0))
    assert await shop.end(at(4)) == ended
    closed = await shop.books.closed(PROGRAM)
    assert [(books.period, books.status, books.closed_by) for books in closed] == [
        ("2026-01", "closed", "demo-finance"),
        ("2026-02", "closed", "wind-down"),
        ("2026-03", "closed", "wind-down"),
        ("2026-04", "final", "wind-down"),
    ]
    months = [star(books) for books in closed]
    assert sum(each.revenue for each in months) == sum(each.deferred for each in months) > 0
    balances = closed[-1].balances()
    assert balances["deferred_revenue"] == balances.get("provision_for_points_given", 0) == 0
    assert sum(balances.values()) == 0

    await _refused(shop.close("2026-05", at(6)), "books_ended")
    await _refused(shop.estimate("0.9", at(6)), "books_ended")
    await _refused(shop.read("2026-05", at(6)), "period_unknown")
    assert (await shop.read(None, at(6))).period == "2026-04"


@pytest.mark.parametrize("kind", ["cash_out", "convert_out"])
async def test_what_a_programs_end_pays_out_or_converts_is_redeemed_in_its_books(shop: Shop, kind: OutflowKind) -> None:
    await shop.sell(at(1, 20))
    settlement = Settlement("JPY" if kind == "cash_out" else "air", {"STAR": "1"}, 0, half_up=True)
    await shop.ledger.settle_remainder(PROGRAM, "remainder", at(2), kind, settlement)
    ended = await shop.end(at(2, 11))
    assert (ended.period, ended.liability) == ("2026-02", Decimal(0))
    last = star(await shop.read("2026-02", at(3)))
    assert (last.points.redeemed, last.points.forfeited, last.breakage) == (1000, 0, Decimal(0))
    assert last.revenue == star(await shop.read("2026-01", at(3))).deferred


async def test_what_a_member_owes_at_the_end_is_written_off_and_the_books_end(shop: Shop) -> None:
    sale = await shop.sell(at(1, 20))
    await shop.redeem(at(1, 21), 1000)
    asked: dict[str, Any] = {"program": PROGRAM, "participant": "ann", "currency": "STAR", "key": "back", "effective_at": at(2)}
    await shop.ledger.reverse(Reverse(**asked, of=sale, shortfall="negative", lowest_allowed=-1000))
    with pytest.raises(PointsOutstanding, match="-1000 STAR"):
        await shop.end(at(2, 11))
    await shop.ledger.settle_remainder(PROGRAM, "remainder", at(2, 11))
    assert (await shop.end(at(2, 11))).liability == 0
    assert (await shop.read("2026-02", at(3))).status == "final"
