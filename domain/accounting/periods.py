"""Accounting periods: the calendar months of a program's own time zone, by their names (`2026-03`)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import StringConstraints

PeriodName = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{3}-(0[1-9]|1[0-2])$")]
"""A month as `2026-03`. Names sort like the months."""


def period_of(instant: datetime, zone: ZoneInfo) -> str:
    """The period that an instant falls into."""
    return f"{instant.astimezone(zone):%Y-%m}"


def starts(period: str, zone: ZoneInfo) -> datetime:
    """The first instant of a period, in UTC."""
    year, month = (int(part) for part in period.split("-"))
    return datetime(year, month, 1, tzinfo=zone).astimezone(UTC)


def ends(period: str, zone: ZoneInfo) -> datetime:
    """The first instant after the period."""
    return starts(following(period), zone)


def last_instant(period: str, zone: ZoneInfo) -> datetime:
    """The last instant of a period, at the resolution of a microsecond."""
    return ends(period, zone) - timedelta(microseconds=1)


def following(period: str) -> str:
    """The period after this one."""
    year, month = (int(part) for part in period.split("-"))
    return f"{year + month // 12:04}-{month % 12 + 1:02}"


def through(first: str, last: str) -> Iterator[str]:
    """The periods from one to another, both included; none if the last comes before the first."""
    while first <= last:
        yield first
        first = following(first)
