"""Periods: calendar months in the program's zone, exact rests, and texts that read back."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.period import Period

LONDON = ZoneInfo("Europe/London")
NEW_YORK = ZoneInfo("America/New_York")
periods = st.builds(
    Period,
    months=st.integers(0, 600),
    rest=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9000)),
)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(periods)
def test_what_a_period_writes_it_reads_back(period: Period) -> None:
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("P12M", Period(12)),
        ("P1Y", Period(12)),
        ("P1Y2M3W4DT5H6M7.5S", Period(14, timedelta(weeks=3, days=4, hours=5, minutes=6, seconds=7.5))),
        ("PT0.000001S", Period(0, timedelta(microseconds=1))),
        (" P1D ", Period(0, timedelta(days=1))),
    ],
)
def test_iso_8601_durations_are_read(text: str, period: Period) -> None:
    assert Period.parse(text) == period


@pytest.mark.parametrize("text", ["", "P", "PT", "P1", "1D", "P-1D", "P1DT", "P1.5M", "30 days", "P1S", "p1d", "P1M1Y"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for instance P30D"):
        Period.parse(text)


@pytest.mark.parametrize("text", ["P101000Y", "P99999999999999999999D", "P9999W", "PT9999999999H", "P1500M"])
def test_more_than_a_hundred_years_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than a hundred years"):
        Period.parse(text)


def test_a_hundred_years_are_read() -> None:
    assert Period.parse("P100Y") == Period(1200)


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        ("2025-01-31T12:00Z", "P1M", "2025-02-28T12:00Z"),
        ("2024-01-31T12:00Z", "P1M", "2024-02-29T12:00Z"),
        ("2024-02-29T12:00Z", "P1Y", "2025-02-28T12:00Z"),
        ("2025-12-31T12:00Z", "P2M", "2026-02-28T12:00Z"),
        ("2025-01-31T12:00Z", "P1M1D", "2025-03-01T12:00Z"),
    ],
)
def test_months_end_on_a_day_that_the_month_has(start: str, period: str, end: str) -> None:
    assert Period.parse(period).after(datetime.fromisoformat(start), LONDON) == datetime.fromisoformat(end)


def test_a_month_back_from_the_end_of_march_is_the_end_of_february() -> None:
    assert Period(1).before(datetime(2025, 3, 31, 12, tzinfo=UTC), LONDON) == datetime(2025, 2, 28, 13, tzinfo=UTC)


def test_months_keep_the_local_hour_across_a_change_of_the_clock() -> None:
    before_summer = datetime(2025, 3, 15, 9, tzinfo=UTC)
    assert Period(1).after(before_summer, LONDON) == datetime(2025, 4, 15, 8, tzinfo=UTC)


def test_months_that_end_in_the_hour_that_is_left_out_end_after_it() -> None:
    local = datetime(2025, 2, 9, 2, 30, tzinfo=NEW_YORK)
    assert Period(1).after(local.astimezone(UTC), NEW_YORK) == datetime(2025, 3, 9, 7, 30, tzinfo=UTC)


def test_the_second_of_two_equal_hours_too_ends_after_an_hour_that_is_left_out() -> None:
    half_past_one_again = datetime(2023, 10, 29, 1, 30, tzinfo=UTC)  # London's clocks showed 01:30 an hour before as well
    assert Period(29).after(half_past_one_again, LONDON) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert Period(43).before(half_past_one_again, LONDON) == datetime(2020, 3, 29, 1, 30, tzinfo=UTC)


def test_of_two_equal_hours_the_one_that_it_was_is_kept() -> None:
    for hour in (0, 1):
        then = datetime(2020, 10, 25, hour, 30, tzinfo=UTC)  # 01:30 in London, and 01:30 again
        assert Period(72).after(then, LONDON) == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


def test_the_day_of_the_month_is_that_of_the_programs_zone() -> None:
    still_january_in_new_york = datetime(2025, 2, 1, 3, tzinfo=UTC)
    assert Period(1).after(still_january_in_new_york, NEW_YORK) == datetime(2025, 3, 1, 3, tzinfo=UTC)
    assert Period(1).after(still_january_in_new_york, LONDON) == datetime(2025, 3, 1, 3, tzinfo=UTC)
    the_31st_in_new_york_the_1st_in_london = datetime(2025, 4, 1, 2, tzinfo=UTC)
    assert Period(1).after(the_31st_in_new_york_the_1st_in_london, NEW_YORK) == datetime(2025, 5, 1, 2, tzinfo=UTC)


def test_a_day_is_twenty_four_hours_whatever_the_clock_does() -> None:
    start = datetime(2025, 3, 29, 12, tzinfo=UTC)
    assert Period.parse("P1D").after(start, LONDON) - start == timedelta(hours=24)


@pytest.mark.parametrize("zone", [LONDON, timezone(timedelta(hours=14))])
def test_the_rest_is_exact_whatever_zone_the_instant_is_written_in(zone: tzinfo) -> None:
    start = datetime(2025, 3, 29, 12, tzinfo=UTC)  # the clocks of London go forward in the night
    for period, exact in (("P1D", timedelta(hours=24)), ("P1M1D", timedelta(days=32)), ("PT13H", timedelta(hours=13))):
        ended = Period.parse(period).after(start.astimezone(zone), NEW_YORK)
        assert (ended.tzinfo, ended.astimezone(UTC) - start) == (zone, exact)
        assert Period.parse(period).before(ended, NEW_YORK).astimezone(UTC) == start


@given(instants, periods)
def test_after_never_goes_back_and_before_never_forward(instant: datetime, period: Period) -> None:
    assert period.after(instant, LONDON) >= instant
    assert period.before(instant, LONDON) <= instant


@given(instants, periods, periods)
def test_a_later_start_never_ends_earlier_but_for_the_hour_of_a_clock_change(
    instant: datetime, gap: Period, period: Period
) -> None:
    later = gap.after(instant, LONDON)
    assert period.after(later, LONDON) >= period.after(instant, LONDON) - timedelta(hours=1)


@given(instants, st.timedeltas(timedelta(0), timedelta(days=3650)))
def test_without_months_before_undoes_after(instant: datetime, rest: timedelta) -> None:
    assert Period(0, rest).before(Period(0, rest).after(instant, LONDON), LONDON) == instant


@given(periods, st.floats(0.5, 1e6))
def test_scaling_divides_the_length(period: Period, factor: float) -> None:
    assert abs(period.scaled(factor).approximate() - period.approximate() / factor) <= timedelta(microseconds=1)


def test_only_nothing_is_falsy() -> None:
    assert not Period()
    assert Period(1)
    assert Period(0, timedelta(microseconds=1))


def test_models_read_and_write_periods_as_texts() -> None:
    adapter = TypeAdapter(Period)
    assert adapter.validate_python("P6M") == Period(6)
    assert adapter.validate_python(Period(6)) == Period(6)
    assert adapter.dump_json(Period(6)) == b'"P6M"'
    assert adapter.json_schema()["format"] == "duration"
    with pytest.raises(ValidationError, match="write an ISO 8601 duration"):
        adapter.validate_python(30)
