"""The acceptance test in a definition: scripted scenarios, simulations over other logs, and sign-off by people."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from domain.definition.life import Criterion, GatePolicy
from domain.definition.values import Amount, AttributeValue, Count, Fraction, Kpi, Length, Number, Part, Text
from domain.ids import Name
from domain.period import Period
from domain.window import Moment


class ScenarioEvent(Part):
    """An event of a scripted member, so long after they joined."""

    event: Name
    """The type of the event."""
    amount: Amount = Decimal(0)
    """Its amount, in units of money."""
    attributes: dict[Name, AttributeValue] = {}
    """What else it says about itself."""
    after: Period = Period()
    """How long after joining it happens."""
    confirmed: bool = True
    """Whether points that wait for a confirmation have got it; it is then as if they had come at once."""


class ScenarioRedemption(Part):
    """A scripted member asks for a reward, so long after they joined."""

    redeem: Name
    """The reward."""
    after: Period = Period()
    """How long after joining they ask for it."""


def _which(part: object) -> str:
    keys = part if isinstance(part, Mapping) else getattr(type(part), "model_fields", {})
    return "redemption" if "redeem" in keys else "happening"


ScenarioStep = Annotated[
    Annotated[ScenarioEvent, Tag("happening")] | Annotated[ScenarioRedemption, Tag("redemption")], Discriminator(_which)
]


class ExpectedRewards(Part):
    """What a scripted member must have got for their points, and what they must be able to get."""

    redeemed: tuple[Name, ...] | None = None
    """The rewards that they got, in the order in which they asked; without it, all that they asked for."""
    may_redeem: tuple[Name, ...] | None = None
    """The rewards that they may have right after the last event, in any order: by points, tier, dates and limit."""


class Expectation(Part):
    """What a scripted member must end with."""

    points: Annotated[int, Field(ge=0, strict=True)]
    """The balance."""
    tier: Name
    """The tier."""
    rewards: ExpectedRewards | None = None
    """The rewards; without it, whatever they ask for must be theirs."""


class Scenario(Part):
    """Given a member of a tier and these events, expect these points, this tier and these rewards."""

    name: Text
    """What the scenario shows."""
    tier: Name | None = None
    """The tier in which the member begins; without it the first."""
    joins: Moment | None = None
    """The day on which they join, or come into that tier; without it noon (UTC) of 1 January 2025."""
    events: Annotated[tuple[ScenarioStep, ...], Field(min_length=1)]
    """What happens, in order of time; an entry with `redeem` asks for a reward."""
    expect: Expectation
    """What they must have right after the last event."""


class ScenarioPhase(Part):
    """A test phase that plays scripted members through the rules, and through the statements of the ledger beside them."""

    id: Name
    """The phase's short name."""
    kind: Literal["scenario"]
    """`scenario`."""
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1)]
    """All of which must pass."""
    retry: GatePolicy | None = None
    """Who may have the phase run again once it has failed; without it, the revision goes back at once."""


class PrototypePhase(Part):
    """A test phase that simulates the definition over a log of its own, such as a year that went badly."""

    id: Name
    """The phase's short name."""
    kind: Literal["prototype"]
    """`prototype`."""
    transactions: Name
    """The name of the transaction log."""
    burn_share: Fraction | None = None
    """The share of what they earn that members redeem; without it, that of the prototype."""
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]
    """What the figures must be for the phase to pass."""
    retry: GatePolicy | None = None
    """Who may have the phase run again once it has failed; without it, the revision goes back at once."""


class PilotCriterion(Part):
    """A bound on one figure of the pilot, taken over all of its time as an evaluation takes it."""

    kpi: Kpi
    """The figure."""
    at_least: Number | None = None
    """The least that it must be; rates are fractions of 1."""
    at_most: Number | None = None
    """The most that it may be."""
    minimum_sample: Count | None = None
    """From how many members on it is told; from fewer it is immature, and the pilot has not passed."""


class PilotPhase(Part):
    """A test phase in which a real cohort joins before the launch; what its members earn stays theirs, whatever comes of it.

    A program that is in operation runs no pilot: its members' events are rated by the revision in force alone, so that an
    amendment passes over the phase, and its evidence says so.
    """

    id: Name
    """The phase's short name."""
    kind: Literal["pilot"]
    """`pilot`."""
    cohort: Name
    """The cohort whose members may join meanwhile, and nobody else; gathered with `tenure cohort add`."""
    lasts: Length
    """How long."""
    criteria: Annotated[tuple[PilotCriterion, ...], Field(min_length=1)]
    """What the figures must be for the pilot to pass."""
    retry: GatePolicy | None = None
    """Who may have it go on for as long again once it has not passed; without it, the revision goes back at once."""


class SignOffPhase(Part):
    """A test phase that people sign off."""

    id: Name
    """The phase's short name."""
    kind: Literal["sign_off"]
    """`sign_off`."""
    gate: GatePolicy
    """Who must sign."""
    retry: GatePolicy | None = None
    """Who may have them asked again once they have not signed; without it, the revision goes back at once."""


TestPhase = Annotated[ScenarioPhase | PrototypePhase | PilotPhase | SignOffPhase, Field(discriminator="kind")]
