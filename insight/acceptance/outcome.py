"""The outcome of a simulation before its valuation: each member's final figures, and the sums of each month."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.acceptance.prototype import MemberOutcomes
from domain.definition.document import Definition
from domain.window import Cycle

_MONTH = Cycle.read("month")
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Months:
    """The months of a log in the program's zone: their names, and their first instants with the one after the last."""

    names: tuple[str, ...]
    begins: tuple[datetime, ...]

    @classmethod
    def between(cls, start: datetime, end: datetime, zone: ZoneInfo) -> "Months":
        """Return the months from the start's to the end's."""
        names, begins = [], [_MONTH.begin(start, zone)]
        while begins[-1] <= end:
            names.append(f"{begins[-1].astimezone(zone):%Y-%m}")
            begins.append(_MONTH.end(begins[-1], zone))
        return cls(tuple(names), tuple(begins))

    def number(self, at: datetime) -> int:
        """Return the number (from 0) of an instant's month."""
        return bisect_right(self.begins, at) - 1

    def __len__(self) -> int:
        return len(self.names)


@dataclass
class Outcome:
    """Members in the order of `customers`, tiers by rank, whole points; by month: money in smallest units, tiers at its end."""

    customers: Sequence[str]
    tiers: Sequence[int]
    issued: Sequence[int]
    burned: Sequence[int]
    expired: Sequence[int]
    months: Months
    transactions: Sequence[int]
    money: Sequence[int]
    issued_in: Sequence[int]
    burned_in: Sequence[int]
    expired_in: Sequence[int]
    tiers_at_end: Sequence[Sequence[int]]
    """For each month, the number of members in each tier."""
    start: datetime
    end: datetime

    def members(self, definition: Definition) -> MemberOutcomes:
        names = [tier.id for tier in definition.tiers]
        return MemberOutcomes(
            customer=tuple(self.customers),
            tier=tuple(names[rank] for rank in self.tiers),
            issued=tuple(self.issued),
            burned=tuple(self.burned),
            expired=tuple(self.expired),
        )
