"""The gates in a definition: who must approve, until when, and by which policy without votes."""

from typing import Annotated, Literal

from pydantic import Field

from domain.definition.amendments import ImpactFigure
from domain.definition.values import Length, Number, Part, PrototypeFigure
from domain.identity.roles import Role
from domain.period import Period


class GateRule(Part):
    """A number of people of one role who must approve."""

    role: Role
    """The role."""
    count: Annotated[int, Field(ge=1, le=20)] = 1
    """The number of people."""
    step: Annotated[int, Field(ge=1, le=20)] = 1
    """The step of the rule: rules of one step run side by side, and a step opens once all steps before it are met."""


class Escalation(Part):
    """The role that may also approve once a gate has waited for a set time."""

    after: Length
    """The time after the gate has opened; shorter than its deadline."""
    to: Role
    """The role whose people may then give any missing approval; people excluded by four eyes stay excluded."""


class AutomaticBound(Part):
    """A bound on one figure of the revision's prototype, or of an amendment's impact on existing members."""

    figure: Literal[PrototypeFigure, ImpactFigure]
    """The figure; shares are fractions of 1. A subject without this figure is never approved automatically."""
    at_least: Number | None = None
    """The least that it must be."""
    at_most: Number | None = None
    """The most that it may be."""


class AutomaticApproval(Part):
    """A written policy under which a gate is approved as it opens, by the actor `policy`."""

    bounds: Annotated[tuple[AutomaticBound, ...], Field(min_length=1)]
    """The bounds, which must all be met; a missing figure does not meet its bound."""


class GatePolicy(Part):
    """Who must approve, and until when; the owner, the submitter and all editors of the revision are excluded."""

    rules: Annotated[tuple[GateRule, ...], Field(min_length=1)]
    """The rules, which must all be met."""
    deadline: Length = Period.parse("P14D")
    """The time until the gate expires; then nothing is approved."""
    reminders: tuple[Length, ...] = ()
    """The times after the gate's opening at which missing approvers are reminded; in rising order, before the deadline."""
    escalation: Escalation | None = None
    """The role that may also approve after a time."""
    automatic: AutomaticApproval | None = None
    """The bounds under which the gate needs no votes; at the launch gate only, where the prototype's figures are known."""
    break_glass: Role | None = None
    """The role that may approve alone in an emergency, with a reason; everybody is notified, and a review follows."""


class Gates(Part):
    """The gates of a program's life: the concept, the launch of a tested revision, and the end."""

    strategy: GatePolicy
    """Before the prototype and the tests."""
    launch: GatePolicy
    """Before members may join, and before an amendment takes effect."""
    wind_down: GatePolicy
    """Before the program ends."""
