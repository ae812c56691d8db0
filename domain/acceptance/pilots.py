"""The verdict on a pilot: its KPIs over its whole time, computed as in an evaluation, compared with its criteria."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.definition.acceptance import PilotCriterion, PilotPhase
from domain.definition.document import Definition
from domain.definition.evaluation import Evaluation, KpiRule, KpiThreshold
from domain.evaluation.figures import Figures
from domain.evaluation.kpis import KpiResult, judge
from domain.model import Value

Verdict = Literal["passed", "outside", "immature"]
"""`immature`: the figure cannot be computed yet, or from too few members; neither passed nor outside of its bounds."""


class PilotResult(Value):
    """A figure of a pilot: `passed` within its bounds, `outside` of them, or `immature`."""

    criterion: PilotCriterion
    verdict: Verdict
    result: KpiResult


class PilotVerdict(Value):
    """The verdict on a pilot, with every figure of its criteria; it has passed if all have."""

    since: datetime
    until: datetime
    results: tuple[PilotResult, ...]

    @property
    def passed(self) -> bool:
        return all(each.verdict == "passed" for each in self.results)

    @property
    def immature(self) -> bool:
        """Whether figures are immature and none is outside of its bounds."""
        return not self.passed and all(each.verdict != "outside" for each in self.results)

    @property
    def summary(self) -> str:
        """Each figure with its verdict, in one line."""
        return ", ".join(_describe(each) for each in self.results)


def judge_pilot(definition: Definition, phase: PilotPhase, figures: Figures, since: datetime, until: datetime) -> PilotVerdict:
    """Judge a pilot by the figures of (since, until]."""
    rules = tuple(
        KpiRule(
            kpi=each.kpi,
            window=phase.lasts,
            minimum_sample=each.minimum_sample,
            thresholds=(KpiThreshold(below=each.at_least, above=each.at_most, consequence="alert"),),
        )
        for each in phase.criteria
    )
    piloted = definition.model_copy(update={"evaluation": Evaluation(every=phase.lasts, kpis=rules)})
    found: Mapping[str, Figures] = {each.kpi: figures for each in phase.criteria}
    verdict = judge(piloted, found, until)  # type: ignore[arg-type]
    results = tuple(
        PilotResult(
            criterion=criterion,
            verdict="immature" if result.value is None else "outside" if result.consequence == "alert" else "passed",
            result=result.model_copy(update={"window_start": since}),
        )
        for criterion, result in zip(phase.criteria, verdict.results, strict=True)
    )
    return PilotVerdict(since=since, until=until, results=results)


def _describe(each: PilotResult) -> str:
    bounds = [
        f"{word} {_figure(bound)}"
        for word, bound in (("at least", each.criterion.at_least), ("at most", each.criterion.at_most))
        if bound is not None
    ]
    if each.verdict == "immature":
        return f"{each.criterion.kpi} immature ({each.result.formula})"
    figure = _figure(each.result.value) if each.result.value is not None else "-"
    return f"{each.criterion.kpi} {figure}" + (f", not {' and '.join(bounds)}" if each.verdict == "outside" else "")


def _figure(value: Decimal) -> str:
    return format(value.normalize(), "f")
