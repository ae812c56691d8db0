"""The books by the standard's own example; and that they balance, sum up and lose no cent, whatever happens."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.accounting.deferral import Books, CurrencyBooks, Movement, PortfolioPosition, Terms, allocated, kept
from domain.accounting.journal import ACCOUNTS, Entry, Line, as_csv, balances, entry
from domain.accounting.periods import ends, following, last_instant, period_of, starts, through

_MONEY = "JPY"
"""A money without decimals, as the standard's example is told in whole units."""


def _terms(rate: str | Decimal, value: str = "1", cost: str = "0.8") -> Terms:
    return Terms(value_per_point=Decimal(value), cost_per_point=Decimal(cost), redemption_rate=Decimal(rate), revision=1)


def _sale(price: str, points: int, terms: Terms, **more: int) -> Movement:
    return Movement(sold=points, sales=Decimal(price), allocated=allocated(Decimal(price), points, terms), **more)


def _whole(*figures: Decimal | int) -> tuple[int, ...]:
    """Figures that must be whole, to be compared."""
    assert all(figure == int(figure) for figure in figures)
    return tuple(int(figure) for figure in figures)


def _life(periods: Sequence[tuple[Movement, Terms]], money: str = _MONEY) -> list[CurrencyBooks]:
    """The books of one period after the other; the last one is final."""
    found: list[CurrencyBooks] = []
    for place, (moved, terms) in enumerate(periods, 1):
        before = found[-1].standing if found else PortfolioPosition()
        found.append(kept("STAR", money, before, moved, terms, final=place == len(periods)))
    return found


def test_example_52_of_ifrs_15() -> None:
    first = kept("STAR", _MONEY, PortfolioPosition(), _sale("100000", 10_000, _terms("0.95"), redeemed=4_500), _terms("0.95"))
    assert _whole(100_000 - first.deferred, first.deferred) == (91_324, 8_676)
    assert _whole(first.revenue, first.deferred_liability, first.catch_up) == (4_110, 4_566, 0)
    second = kept("STAR", _MONEY, first.standing, Movement(redeemed=4_000), _terms("0.97"))
    assert _whole(second.deferred, second.revenue, second.deferred_liability) == (0, 3_493, 1_073)
    assert second.catch_up == 4_025 - 4_110, "what had been redeemed before is now a smaller part of what is expected"
    assert second.expected_breakage == 300


def test_breakage_is_what_is_earned_above_each_points_own_share() -> None:
    first = kept("STAR", _MONEY, PortfolioPosition(), _sale("100000", 10_000, _terms("0.95"), redeemed=4_500), _terms("0.95"))
    assert _whole(first.revenue - first.breakage, first.breakage) == (3_904, 206), "8,676 x 4,500 / 10,000, and the rest"
    last = kept("STAR", _MONEY, first.standing, Movement(redeemed=3_500, expired=2_000), _terms("0.95"))
    assert _whole(last.deferred_liability, last.standing.revenue, last.standing.breakage) == (0, 8_676, 1_735)


def test_when_no_point_is_left_all_is_earned_and_when_none_is_expected_too() -> None:
    sold = kept("STAR", _MONEY, PortfolioPosition(), _sale("1000", 100, _terms("0.9")), _terms("0.9"))
    assert _whole(sold.revenue, sold.deferred_liability) == _whole(0, sold.deferred)
    expired = kept("STAR", _MONEY, sold.standing, Movement(expired=100), _terms("0.9"))
    assert _whole(expired.revenue, expired.breakage, expired.deferred_liability) == _whole(sold.deferred, sold.deferred, 0)
    hopeless = kept("STAR", _MONEY, sold.standing, Movement(), _terms("0"))
    assert _whole(hopeless.revenue, hopeless.catch_up, hopeless.deferred_liability) == _whole(sold.deferred, sold.deferred, 0)


def test_a_return_takes_back_what_was_deferred_and_a_reversed_redemption_what_was_earned() -> None:
    terms = _terms("0.9")
    one = _sale("1000", 100, terms)
    first = kept("STAR", _MONEY, PortfolioPosition(), one + one + Movement(redeemed=90), terms)
    back = Movement(returned_sold=100, sales=Decimal(-1000), allocated=-one.allocated)
    second = kept("STAR", _MONEY, first.standing, back + Movement(redeemed=-90), terms)
    assert second.deferred == -82, "165 less 83: each figure is kept exactly, and rounded once"
    assert _whole(second.revenue, second.deferred_liability, second.standing.outstanding) == _whole(-first.revenue, 83, 100)
    assert all(line.debit >= 0 and line.credit >= 0 for each in second.entries for line in each.lines)


def test_points_given_without_a_sale_defer_nothing_and_are_provided_for_at_cost() -> None:
    terms = _terms("0.5", cost="0.8")
    sold = kept("STAR", _MONEY, PortfolioPosition(), _sale("1000", 100, terms, redeemed=40), terms)
    bonus = kept("STAR", _MONEY, sold.standing, Movement(given=60), terms)
    assert _whole(bonus.deferred, bonus.revenue, bonus.catch_up) == (0, 0, 0), "a bonus changes nothing of what was sold"
    assert bonus.standing.provision == 24, "60 points x 0.8 x one half"
    spent = kept("STAR", _MONEY, bonus.standing, Movement(redeemed=60), terms)
    assert (spent.standing.sold_redeemed, spent.standing.sold_outstanding) == (70, 30), "both kinds in proportion"
    assert spent.cost_of_rewards == 48


def test_more_redeemed_than_the_estimate_expects_is_told() -> None:
    terms = _terms("0.5")
    found = kept("STAR", _MONEY, PortfolioPosition(), _sale("1000", 100, terms, redeemed=60), terms)
    assert found.deferred_liability == 0
    assert "60 of 100 points sold are redeemed" in found.notes[0]
    assert kept("STAR", _MONEY, PortfolioPosition(), _sale("1000", 100, terms, redeemed=40), terms).notes == ()


_RATES = st.decimals(0, 1, places=3)


@st.composite
def _periods(draw: st.DrawFn, *, rates: bool = True) -> list[tuple[Movement, Terms]]:
    """A whole life: sales, gifts, returns, redemptions and expiries in any order; at its end nobody has a point any more."""
    outstanding, sold = 0, 0
    found = []
    rate = draw(_RATES)
    for _ in range(draw(st.integers(1, 8))):
        rate = draw(_RATES) if rates else rate
        terms = _terms(rate, value=draw(st.sampled_from(["1", "0.013"])), cost=draw(st.sampled_from(["0.8", "0.0071"])))
        moved = Movement(given=draw(st.integers(0, 500)))
        for price, points in draw(st.lists(st.tuples(st.decimals(0, 10_000, places=2), st.integers(1, 1000)), max_size=3)):
            moved = moved + (_sale(str(price), points, terms) if price else Movement(given=points))
        there = outstanding + moved.came
        redeemed = draw(st.integers(0, there))
        expired = draw(st.integers(0, there - redeemed))
        moved = moved + Movement(redeemed=redeemed, expired=expired)
        outstanding, sold = there - redeemed - expired, sold + moved.sold
        found.append((moved, terms))
    found.append((Movement(forfeited=outstanding), found[-1][1]))
    return found


@given(_periods(), st.sampled_from(["USD", "JPY", "KWD"]))
def test_every_entry_balances_and_the_periods_sum_to_what_stands(periods: list[tuple[Movement, Terms]], money: str) -> None:
    life = _life(periods, money)
    for each in life:
        assert sum(balances(each.entries).values(), Decimal(0)) == 0
    for flow, stock in (("deferred", "deferred"), ("revenue", "revenue"), ("cost_of_rewards", "cost_of_rewards")):
        assert sum(getattr(each, flow) for each in life) == getattr(life[-1].standing, stock)
    whole = balances(part for each in life for part in each.entries)
    end = life[-1].standing
    assert -whole.get("deferred_revenue", Decimal(0)) == end.deferred - end.revenue
    assert -whole.get("provision_for_points_given", Decimal(0)) == end.provision


@given(_periods())
def test_over_the_whole_life_all_that_was_deferred_is_earned_and_the_books_end_at_zero(
    periods: list[tuple[Movement, Terms]],
) -> None:
    life = _life(periods, "USD")
    assert sum(each.revenue for each in life) == sum(each.deferred for each in life)
    assert _whole(life[-1].deferred_liability, life[-1].standing.provision, life[-1].management_liability) == (0, 0, 0)
    assert all(0 <= each.deferred_liability <= each.standing.deferred for each in life)
    assert all(0 <= each.standing.breakage <= each.standing.revenue for each in life)


@given(_periods(), _RATES, _RATES)
def test_a_higher_estimate_never_earns_more_to_date_and_the_way_there_does_not_matter(
    periods: list[tuple[Movement, Terms]], one: Decimal, other: Decimal
) -> None:
    before = _life(periods)[-2].standing
    lower, higher = (kept("STAR", "USD", before, Movement(), _terms(rate)) for rate in sorted((one, other)))
    assert higher.standing.revenue <= lower.standing.revenue
    assert (lower.revenue, higher.revenue) == (lower.catch_up, higher.catch_up), "nothing moved: all of it is the estimate"
    there_and_back = kept("STAR", "USD", lower.standing, Movement(), _terms(max(one, other)))
    assert there_and_back.standing == higher.standing
    assert lower.revenue + there_and_back.revenue == higher.revenue


@given(_periods(rates=False))
def test_without_a_new_estimate_there_is_no_catch_up(periods: list[tuple[Movement, Terms]]) -> None:
    assert [each.catch_up for each in _life(periods)] == [0] * len(periods)


@given(_periods(rates=False))
def test_what_is_deferred_does_not_depend_on_how_the_time_is_cut(periods: list[tuple[Movement, Terms]]) -> None:
    terms = periods[-1][1]
    at_once = kept("STAR", "USD", PortfolioPosition(), sum((moved for moved, _ in periods), Movement()), terms, final=True)
    by_parts = _life(periods, "USD")[-1].standing
    assert (at_once.standing.deferred, at_once.standing.revenue) == (by_parts.deferred, by_parts.revenue)
    assert at_once.standing.outstanding == by_parts.outstanding == 0


def test_a_line_has_one_side_and_an_entry_two_equal_ones() -> None:
    for debit, credit in ((1, 1), (0, 0), (-1, 0)):
        with pytest.raises(ValidationError, match="a debit or a credit"):
            Line(account="deferred_revenue", debit=Decimal(debit), credit=Decimal(credit))
    lines = (Line(account="deferred_revenue", debit=Decimal(2)), Line(account="revenue_from_points", credit=Decimal(1)))
    with pytest.raises(ValidationError, match="the debits are not the credits"):
        Entry(text="wrong", lines=lines)
    assert entry("nothing", "deferred_revenue", "revenue_from_points", Decimal(0)) == ()
    (turned,) = entry("less than nothing", "deferred_revenue", "revenue_from_points", Decimal(-3))
    assert [(line.account, str(line.debit), str(line.credit)) for line in turned.lines] == [
        ("revenue_from_points", "3", "0"),
        ("deferred_revenue", "0", "3"),
    ]


def test_the_accounts_are_described_and_the_journal_is_told_line_by_line() -> None:
    assert all(len(account.description) > 20 for account in ACCOUNTS)
    one = kept("STAR", "USD", PortfolioPosition(), _sale("100000", 10_000, _terms("0.95"), redeemed=4_500), _terms("0.95"))
    books = Books(
        program="stars", period="2026-03", money="USD", starts_at=datetime(2026, 3, 1, tzinfo=UTC),
        ends_at=datetime(2026, 4, 1, tzinfo=UTC), status="open", currencies=(one,),
    )  # fmt: skip
    head, first, *_ = as_csv(books.lines()).splitlines()
    assert head == "period,status,currency,entry,text,account,account_name,debit,credit,money"
    text = "The part of the sales that belongs to points,revenue_from_sales,Revenue from sales,8675.80,0.00,USD"
    assert first == f"2026-03,open,STAR,2026-03/STAR/1,{text}"
    assert sum(Decimal(line["debit"]) - Decimal(line["credit"]) for line in books.lines()) == 0
    assert sum(books.balances().values()) == 0
    with pytest.raises(ValidationError, match="who closed a period"):
        books.model_validate(books.model_dump() | {"status": "closed"})


def test_periods_are_months_of_the_programs_own_zone() -> None:
    zone = ZoneInfo("America/New_York")
    assert starts("2026-03", zone) == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert ends("2026-03", zone) == datetime(2026, 4, 1, 4, tzinfo=UTC), "summer time has begun"
    assert period_of(datetime(2026, 4, 1, 3, 59, tzinfo=UTC), zone) == "2026-03"
    assert list(through("2025-11", "2026-02")) == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert list(through("2026-02", "2026-01")) == []


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]))
def test_every_instant_is_in_just_one_period(instant: datetime, name: str) -> None:
    zone, at = ZoneInfo(name), instant.replace(tzinfo=UTC)
    period = period_of(at, zone)
    assert starts(period, zone) <= at < ends(period, zone) == starts(following(period), zone)
    assert period_of(last_instant(period, zone), zone) == period
