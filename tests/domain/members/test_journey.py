"""A member's journey: when silence has come, when an offer is due, and when to look for it again."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.members.journey import Silence, journey_stage, silence
from domain.period import Period
from tests.domain.definitions import small

SMALL = small()  # silent after P90D, an offer at most once in P1Y
ACTIVE = datetime(2026, 1, 10, 12, tzinfo=UTC)
SILENT = ACTIVE + timedelta(days=90)

days = st.integers(0, 1500).map(lambda number: timedelta(days=number))


def test_who_was_active_lately_is_looked_at_when_silence_would_come() -> None:
    at = SILENT - timedelta(seconds=1)
    assert silence(SMALL, ACTIVE, None, at) == Silence(has_come=False, offer_due=False, look_at=SILENT)


def test_the_offer_is_due_with_the_silence() -> None:
    found = silence(SMALL, ACTIVE, None, SILENT)
    assert (found.has_come, found.offer_due) == (True, True)
    assert found.look_at == datetime(2027, 4, 10, 12, tzinfo=UTC)


def test_within_a_year_of_the_last_offer_there_is_none() -> None:
    last = SILENT
    again = datetime(2027, 4, 10, 12, tzinfo=UTC)
    assert silence(SMALL, ACTIVE, last, again - timedelta(days=1)) == Silence(has_come=True, offer_due=False, look_at=again)
    assert silence(SMALL, ACTIVE, last, again).offer_due


def test_a_program_without_retention_never_looks() -> None:
    quiet = small(retention=None)
    assert silence(quiet, ACTIVE, None, SILENT) == Silence(has_come=False, offer_due=False, look_at=None)


@given(days, st.none() | days, days)
def test_the_next_look_lies_ahead(active: timedelta, offered: timedelta | None, at: timedelta) -> None:
    now = ACTIVE + at
    found = silence(SMALL, ACTIVE + active, ACTIVE + offered if offered is not None else None, now)
    assert found.look_at is not None
    assert found.look_at > now
    assert found.has_come or not found.offer_due


@given(st.lists(days, max_size=8), st.integers(1, 40))
def test_whoever_is_looked_at_as_told_gets_at_most_one_offer_a_year(purchases: list[timedelta], looks: int) -> None:
    at, last_offer, offers = ACTIVE, None, []
    for _ in range(looks):
        last_activity = max((ACTIVE + each for each in purchases if ACTIVE + each <= at), default=ACTIVE)
        found = silence(SMALL, last_activity, last_offer, at)
        if found.offer_due:
            last_offer = at
            offers.append(at)
        assert found.look_at is not None
        at = found.look_at
    a_year = Period.parse("P1Y")
    assert all(later >= a_year.after(earlier, SMALL.zone) for earlier, later in pairwise(offers))


def test_the_stage_tells_activity_and_silence() -> None:
    assert journey_stage(has_activity=False, silent=False) == "onboarding"
    assert journey_stage(has_activity=True, silent=False) == "using"
    assert journey_stage(has_activity=True, silent=True) == "lapsing"
    assert journey_stage(has_activity=False, silent=True) == "lapsing"
