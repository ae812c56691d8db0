"""Tiers: up at once, kept or down at the end of the validity, and nothing changed by looking twice."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition import scaled
from domain.tiers import Standing, Watch, joined, placed, review, watches, window_start
from tests.domain.definitions import small

SMALL = small()
START = datetime(2025, 1, 31, 12, tzinfo=UTC)
standings = st.builds(
    Standing,
    tier=st.sampled_from(["blue", "silver", "gold"]),
    since=st.just(START),
    until=st.one_of(st.none(), st.datetimes(datetime(2025, 2, 1), datetime(2027, 1, 1), timezones=st.just(UTC))),
)
counters = st.fixed_dictionaries({"spend": st.integers(0, 60000), "visits": st.integers(0, 7)})
instants = st.datetimes(datetime(2025, 2, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def test_who_joins_has_the_first_tier_without_end() -> None:
    assert joined(SMALL, START) == Standing(tier="blue", since=START, until=None)


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
    assert outcome.standing == Standing(tier="silver", since=START, until=datetime(2027, 1, 31, 12, tzinfo=UTC))


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


@given(standings, counters, instants)
def test_looking_again_at_the_same_instant_changes_nothing(standing: Standing, counted: dict[str, int], at: datetime) -> None:
    once = review(SMALL, standing, counted, at).standing
    assert review(SMALL, once, counted, at).standing == once
    assert review(SMALL, once, counted, at).change == "none"


@given(standings, counters, counters, instants)
def test_who_did_more_never_stands_lower(standing: Standing, one: dict[str, int], more: dict[str, int], at: datetime) -> None:
    both = {counter: one[counter] + more[counter] for counter in one}
    low, high = (review(SMALL, standing, counted, at).standing.tier for counted in (one, both))
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
    standing = placed(SMALL, tier, START)
    settled = review(SMALL, standing, before, START).standing
    crossed = [w for w in watches(SMALL, settled.tier, START) if before[w.counter] < w.at_least <= after[w.counter]]
    if review(SMALL, settled, after, START).change == "upgrade":
        assert crossed


def test_an_unknown_tier_is_an_error() -> None:
    with pytest.raises(KeyError):
        review(SMALL, Standing(tier="platinum", since=START, until=None), {}, START)
