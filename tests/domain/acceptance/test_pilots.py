"""What a pilot comes to: passed, outside of its bounds, or too little to tell."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from domain.acceptance.pilots import PilotVerdict, judge_pilot
from domain.definition.acceptance import PilotPhase
from domain.definition.values import Kpi
from domain.evaluation.figures import Figures
from tests.domain.definitions import small

SINCE = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=45)
FIGURES = Figures(
    members_at_start=0,
    joined=20,
    left=0,
    members_at_end=20,
    active_members=8,
    members_redeemed=2,
    issued=1000,
    burned=100,
    expired=0,
    forfeited=0,
    outstanding=900,
    changed=900,
)


def judged(*criteria: dict[str, Any], **figures: Any) -> PilotVerdict:
    phase = PilotPhase.model_validate(
        {"id": "friends", "kind": "pilot", "cohort": "friends", "lasts": "P30D", "criteria": criteria}
    )
    return judge_pilot(small(), phase, FIGURES.model_copy(update=figures), SINCE, UNTIL)


@pytest.mark.parametrize(
    ("bounds", "verdict", "text"),
    [
        ({"at_least": 0.4}, "passed", "active_rate 0.4"),
        ({"at_least": 0.41}, "outside", "active_rate 0.4, not at least 0.41"),
        ({"at_most": 0.4}, "passed", "active_rate 0.4"),
        ({"at_least": 0.1, "at_most": 0.3}, "outside", "active_rate 0.4, not at least 0.1 and at most 0.3"),
        ({"at_least": 0.4, "minimum_sample": 20}, "passed", "active_rate 0.4"),
    ],
)
def test_a_figure_is_within_its_bounds_or_not(bounds: dict[str, Any], verdict: str, text: str) -> None:
    found = judged({"kpi": "active_rate", **bounds})
    assert [each.verdict for each in found.results] == [verdict]
    assert found.summary == text
    assert (found.passed, found.immature) == (verdict == "passed", False)
    assert (found.results[0].result.window_start, found.results[0].result.window_end) == (SINCE, UNTIL)


def test_too_few_members_are_immature_which_is_not_passed_and_no_fault() -> None:
    found = judged({"kpi": "active_rate", "at_least": 0.9, "minimum_sample": 21})
    assert (found.passed, found.immature) == (False, True)
    assert "20 are fewer than the 21 that are asked for" in found.summary


def test_nobody_at_all_is_immature() -> None:
    found = judged({"kpi": "active_rate", "at_least": 0.1}, joined=0, members_at_end=0, active_members=0)
    assert found.immature


def test_one_figure_outside_fails_it_whatever_is_immature() -> None:
    found = judged(
        {"kpi": "active_rate", "at_least": 0.9}, {"kpi": "member_redemption_rate", "at_least": 0, "minimum_sample": 99}
    )
    assert (found.passed, found.immature) == (False, False)


@pytest.mark.parametrize("kpi", [kpi for kpi in get_args(Kpi) if kpi != "lifetime_value"])
def test_every_figure_that_may_be_bounded_is_judged(kpi: str) -> None:
    (result,) = judged({"kpi": kpi, "at_least": -(10**9)}).results
    assert result.verdict == ("immature" if result.result.value is None else "passed")
