"""Earning: rates by tier, one rounding by the named mode, and what counts towards tiers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.definition.conditions import UnratableEvent
from domain.definition.document import Definition
from domain.definition.reading.file import read_definition
from domain.points.earning import Event, capped, event_types, rate
from tests.domain.definitions import small

SMALL = small()
INSTANT = timedelta(microseconds=1)
EXAMPLES = Path(__file__).parents[3] / "examples"
REACH = {"all": [{"counter": "spend", "at_least": 10}]}
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


def _stay(amount: str = "100", **attributes: str | bool | Decimal) -> Event:
    return Event(type="purchase", amount=Decimal(amount), attributes=attributes)


def test_a_rule_fires_where_its_conditions_hold() -> None:
    own = {"id": "own", "event": "purchase", "points": 5, "when": [{"attribute": "carrier", "is": "BA"}]}
    definition = _with_rules({"id": "base", "event": "purchase", "rate": 1}, own)
    assert rate(definition, "blue", _stay(carrier="BA")).rules == ("base", "own")
    assert rate(definition, "blue", _stay(carrier="QR")).rules == ("base",)


def test_a_rate_can_be_for_an_attribute() -> None:
    definition = _with_rules({"id": "nights", "event": "purchase", "rate": 500, "per": "nights"})
    assert rate(definition, "blue", _stay(nights=Decimal(3))).points == 1500
    with pytest.raises(UnratableEvent, match="'nights' is missing"):
        rate(definition, "blue", _stay())


def test_a_thousand_dollars_as_gold_bring_eighteen_thousand_points_of_which_ten_count() -> None:
    definition = _with_rules({"id": "stay", "event": "purchase", "rate": 10, "tier_bonus": {"gold": 80}})
    rating = rate(definition, "gold", _stay("1000"))
    assert (rating.points, rating.qualifying["points"]) == (18000, 10000)
    assert rate(definition, "blue", _stay("1000")).points == 10000


def test_a_bonus_counts_where_its_rule_says_so_and_is_rounded_for_itself() -> None:
    rule = {"id": "r", "event": "purchase", "rate": 1, "tier_bonus": {"gold": 50}, "bonus_counts": True}
    rating = rate(_with_rules(rule | {"rounding": "half_up"}), "gold", _stay("3"))
    assert (rating.points, rating.qualifying["points"]) == (5, 5)
    assert rate(_with_rules(rule), "gold", _stay("3")).points == 4


def test_points_that_do_not_count_feed_no_counter_that_takes_all_earning() -> None:
    definition = _with_rules({"id": "r", "event": "purchase", "points": 7, "counts": False})
    rating = rate(definition, "blue", _stay())
    assert (rating.points, rating.qualifying, rating.taken) == (7, {}, True)


def test_a_rule_for_a_time_holds_from_its_first_day_until_its_last_in_the_programs_zone() -> None:
    definition = _with_rules({"id": "r", "event": "purchase", "points": 7, "from": "2026-04-01", "until": "2026-05-01"})
    begins, ends = datetime(2026, 3, 31, 23, tzinfo=UTC), datetime(2026, 4, 30, 23, tzinfo=UTC)
    worth = [rate(definition, "blue", _stay(), at=at).points for at in (begins - INSTANT, begins, ends - INSTANT, ends)]
    assert worth == [0, 7, 7, 0]
    with pytest.raises(ValueError, match="say when the event happened"):
        rate(definition, "blue", _stay())


@pytest.mark.parametrize(("already", "points"), [(0, 150), (100, 50), (150, 0), (200, 0)])
def test_a_cap_leaves_what_is_not_given_yet_and_the_bonus_goes_first(already: int, points: int) -> None:
    rule = {"id": "r", "event": "purchase", "rate": 1, "tier_bonus": {"gold": 100}, "cap": {"points": 150, "per": "month"}}
    rating = rate(_with_rules(rule), "gold", _stay(), already={"cap/r": already})
    assert (rating.points, rating.rules) == (points, ("r",))
    assert rating.qualifying.get("points", 0) == min(points, 100)
    assert rating.qualifying.get("cap/r", 0) == points


def test_the_caps_that_look_back_say_since_when() -> None:
    rule = {"id": "r", "event": "purchase", "rate": 1, "cap": {"points": 150, "per": "month"}}
    definition = _with_rules(rule, rule | {"id": "e", "cap": {"points": 1, "per": "event"}})
    (found,) = capped(definition, "purchase", datetime(2026, 4, 15, tzinfo=UTC))
    assert (found.counter, found.span.since) == ("cap/r", datetime(2026, 3, 31, 23, tzinfo=UTC) - INSTANT)
    assert capped(definition, "visit", datetime(2026, 4, 15, tzinfo=UTC)) == ()
    assert rate(definition, "blue", _stay()).points == 101


def test_an_event_with_points_that_wait_waits_whole() -> None:
    waits = {"id": "r", "event": "purchase", "points": 7, "pending": True}
    definition = _with_rules({"id": "base", "event": "purchase", "rate": 1}, waits)
    rating = rate(definition, "blue", _stay())
    assert (rating.points, rating.pending) == (107, True)


def test_a_counter_takes_its_own_events_and_conditions_without_any_rule() -> None:
    counters = [
        {"id": "nights", "counts": "attribute", "attribute": "nights", "events": ["stay"]},
        {"id": "own", "counts": "amount", "events": ["stay"], "when": [{"attribute": "own", "is": True}]},
    ]
    definition = small(counters=counters, tiers=[{"id": "blue", "name": "Blue"}])
    rating = rate(definition, "blue", Event(type="stay", amount=Decimal(5), attributes={"nights": Decimal(2), "own": True}))
    assert (rating.points, rating.qualifying, rating.taken) == (0, {"nights": 2, "own": 500}, True)
    assert event_types(definition) == {"purchase", "stay"}
    assert not rate(definition, "blue", Event(type="stay", amount=Decimal(5))).taken


def test_a_member_of_a_tier_that_was_replaced_earns_as_in_its_successor() -> None:
    tiers = [{"id": "blue", "name": "Blue"}, {"id": "plus", "name": "Plus", "replaces": ["gold"], "reach": REACH}]
    rule = {"id": "r", "event": "purchase", "rate": 1, "tier_rates": {"plus": 3}}
    assert rate(small(tiers=tiers, earning=[rule]), "gold", _stay()).points == 300


def test_rating_an_event_takes_little_time() -> None:
    """The bound is ten times what it takes on an idle machine, so that a busy one does not fail."""
    definition = read_definition((EXAMPLES / "hilton-honors-2026.yaml").read_bytes())
    assert isinstance(definition, Definition)
    event = Event(type="stay", amount=Decimal("123.45"), attributes={"nights": Decimal(2), "brand": "hampton"})
    started = process_time()
    for _ in range(1000):
        rate(definition, "gold", event)
    assert (process_time() - started) / 1000 < 300e-6
