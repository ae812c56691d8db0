"""The acceptance test in a definition: scripted scenarios, simulations over other logs, and sign-off by people."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from domain.definition_life import Criterion, GatePolicy
from domain.definition_values import Amount, AttributeValue, Fraction, Part, Text
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


TestPhase = Annotated[ScenarioPhase | PrototypePhase | SignOffPhase, Field(discriminator="kind")]
