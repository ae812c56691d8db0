"""The simulation of a log member by member, by the live program's own functions, up to the log's last event.

Every customer joins at their first event. Redemption is a model, since a log of purchases has none: a member redeems the
definition's `burn_share` of all points ever earned, in whole rewards of the cheapest kind for their tier, each as soon as that
share and the balance suffice for it. So no member redeems more than the share, and points too few for a reward stay, or expire.
Not simulated: offers to silent members, members who leave, and purchases that the program itself causes.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from domain.acceptance.playback import PlayedMember
from domain.definition.cache import cached_per_definition
from domain.definition.document import Definition
from domain.money import exponent
from domain.points.earning import Event
from insight.acceptance.event_log import ATTRIBUTE, EventLog, UnusableLog
from insight.acceptance.outcome import INSTANT, Months, Outcome

_ORDINARY = ("customer", "at", "money", "event")
Posting = tuple[datetime, Event]


class _Book:
    """The sums of each month over the members, who are played one after the other."""

    def __init__(self, definition: Definition, months: Months) -> None:
        self.months = months
        self.issued, self.burned, self.expired = ([0] * len(months) for _ in range(3))
        self.tiers = [[0] * len(definition.tiers) for _ in range(len(months))]
        self._ranks = {tier.id: rank for rank, tier in enumerate(definition.tiers)}
        self._noted = (0, 0, 0)

    def begin(self) -> None:
        """Begin the next member."""
        self._noted = (0, 0, 0)

    def note(self, member: PlayedMember, month: int) -> None:
        """Add to this month the member's points since the last note."""
        now = (member.issued, member.burned, member.expired)
        if now != self._noted:
            for column, total, before in zip((self.issued, self.burned, self.expired), now, self._noted, strict=True):
                column[month] += total - before
            self._noted = now

    def close(self, member: PlayedMember, month: int) -> None:
        """Close a month: note its points, and the member's tier at its end."""
        self.note(member, month)
        self.tiers[month][self._ranks[member.tier_status.tier]] += 1

    def advance(self, member: PlayedMember, month: int, to: int) -> None:
        """Let time pass to the beginning of a later month, and close each month on the way."""
        for number in range(month, to):
            member.advance(self.months.begins[number + 1] - INSTANT)
            self.close(member, number)


def play(definition: Definition, log: EventLog) -> Outcome:
    """Play every member. Raises UnusableLog for an event that the rules cannot rate."""
    at = log.frame["at"]
    start, end = at.min(), at.max()
    assert isinstance(start, datetime)
    assert isinstance(end, datetime)
    months = Months.between(start, end, definition.zone)
    book = _Book(definition, months)
    ranks = {tier.id: rank for rank, tier in enumerate(definition.tiers)}
    customers: list[str] = []
    ends: list[tuple[int, int, int, int]] = []
    for customer, postings in _members(definition, log):
        member = _play(definition, customer, postings, book, end)
        customers.append(customer)
        ends.append((ranks[member.tier_status.tier], member.issued, member.burned, member.expired))
    tiers, issued, burned, expired = (list(column) for column in zip(*ends, strict=True))
    transactions, money = by_month(log.frame, months)
    return Outcome(
        customers=customers,
        tiers=tiers,
        issued=issued,
        burned=burned,
        expired=expired,
        months=months,
        transactions=transactions,
        money=money,
        issued_in=book.issued,
        burned_in=book.burned,
        expired_in=book.expired,
        tiers_at_end=book.tiers,
        start=start,
        end=end,
    )


def by_month(frame: pl.DataFrame, months: Months) -> tuple[list[int], list[int]]:
    """Return the number of events of each month, and their money."""
    begins = pl.Series(months.begins, dtype=pl.Datetime("us", "UTC"))
    number = begins.search_sorted(frame["at"], side="right") - 1
    sums = frame.select("money", month=number).group_by("month").agg(pl.len(), pl.col("money").sum())
    found = {month: (many, money) for month, many, money in sums.rows()}
    return tuple([found.get(number, (0, 0))[part] for number in range(len(months))] for part in (0, 1))  # type: ignore[return-value]


def share_of(definition: Definition, issued: int) -> int:
    """Return the most points that a member redeems of those issued."""
    return int((definition.prototype.burn_share * issued).to_integral_value(ROUND_FLOOR))


@cached_per_definition
def cheapest_by_rank(definition: Definition) -> Sequence[int | None]:
    """Return the price of the cheapest reward for each tier; None for a tier without a reward."""
    return [
        min(
            (r.points for r in definition.rewards if r.from_tier is None or definition.tier_rank(r.from_tier) <= rank),
            default=None,
        )
        for rank in range(len(definition.tiers))
    ]


def _members(definition: Definition, log: EventLog) -> Iterator[tuple[str, list[Posting]]]:
    names = log.attributes
    rows = log.frame.select(*_ORDINARY, *(ATTRIBUTE + name for name in names)).iter_rows()
    scale = -exponent(definition.money)
    for customer, group in groupby(rows, itemgetter(0)):
        yield customer, [(row[1], _event(row, scale, names)) for row in group]


def _event(row: tuple[Any, ...], scale: int, names: tuple[str, ...]) -> Event:
    """Make an event without validation, since the log was checked when it was read."""
    attributes = {name: _plain(value) for name, value in zip(names, row[4:], strict=True) if value is not None}
    return Event.model_construct(type=row[3], amount=Decimal(row[2]).scaleb(scale), attributes=attributes)


def _plain(value: Any) -> str | bool | Decimal:
    return value if isinstance(value, (str, bool, Decimal)) else Decimal(value)


def _play(definition: Definition, customer: str, postings: list[Posting], book: _Book, end: datetime) -> PlayedMember:
    first = postings[0][0]
    member = PlayedMember(definition, first)
    book.begin()
    month = book.months.number(first)
    for at, event in postings:
        if at >= book.months.begins[month + 1]:
            to = book.months.number(at)
            book.advance(member, month, to)
            month = to
        try:
            member.post(event, at)
        except ValueError as error:
            raise UnusableLog(f"the event of {customer} at {at} cannot be rated: {error}") from error
        _redeem(definition, member)
        book.note(member, month)
    last = len(book.months) - 1
    book.advance(member, month, last)
    member.advance(end)
    book.close(member, last)
    return member


def _redeem(definition: Definition, member: PlayedMember) -> None:
    cheapest = cheapest_by_rank(definition)[definition.tier_rank(member.tier_status.tier)]
    if cheapest is None:
        return
    rewards = min(share_of(definition, member.issued) - member.burned, member.balance) // cheapest
    if rewards > 0:
        member.burn(rewards * cheapest)
