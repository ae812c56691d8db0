"""Earning: rates by tier, one rounding by the named mode, and what counts towards tiers."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.definition import Definition
from domain.earning import Event, rate
from tests.domain.definitions import small

SMALL = small()
amounts = st.decimals(0, 10**6, places=2)


def _with_rules(*rules: dict[str, Any]) -> Definition:
    counters = [{"id": counts, "counts": counts} for counts in ("points", "amount", "events")]
    return small(earning=rules, counters=counters, tiers=[{"id": "blue", "name": "Blue"}, {"id": "gold", "name": "Gold"}])


def _purchase(amount: str) -> Event:
    return Event(type="purchase", amount=Decimal(amount))


def test_a_tier_earns_at_its_own_rate_and_others_at_the_rules() -> None:
    assert rate(SMALL, "blue", _purchase("10")).points == 20
    assert rate(SMALL, "gold", _purchase("10")).points == 30


@pytest.mark.parametrize(
    ("rounding", "points"), [("down", [0, 1, 2]), ("half_up", [1, 2, 3]), ("half_even", [0, 2, 2]), ("up", [1, 2, 3])]
)
def test_points_are_rounded_once_by_the_mode_that_the_rule_names(rounding: str, points: list[int]) -> None:
    definition = _with_rules({"id": "r", "event": "purchase", "rate": 1, "rounding": rounding})
    assert [rate(definition, "blue", _purchase(amount)).points for amount in ("0.5", "1.5", "2.5")] == points


def test_all_rules_for_the_event_add_up_and_are_named() -> None:
    definition = _with_rules(
        {"id": "base", "event": "purchase", "rate": 1},
        {"id": "large", "event": "purchase", "points": 50, "minimum_amount": 100},
        {"id": "review", "event": "review", "points": 5},
    )
    rating = rate(definition, "blue", _purchase("100"))
    assert (rating.points, rating.rules) == (150, ("base", "large"))
    assert rating.qualifying == {"points": 150, "amount": 10000, "events": 1}
    assert rate(definition, "blue", _purchase("99.99")).rules == ("base",)


def test_an_event_that_no_rule_takes_is_worth_and_counts_nothing() -> None:
    rating = rate(SMALL, "blue", Event(type="visit", amount=Decimal(5)))
    assert (rating.points, rating.rules, rating.qualifying) == (0, (), {})


def test_a_counter_with_nothing_to_add_is_left_out() -> None:
    assert rate(SMALL, "blue", _purchase("0")).qualifying == {"visits": 1}


def test_an_amount_finer_than_the_smallest_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="finer than the smallest unit"):
        rate(SMALL, "blue", _purchase("1.005"))


@pytest.mark.parametrize("amount", ["-0.01", "1000000000000.01", "NaN", "Infinity", "1e400"])
def test_an_impossible_amount_is_no_event(amount: str) -> None:
    with pytest.raises(ValidationError):
        _purchase(amount)


def test_the_largest_event_is_rated_exactly() -> None:
    definition = _with_rules({"id": "r", "event": "purchase", "rate": "999999.999999999"})
    assert rate(definition, "blue", _purchase("1000000000000")).points == 999999999999999000


@given(amounts, amounts, st.sampled_from(["down", "half_up", "half_even", "up"]))
def test_who_spends_more_never_earns_less(one: Decimal, other: Decimal, rounding: str) -> None:
    definition = _with_rules({"id": "r", "event": "purchase", "rate": "1.7", "rounding": rounding})
    low, high = sorted([one, other])
    assert rate(definition, "blue", Event(type="purchase", amount=low)).points <= (
        rate(definition, "blue", Event(type="purchase", amount=high)).points
    )


@given(amounts)
def test_a_higher_tier_never_earns_less(amount: Decimal) -> None:
    event = Event(type="purchase", amount=amount)
    assert rate(SMALL, "blue", event).points <= rate(SMALL, "gold", event).points
