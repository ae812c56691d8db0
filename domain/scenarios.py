"""Scenarios: a scripted member is played through the rules, and must end with the expected points and tier."""

from datetime import UTC, datetime

from domain.definition import Definition, Scenario
from domain.earning import Event
from domain.model import Value
from domain.playback import PlayedMember

_JOINED = datetime(2025, 1, 1, 12, tzinfo=UTC)
"""When every scripted member joins: any day would do, but it must be the same each time."""


class ScenarioResult(Value):
    """What a scripted member ended with (balance of points and tier, right after the last event), and what was expected."""

    name: str
    passed: bool
    points: int
    tier: str
    expected_points: int
    expected_tier: str


def run_scenario(definition: Definition, scenario: Scenario) -> ScenarioResult:
    """Play the scenario's member from joining (in the scenario's tier, else the first) to the last event.

    Raises ValueError for an event before the one above it, or an amount finer than the money's smallest unit, and KeyError for
    a tier that the definition has not; `domain.definition_file.cross_check` finds all of them beforehand.
    """
    member = PlayedMember(definition, _JOINED, scenario.tier)
    last = _JOINED
    for scripted in scenario.events:
        at = scripted.after.after(_JOINED, definition.zone)
        if at < last:
            raise ValueError(f"in {scenario.name!r} an event is before the one above it; write them in order of time")
        member.post(Event(type=scripted.event, amount=scripted.amount), at)
        last = at
    points, tier = member.balance, member.standing.tier
    return ScenarioResult(
        name=scenario.name,
        passed=(points, tier) == (scenario.expect.points, scenario.expect.tier),
        points=points,
        tier=tier,
        expected_points=scenario.expect.points,
        expected_tier=scenario.expect.tier,
    )
