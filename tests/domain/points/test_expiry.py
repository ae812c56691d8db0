"""Expiry: when lots expire, whose never do, and what activity and a change of tier do to them."""

from datetime import UTC, datetime

from domain.period import Period
from domain.points.expiry import clock_stands_within, lot_expiry, renews_lots, tier_change_reschedules
from tests.domain.definitions import small

AUGUST = datetime(2025, 8, 31, 12, tzinfo=UTC)


def test_points_expire_so_long_after_they_were_earned() -> None:
    assert lot_expiry(small(), "blue", AUGUST) == datetime(2026, 2, 28, 13, tzinfo=UTC)


def test_points_of_exempt_tiers_never_expire() -> None:
    assert lot_expiry(small(), "gold", AUGUST) is None


def test_where_nothing_expires_no_lot_has_an_end() -> None:
    never = small(expiry={"kind": "never"})
    assert lot_expiry(never, "blue", AUGUST) is None
    assert clock_stands_within(never) is None
    assert not tier_change_reschedules(never, "blue", "gold")


def test_the_clock_stands_still_only_where_the_definition_says_so() -> None:
    assert clock_stands_within(small()) == Period(1)
    assert clock_stands_within(small(expiry={"kind": "after_earning", "after": "P6M"})) is None
    assert clock_stands_within(small(expiry={"kind": "inactivity", "after": "P6M"})) is None


def test_only_expiry_by_inactivity_renews_lots() -> None:
    assert renews_lots(small(expiry={"kind": "inactivity", "after": "P24M"}))
    assert not renews_lots(small())


def test_only_a_change_into_or_out_of_an_exempt_tier_reschedules() -> None:
    assert tier_change_reschedules(small(), "silver", "gold")
    assert tier_change_reschedules(small(), "gold", "blue")
    assert not tier_change_reschedules(small(), "blue", "silver")
