"""A played member: lots expire, tiers end and points burn in the order in which they would in the live program."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.acceptance.playback import PlayedMember
from domain.points.earning import Event
from tests.domain.definitions import small

START = datetime(2025, 1, 1, 12, tzinfo=UTC)


def _purchase(amount: int) -> Event:
    return Event(type="purchase", amount=Decimal(amount))


def _day(month: int, day: int = 1, year: int = 2025) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def test_points_expire_when_due_and_not_before() -> None:
    member = PlayedMember(small(), START)
    member.post(_purchase(10), START)
    member.advance(_day(6, 30))
    assert (member.balance, member.expired) == (20, 0)
    member.advance(_day(7, 2))
    assert (member.balance, member.expired) == (0, 20)


def test_the_clock_stands_while_gaps_are_short_and_runs_after_a_long_one() -> None:
    member = PlayedMember(small(), START)
    member.post(_purchase(10), START)
    member.post(_purchase(10), _day(1, 31))
    member.advance(_day(7, 15))
    assert member.balance == 40, "the first lot's end moved by thirty days"
    member.advance(_day(8, 2))
    assert member.balance == 0


def test_a_long_gap_moves_nothing() -> None:
    member = PlayedMember(small(), START)
    member.post(_purchase(10), START)
    member.post(_purchase(10), _day(3))
    member.advance(_day(7, 2))
    assert member.balance == 20


def test_with_expiry_by_inactivity_any_activity_renews_every_lot() -> None:
    member = PlayedMember(small(expiry={"kind": "inactivity", "after": "P6M"}), START)
    member.post(_purchase(10), START)
    member.post(_purchase(10), _day(6))
    member.advance(_day(11))
    assert member.balance == 40
    member.advance(_day(12, 2))
    assert (member.balance, member.expired) == (0, 40)


def test_the_lots_that_expire_first_are_burned_first() -> None:
    member = PlayedMember(small(), START)
    member.post(_purchase(10), START)
    member.post(_purchase(10), _day(3))
    member.burn(20)
    member.advance(_day(7, 2))
    assert (member.balance, member.expired) == (20, 0)


def test_more_than_the_balance_cannot_be_burned() -> None:
    member = PlayedMember(small(), START)
    member.post(_purchase(10), START)
    with pytest.raises(ValueError, match="ask for less"):
        member.burn(21)
    assert member.balance == 20


def test_points_stop_expiring_in_an_exempt_tier_and_start_anew_on_leaving_it() -> None:
    member = PlayedMember(small(), START)
    for _ in range(5):
        member.post(_purchase(100), START)
    assert member.tier_status.tier == "gold"
    member.advance(_day(12, 31))
    assert (member.tier_status.tier, member.expired) == ("gold", 0)
    member.advance(_day(6, 30, 2026))
    assert (member.tier_status.tier, member.expired) == ("blue", 0), "everything was earned before the window"
    member.advance(_day(7, 2, 2026))
    assert member.balance == 0


def test_an_event_is_rated_in_the_tier_held_when_it_happens() -> None:
    member = PlayedMember(small(), START, "gold")
    assert member.post(_purchase(10), _day(12, 31)).points == 30
    assert member.post(_purchase(10), _day(1, 2, 2026)).points == 20


def test_an_event_that_no_rule_takes_is_no_activity() -> None:
    member = PlayedMember(small(), START)
    member.post(_purchase(10), START)
    member.post(Event(type="visit", amount=Decimal(0)), _day(1, 20))
    member.post(_purchase(10), _day(2, 10))
    member.advance(_day(7, 2))
    assert member.balance == 20


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 400), st.integers(0, 500)), max_size=30))
def test_no_point_is_lost_or_found(steps: list[tuple[int, int, int]]) -> None:
    member, at = PlayedMember(small(), START), START
    for days, amount, burn in steps:
        at = datetime.fromtimestamp(at.timestamp() + days * 86400, UTC)
        member.post(_purchase(amount), at)
        member.burn(min(burn, member.balance))
        assert member.balance == sum(lot.remaining for lot in member._lots)
        assert min(member.balance, member.expired, member.burned) >= 0
        assert all(lot.remaining > 0 and (lot.expires_at is None or lot.expires_at > at) for lot in member._lots)


def test_a_gap_of_just_the_written_length_still_stops_the_clock() -> None:
    expiry = {"kind": "after_earning", "after": "P180D", "unless_active_every": "P30D"}
    member = PlayedMember(small(expiry=expiry), START)
    member.post(_purchase(10), START)
    member.post(_purchase(10), START + timedelta(days=30))
    member.advance(START + timedelta(days=209))
    assert member.expired == 0
    late = PlayedMember(small(expiry=expiry), START)
    late.post(_purchase(10), START)
    late.post(_purchase(10), START + timedelta(days=30, microseconds=1))
    late.advance(START + timedelta(days=209))
    assert late.expired == 20


def test_a_tier_that_ends_before_a_lot_expires_is_reviewed_first() -> None:
    exempt = small(expiry={"kind": "after_earning", "after": "P6M", "exempt_tiers": ["silver"]})
    member = PlayedMember(exempt, START, "gold")
    member.post(_purchase(100), _day(12))
    member.advance(_day(9, 1, 2026))
    assert member.tier_status.tier == "silver"
    assert member.expired == 0, "the tier fell to one whose points never expire, months before the lot was due"
