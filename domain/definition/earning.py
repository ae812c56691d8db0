"""Earning and expiry in a definition: rules, caps, milestones, and when points expire."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from domain.definition.values import Amount, Condition, Length, Part, Percent, Points, PositiveDecimal, Rate
from domain.ids import Name
from domain.period import Period
from domain.window import EVERY_FROM, Cycle, Moment


def _per(value: object) -> Cycle | str:
    if value in ("event", "window"):
        return str(value)
    if isinstance(value, (Cycle, Mapping)) or (isinstance(value, str) and value in ("day", "month", "quarter", "year")):
        return Cycle.read(value)
    raise ValueError(f"{value!s:.40} is not known here; write one of: event, day, month, quarter, year, window")


def _written(value: Cycle | str) -> Any:
    return value.written() if isinstance(value, Cycle) else value


Per = Annotated[
    Cycle | str,
    PlainValidator(_per),
    PlainSerializer(_written),
    WithJsonSchema({"anyOf": [{"enum": ["event", "day", "month", "quarter", "year", "window"]}, EVERY_FROM]}),
]


class Cap(Part):
    """The most points that a rule gives one member in a time."""

    points: Points
    """The points, including the bonus of a tier."""
    per: Per
    """The time: each event, each day, month, quarter or year of the program's calendar, or `qualification_window`."""


class EarningRule(Part):
    """Points for an event: `rate` points per unit of money (by tier if written), rounded once, or a flat number."""

    id: Name
    """The rule's short name; every transaction that the rule contributed to carries it."""
    event: Name
    """The type of events that the rule takes."""
    when: tuple[Condition, ...] = ()
    """Conditions on the event's attributes, all of which must hold."""
    rate: Rate | None = None
    """Points for each unit of money, or of the attribute in `per`."""
    per: Name = "amount"
    """The factor of the rate: the event's amount, or one of its attributes (nights)."""
    tier_rates: dict[Name, Rate] = {}
    """The rate of single tiers, in place of `rate`; all these points count towards tiers."""
    tier_bonus: dict[Name, Percent] = {}
    """Percent of the rule's points that a tier gets on top, rounded separately (gold: 80)."""
    bonus_counts: bool = False
    """Whether `tier_bonus` counts towards tiers, too."""
    points: Points | None = None
    """In place of `rate`: a flat number of points for each event."""
    rounding: Literal["down", "half_up", "half_even", "up"] = "down"
    """How a fraction of a point is rounded, once for the event."""
    minimum_amount: Amount = Decimal(0)
    """The least amount for which the rule gives points."""
    from_: Moment | None = Field(default=None, alias="from")
    """The first day of the rule, in the program's zone."""
    until: Moment | None = None
    """The day on which the rule has ended: events on that day or later get no points from it."""
    cap: Cap | None = None
    """The most that one member gets by this rule."""
    pending: bool = False
    """Whether the points of an event that this rule takes are pending until a confirmation."""
    counts: bool = True
    """Whether the rule's points count towards tiers."""


class Milestone(Part):
    """Points for reaching a figure on a counter, once in each of its windows."""

    id: Name
    """The milestone's short name."""
    counter: Name
    """The counter; its window must be one of those that follow each other, or a lifetime."""
    at: PositiveDecimal
    """The figure to reach: points, units of money, events, or the attribute's own unit."""
    points: Points
    """The points given; they count towards no tier."""


class Expiry(Part):
    """When points expire: never, a period after they were earned, or a period after the member's last activity."""

    kind: Literal["never", "after_earning", "inactivity"] = "never"
    """The start of the time, if points expire."""
    after: Length | None = None
    """The time until points expire."""
    at_end_of: Cycle | None = None
    """Extends the time to the end of the month, quarter or year in which it would end."""
    unless_active_every: Length | None = None
    """With `after_earning`: while a member's activities are no further apart than this, their points do not age."""
    exempt_tiers: tuple[Name, ...] = ()
    """Points of members in these tiers do not expire."""
    sweep_every: Length = Period.parse("P1D")
    """How often expired points are booked, from the launch on, with the calendar of `evaluation.every`."""
    reinstate_within: Length | None = None
    """How long expired points can be reinstated; they then expire again as if earned on that day."""
