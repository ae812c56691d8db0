"""Scenarios: they pass when points and tier are as expected, and say what came out when they are not."""

import pytest

from domain.definition import Scenario, ScenarioPhase
from domain.scenarios import run_scenario
from tests.domain.definitions import small


def _scenario(points: int, tier: str, *events: dict[str, object], start: str | None = None) -> Scenario:
    return Scenario.model_validate(
        {"name": "A member", "tier": start, "events": list(events), "expect": {"points": points, "tier": tier}}
    )


def test_the_scenario_of_the_definition_passes() -> None:
    phase = small().test_phases[0]
    assert isinstance(phase, ScenarioPhase)
    assert run_scenario(small(), phase.scenarios[0]).passed


@pytest.mark.parametrize(("points", "tier"), [(21, "blue"), (20, "silver")])
def test_another_outcome_fails_and_is_told(points: int, tier: str) -> None:
    result = run_scenario(small(), _scenario(points, tier, {"event": "purchase", "amount": 10}))
    assert not result.passed
    assert (result.points, result.tier, result.expected_points, result.expected_tier) == (20, "blue", points, tier)


def test_a_member_can_begin_in_a_tier() -> None:
    assert run_scenario(small(), _scenario(30, "gold", {"event": "purchase", "amount": 10}, start="gold")).passed


def test_time_passes_between_events() -> None:
    later = {"event": "purchase", "amount": 1, "after": "P6M"}
    assert run_scenario(small(), _scenario(2, "blue", {"event": "purchase", "amount": 10}, later)).passed


def test_events_out_of_order_are_an_error() -> None:
    scenario = _scenario(0, "blue", {"event": "purchase", "after": "P2D"}, {"event": "purchase", "after": "P1D"})
    with pytest.raises(ValueError, match="in order of time"):
        run_scenario(small(), scenario)
