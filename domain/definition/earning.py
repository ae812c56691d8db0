"""Earning and expiry in a definition: rules, caps, milestones, and when points lapse."""

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
    """The most that a rule gives one member within a time."""

    points: Points
    """So many points, the bonus of a tier among them."""
    per: Per
    """For each event, day, month, quarter or year of the program's calendar, or `qualification_window`."""


class EarningRule(Part):
    """Points for an event: `rate` points per unit of money (by tier where written), rounded once, or a flat number."""

    id: Name
    """The rule's short name; it stands on every transaction that the rule had a part in."""
    event: Name
    """The type of events that the rule takes."""
    when: tuple[Condition, ...] = ()
    """Conditions on the event's attributes, all of which must hold."""
    rate: Rate | None = None
    """Points for each unit of money, or of what `per` names."""
    per: Name = "amount"
    """What the rate is multiplied with: the event's amount, or one of its attributes (nights)."""
    tier_rates: dict[Name, Rate] = {}
    """The rate of single tiers, in place of `rate`; all of it counts towards tiers."""
    tier_bonus: dict[Name, Percent] = {}
    """Percent of the rule's points that a tier gets on top, rounded for itself (gold: 80)."""
    bonus_counts: bool = False
    """Whether that bonus counts towards tiers, too."""
    points: Points | None = None
    """In place of `rate`: so many points for each event."""
    rounding: Literal["down", "half_up", "half_even", "up"] = "down"
    """How a fraction of a point is rounded, once for the event."""
    minimum_amount: Amount = Decimal(0)
    """The least amount for which the rule gives anything."""
    from_: Moment | None = Field(default=None, alias="from")
    """The first day of a rule for a time, in the program's zone."""
    until: Moment | None = None
    """The day on which the rule has ended: what happens on that day or later gets nothing of it."""
    cap: Cap | None = None
    """The most that one member gets by this rule."""
    pending: bool = False
    """Whether the points of an event that this rule takes wait until somebody confirms it."""
    counts: bool = True
    """Whether the rule's points count towards tiers."""


class Milestone(Part):
    """Points for reaching a figure on a counter, once in each of its windows."""

    id: Name
    """The milestone's short name."""
    counter: Name
    """The counter; its window must be one of those that follow each other, or a lifetime."""
    at: PositiveDecimal
    """The figure: points, units of money, events, or the attribute's own unit."""
    points: Points
    """The points given; they count towards no tier."""


class Expiry(Part):
    """When points lapse: never, a period after they were earned, or a period after the member's last activity."""

    kind: Literal["never", "after_earning", "inactivity"] = "never"
    """What the time is counted from."""
    after: Length | None = None
    """How long points live."""
    at_end_of: Cycle | None = None
    """Moves the end on to that of the month, quarter or year in which it falls."""
    unless_active_every: Length | None = None
    """With `after_earning`: while a member's activities are no further apart than this, the clock of their points stands."""
    exempt_tiers: tuple[Name, ...] = ()
    """Points of members in these tiers do not lapse."""
    sweep_every: Length = Period.parse("P1D")
    """How often what is due is taken off, from the launch on, as evaluations fall due."""
    reinstate_within: Length | None = None
    """How long what has lapsed can be given back; it then lapses anew, as if it were earned that day."""
