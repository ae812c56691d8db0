"""The life of a program in its definition: objectives, gates, prototype, evaluation, retention, the end."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from domain.definition.values import (
    Amount,
    Consequence,
    Count,
    CurrencyCode,
    Fraction,
    Kpi,
    Length,
    Number,
    Part,
    Points,
    Rate,
    Role,
    Text,
)
from domain.ids import Name
from domain.period import Period


class Objective(Part):
    """What the program must achieve: a KPI, a target and the time it may take from launch."""

    name: Text
    """The objective in words."""
    kpi: Kpi
    """The figure that tells."""
    at_least: Number | None = None
    """The least that it must be; rates are fractions of 1."""
    at_most: Number | None = None
    """The most that it may be."""
    within: Length
    """How long after the launch."""


class Risk(Part):
    """What could go wrong, and the answer to it."""

    risk: Text
    """What could go wrong."""
    answer: Text
    """What is done about it."""


PrototypeFigure = Literal[
    "members",
    "points_issued",
    "points_burned",
    "points_expired",
    "points_outstanding",
    "points_per_member",
    "cost",
    "cost_share_of_revenue",
    "share_above_first_tier",
]


ImpactFigure = Literal[
    "members_up",
    "members_down",
    "members_gaining",
    "members_losing",
    "points_gained",
    "points_lost",
]
"""What an amendment means for the members that exist; known at the launch gate of an amendment."""


class GateRule(Part):
    """So many people of one role must approve."""

    role: Role
    """The role."""
    count: Annotated[int, Field(ge=1, le=20)] = 1
    """How many of them."""
    step: Annotated[int, Field(ge=1, le=20)] = 1
    """In which step they are asked: rules of one step run side by side, and a step opens once all before it are met."""


class Escalation(Part):
    """Who else may approve once a gate has waited for so long."""

    after: Length
    """How long after the gate has opened; before its deadline."""
    to: Role
    """The role whose people may then fill any place that is still missing; whoever is left out stays so."""


class AutomaticBound(Part):
    """A bound on one figure that the prototype measured for the revision, or of an amendment's impact on existing members."""

    figure: Literal[PrototypeFigure, ImpactFigure]
    """The figure; shares are fractions of 1. A gate whose subject has no such figure is never approved so."""
    at_least: Number | None = None
    """The least that it must be."""
    at_most: Number | None = None
    """The most that it may be."""


class AutomaticApproval(Part):
    """A written policy under which a gate is approved as it opens, by the actor `policy`."""

    bounds: Annotated[tuple[AutomaticBound, ...], Field(min_length=1)]
    """What the figures must be; all of them, and a figure that is missing means never."""


class GatePolicy(Part):
    """Who must approve, and until when; the owner, the submitter and everybody who edited the revision are left out."""

    rules: Annotated[tuple[GateRule, ...], Field(min_length=1)]
    """Who must approve; all rules must be met."""
    deadline: Length = Period.parse("P14D")
    """How long the gate waits; then it has expired, and nothing is approved."""
    reminders: tuple[Length, ...] = ()
    """How long after the gate has opened those who are waited for are reminded; in rising order, before the deadline."""
    escalation: Escalation | None = None
    """Who else may approve once the gate has waited for long."""
    automatic: AutomaticApproval | None = None
    """Under which bounds nobody needs to be asked; at the launch gate, where the prototype's figures are known."""
    break_glass: Role | None = None
    """The role that may approve alone in an emergency, with a reason; everybody is told, and it is reviewed afterwards."""


class Gates(Part):
    """The gates of a program's life: the concept, the launch of a tested revision, and the end."""

    strategy: GatePolicy
    """Before anything is built."""
    launch: GatePolicy
    """Before members may join, and before an amendment comes into force."""
    wind_down: GatePolicy
    """Before the program ends."""


class Amendments(Part):
    """How the program is amended once it is in operation."""

    notice: Period = Period()
    """From the approval of a substantial amendment until it takes effect; members are told of it meanwhile. Without it, an
    amendment that names no later date takes effect as soon as it is approved."""


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
    """What the figures must be for the prototype to pass."""


class KpiThreshold(Part):
    """Below or above this figure, the consequence follows."""

    below: Number | None = None
    """Below this."""
    above: Number | None = None
    """Above this."""
    consequence: Consequence
    """What follows; a proposal opens a gate, and nothing ends by itself."""


class LifetimeTerms(Part):
    """What a member's lifetime value is computed from, beside the retention rate; all of it for one window of the rule."""

    margin: Amount
    """What a member brings in a window, in units of money."""
    discount_rate: Fraction
    """By how much a window later is worth less, as a fraction of 1."""
    acquisition_cost: Amount = Decimal(0)
    """What it cost to win the member, in units of money."""


class KpiRule(Part):
    """One figure that the program is judged by."""

    kpi: Kpi
    """The figure."""
    window: Length
    """Over how long it is taken."""
    minimum_sample: Count | None = None
    """From how many members (or answers) on it is told; from fewer it is immature, and nothing follows."""
    lifetime: LifetimeTerms | None = None
    """What `lifetime_value` needs, and nothing else has."""
    running_cost: Amount | None = None
    """What running the program costs in a window, beside the points: for `incremental_net` and `return_on_investment`."""
    margin_rate: Fraction | None = None
    """Which part of what somebody buys is margin, as a fraction of 1: for the three figures against the holdout. Without it,
    all of it."""
    thresholds: Annotated[tuple[KpiThreshold, ...], Field(min_length=1)]
    """What follows from which figure; the gravest that is crossed counts."""


class Evaluation(Part):
    """How often the program is judged, and by what."""

    every: Length
    """How often, from the launch on: days and hours as exact time; months that divide 12, or whole years, by the calendar, on
    the launch's day of the month (the 28th at the latest) at 06:00."""
    kpis: Annotated[tuple[KpiRule, ...], Field(min_length=1)]
    """The figures."""


class Offer(Part):
    """Points given to a silent member, with the words that go with them."""

    points: Points
    """The points."""
    message: Text
    """The words."""


class Retention(Part):
    """A member with no activity for `silent_after` gets the offer, at most once in `at_most_every`."""

    silent_after: Length
    """How long without activity is silence."""
    offer: Offer
    """What they are offered."""
    answer_within: Length
    """How long their answer is waited for."""
    at_most_every: Length
    """How long until the next offer."""


class RemainderInto(Part):
    """The partner's points that the members' become at the end, at rates that are published with the definition."""

    partner: Name
    """The partner."""
    rates: Annotated[dict[CurrencyCode, Rate], Field(min_length=1)]
    """How many of the partner's points one point becomes, by currency; each member's are rounded down once."""


class WindDown(Part):
    """The end: notice, then earning stops, then a window in which points can only be redeemed, then the rest is settled."""

    notice: Length = Period.parse("P30D")
    """From the announcement until earning stops."""
    late_files: Length = Period.parse("P14D")
    """How long after that partners' late files, returns and confirmations of what happened before still count.

    What is pending then matures. It lasts no longer than members can redeem.
    """
    redeem_window: Length = Period.parse("P180D")
    """How long points can still be redeemed after earning has stopped; never under the floor of a jurisdiction that the
    program names."""
    reminders: Annotated[tuple[Length, ...], Field(max_length=20)] = (
        Period.parse("P90D"),
        Period.parse("P30D"),
        Period.parse("P7D"),
    )
    """How long before the last day of redeeming those are reminded who still have points."""
    remainder: Literal["forfeit", "cash_out", "convert"] = "forfeit"
    """What becomes of the points that are left: nothing, money at their value per point, or a partner's points."""
    into: RemainderInto | None = None
    """With `convert`: whose points they become, at which rate."""
    personal_data: Literal["erase", "keep"] = "erase"
    """What becomes of what is kept about members; the ledger's entries, which carry references alone, stay in any case."""
    keep_for: Length = Period.parse("P1Y")
    """With `erase`: how long after the closing it is kept for members who ask, before it is erased."""
