"""Scenarios: a scripted member is played through the rules, and must end with the expected points and tier."""

from domain.definition import Definition, Scenario
from domain.earning import Event
from domain.model import Value
from domain.playback import PlayedMember
from domain.window import ORIGIN


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
    joins = scenario.joins.at(definition.zone) if scenario.joins else ORIGIN
    member = PlayedMember(definition, joins, scenario.tier)
    last = joins
    for scripted in scenario.events:
        at = scripted.after.after(joins, definition.zone)
        if at < last:
            raise ValueError(f"in {scenario.name!r} an event is before the one above it; write them in order of time")
        event = Event(type=scripted.event, amount=scripted.amount, attributes=scripted.attributes)
        member.post(event, at, confirmed=scripted.confirmed)
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
