"""Windows: program years, quarters, the member's own years, rolling and for life, each as the ledger sums it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.period import Period
from domain.window import ORIGIN, Cycle, Moment, Window

LONDON = ZoneInfo("Europe/London")
instants = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("P1Y", "rolling"),
        ({"year_from": "04-01"}, "fixed"),
        ({"every": "P3M", "from": "2026-01-01"}, "fixed"),
        ("anniversary", "anniversary"),
        ({"every": "P6M", "from": "joining"}, "anniversary"),
        ("lifetime", "lifetime"),
    ],
)
def test_a_window_is_written_as_it_was_read(written: Any, kind: str) -> None:
    window = Window.read(written)
    assert window.written() == written
    assert window.kind == kind


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"year_from": "02-30"}, "no day of every year"),
        ({"year_from": "April"}, "write month and day"),
        ({"every": "P1M5D", "from": "2026-01-01"}, "mixes months with days"),
        ({"every": "P3M"}, "every and from"),
        ({"every": "P3M", "from": "soon"}, "is no day"),
        ({"every": "P0D", "from": "2026-01-01"}, "zero"),
        ("P0D", "zero"),
        ("yearly", "ISO 8601"),
        (12, "no window"),
    ],
)
def test_a_window_that_is_none_is_told(written: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Window.read(written)


def test_a_program_year_begins_at_midnight_of_its_day_in_the_programs_zone() -> None:
    span = Window.read({"year_from": "04-01"}).span(datetime(2026, 2, 1, tzinfo=UTC), LONDON)
    assert span.since == datetime(2025, 3, 31, 23, tzinfo=UTC) - INSTANT
    assert span.until == datetime(2026, 3, 31, 23, tzinfo=UTC) - INSTANT


def test_a_members_own_year_begins_when_they_joined() -> None:
    joined = datetime(2024, 2, 29, 8, tzinfo=UTC)
    span = Window.read("anniversary").span(datetime(2025, 3, 1, tzinfo=UTC), LONDON, joined)
    assert span.since == datetime(2025, 2, 28, 8, tzinfo=UTC) - INSTANT
    with pytest.raises(ValueError, match="say when they joined"):
        Window.read("anniversary").span(joined, LONDON)


@given(instants, st.sampled_from(["day", "month", "quarter", "year"]))
def test_every_instant_is_in_just_one_span_of_a_cycle(at: datetime, word: str) -> None:
    cycle = Cycle.read(word)
    begin, end = cycle.begin(at, LONDON), cycle.end(at, LONDON)
    assert begin <= at < end
    assert cycle.end(begin, LONDON) == end
    assert cycle.begin(end, LONDON) == end
    assert begin.astimezone(LONDON).time() == datetime.min.time()


def test_a_day_has_an_hour_less_when_the_clocks_go_forward() -> None:
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    day = Cycle.read("day")
    assert day.end(noon, LONDON) - day.begin(noon, LONDON) == timedelta(hours=23)


@given(instants, st.floats(1, 1e6))
def test_a_window_played_faster_is_as_much_shorter_and_nearer(at: datetime, factor: float) -> None:
    played = Window.read({"every": "P3M", "from": "2026-01-01"}).scaled(factor, LONDON)
    assert played.length == Period.parse("P3M").scaled(factor)
    assert isinstance(played.starts, Moment)
    distance = datetime(2026, 1, 1, tzinfo=UTC) - ORIGIN
    assert abs(played.starts.at(LONDON) - ORIGIN - distance / factor) <= INSTANT


def test_a_day_ends_with_its_last_instant_in_the_zone_and_an_instant_with_itself() -> None:
    zone = ZoneInfo("America/New_York")
    # On that day the clocks go forward: it has 23 hours.
    day = Moment.parse("2026-03-08")
    assert day.end(zone) == datetime(2026, 3, 9, 3, 59, 59, 999_999, tzinfo=UTC)
    assert day.end(zone) - day.at(zone) == timedelta(hours=23) - timedelta(microseconds=1)
    instant = Moment.parse("2026-03-08T12:00:00Z")
    assert instant.end(zone) == instant.at(zone)
