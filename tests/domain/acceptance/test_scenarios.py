"""Scenarios: they pass when points and tier are as expected, and say what came out when they are not."""

import pytest

from domain.acceptance.scenarios import Outcome, compared, run_scenario
from domain.definition.acceptance import Scenario, ScenarioPhase
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


def test_a_member_redeems_and_what_they_may_have_next_is_told() -> None:
    scenario = Scenario.model_validate(
        {
            "name": "Two mugs",
            "events": [
                {"event": "purchase", "amount": 60},
                {"redeem": "mug", "after": "P1D"},
                {"redeem": "mug", "after": "P2D"},
            ],
            "expect": {"points": 20, "tier": "blue", "rewards": {"redeemed": ["mug"], "may_redeem": []}},
        }
    )
    result = run_scenario(small(), scenario)
    assert result.passed
    assert result.refused == ("The reward 'mug' costs 100 points, and the member has 20.",)


def test_a_redemption_that_is_refused_fails_the_scenario_unless_it_is_expected() -> None:
    scenario = _scenario(20, "blue", {"event": "purchase", "amount": 10}, {"redeem": "mug"})
    result = run_scenario(small(), scenario)
    assert result.differs == (
        "expected to get mug redeemed, got nothing (The reward 'mug' costs 100 points, and the member has 20.)",
    )


@pytest.mark.parametrize(
    ("reward", "reason"),
    [
        ({"from_tier": "gold"}, "is for tier 'gold' and above"),
        ({"from": "2026-01-01"}, "is offered from 2026-01-01 on"),
        ({"until": "2024-01-01"}, "was offered until 2024-01-01"),
        ({"per_member": {"count": 1, "per": "P1M"}}, "1 time within 1 month"),
        ({"stock": 1}, "All 1 of the reward 'mug' are taken"),
    ],
)
def test_tier_dates_stock_and_limit_hold_for_a_scripted_member_too(reward: dict[str, object], reason: str) -> None:
    definition = small(rewards=[{"id": "mug", "name": "A mug", "points": 10, **reward}])
    scenario = _scenario(0, "blue", {"event": "purchase", "amount": 10}, {"redeem": "mug"}, {"redeem": "mug"})
    result = run_scenario(definition, scenario)
    assert any(reason in refused for refused in result.refused)
    assert result.may_redeem == ()


def test_what_the_member_may_have_must_be_just_that() -> None:
    scenario = Scenario.model_validate(
        {
            "name": "A mug is within reach",
            "events": [{"event": "purchase", "amount": 60}],
            "expect": {"points": 120, "tier": "blue", "rewards": {"may_redeem": []}},
        }
    )
    assert run_scenario(small(), scenario).differs == ("expected to be able to redeem nothing, is able to redeem mug",)


def test_a_ledger_that_comes_to_something_else_fails_the_scenario_and_both_numbers_are_named() -> None:
    result = run_scenario(small(), _scenario(20, "blue", {"event": "purchase", "amount": 10}))
    same = Outcome(points=20, tier="blue")
    assert compared(result, same).passed
    other = compared(result, same.model_copy(update={"points": 19, "tier": "silver"}))
    assert not other.passed
    assert other.differs == (
        "the rules come to 20 points, the ledger to 19",
        "the rules come to tier blue, the ledger's counters to silver",
    )
