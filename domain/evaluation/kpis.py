"""KPIs: the figures that a program is judged by, and the verdict of an evaluation."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime

from domain import statistics
from domain.definition.document import Definition
from domain.definition.evaluation import KpiRule, KpiThreshold
from domain.definition.values import Consequence, Kpi
from domain.evaluation.figures import Figures
from domain.evaluation.formulas import FORMULAS
from domain.model import Value
from domain.statistics import Figure, Interval

_GRAVITY: tuple[Consequence, ...] = ("continue", "alert", "propose_amendment", "propose_end")

Status = Literal["computed", "immature", "not_available"]
"""`immature`: no data yet, or fewer members than the rule needs; `not_available`: the data for the KPI is not kept."""
Direction = Literal["up", "down", "level"]


class Trend(Value):
    """The trend since an earlier evaluation: the change of the KPI, and whether it is more than chance.

    `level` is a difference whose interval contains zero; a KPI without an interval goes in the direction of its difference.
    """

    at: AwareDatetime
    value: Decimal
    difference: Decimal
    interval: Interval | None = None
    direction: Direction


class KpiResult(Value):
    """One KPI of an evaluation: its value (None: see `status`), its consequence, and how it was computed.

    `n` is the number of members (or answers) that it was computed from; `interval` is the 95 % interval, and None for a
    figure of all members, which is not a sample.
    """

    kpi: Kpi
    value: Decimal | None
    status: Status = "computed"
    n: int | None = None
    interval: Interval | None = None
    trend: Trend | None = None
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

    Rates are fractions of 1, rounded half-even to six decimals; points are whole; money is in its units, rounded to the
    smallest one; a net promoter score goes from -100 to 100. On one window the point redemption rate and the burn/earn ratio
    are the same quotient; they differ by the window of their rule. `KpiResult.formula` has each formula with its numbers. A KPI
    with parameters of a rule is computed by `judge` alone.
    """
    figure = FORMULAS[name](figures, definition, None).figure
    return figure.value if figure is not None else None


def judge(definition: Definition, figures: Mapping[Kpi, Figures], at: datetime, before: Sequence[Verdict] = ()) -> Verdict:
    """Judge the program at an instant by the figures of each KPI's own window, which ends at that instant.

    `before` are earlier verdicts, newest first: the trend is relative to the first that has the KPI. A KPI without a value has
    no consequence. Raises KeyError if the figures of a KPI of the definition are not given.
    """
    results = tuple(_result(definition, rule, figures[rule.kpi], at, before) for rule in definition.evaluation.kpis)
    return Verdict(at=at, results=results, consequence=_gravest([result.consequence for result in results]))


def _result(definition: Definition, rule: KpiRule, figures: Figures, at: datetime, before: Sequence[Verdict]) -> KpiResult:
    computed = FORMULAS[rule.kpi](figures, definition, rule)
    figure, formula = computed.figure, computed.formula
    status: Status = "computed"
    if not computed.kept:
        figure, status = None, "not_available"
    elif figure is None:
        status, formula = "immature", f"{formula}: immature, nothing to divide by"
    elif rule.minimum_sample is not None and (computed.n or 0) < rule.minimum_sample:
        figure, status = None, "immature"
        formula += f": immature, {computed.n} are fewer than the {rule.minimum_sample} that are asked for"
    hit = [each.consequence for each in rule.thresholds if figure is not None and _crossed(each, figure.value)]
    return KpiResult(
        kpi=rule.kpi,
        value=figure.value if figure is not None else None,
        status=status,
        n=computed.n,
        interval=figure.interval if figure is not None else None,
        trend=_trend(definition, rule, figure, at, before) if figure is not None else None,
        window_start=rule.window.before(at, definition.zone),
        window_end=at,
        consequence=_gravest(hit),
        formula=formula,
        figures=figures,
    )


def _trend(definition: Definition, rule: KpiRule, now: Figure, at: datetime, before: Sequence[Verdict]) -> Trend | None:
    """The trend since the newest earlier verdict with a value of the same KPI over a window of the same length."""
    for verdict in before:
        for result in verdict.results:
            as_long = result.window_start == rule.window.before(verdict.at, definition.zone)
            if verdict.at < at and result.kpi == rule.kpi and result.value is not None and as_long:
                interval = statistics.difference(now, Figure(value=result.value, interval=result.interval))
                change = now.value - result.value
                low, high = (interval.low, interval.high) if interval is not None else (change, change)
                direction: Direction = "up" if low > 0 else "down" if high < 0 else "level"
                return Trend(at=verdict.at, value=result.value, difference=change, interval=interval, direction=direction)
    return None


def _crossed(threshold: KpiThreshold, value: Decimal) -> bool:
    too_low = threshold.below is not None and value < threshold.below
    return too_low or (threshold.above is not None and value > threshold.above)


def _gravest(consequences: list[Consequence]) -> Consequence:
    return max(consequences, key=_GRAVITY.index, default="continue")
