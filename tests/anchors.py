"""Instants for tests that must pass on any day, at any hour, in any zone.

Tests about the past of a program take `AT`, or count in exact time from it. Tests that the API compares with its own now take
instants relative to that, in exact time (`timedelta`), and expect nothing that the calendar decides: no number of months or
days, no date. Where a date of today is what a test is about, `within_one_day` keeps midnight out of it.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, tzinfo
from typing import TypeVar

AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
"""An ordinary morning in the past: no clock changes on that day or beside it, and no month ends."""
ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
"""From long before to long after whatever day it is, for what must be valid."""

_T = TypeVar("_T")


async def within_one_day(zone: tzinfo, act: Callable[[date], Awaitable[_T]]) -> tuple[date, _T]:
    """The day that it is in the zone, and what `act` gave on it; it acts again where midnight came while it did."""
    while True:
        today = datetime.now(zone).date()
        found = await act(today)
        if datetime.now(zone).date() == today:
            return today, found
