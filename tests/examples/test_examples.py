"""The examples: faultless, proven by their own scenarios, and true on the real log that they were made for."""

from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from domain.definition import Definition, ScenarioPhase, SignOffPhase, scaled
from domain.definition_file import cross_check, read_definition
from domain.scenarios import run_scenario
from insight.prototype import Purchase, simulate

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
APRIL_1997 = datetime(1997, 4, 1, tzinfo=UTC)


def _example(name: str) -> Definition:
    definition = read_definition((EXAMPLES[0].parent / f"{name}.yaml").read_bytes())
    assert isinstance(definition, Definition), [str(fault) for fault in definition]
    return definition


def _cdnow() -> list[Purchase]:
    try:
        log = Path(str(distribution("lifetimes").locate_file("lifetimes/datasets/CDNOW_sample.txt")))
    except PackageNotFoundError:
        pytest.skip("the CDNOW log is not installed; `make setup` installs it")
    rows = (line.split() for line in log.read_text().splitlines())
    return [Purchase(row[1], datetime.strptime(f"{row[2]} 17 +0000", "%Y%m%d %H %z"), Decimal(row[4])) for row in rows]


def test_the_examples_are_there() -> None:
    assert {path.stem for path in EXAMPLES} >= {"cd-club", "starbucks"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_passes_the_check(path: Path) -> None:
    definition = read_definition(path.read_bytes())
    assert isinstance(definition, Definition), [str(fault) for fault in definition]
    assert cross_check(definition) == ()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("factor", [1, 5e5])
def test_every_example_passes_its_own_scenarios_at_any_speed(path: Path, factor: float) -> None:
    definition = scaled(_example(path.stem), factor) if factor != 1 else _example(path.stem)
    results = [
        run_scenario(definition, scenario)
        for phase in definition.test_phases
        if isinstance(phase, ScenarioPhase)
        for scenario in phase.scenarios
    ]
    assert len(results) >= 5
    assert [result for result in results if not result.passed] == []


def test_the_known_answer_of_starbucks_is_among_its_scenarios() -> None:
    phase = _example("starbucks").test_phases[0]
    assert isinstance(phase, ScenarioPhase)
    known = phase.scenarios[0]
    assert [event.amount for event in known.events] == [500, 100]
    assert (known.expect.points, known.expect.tier) == (500 + 120, "gold")


def test_starbucks_says_what_the_reports_say() -> None:
    definition = _example("starbucks")
    rule = definition.earning[0]
    assert (rule.rate, rule.tier_rates) == (Decimal(1), {"gold": Decimal("1.2"), "reserve": Decimal("1.7")})
    reached = [tier.reach.thresholds[0].at_least for tier in definition.tiers if tier.reach]
    assert reached == [500, 2500]
    assert [str(tier.valid_for) for tier in definition.tiers[1:]] == ["P1Y", "P1Y"]
    assert [reward.points for reward in definition.rewards] == [25, 60, 100, 200, 300, 400]
    assert definition.expiry.exempt_tiers == ("gold", "reserve")


def test_the_club_asks_two_roles_at_each_gate_and_the_operations_to_sign_off() -> None:
    definition = _example("cd-club")
    for gate in (definition.gates.strategy, definition.gates.launch, definition.gates.wind_down):
        assert len({rule.role for rule in gate.rules}) == 2
    phase = definition.test_phases[1]
    assert isinstance(phase, SignOffPhase)
    assert [rule.role for rule in phase.gate.rules] == ["operations"]
    assert [wave.share for wave in definition.waves] == [40, 100]


def test_the_clubs_criteria_hold_on_the_first_quarter_of_1997() -> None:
    result = simulate(_example("cd-club"), [purchase for purchase in _cdnow() if purchase.at < APRIL_1997])
    assert result.transactions == 3267
    assert result.figures["members"] == 2357
    assert [criterion for criterion in result.criteria if not criterion.passed] == []
    assert result.passed


def test_the_starbucks_criteria_hold_on_the_log_that_stands_in() -> None:
    result = simulate(_example("starbucks"), [purchase for purchase in _cdnow() if purchase.at < APRIL_1997])
    assert result.passed, result.criteria


def test_eighteen_months_of_the_club_show_every_side_of_it() -> None:
    result = simulate(_example("cd-club"), _cdnow())
    assert result.transactions == 6919
    assert min(result.members_by_tier.values()) > 0
    assert min(result.figures[name] for name in ("points_burned", "points_expired", "points_outstanding")) > 0
