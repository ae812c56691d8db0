"""When a program's recurring processes fall due: months and years by the calendar, other periods by exact multiples.

A calendar Schedule of Temporal matches its fields literally: one for day 31 skips every shorter month, and one for an hour that
a clock change skips or repeats fires never or twice. Therefore the day is the 28th at the latest, and the time six in the
morning, when no zone changes its clocks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from domain.period import Period

HOUR = 6
LAST_DAY = 28
LONGEST_MONTHS = 120
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_INSTANT = timedelta(microseconds=1)


class Grid(Protocol):
    """Numbered instants, each later than the one before."""

    def at(self, number: int) -> datetime:
        """The instant with this number, in UTC."""

    def last(self, until: datetime) -> int:
        """The number of the last instant that is not after `until`."""


@dataclass(frozen=True)
class Recurrence:
    """A recurrence with one period from an anchor on, the launch: its first instant (number 1) is one period after that."""

    every: Period
    anchor: datetime
    zone: ZoneInfo
    """The program's time zone, in which it is six in the morning."""
    launched_in: ZoneInfo | None = None
    """The zone of the anchor's day, if it is another one: an amended zone moves the hour, not the day."""

    @property
    def follows_calendar(self) -> bool:
        """Whether its period is in months or years that a calendar Schedule can express."""
        return bool(self.every.months) and not self.every.rest and is_calendar(self.every.months)

    @property
    def launched_on(self) -> date:
        """The day of the launch, in the program's zone of then."""
        return self.anchor.astimezone(self.launched_in or self.zone).date()

    @property
    def day(self) -> int:
        """The day of the month on which it falls due: that of the launch, or the 28th, whichever is earlier."""
        return min(self.launched_on.day, LAST_DAY)

    @property
    def interval(self) -> timedelta:
        """Its period as exact time; a month is a twelfth of the mean year."""
        return in_whole_seconds(self.every)

    @property
    def description(self) -> str:
        """When in its period it falls due, for people."""
        return f"on day {self.day} at {HOUR:02}:00 {self.zone.key}" if self.follows_calendar else "counted from the launch"

    def at(self, number: int) -> datetime:
        """The instant with this number (1 is the first), in UTC."""
        if not self.follows_calendar:
            return self.anchor.astimezone(UTC).replace(microsecond=0) + number * self.interval
        anchor = self.launched_on
        year, month = divmod(anchor.year * 12 + anchor.month - 1 + number * self.every.months, 12)
        return datetime(year, month + 1, self.day, HOUR, tzinfo=self.zone).astimezone(UTC)

    def last(self, until: datetime) -> int:
        """The number of the last instant that is not after `until`; 0 if there is none."""
        if not self.follows_calendar:
            return max(0, (until - self.at(0)) // self.interval)
        anchor, local = self.launched_on, until.astimezone(self.zone)
        number = ((local.year - anchor.year) * 12 + local.month - anchor.month) // self.every.months
        return max(0, number if self.at(number) <= until else number - 1)


@dataclass(frozen=True)
class MeanGrid:
    """The instants of the Schedules before they followed the calendar: whole multiples of the period counted from 1970, where a
    month is a twelfth of the mean year."""

    every: Period

    @property
    def interval(self) -> timedelta:
        """The period as exact time, in whole seconds as Temporal counted it."""
        return in_whole_seconds(self.every)

    @property
    def description(self) -> str:
        """When in its period it falls due, for people."""
        return "counted from 1970; the next start of a worker changes that"

    def at(self, number: int) -> datetime:
        """The instant with this number, counted from 1970."""
        return _EPOCH + number * self.interval

    def last(self, until: datetime) -> int:
        """The number of the last instant that is not after `until`."""
        return (until - _EPOCH) // self.interval


@dataclass(frozen=True)
class Stretch:
    """The instants of a grid within [since, until]: such as the evaluations of a program while one revision was in force."""

    grid: Grid
    since: datetime
    until: datetime

    def count(self) -> int:
        """The number of instants, without listing them."""
        return max(0, self.grid.last(self.until) - self.grid.last(self.since - _INSTANT))

    def instants(self) -> Sequence[datetime]:
        """All instants, in order."""
        first = self.grid.last(self.since - _INSTANT) + 1
        return [self.grid.at(number) for number in range(first, first + self.count())]


def in_whole_seconds(every: Period) -> timedelta:
    """A period as exact time in whole seconds, as Schedules count, and at least one second."""
    return max(_SECOND, every.approximate() // _SECOND * _SECOND)


class Rule(NamedTuple):
    """The period by the definition in force from an instant on, in that definition's zone."""

    since: datetime
    every: Period
    zone: ZoneInfo


def stretches(
    rules: Sequence[Rule], launched_at: datetime, calendar_since: datetime | None, since: datetime, until: datetime
) -> Iterator[Stretch]:
    """The instants due in [since, until]: by each of the rules (in the order of their instants) while it is in force, and
    before `calendar_since` on the former grid; None: the program does not follow the calendar yet."""
    ends = [*(following.since - _INSTANT for _, following in pairwise(rules)), until]
    for rule, superseded in zip(rules, ends, strict=True):
        begin, end = max(since, rule.since), min(until, superseded)
        change = min(calendar_since or until + _INSTANT, end + _INSTANT)
        yield Stretch(MeanGrid(rule.every), begin, change - _INSTANT)
        yield Stretch(Recurrence(rule.every, launched_at, rule.zone, rules[0].zone), max(begin, change), end)


def is_calendar(months: int) -> bool:
    """Whether this number of months falls on the same months of each year, or on the same month of some years: ten years at
    most, because Temporal's calendars end in 2100."""
    return 12 % months == 0 or (months % 12 == 0 and months <= LONGEST_MONTHS)


def changes_over(former: MeanGrid, following: Recurrence, now: datetime) -> datetime:
    """When a program that was evaluated on the former grid changes to the following one, which holds from then on.

    It changes at once, but not in a calendar month (or a half of a period of days) that has been evaluated already. Nothing
    falls due on the former grid between now and then.
    """
    number = former.last(now)
    last = former.at(number)
    if not following.follows_calendar:
        return max(now, last + former.interval / 2)
    local = last.astimezone(following.zone)
    months = local.year * 12 + local.month
    next_month = datetime(months // 12, months % 12 + 1, 1, tzinfo=following.zone).astimezone(UTC)
    return max(now, min(next_month, former.at(number + 1)))
