"""When what recurs falls due: at whole multiples of its interval, counted from 1970, as Temporal's Schedules count."""

from datetime import UTC, datetime, timedelta

from domain.period import Period

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORTEST = timedelta(seconds=1)
"""Schedules count in whole seconds."""


def interval(every: Period) -> timedelta:
    """How often, as exact time."""
    return max(SHORTEST, every.approximate())


def count_due(every: Period, since: datetime, until: datetime) -> int:
    """How often it falls due in [since, until]."""
    first, last = _first(every, since), (until - _EPOCH) // interval(every)
    return max(0, last - first + 1)


def due(every: Period, since: datetime, until: datetime) -> list[datetime]:
    """The instants at which it falls due in [since, until]."""
    first = _first(every, since)
    return [_EPOCH + (first + number) * interval(every) for number in range(count_due(every, since, until))]


def _first(every: Period, since: datetime) -> int:
    return -((_EPOCH - since) // interval(every))
