"""The tiers in a definition: counters and their windows, the qualifications to reach and keep a tier, and its validity."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from domain.definition.values import Condition, Length, Part, PositiveDecimal, Text
from domain.ids import Name
from domain.period import Period
from domain.window import Window


class Counter(Part):
    """A sum over a member's events that tiers are computed from: points earned by rules, money spent, events, or an attribute.

    Points count without the tier bonus, unless their rule has `bonus_counts`.
    """

    id: Name
    """The counter's short name."""
    counts: Literal["points", "amount", "events", "attribute"]
    """The number that an event adds: the points of its rules, its amount, one, or the number in `attribute`."""
    attribute: Name | None = None
    """With `counts: attribute`: the attribute with the whole number to add (nights)."""
    events: tuple[Name, ...] = ()
    """The types of events that count, with or without an earning rule; without it, all types that an earning rule takes."""
    when: tuple[Condition, ...] = ()
    """Conditions that an event must meet to count (own flights only)."""
    window: Window | None = None
    """The window of the sum; without it, the definition's `qualification_window`."""


class Threshold(Part):
    """The least sum of a counter in its window (points, units of money, events, or the attribute's own unit)."""

    counter: Name
    """The counter."""
    at_least: PositiveDecimal
    """The least sum."""


class Held(Part):
    """A time for which the member has held a tier, or one above it, in all since joining."""

    held: Name
    """The tier."""
    at_least: Length
    """The time in all (P5Y)."""


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
    """Met when all of `all`, or any of `any`, is met; exactly one of the two is given. An entry may be such a group itself."""

    all: tuple[Requirement, ...] | None = None
    """All of these must be met."""
    any: tuple[Requirement, ...] | None = None
    """One of these is enough."""

    @property
    def requirements(self) -> tuple["Threshold | Held | Qualification", ...]:
        return self.all or self.any or ()

    def leaves(self) -> Iterator[Threshold | Held]:
        """Every threshold and every time held, including those of nested groups."""
        for each in self.requirements:
            if isinstance(each, Qualification):
                yield from each.leaves()
            else:
                yield each

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        return tuple(leaf for leaf in self.leaves() if isinstance(leaf, Threshold))


class Validity(Part):
    """Until the end of the window in which the tier was reached, or later (Marriott: one further year and two months)."""

    further_windows: Annotated[int, Field(ge=0, le=1, strict=True)] = 0
    """The number of further whole windows: 0 or 1."""
    grace: Period = Period()
    """The time after the end of the last window."""


class Tier(Part):
    """A level of membership. The first is for everyone and has no `reach`; without `keep`, `reach` holds for both."""

    id: Name
    """The tier's short name; it stays when the name that members read changes."""
    name: Text
    """The name that members read."""
    reach: Qualification | None = None
    """The qualification to rise to this tier; the rise is immediate."""
    keep: Qualification | None = None
    """The qualification to keep the tier, if less than `reach`."""
    valid_for: Length | None = None
    """The time after which a review decides whether the member keeps the tier; without it and `valid`, it has no end."""
    valid: Validity | None = None
    """In place of `valid_for`, with windows that follow each other: the tier ends with the window, or some time after it."""
    lifetime: Qualification | None = None
    """A member who has met this once never falls below the tier."""
    replaces: tuple[Name, ...] = ()
    """Tiers of earlier revisions that this one replaces: a member who held one of them holds this one.

    An amendment that drops a tier without a replacement is refused.
    """


class Downgrade(Part):
    """The fall of a member who does not keep their tier at its end."""

    to: Literal["earned", "one_tier"] = "earned"
    """`earned`: down to the tier that they qualify for; `one_tier`: down by one tier at most."""
    grace: Period = Period()
    """With `valid_for`: the extra time before the review; points earned meanwhile help to keep the tier."""
