"""Guardrails of a rollout: a pure rule over successive checks, with the consequences stop, hold and warn."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime

from domain.definition.document import Definition
from domain.definition.rollout import Guardrail
from domain.evaluation.figures import Figures
from domain.evaluation.formulas import FORMULAS
from domain.model import Message
from domain.statistics import Interval

Status = Literal["ok", "failing", "no_data", "source_failed"]
"""The result of a check: within the bounds, beyond them, too few members, or no figure because the source failed."""
Verdict = Literal["ok", "failing", "no_data", "stop", "hold", "warn"]
"""The state of a guardrail: `failing` is beyond the bounds, but not often enough; the last three are its consequences."""


class Check(Message):
    """One check of a guardrail's figure, as of an instant: `told` is its computation, or the error."""

    number: int
    at: AwareDatetime
    status: Status
    value: Decimal | None = None
    interval: Interval | None = None
    n: int | None = None
    told: str = ""


class GuardrailState(Message):
    """A guardrail's memory: the last checks that count, and the number of its source's failures in a row.

    `waived`: a person has released the rollout without data, in this wave.
    """

    looks: tuple[Status, ...] = ()
    verdict: Verdict = "ok"
    source_failures: int = 0
    waived: bool = False


def looked(guardrail: Guardrail, definition: Definition, figures: Figures, number: int, at: AwareDatetime) -> Check:
    """Check the figures of the guardrail's window, by the same formula as an evaluation.

    A KPI whose figures are not kept counts as a failed source: it says nothing about the program.
    """
    rule = next((rule for rule in definition.evaluation.kpis if rule.kpi == guardrail.kpi), None)
    computed = FORMULAS[guardrail.kpi](figures, definition, rule)
    if not computed.kept:
        return Check(number=number, at=at, status="source_failed", told=computed.formula)
    figure = computed.figure
    too_few = guardrail.minimum_sample is not None and (computed.n or 0) < guardrail.minimum_sample
    if figure is None or too_few:
        wanted = f", and {guardrail.minimum_sample} are asked for" if too_few else ""
        return Check(
            number=number, at=at, status="no_data", n=computed.n, told=f"{computed.formula}: {computed.n or 0}{wanted}"
        )
    status: Status = "ok" if _within(guardrail, figure.value) else "failing"
    return Check(
        number=number, at=at, status=status, value=figure.value, interval=figure.interval, n=computed.n, told=computed.formula
    )


def after(guardrail: Guardrail, before: GuardrailState, check: Check) -> GuardrailState:
    """The state of a guardrail after a check.

    A failed source changes only its count. Of the last `count` checks, `failures` beyond the bounds make the guardrail fail.
    Without data the rollout waits, unless the guardrail only warns, or a person has waived that.
    """
    if check.status == "source_failed":
        return before.model_copy(update={"source_failures": before.source_failures + 1})
    looks = (*before.looks, check.status)[-guardrail.count :]
    verdict = _verdict(guardrail, looks, waived=before.waived)
    return before.model_copy(update={"looks": looks, "verdict": verdict, "source_failures": 0})


def released(before: GuardrailState) -> GuardrailState:
    """The state of a guardrail after a release by a person: it begins anew, and may lack data in this wave."""
    return GuardrailState(waived=before.waived or before.verdict == "no_data", source_failures=before.source_failures)


def halts(guardrail: Guardrail, verdict: Verdict) -> Literal["stop", "hold", "warn"] | None:
    """The consequence of a verdict for the rollout; None if it may go on."""
    if verdict == "no_data":
        return "warn" if guardrail.on_failure == "warn" else "hold"
    return verdict if verdict in ("stop", "hold", "warn") else None


def _verdict(guardrail: Guardrail, looks: Sequence[Status], *, waived: bool) -> Verdict:
    if looks.count("failing") >= guardrail.failures:
        return guardrail.on_failure
    if looks[-1] == "no_data" and not waived:
        return "no_data"
    return "failing" if "failing" in looks else "ok"


def _within(guardrail: Guardrail, value: Decimal) -> bool:
    low, high = guardrail.at_least, guardrail.at_most
    return (low is None or value >= low) and (high is None or value <= high)
