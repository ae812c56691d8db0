"""What recurs: at the instants of Temporal's Schedules, none of them lost or doubled where spans meet."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.period import Period
from domain.recurrence import count_due, due, interval

instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
lengths = st.sampled_from(["P1M", "P3M", "P1Y", "P7D", "P1DT1H"]).map(Period.parse)


def test_a_month_is_a_twelfth_of_the_mean_year_counted_from_1970() -> None:
    first, second = due(Period.parse("P1M"), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    assert second - first == timedelta(seconds=2_629_746)
    assert (first - datetime(1970, 1, 1, tzinfo=UTC)) % (second - first) == timedelta()


def test_nothing_is_due_more_often_than_each_second() -> None:
    assert interval(Period.parse("PT0.1S")) == timedelta(seconds=1)


def test_both_ends_belong_to_the_span_and_a_span_turned_round_has_none() -> None:
    day = datetime(2026, 3, 1, tzinfo=UTC)
    assert due(Period.parse("P1D"), day, day + timedelta(days=1)) == [day, day + timedelta(days=1)]
    assert due(Period.parse("P1D"), day, day - timedelta(days=1)) == []


@given(lengths, instants, st.integers(0, 2000), st.integers(0, 2000))
def test_spans_that_meet_have_each_instant_once(every: Period, since: datetime, first: int, second: int) -> None:
    middle, until = since + timedelta(days=first), since + timedelta(days=first + second)
    whole = due(every, since, until)
    assert whole == due(every, since, middle) + due(every, middle + timedelta(microseconds=1), until)
    assert len(whole) == count_due(every, since, until)
    assert all(since <= at <= until for at in whole)
