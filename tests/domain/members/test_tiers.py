"""Tiers: up at once, kept or down at the end of the validity, and nothing changed by looking twice."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition.document import Definition, scaled
from domain.members.tiers import (
    GrandfatheredRevision,
    TierStatus,
    Watch,
    asks_time_held,
    earlier_spans,
    held,
    joined,
    milestones,
    next_review_at,
    placed,
    review,
    spans,
    watches,
    window_start,
)
from tests.domain.definitions import small

SMALL = small()
START = datetime(2025, 1, 31, 12, tzinfo=UTC)
tier_statuses = st.builds(
    TierStatus,
    tier=st.sampled_from(["blue", "silver", "gold"]),
    since=st.just(START),
    until=st.one_of(st.none(), st.datetimes(datetime(2025, 2, 1), datetime(2027, 1, 1), timezones=st.just(UTC))),
)
counters = st.fixed_dictionaries({"spend": st.integers(0, 60000), "visits": st.integers(0, 7)})
instants = st.datetimes(datetime(2025, 2, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def test_who_joins_has_the_first_tier_without_end() -> None:
    assert joined(SMALL, START) == TierStatus(tier="blue", since=START, until=None)


@pytest.mark.parametrize(
    ("counted", "tier"),
    [
        ({}, "blue"),
        ({"spend": 9999, "visits": 4}, "blue"),
        ({"spend": 10000}, "silver"),
        ({"visits": 5}, "silver"),
        ({"spend": 50000, "visits": 4}, "silver"),
        ({"spend": 50000, "visits": 5}, "gold"),
    ],
)
def test_the_highest_tier_whose_condition_is_met_is_reached_at_once(counted: dict[str, int], tier: str) -> None:
    assert review(SMALL, joined(SMALL, START), counted, START).standing.tier == tier


def test_an_upgrade_begins_a_new_validity() -> None:
    outcome = review(SMALL, joined(SMALL, START), {"spend": 10000}, START + timedelta(days=1))
    assert outcome.change == "upgrade"
    assert outcome.standing.since == START + timedelta(days=1)
    assert outcome.standing.until == datetime(2026, 2, 1, 12, tzinfo=UTC)


def test_before_the_end_of_the_validity_nothing_is_lost() -> None:
    gold = placed(SMALL, "gold", START)
    assert gold.until is not None
    assert review(SMALL, gold, {}, gold.until - timedelta(microseconds=1)).change == "none"


def test_at_the_end_who_meets_keep_stays_for_another_validity_from_the_old_end() -> None:
    silver = placed(SMALL, "silver", START)
    outcome = review(SMALL, silver, {"spend": 5000}, datetime(2026, 2, 3, tzinfo=UTC))
    assert outcome.change == "renewal"
    assert outcome.standing == TierStatus(tier="silver", since=START, until=datetime(2027, 1, 31, 12, tzinfo=UTC))


def test_a_review_that_comes_years_late_ends_in_the_future() -> None:
    silver = placed(SMALL, "silver", START)
    late = datetime(2029, 6, 1, tzinfo=UTC)
    assert review(SMALL, silver, {"spend": 5000}, late).standing.until == datetime(2030, 1, 31, 12, tzinfo=UTC)
    played = scaled(SMALL, 1e6)
    quick = placed(played, "silver", START)
    renewed = review(played, quick, {"spend": 5000}, late).standing.until
    assert renewed is not None
    assert late < renewed <= late + played.tiers[1].valid_for.approximate()  # type: ignore[union-attr]


def test_who_does_not_keep_a_tier_falls_to_what_was_earned_not_to_the_bottom() -> None:
    gold = placed(SMALL, "gold", START)
    assert gold.until is not None
    outcome = review(SMALL, gold, {"spend": 10000}, gold.until)
    assert outcome.change == "downgrade"
    assert outcome.standing == placed(SMALL, "silver", gold.until)


def test_who_earned_nothing_falls_to_the_first_tier() -> None:
    gold = placed(SMALL, "gold", START)
    assert gold.until is not None
    assert review(SMALL, gold, {}, gold.until).standing == joined(SMALL, gold.until)


def test_who_meets_reach_keeps_the_tier_though_keep_is_written_otherwise() -> None:
    silver = placed(SMALL, "silver", START)
    assert silver.until is not None
    assert review(SMALL, silver, {"visits": 5}, silver.until).change == "renewal"


@given(tier_statuses, counters, instants)
def test_looking_again_at_the_same_instant_changes_nothing(
    tier_status: TierStatus, counted: dict[str, int], at: datetime
) -> None:
    first = review(SMALL, tier_status, counted, at).standing
    assert review(SMALL, first, counted, at).standing == first
    assert review(SMALL, first, counted, at).change == "none"


@given(tier_statuses, counters, counters, instants)
def test_who_did_more_never_stands_lower(
    tier_status: TierStatus, one: dict[str, int], more: dict[str, int], at: datetime
) -> None:
    both = {counter: one[counter] + more[counter] for counter in one}
    low, high = (review(SMALL, tier_status, counted, at).standing.tier for counted in (one, both))
    assert SMALL.tier_rank(low) <= SMALL.tier_rank(high)


def test_the_window_is_counted_in_the_programs_own_months() -> None:
    assert window_start(SMALL, datetime(2025, 4, 15, 8, tzinfo=UTC)) == datetime(2024, 4, 15, 8, tzinfo=UTC)


def test_the_thresholds_of_all_tiers_above_are_watched_in_smallest_units() -> None:
    since = window_start(SMALL, START)
    assert watches(SMALL, "blue", START) == (
        Watch(counter="spend", since=since, at_least=10000),
        Watch(counter="spend", since=since, at_least=50000),
        Watch(counter="visits", since=since, at_least=5),
    )
    assert [watch.at_least for watch in watches(SMALL, "silver", START)] == [50000, 5]
    assert watches(SMALL, "gold", START) == ()


@given(st.sampled_from(["blue", "silver", "gold"]), counters, counters)
def test_no_upgrade_happens_without_a_crossed_watch(tier: str, before: dict[str, int], more: dict[str, int]) -> None:
    after = {counter: before[counter] + more[counter] for counter in before}
    tier_status = placed(SMALL, tier, START)
    settled = review(SMALL, tier_status, before, START).standing
    crossed = [w for w in watches(SMALL, settled.tier, START) if before[w.counter] < w.at_least <= after[w.counter]]
    if review(SMALL, settled, after, START).change == "upgrade":
        assert crossed


def test_an_unknown_tier_is_an_error() -> None:
    with pytest.raises(KeyError):
        review(SMALL, TierStatus(tier="platinum", since=START, until=None), {}, START)


YEAR = {"year_from": "01-01"}
VALID = {"valid": {"further_windows": 1, "grace": "P2M"}}


def _hotel(**changes: Any) -> Definition:
    """Tiers by nights in a calendar year, to the end of February after the next one."""
    nights = {"id": "nights", "counts": "attribute", "attribute": "nights", "events": ["stay"]}
    ever = nights | {"id": "ever", "window": "lifetime"}
    levels = [{"id": "member", "name": "Member"}, _level("silver", 10), _level("gold", 25), _level("platinum", 50)]
    return small(**({"counters": [nights, ever], "qualification_window": YEAR, "tiers": levels, "expiry": {}} | changes))


def _level(name: str, nights: int, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "reach": {"all": [{"counter": "nights", "at_least": nights}]}} | VALID | more


def _london(year: int, month: int, day: int = 1, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=ZoneInfo("Europe/London")).astimezone(UTC)


def test_a_tier_of_january_lasts_to_the_end_of_february_two_years_later() -> None:
    gold = review(_hotel(), joined(_hotel(), _london(2025, 1)), {"nights": 25}, _london(2025, 1, 20), earlier={})
    assert (gold.change, gold.standing.tier, gold.standing.until) == ("upgrade", "gold", _london(2027, 3))


def test_meeting_it_again_in_the_next_year_moves_the_end_at_once() -> None:
    gold = placed(_hotel(), "gold", _london(2025, 1, 20))
    again = review(_hotel(), gold, {"nights": 25}, _london(2026, 5), earlier={"nights": 25})
    assert (again.change, again.standing.until, again.standing.since) == ("renewal", _london(2028, 3), gold.since)
    assert review(_hotel(), again.standing, {"nights": 30}, _london(2026, 6), earlier={"nights": 25}).change == "none"


def test_an_event_of_last_year_that_came_late_counts_for_last_year() -> None:
    member = joined(_hotel(), _london(2025, 1))
    late = review(_hotel(), member, {"nights": 0}, _london(2026, 1, 10), earlier={"nights": 25})
    assert (late.standing.tier, late.standing.until) == ("gold", _london(2027, 3))
    assert review(_hotel(), member, {}, _london(2026, 1, 10), earlier={"nights": 25}, earlier_raises=False).change == "none"


def test_who_falls_lands_on_what_last_year_earned_to_the_end_of_that() -> None:
    gold = placed(_hotel(), "gold", _london(2025, 1, 20))
    assert gold.until is not None
    fallen = review(_hotel(), gold, {"nights": 1}, gold.until, earlier={"nights": 12}, earlier_raises=False)
    assert (fallen.change, fallen.standing.tier, fallen.standing.until) == ("downgrade", "silver", _london(2028, 3))
    assert review(_hotel(), gold, {}, gold.until, earlier={"nights": 9}).standing == joined(_hotel(), gold.until)


def test_a_soft_landing_is_by_one_tier_and_for_no_longer_than_the_year() -> None:
    soft = _hotel(downgrade={"to": "one_tier"})
    platinum = placed(soft, "platinum", _london(2025, 1, 20))
    assert platinum.until is not None
    fallen = review(soft, platinum, {}, platinum.until, earlier={}).standing
    assert (fallen.tier, fallen.until) == ("gold", _london(2028, 3))
    assert fallen.until is not None
    assert review(soft, fallen, {}, fallen.until, earlier={}).standing.tier == "silver"


def test_a_grace_comes_on_top_of_the_validity() -> None:
    definition = small(downgrade={"grace": "P1M"})
    assert placed(definition, "silver", START).until == datetime(2026, 2, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("counted", "tier"),
    [
        ({"nights": 80, "spend": 1800000}, "reserve"),
        ({"stays": 40, "spend": 1800000}, "reserve"),
        ({"nights": 79, "stays": 39, "spend": 1800000}, "blue"),
        ({"nights": 80, "stays": 40, "spend": 1799999}, "blue"),
    ],
)
def test_groups_within_groups(counted: dict[str, int], tier: str) -> None:
    either = {"any": [{"counter": "nights", "at_least": 80}, {"counter": "stays", "at_least": 40}]}
    reach = {"all": [either, {"counter": "spend", "at_least": 18000}]}
    counters = [{"id": name, "counts": "events"} for name in ("nights", "stays")] + [{"id": "spend", "counts": "amount"}]
    levels = [{"id": "blue", "name": "Blue"}, {"id": "reserve", "name": "Reserve", "reach": reach}]
    definition = small(counters=counters, tiers=levels, expiry={})
    assert review(definition, joined(definition, START), counted, START).standing.tier == tier
    assert [watch.counter for watch in watches(definition, "blue", START)] == ["nights", "spend", "stays"]


LIFE = {"all": [{"counter": "ever", "at_least": 400}, {"held": "gold", "at_least": "P7Y"}]}


def _with_life() -> Definition:
    gold = _level("gold", 25, lifetime=LIFE)
    return _hotel(tiers=[{"id": "member", "name": "Member"}, _level("silver", 10), gold, _level("platinum", 50)])


def test_a_tier_for_life_asks_for_nights_and_years_and_is_never_lost() -> None:
    definition, since = _with_life(), _london(2025, 1, 20)
    platinum = placed(definition, "platinum", since)
    assert platinum.until is not None
    seven = {"gold": _london(2032, 1, 20) - since}
    almost = {"gold": seven["gold"] - timedelta(microseconds=1)}
    at = platinum.until
    assert review(definition, platinum, {"ever": 400}, at, held=seven).standing == TierStatus(tier="gold", since=at, until=None)
    assert review(definition, platinum, {"ever": 399}, at, held=seven).standing.tier == "member"
    exact = _london(2032, 1, 20)
    gold = TierStatus(tier="gold", since=since, until=_london(2033, 3))
    assert review(definition, gold, {"ever": 400}, exact, held=seven).standing.until is None
    assert review(definition, gold, {"ever": 400}, exact - timedelta(microseconds=1), held=almost).standing == gold
    assert review(definition, joined(definition, at), {"ever": 400}, at, held=seven).change == "upgrade"


def test_time_held_is_that_of_the_tier_or_one_above_and_says_when_to_look() -> None:
    definition, since = _with_life(), _london(2025, 1, 20)
    stays = [("member", _london(2025, 1)), ("gold", since), ("platinum", _london(2026, 1)), ("silver", _london(2028, 1))]
    at = _london(2029, 1)
    found = held(definition, stays, at)
    assert found["gold"] == _london(2028, 1) - since
    assert found["platinum"] == timedelta(days=730)
    assert found["member"] == at - _london(2025, 1)
    assert asks_time_held(definition)
    gold = TierStatus(tier="gold", since=since, until=None)
    assert next_review_at(definition, gold, {"gold": timedelta()}, since) == _london(2032, 1, 20)
    assert next_review_at(definition, joined(definition, since), {}, since) is None


def test_the_tiers_own_figure_is_watched_as_long_as_it_moves_the_end() -> None:
    definition, at = _hotel(), _london(2026, 5)
    figures = [watch.at_least for watch in watches(definition, "gold", at, until=_london(2027, 3))]
    assert figures == [25, 50]
    assert [watch.at_least for watch in watches(definition, "gold", at, until=_london(2028, 3))] == [50]
    assert watches(definition, "gold", at)[0].since == _london(2026, 1) - timedelta(microseconds=1)


def test_a_member_takes_the_tier_that_replaced_theirs() -> None:
    levels = [{"id": "member", "name": "Member"}, _level("plus", 10, replaces=["silver", "gold"])]
    definition = _hotel(tiers=levels)
    old = TierStatus(tier="gold", since=START, until=_london(2027, 3))
    outcome = review(definition, old, {}, _london(2026, 1), amended=True)
    assert (outcome.change, outcome.standing) == ("transition", old.model_copy(update={"tier": "plus"}))
    assert watches(definition, "gold", START) == watches(definition, "plus", START)


def test_an_amendment_lets_members_keep_their_tier_or_looks_at_once() -> None:
    old = TierStatus(tier="gold", since=START, until=_london(2027, 3))
    at = _london(2026, 6)
    assert review(_hotel(), old, {"nights": 12}, at, earlier={}, amended=True).standing == old
    strict = _hotel(transition="at_once")
    fallen = review(strict, old, {"nights": 12}, at, earlier={}, amended=True)
    assert (fallen.change, fallen.standing.tier) == ("downgrade", "silver")
    kept = review(strict, old, {"nights": 25}, at, earlier={}, amended=True)
    assert (kept.change, kept.standing) == ("transition", TierStatus(tier="gold", since=at, until=_london(2028, 3)))
    assert review(strict, kept.standing, {}, at, earlier={}).change == "none"


def _left_to_holders(
    nights: int, *, silver: int = 10, gold: int = 40, platinum: int = 80
) -> tuple[Definition, GrandfatheredRevision]:
    """An amendment that leaves tiers to their holders, and what the old conditions see: so many nights in the year before."""
    levels = [{"id": "member", "name": "Member"}, _level("silver", silver), _level("gold", gold), _level("platinum", platinum)]
    return _hotel(tiers=levels, transition="grandfather"), GrandfatheredRevision(_hotel(), "gold", {}, {"nights": nights})


GOLD = TierStatus(tier="gold", since=START, until=_london(2027, 3))


@pytest.mark.parametrize(
    ("nights", "change", "tier", "until"),
    [
        (9, "downgrade", "member", None),
        (24, "downgrade", "silver", _london(2028, 3)),
        (25, "renewal", "gold", _london(2028, 3)),
        (60, "renewal", "gold", _london(2028, 3)),
        (80, "upgrade", "platinum", _london(2028, 3)),
    ],
    ids=["lost", "falls", "kept by the old", "risen by the old alone", "risen by the new"],
)
def test_a_tier_left_to_its_holders_is_kept_by_its_old_conditions(
    nights: int, change: str, tier: str, until: datetime | None
) -> None:
    """Gold needed 25 nights and needs 40 now, platinum 50 and 80: who stays and who rises, at the end of the validity."""
    definition, grandfathered = _left_to_holders(nights)
    at = _london(2027, 3)
    found = review(definition, GOLD, {}, at, earlier={"nights": nights}, amended=True, grandfathered=grandfathered)
    assert (found.change, found.standing.tier, found.standing.until) == (change, tier, until)
    assert found.standing.since == (GOLD.since if change == "renewal" else at)
    left = grandfathered if change == "renewal" else None
    again = review(definition, found.standing, {}, at, earlier={"nights": nights}, amended=True, grandfathered=left)
    assert again.change == "none"


def test_without_being_left_to_its_holders_the_same_tier_is_lost() -> None:
    definition, _ = _left_to_holders(25)
    found = review(definition, GOLD, {}, _london(2027, 3), earlier={"nights": 25}, amended=True)
    assert (found.change, found.standing.tier) == ("downgrade", "silver")


def test_a_tier_left_to_its_holders_is_theirs_until_its_end_whatever_they_do() -> None:
    definition, grandfathered = _left_to_holders(0)
    found = review(definition, GOLD, {}, _london(2027, 2), earlier={}, amended=True, grandfathered=grandfathered)
    assert (found.change, found.standing) == ("none", GOLD)


def test_who_loses_a_tier_by_the_old_conditions_and_has_it_by_the_new_ones_goes_over_to_those() -> None:
    definition, grandfathered = _left_to_holders(16, silver=5, gold=15)
    at = _london(2027, 3)
    found = review(definition, GOLD, {}, at, earlier={"nights": 16}, amended=True, grandfathered=grandfathered)
    assert (found.change, found.standing) == ("transition", TierStatus(tier="gold", since=at, until=_london(2028, 3)))


def test_a_tier_left_to_its_holders_is_not_looked_at_at_once_by_a_later_revision_that_leaves_it_alone() -> None:
    definition, grandfathered = _left_to_holders(0)
    later = definition.model_copy(update={"transition": "at_once"})
    found = review(later, GOLD, {}, _london(2026, 6), earlier={}, amended=True, grandfathered=grandfathered)
    assert (found.change, found.standing) == ("none", GOLD)


def test_a_milestone_is_reached_once_in_each_window() -> None:
    definition = _hotel(milestones=[{"id": "m", "counter": "nights", "at": 5, "points": 100}])
    at = _london(2026, 6)
    now, before = (_london(year, 1) - timedelta(microseconds=1) for year in (2026, 2025))
    assert [each.window for each in milestones(definition, {"nights": 5}, {"nights": 7}, at)] == [now, before]
    assert milestones(definition, {"nights": 4}, None, at) == ()
    assert 5 in [watch.at_least for watch in watches(definition, "platinum", at)]


def test_each_counter_is_summed_over_its_own_window() -> None:
    at = _london(2026, 6)
    found, before = spans(_hotel(), at), earlier_spans(_hotel(), at)
    assert before is not None
    assert found["nights"].until == found["ever"].until == at
    assert found["nights"].since == before["nights"].until
    assert before["nights"].since == _london(2025, 1) - timedelta(microseconds=1)
    assert before["ever"] == found["ever"]
    assert earlier_spans(SMALL, at) is None
