"""The lifecycle in a program's definition: objectives, gates, prototype, evaluation, retention, the end."""

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
    Text,
)
from domain.identity.roles import Role
from domain.ids import Name
from domain.period import Period


class Objective(Part):
    """An objective of the program: a KPI, a target and the time from the launch to reach it."""

    name: Text
    """The objective in words."""
    kpi: Kpi
    """The figure that measures it."""
    at_least: Number | None = None
    """The least that it must be; rates are fractions of 1."""
    at_most: Number | None = None
    """The most that it may be."""
    within: Length
    """The time from the launch."""


class Risk(Part):
    """A risk, and the answer to it."""

    risk: Text
    """The risk in words."""
    answer: Text
    """The measure against it."""


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
"""The impact of an amendment on existing members; known at the launch gate of an amendment."""


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


class Amendments(Part):
    """How the program is amended once it is in operation."""

    notice: Period = Period()
    """The time from the approval of a substantial amendment to its effective date, in which members are informed. Without
    it, an amendment that names no later date takes effect as soon as it is approved."""


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


class KpiThreshold(Part):
    """A threshold of a figure, and the consequence of crossing it."""

    below: Number | None = None
    """The consequence follows below this figure."""
    above: Number | None = None
    """The consequence follows above this figure."""
    consequence: Consequence
    """The consequence; a proposal opens a gate, and no program ends by itself."""


class LifetimeTerms(Part):
    """The terms of a member's lifetime value, beside the retention rate; all for one window of the rule."""

    margin: Amount
    """The margin of a member in a window, in units of money."""
    discount_rate: Fraction
    """The discount of a window, as a fraction of 1."""
    acquisition_cost: Amount = Decimal(0)
    """The cost of winning the member, in units of money."""


class KpiRule(Part):
    """A figure that the program is judged by."""

    kpi: Kpi
    """The figure."""
    window: Length
    """The time over which it is computed, back from the evaluation."""
    minimum_sample: Count | None = None
    """The fewest members (or answers) from which it is computed; with fewer it is immature, and nothing follows."""
    lifetime: LifetimeTerms | None = None
    """The terms of `lifetime_value`; for no other KPI."""
    running_cost: Amount | None = None
    """The cost of running the program in a window, beside the points: for `incremental_net` and `return_on_investment`."""
    margin_rate: Fraction | None = None
    """The margin of a purchase, as a fraction of 1: for the three KPIs against the holdout. Without it, the whole purchase."""
    thresholds: Annotated[tuple[KpiThreshold, ...], Field(min_length=1)]
    """The thresholds and their consequences; the gravest crossed one counts."""


class Evaluation(Part):
    """How often the program is evaluated, and by which KPIs."""

    every: Length
    """How often, from the launch on: days and hours as exact time; months that divide 12, or whole years, by the calendar, on
    the launch's day of the month (the 28th at the latest) at 06:00 in the program's zone."""
    kpis: Annotated[tuple[KpiRule, ...], Field(min_length=1)]
    """The KPIs."""


class Offer(Part):
    """Points for a silent member, with a message."""

    points: Points
    """The points."""
    message: Text
    """The message."""


class Retention(Part):
    """A member with no activity for `silent_after` gets the offer, at most once in `at_most_every`."""

    silent_after: Length
    """The time without activity after which a member is silent."""
    offer: Offer
    """The offer."""
    answer_within: Length
    """The time to answer the offer."""
    at_most_every: Length
    """The least time between two offers."""


class RemainderInto(Part):
    """The conversion of members' points into a partner's points at the end, at the rates of the definition."""

    partner: Name
    """The partner."""
    rates: Annotated[dict[CurrencyCode, Rate], Field(min_length=1)]
    """The partner's points for one point, by currency; each member's sum is rounded down once."""


class WindDown(Part):
    """The end: notice; then earning stops; then a redeem-only time; then the remainder is settled."""

    notice: Length = Period.parse("P30D")
    """The time from the announcement to the end of earning."""
    late_files: Length = Period.parse("P14D")
    """How long after the end of earning partners' late files, returns and confirmations of earlier events still count.

    Pending points then mature. It is no longer than `redeem_window`.
    """
    redeem_window: Length = Period.parse("P180D")
    """How long points can still be redeemed after the end of earning; not below the legal minimum of a jurisdiction that the
    program names."""
    reminders: Annotated[tuple[Length, ...], Field(max_length=20)] = (
        Period.parse("P90D"),
        Period.parse("P30D"),
        Period.parse("P7D"),
    )
    """The times before the last day of redeeming at which members who still have points are reminded."""
    remainder: Literal["forfeit", "cash_out", "convert"] = "forfeit"
    """The settlement of the remaining points: nothing, money at their value per point, or a partner's points."""
    into: RemainderInto | None = None
    """With `convert`: the partner, and the rates."""
    personal_data: Literal["erase", "keep"] = "erase"
    """Whether members' personal data is erased or kept; the ledger's entries, which carry references alone, always stay."""
    keep_for: Length = Period.parse("P1Y")
    """With `erase`: how long after the closing the data is kept for members' questions."""
