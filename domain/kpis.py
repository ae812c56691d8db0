"""KPIs: the figures that a program is judged by, and the verdict of an evaluation."""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from pydantic import AwareDatetime

from domain.definition import Consequence, Definition, Kpi, KpiRule, KpiThreshold
from domain.model import Value
from domain.money import in_units

_GRAVITY: tuple[Consequence, ...] = ("continue", "alert", "propose_amendment", "propose_end")
_SIXTH_DECIMAL = Decimal("0.000001")


class Figures(Value):
    """What happened in one window (since, until]: members, and points of the program's currency."""

    members_at_start: int
    joined: int
    left: int
    members_at_end: int
    active_members: int
    members_redeemed: int
    issued: int
    burned: int
    expired: int
    forfeited: int
    outstanding: int


class KpiResult(Value):
    """One KPI of an evaluation: its value (None: nothing yet to compute it from), what follows, and how it was computed."""

    kpi: Kpi
    value: Decimal | None
    window_start: AwareDatetime
    window_end: AwareDatetime
    consequence: Consequence
    formula: str
    figures: Figures


class Verdict(Value):
    """The outcome of an evaluation: every KPI, and the gravest of their consequences."""

    at: AwareDatetime
    results: tuple[KpiResult, ...]
    consequence: Consequence


def kpi(name: Kpi, figures: Figures, definition: Definition) -> Decimal | None:
    """The KPI's value; None when there is nothing to divide by, which is not zero.

    Rates are fractions of 1, rounded half-even to six decimals; points are whole; the liability is in units of money, rounded
    to its smallest unit. On one window the point redemption rate and the burn/earn ratio are the same quotient; they differ by
    the window that a rule gives them. `KpiResult.formula` says each formula with its numbers.
    """
    return _computed(name, figures, definition)[0]


def judge(definition: Definition, figures: Mapping[Kpi, Figures], at: datetime) -> Verdict:
    """Judge the program at an instant by the figures of each KPI's own window, which ends there.

    A KPI without a value has no consequence. Raises KeyError when the figures of a KPI of the definition are not given.
    """
    results = tuple(_result(definition, rule, figures[rule.kpi], at) for rule in definition.evaluation.kpis)
    return Verdict(at=at, results=results, consequence=_gravest([result.consequence for result in results]))


def _result(definition: Definition, rule: KpiRule, figures: Figures, at: datetime) -> KpiResult:
    value, formula = _computed(rule.kpi, figures, definition)
    hit = [threshold.consequence for threshold in rule.thresholds if value is not None and _crossed(threshold, value)]
    return KpiResult(
        kpi=rule.kpi,
        value=value,
        window_start=rule.window.before(at, definition.zone),
        window_end=at,
        consequence=_gravest(hit),
        formula=formula,
        figures=figures,
    )


def _crossed(threshold: KpiThreshold, value: Decimal) -> bool:
    too_low = threshold.below is not None and value < threshold.below
    return too_low or (threshold.above is not None and value > threshold.above)


def _gravest(consequences: list[Consequence]) -> Consequence:
    return max(consequences, key=_GRAVITY.index, default="continue")


def _computed(name: Kpi, figures: Figures, definition: Definition) -> tuple[Decimal | None, str]:
    """The value, and the formula in words with its numbers."""
    members = figures.members_at_start + figures.joined  # everybody who was a member at some time of the window
    if name == "active_rate":
        return _rate(figures.active_members, "members with an activity", members, "members in the window")
    if name == "churn_rate":
        return _rate(figures.left, "members lost", figures.members_at_start, "members at its start")
    if name == "member_redemption_rate":
        return _rate(figures.members_redeemed, "members who redeemed", members, "members in the window")
    if name in ("point_redemption_rate", "burn_earn_ratio"):
        return _rate(figures.burned, "points redeemed in the window", figures.issued, "points issued in it")
    if name == "points_outstanding":
        return Decimal(figures.outstanding), f"points outstanding at the end of the window = {figures.outstanding}"
    currency = definition.currency
    liability = in_units(definition.money, figures.outstanding * currency.cost_per_point * currency.expected_redemption_rate)
    return liability, (
        f"points outstanding x cost per point x expected redemption rate = {figures.outstanding} x {currency.cost_per_point} x "
        f"{currency.expected_redemption_rate} {definition.money}"
    )


def _rate(part: int, part_name: str, whole: int, whole_name: str) -> tuple[Decimal | None, str]:
    formula = f"{part_name} / {whole_name} = {part} / {whole}"
    if whole == 0:
        return None, f"{formula}: immature, nothing to divide by"
    return (Decimal(part) / whole).quantize(_SIXTH_DECIMAL, ROUND_HALF_EVEN), formula
