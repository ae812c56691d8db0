"""What recurs: by the calendar for months and years, as exact time otherwise; nothing is lost or doubled where spans meet."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.period import Period
from domain.recurrence import MeanGrid, Recurrence, Rule, Stretch, changes_over, stretches

NEW_YORK = ZoneInfo("America/New_York")
AUGUST = datetime(2026, 8, 31, 14, 30, 5, 250_000, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu"])
lengths = st.sampled_from(["P1M", "P2M", "P3M", "P4M", "P6M", "P1Y", "P2Y", "P5Y", "P5M", "P1M10D", "P7D", "P1DT1H", "PT0.1S"])
recurrences = st.builds(Recurrence, lengths.map(Period.parse), instants, zones.map(ZoneInfo))


def first_due(every: str, launched_at: datetime, zone: ZoneInfo, many: int) -> list[str]:
    recurrence = Recurrence(Period.parse(every), launched_at, zone)
    return [recurrence.at(number).astimezone(zone).isoformat() for number in range(1, many + 1)]


def test_a_launch_on_the_31st_falls_due_on_the_28th_at_six_whatever_the_clocks_do() -> None:
    assert first_due("P1M", datetime(2026, 1, 31, 14, 30, tzinfo=UTC), NEW_YORK, 3) == [
        "2026-02-28T06:00:00-05:00",
        "2026-03-28T06:00:00-04:00",
        "2026-04-28T06:00:00-04:00",
    ]


def test_the_day_is_the_one_in_the_programs_own_zone() -> None:
    late_evening = datetime(2026, 6, 16, 2, 30, tzinfo=UTC)
    assert first_due("P3M", late_evening, NEW_YORK, 2) == ["2026-09-15T06:00:00-04:00", "2026-12-15T06:00:00-05:00"]
    assert first_due("P3M", late_evening, ZoneInfo("Pacific/Apia"), 1) == ["2026-09-16T06:00:00+13:00"]


def test_years_fall_due_in_the_month_of_the_launch() -> None:
    leap_day = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert first_due("P1Y", leap_day, NEW_YORK, 2) == ["2029-02-28T06:00:00-05:00", "2030-02-28T06:00:00-05:00"]
    assert first_due("P2Y", leap_day, NEW_YORK, 2) == ["2030-02-28T06:00:00-05:00", "2032-02-28T06:00:00-05:00"]


def test_days_and_hours_are_counted_from_the_launch_in_whole_seconds() -> None:
    assert first_due("P7D", AUGUST, ZoneInfo("UTC"), 2) == ["2026-09-07T14:30:05+00:00", "2026-09-14T14:30:05+00:00"]
    assert first_due("PT2.5S", AUGUST, ZoneInfo("UTC"), 2) == ["2026-08-31T14:30:07+00:00", "2026-08-31T14:30:09+00:00"]
    assert first_due("PT0.1S", AUGUST, ZoneInfo("UTC"), 1) == ["2026-08-31T14:30:06+00:00"]


@pytest.mark.parametrize("every", ["P5M", "P18M", "P1M10D", "P80Y"])
def test_a_period_that_a_stored_revision_has_and_no_calendar_can_express_is_exact_time(every: str) -> None:
    recurrence = Recurrence(Period.parse(every), AUGUST, NEW_YORK)
    assert not recurrence.follows_calendar
    assert recurrence.at(1) - recurrence.at(0) == recurrence.interval == recurrence.every.approximate()


def test_nothing_falls_due_before_one_period_has_passed() -> None:
    for every in ("P1M", "P7D"):
        recurrence = Recurrence(Period.parse(every), AUGUST, NEW_YORK)
        assert recurrence.last(AUGUST + timedelta(days=6)) == 0
        assert Stretch(recurrence, AUGUST - timedelta(days=700), AUGUST + timedelta(days=6)).instants() == []


@given(recurrences, st.integers(1, 400))
def test_the_last_instant_not_after_one_is_found_by_its_number(recurrence: Recurrence, number: int) -> None:
    at = recurrence.at(number)
    assert at.microsecond == 0
    assert (recurrence.last(at), recurrence.last(at - INSTANT)) == (number, number - 1)
    assert recurrence.at(number - 1) < at


@given(recurrences, st.integers(0, 3000), st.integers(0, 1000), st.integers(0, 1000))
def test_stretches_that_meet_have_each_instant_once(recurrence: Recurrence, after: int, first: int, second: int) -> None:
    unit = min(recurrence.interval, timedelta(days=1))
    since = recurrence.anchor + after * unit
    middle, until = since + first * unit, since + (first + second) * unit
    whole = Stretch(recurrence, since, until)
    parts = Stretch(recurrence, since, middle), Stretch(recurrence, middle + INSTANT, until)
    assert whole.instants() == [*parts[0].instants(), *parts[1].instants()]
    assert len(whole.instants()) == whole.count()
    assert all(since <= at <= until for at in whole.instants())


def test_a_stretch_that_is_turned_round_has_nothing() -> None:
    turned = Stretch(MeanGrid(Period.parse("P1D")), AUGUST, AUGUST - timedelta(days=30))
    assert (turned.count(), turned.instants()) == (0, [])


def test_before_the_calendar_a_month_was_a_twelfth_of_the_mean_year_counted_from_1970() -> None:
    found = Stretch(MeanGrid(Period.parse("P1M")), datetime(2026, 9, 15, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC))
    assert found.instants() == [datetime(2026, 10, 1, 12, 17, 6, tzinfo=UTC)]


@given(recurrences, instants)
def test_no_month_and_no_half_of_a_period_of_days_is_evaluated_on_both_grids(following: Recurrence, now: datetime) -> None:
    former = MeanGrid(following.every)
    last = former.at(former.last(now))
    change = changes_over(former, following, now)
    assert change >= now
    assert former.last(change - INSTANT) <= former.last(now)
    if following.follows_calendar:
        first = following.at(following.last(change - INSTANT) + 1)
        assert (first.astimezone(following.zone).month, first.year) != (last.astimezone(following.zone).month, last.year)
    else:
        assert change - last >= former.interval / 2


def test_a_program_that_was_evaluated_on_the_first_is_evaluated_in_the_middle_of_the_next_month() -> None:
    former, launched_at = MeanGrid(Period.parse("P1M")), datetime(2025, 3, 15, 12, tzinfo=UTC)
    following = Recurrence(former.every, launched_at, NEW_YORK)
    october = datetime(2026, 10, 12, tzinfo=UTC)
    assert former.at(former.last(october)) == datetime(2026, 10, 1, 12, 17, 6, tzinfo=UTC)
    change = changes_over(former, following, october)
    assert following.at(following.last(change) + 1) == datetime(2026, 11, 15, 11, tzinfo=UTC)


def test_the_former_grid_counts_in_whole_seconds_as_temporal_did() -> None:
    former = MeanGrid(Period.parse("PT120.96S"))
    assert former.at(former.last(datetime(2026, 12, 1, 12, 3, tzinfo=UTC))) == datetime(2026, 12, 1, 12, 2, tzinfo=UTC)


def test_an_amended_zone_moves_the_hour_and_not_the_day_of_the_launch() -> None:
    launched_at, utc = datetime(2026, 8, 1, 2, tzinfo=UTC), ZoneInfo("UTC")  # still July in New York
    amended = Recurrence(Period.parse("P3M"), launched_at, NEW_YORK, launched_in=utc)
    assert amended.at(1) == datetime(2026, 11, 1, 11, tzinfo=UTC)
    rules = [Rule(launched_at, amended.every, utc), Rule(datetime(2026, 10, 30, tzinfo=UTC), amended.every, NEW_YORK)]
    due = stretches(rules, launched_at, launched_at, launched_at, datetime(2027, 2, 28, tzinfo=UTC))
    assert [f"{at:%m-%d %H}" for stretch in due for at in stretch.instants()] == ["11-01 11", "02-01 11"]


def test_each_revision_is_evaluated_as_often_as_it_says_and_the_calendar_begins_where_the_former_grid_ends() -> None:
    launched_at = datetime(2026, 1, 15, 10, tzinfo=UTC)
    rules = [
        Rule(launched_at, Period.parse("P1M"), NEW_YORK),
        Rule(datetime(2026, 7, 1, tzinfo=UTC), Period.parse("P3M"), NEW_YORK),
    ]
    until = datetime(2026, 12, 31, tzinfo=UTC)

    def due(calendar_since: datetime | None) -> list[str]:
        found = list(stretches(rules, launched_at, calendar_since, launched_at, until))
        return [f"{at:%m-%d %H:%M}" for stretch in found for at in stretch.instants()]

    calendar = ["02-15 11:00", "03-15 10:00", "04-15 10:00", "05-15 10:00", "06-15 10:00", "07-15 10:00", "10-15 10:00"]
    former = ["01-31 00:24", "03-02 10:53", "04-01 21:22", "05-02 07:51", "06-01 18:20", "07-02 04:49", "10-01 12:17"]
    assert due(launched_at) == calendar
    assert due(None) == former
    assert due(datetime(2026, 4, 10, tzinfo=UTC)) == [*former[:3], *calendar[2:]]


@given(st.lists(instants, min_size=1, max_size=5, unique=True), instants, instants, st.integers(0, 4000))
def test_no_instant_is_listed_twice_or_out_of_order(
    since: list[datetime], change: datetime, begin: datetime, days: int
) -> None:
    rules = [
        Rule(at, Period.parse(every), NEW_YORK)
        for at, every in zip(sorted(since), ["P1M", "P7D", "P1Y", "P3M", "P5M"], strict=False)
    ]
    found = list(stretches(rules, min(since), change, begin, begin + timedelta(days=days)))
    listed = [at for stretch in found for at in stretch.instants()]
    assert all(earlier < later for earlier, later in pairwise(listed))
    assert sum(stretch.count() for stretch in found) == len(listed)
