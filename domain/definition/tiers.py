"""The tiers in a definition: counters and their windows, what it takes to reach and keep a tier, and how long it lasts."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from domain.definition.values import Condition, Length, Part, PositiveDecimal, Text
from domain.ids import Name
from domain.period import Period
from domain.window import Window


class Counter(Part):
    """What qualifies for a tier, summed over a member's events: points earned by rules, money spent, events, or an attribute.

    Points count without the bonus of a tier, unless their rule says otherwise.
    """

    id: Name
    """The counter's short name."""
    counts: Literal["points", "amount", "events", "attribute"]
    """What of an event is added: the points of its rules, its amount, one, or the number in `attribute`."""
    attribute: Name | None = None
    """With `counts: attribute`: which attribute holds the whole number to add (nights)."""
    events: tuple[Name, ...] = ()
    """The types of events that count, whether or not a rule takes them; without it, whatever an earning rule takes."""
    when: tuple[Condition, ...] = ()
    """Conditions that an event must meet to count (own flights only)."""
    window: Window | None = None
    """What the sum is over; without it, the definition's `qualification_window`."""


class Threshold(Part):
    """At least so much on a counter within its window (points, units of money, events, or the attribute's own unit)."""

    counter: Name
    """The counter."""
    at_least: PositiveDecimal
    """The least that its sum must be."""


class Held(Part):
    """A tier, or one above it, held for so long in all since joining."""

    held: Name
    """The tier."""
    at_least: Length
    """How long, all times together (P5Y)."""


def _which(part: object) -> str:
    keys = part if isinstance(part, Mapping) else getattr(type(part), "model_fields", {})
    if "counter" not in keys and "held" in keys:
        return "held"
    return "group" if "counter" not in keys and ("all" in keys or "any" in keys) else "threshold"


Requirement = Annotated[
    Annotated[Threshold, Tag("threshold")] | Annotated[Held, Tag("held")] | Annotated["Qualification", Tag("group")],
    Discriminator(_which),
]


class Qualification(Part):
    """Met when all of `all`, or any of `any`, is met; exactly one of the two is written. An entry may be such a group."""

    all: tuple[Requirement, ...] | None = None
    """Every one of these must be met."""
    any: tuple[Requirement, ...] | None = None
    """One of these is enough."""

    @property
    def requirements(self) -> tuple["Threshold | Held | Qualification", ...]:
        return self.all or self.any or ()

    def leaves(self) -> Iterator[Threshold | Held]:
        """Every threshold and every time held, of groups within groups, too."""
        for each in self.requirements:
            if isinstance(each, Qualification):
                yield from each.leaves()
            else:
                yield each

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        return tuple(leaf for leaf in self.leaves() if isinstance(leaf, Threshold))


class Validity(Part):
    """Until the end of the window in which the tier was earned, and on (Marriott: one further year and two months)."""

    further_windows: Annotated[int, Field(ge=0, le=1, strict=True)] = 0
    """How many whole windows more: 0 or 1."""
    grace: Period = Period()
    """How long after the end of the last window."""


class Tier(Part):
    """A level of membership. The first is everyone's and has no `reach`; `keep` is `reach` unless written."""

    id: Name
    """The tier's short name, kept when the name that members read changes."""
    name: Text
    """The name that members read."""
    reach: Qualification | None = None
    """What it takes to rise to this tier; the rise is at once."""
    keep: Qualification | None = None
    """What it takes to stay, where that is less than `reach`."""
    valid_for: Length | None = None
    """How long the tier is held before it is looked at whether it is kept; without it and `valid`, it has no end."""
    valid: Validity | None = None
    """In place of `valid_for`, where windows follow each other: the tier ends with the window, and some time after it."""
    lifetime: Qualification | None = None
    """Whoever has once met this never falls below the tier."""
    replaces: tuple[Name, ...] = ()
    """Tiers of earlier revisions that this one takes the place of: who held one of them holds this one.

    An amendment that drops a tier, and has none that replaces it, is refused.
    """


class Downgrade(Part):
    """What becomes of a member whose tier has ended and was not kept."""

    to: Literal["earned", "one_tier"] = "earned"
    """Down to what they have earned, or softly, by one tier at most (or to what they have earned, if that is higher)."""
    grace: Period = Period()
    """With `valid_for`: so much longer before it is looked at; what is earned meanwhile helps to keep the tier."""
