"""The prototype and the acceptance test in a definition: scenarios, simulations over other logs, pilots, sign-off by people."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from domain.definition.gates import GatePolicy
from domain.definition.values import Amount, AttributeValue, Count, Fraction, Kpi, Length, Number, Part, PrototypeFigure, Text
from domain.ids import Name
from domain.period import Period
from domain.window import Moment


class Criterion(Part):
    """A bound on one figure of the prototype."""

    figure: PrototypeFigure
    """The figure; shares are fractions of 1."""
    at_least: Number | None = None
    """The least that it must be."""
    at_most: Number | None = None
    """The most that it may be."""


class Prototype(Part):
    """The simulation of the definition over a transaction log.

    Members redeem `burn_share` of what they earn, in whole rewards (`insight/acceptance/simulation.py` says how); the criteria
    bound the figures.
    """

    transactions: Name
    """The name of the transaction log."""
    burn_share: Fraction = Decimal("0.5")
    """The share of what they earn that members redeem."""
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]
    """The bounds that the figures must meet."""


class ScenarioEvent(Part):
    """An event of a scripted member, a set time after they joined."""

    event: Name
    """The type of the event."""
    amount: Amount = Decimal(0)
    """Its amount, in units of money."""
    attributes: dict[Name, AttributeValue] = {}
    """Its attributes."""
    after: Period = Period()
    """The time from joining to the event."""
    confirmed: bool = True
    """Whether pending points of the event are confirmed; they then count as if they had come at once."""


class ScenarioRedemption(Part):
    """A scripted member redeems a reward, a set time after they joined."""

    redeem: Name
    """The reward."""
    after: Period = Period()
    """The time from joining to the redemption."""


def _which(part: object) -> str:
    keys = part if isinstance(part, Mapping) else getattr(type(part), "model_fields", {})
    return "redemption" if "redeem" in keys else "happening"


ScenarioStep = Annotated[
    Annotated[ScenarioEvent, Tag("happening")] | Annotated[ScenarioRedemption, Tag("redemption")], Discriminator(_which)
]


class ExpectedRewards(Part):
    """The rewards that a scripted member must have redeemed, and those that they must be able to redeem."""

    redeemed: tuple[Name, ...] | None = None
    """The rewards that they got, in the order of their redemptions; without it, every reward that they ordered."""
    may_redeem: tuple[Name, ...] | None = None
    """The rewards that they may redeem right after the last event, in any order: by points, tier, dates and limit."""


class Expectation(Part):
    """The result that a scripted member must end with."""

    points: Annotated[int, Field(ge=0, strict=True)]
    """The balance."""
    tier: Name
    """The tier."""
    rewards: ExpectedRewards | None = None
    """The rewards; without it, the member must get every reward that they order."""


class Scenario(Part):
    """Given a member of a tier and these events, expect these points, this tier and these rewards."""

    name: Text
    """The scenario's name, which says what it shows."""
    tier: Name | None = None
    """The tier in which the member begins; without it, the first."""
    joins: Moment | None = None
    """The day on which they join, or come into that tier; without it, noon (UTC) of 1 January 2025."""
    events: Annotated[tuple[ScenarioStep, ...], Field(min_length=1)]
    """The member's events, in order of time; an entry with `redeem` redeems a reward."""
    expect: Expectation
    """The result that they must have right after the last event."""


class ScenarioPhase(Part):
    """A test phase that runs scripted members through the rules, and beside them through the statements of the ledger."""

    id: Name
    """The phase's short name."""
    kind: Literal["scenario"]
    """`scenario`."""
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1)]
    """The scenarios; all must pass."""
    retry: GatePolicy | None = None
    """The gate that may have the phase run again once it has failed; without it, the revision goes back at once."""


class PrototypePhase(Part):
    """A test phase that simulates the definition over a transaction log of its own, such as a bad year."""

    id: Name
    """The phase's short name."""
    kind: Literal["prototype"]
    """`prototype`."""
    transactions: Name
    """The name of the transaction log."""
    burn_share: Fraction | None = None
    """The share of what they earn that members redeem; without it, that of the prototype."""
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]
    """The bounds that the figures must meet for the phase to pass."""
    retry: GatePolicy | None = None
    """The gate that may have the phase run again once it has failed; without it, the revision goes back at once."""


class PilotCriterion(Part):
    """A bound on one figure of the pilot, computed over its whole time as an evaluation computes it."""

    kpi: Kpi
    """The figure."""
    at_least: Number | None = None
    """The least that it must be; rates are fractions of 1."""
    at_most: Number | None = None
    """The most that it may be."""
    minimum_sample: Count | None = None
    """The fewest members from which the figure is computed; with fewer it is immature, and the pilot has not passed."""


class PilotPhase(Part):
    """A test phase in which a real cohort joins before the launch; its members keep their points, however it ends.

    A program in operation runs no pilot: its members' events are rated by the revision in force alone. An amendment skips the
    phase, and its evidence says so.
    """

    id: Name
    """The phase's short name."""
    kind: Literal["pilot"]
    """`pilot`."""
    cohort: Name
    """The cohort whose members alone may join meanwhile; `tenure cohort add` adds members."""
    lasts: Length
    """The length of the pilot."""
    criteria: Annotated[tuple[PilotCriterion, ...], Field(min_length=1)]
    """The bounds that the figures must meet for the pilot to pass."""
    retry: GatePolicy | None = None
    """The gate that may extend it by the same length if it has not passed; without it, the revision goes back at once."""


class SignOffPhase(Part):
    """A test phase that people sign off."""

    id: Name
    """The phase's short name."""
    kind: Literal["sign_off"]
    """`sign_off`."""
    gate: GatePolicy
    """The gate of the sign-off."""
    retry: GatePolicy | None = None
    """The gate that may ask for the sign-off again if it was not given; without it, the revision goes back at once."""


TestPhase = Annotated[ScenarioPhase | PrototypePhase | PilotPhase | SignOffPhase, Field(discriminator="kind")]
