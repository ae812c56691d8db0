"""Guardrails: what a look finds in the figures, and what the looks come to, one after the other."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition.rollout import Guardrail
from domain.evaluation.figures import Figures
from domain.rollout.guardrails import Check, GuardrailState, Status, after, halts, looked, released
from tests.anchors import AT
from tests.domain.definitions import small

STATUSES: tuple[Status, ...] = ("ok", "failing", "no_data", "source_failed")
statuses = st.lists(st.sampled_from(STATUSES), max_size=20)
rules = st.integers(1, 6).flatmap(
    lambda count: st.tuples(st.just(count), st.integers(1, count), st.sampled_from(["stop", "hold", "warn"]))
)


def guardrail(
    count: int = 1, failures: int = 1, on_failure: Literal["stop", "hold", "warn"] = "stop", **more: Any
) -> Guardrail:
    plain = {"id": "active", "kpi": "active_rate", "window": "P7D", "at_least": "0.3", "every": "P1D"}
    return Guardrail.model_validate(plain | {"count": count, "failures": failures, "on_failure": on_failure} | more)


def _figures(active: int, members: int) -> Figures:
    none = dict.fromkeys(("joined", "left", "members_redeemed", "issued", "burned", "expired", "forfeited", "outstanding"), 0)
    return Figures.model_validate(none | {"members_at_start": members, "members_at_end": members, "active_members": active})


def _looks(found: Sequence[Status]) -> list[Check]:
    return [Check(number=place, at=AT + timedelta(days=place), status=status) for place, status in enumerate(found)]


def _stands(rule: Guardrail, found: Sequence[Status], before: GuardrailState | None = None) -> GuardrailState:
    return reduce(lambda state, check: after(rule, state, check), _looks(found), before or GuardrailState())


@pytest.mark.parametrize(
    ("active", "members", "more", "status"),
    [
        (40, 100, {}, "ok"),
        (30, 100, {}, "ok"),
        (29, 100, {}, "failing"),
        (60, 100, {"at_most": "0.5"}, "failing"),
        (0, 0, {}, "no_data"),
        (1, 9, {"minimum_sample": 10}, "no_data"),
        (1, 10, {"minimum_sample": 10}, "failing"),
        (1, 10, {"kpi": "net_promoter_score"}, "source_failed"),
    ],
)
def test_a_look_finds_what_the_figures_say(active: int, members: int, more: dict[str, Any], status: str) -> None:
    check = looked(guardrail(**more), small(), _figures(active, members), 3, AT)
    assert (check.status, check.number, check.at) == (status, 3, AT)
    assert (check.value is not None) == (status in ("ok", "failing"))
    assert check.told


def test_a_lifetime_value_takes_its_terms_from_the_evaluation() -> None:
    evaluation = small().evaluation.model_dump()
    terms = {"margin": 100, "discount_rate": "0.1"}
    rule = {"kpi": "lifetime_value", "window": "P1Y", "lifetime": terms, "thresholds": [{"below": 1, "consequence": "alert"}]}
    definition = small(evaluation=evaluation | {"kpis": [*evaluation["kpis"], rule]})
    check = looked(guardrail(kpi="lifetime_value", at_least=1), definition, _figures(1, 10), 1, AT)
    assert (check.status, check.value) == ("ok", Decimal("1000.00"))


@given(rules, statuses)
def test_the_last_looks_decide_and_a_source_that_fails_never_does(
    rule: tuple[int, int, Literal["stop", "hold", "warn"]], found: list[Status]
) -> None:
    """Against the rule told anew: of the last `count` looks with an answer, `failures` beyond the bounds; else no data."""
    wanted = guardrail(*rule)
    state = _stands(wanted, found)
    answered = [each for each in found if each != "source_failed"]
    last = answered[-wanted.count :]
    if last.count("failing") >= wanted.failures:
        expected: str = wanted.on_failure
    elif last and last[-1] == "no_data":
        expected = "no_data"
    else:
        expected = "failing" if "failing" in last else "ok"
    assert state.verdict == expected
    assert state == _stands(wanted, answered).model_copy(update={"source_failures": state.source_failures})
    at_the_end = next((place for place, each in enumerate(reversed(found)) if each != "source_failed"), len(found))
    assert state.source_failures == at_the_end


@given(rules, statuses)
def test_only_what_fails_stops_and_no_data_holds_unless_it_only_warns(
    rule: tuple[int, int, Literal["stop", "hold", "warn"]], found: list[Status]
) -> None:
    wanted = guardrail(*rule)
    follows = halts(wanted, _stands(wanted, found).verdict)
    if "failing" not in found:
        assert follows != "stop"
        assert follows in (None, "warn" if wanted.on_failure == "warn" else "hold")
    if set(found) <= {"ok", "source_failed"}:
        assert follows is None
    if wanted.on_failure == "warn":
        assert follows in (None, "warn")


def test_after_a_release_it_begins_anew_and_lacks_data_no_more_in_this_wave() -> None:
    rule = guardrail(count=3, failures=2, on_failure="hold")
    held = _stands(rule, ["ok", "failing", "failing"])
    assert held.verdict == "hold"
    again = _stands(rule, ["failing"], released(held))
    assert again.verdict == "failing"
    assert _stands(rule, ["failing", "failing"], released(held)).verdict == "hold"
    assert _stands(rule, ["no_data"], released(held)).verdict == "no_data"
    waived = released(_stands(rule, ["no_data"]))
    assert _stands(rule, ["no_data", "no_data"], waived).verdict == "ok"
    assert _stands(rule, ["no_data", "failing", "failing"], released(waived)).verdict == "hold"
