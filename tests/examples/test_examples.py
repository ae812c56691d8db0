"""The examples: faultless, proven by their own scenarios, and true on the real log that they were made for."""

from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from domain.acceptance.scenarios import run_scenario
from domain.definition.acceptance import ScenarioEvent, ScenarioPhase, SignOffPhase
from domain.definition.document import Definition, scaled
from domain.definition.reading.file import cross_check, read_definition
from insight.acceptance.event_log import Purchase
from insight.acceptance.simulation import simulate

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
    programs = {"british-airways-club", "hilton-honors-2025", "hilton-honors-2026", "marriott-bonvoy", "marketplace-sellers"}
    assert {path.stem for path in EXAMPLES} >= {"cd-club", "starbucks"} | programs


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
    assert [event.amount for event in known.events if isinstance(event, ScenarioEvent)] == [500, 100]
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


def test_the_club_asks_two_roles_at_each_gate() -> None:
    definition = _example("cd-club")
    for gate in (definition.gates.strategy, definition.gates.launch, definition.gates.wind_down):
        assert len({rule.role for rule in gate.rules}) == 2
    phase = definition.test_phases[1]
    assert isinstance(phase, SignOffPhase)
    assert [rule.role for rule in phase.gate.rules] == ["operations", "marketing"]
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


@pytest.mark.parametrize(
    ("name", "scenario", "points", "tier"),
    [
        ("british-airways-club", "3,499 pounds leave a member Blue", 3499 * 6, "blue"),
        ("british-airways-club", "3,500 pounds make Bronze", 3500 * 6, "bronze"),
        ("british-airways-club", "50 sectors and no pound make Silver", 0, "silver"),
        ("british-airways-club", "16,000 pounds bring the Avios of all three milestones, 11,500", 16000 * 6 + 11500, "silver"),
        ("hilton-honors-2025", "1,000 dollars as a Gold member bring 18,000 points", 18000, "gold"),
        ("hilton-honors-2026", "1,000 dollars as a Gold member bring 18,000 points", 18000, "gold"),
        ("hilton-honors-2026", "80 nights and 18,000 dollars make Diamond Reserve", 180000, "diamond-reserve"),
        ("marriott-bonvoy", "Gold in January 2025 is Gold in February 2027", 1250, "gold"),
        ("marriott-bonvoy", "And no longer in March 2027", 1000, "member"),
        ("marriott-bonvoy", "400 nights and seven years as Gold or above are Gold for life", 1250, "gold"),
    ],
)
def test_the_known_answers_are_among_the_scenarios(name: str, scenario: str, points: int, tier: str) -> None:
    phases = [phase for phase in _example(name).test_phases if isinstance(phase, ScenarioPhase)]
    (known,) = (each for phase in phases for each in phase.scenarios if each.name == scenario)
    assert (known.expect.points, known.expect.tier) == (points, tier)


def test_british_airways_says_what_the_reports_say() -> None:
    definition = _example("british-airways-club")
    asked = [[threshold.at_least for threshold in tier.reach.thresholds] for tier in definition.tiers if tier.reach]
    assert asked == [[3500, 25], [7500, 50], [20000], [65000, 52000]]
    keep = definition.tiers[-1].keep
    assert keep is not None
    assert [threshold.at_least for threshold in keep.thresholds] == [40000, 32000]
    paid = [(int(each.at), each.points) for each in definition.milestones]
    assert paid == [(5500, 2500), (11000, 4000), (16000, 5000)]
    assert definition.qualification_window.written() == {"year_from": "04-01"}


@pytest.mark.parametrize(
    ("year", "asked"),
    [
        (2025, [[10, 4, 25000], [40, 20, 75000], [60, 30, 120000]]),
        (2026, [[10, 4, 2500], [25, 15, 6000], [50, 25, 11500], [80, 40, 18000]]),
    ],
)
def test_hilton_says_what_the_reports_say(year: int, asked: list[list[int]]) -> None:
    definition = _example(f"hilton-honors-{year}")
    assert [[threshold.at_least for threshold in tier.reach.thresholds] for tier in definition.tiers if tier.reach] == asked
    bonus = {"silver": 20, "gold": 80, "diamond": 100} | ({"diamond-reserve": 120} if year == 2026 else {})
    assert definition.earning[0].tier_bonus == bonus
    assert str(definition.expiry.after) == "P2Y"


def test_marriott_says_what_the_reports_say() -> None:
    definition = _example("marriott-bonvoy")
    asked = [[threshold.at_least for threshold in tier.reach.thresholds] for tier in definition.tiers if tier.reach]
    assert asked == [[10], [25], [50], [75], [100, 23000]]
    assert list(definition.earning[0].tier_bonus.values()) == [10, 25, 50, 75, 75]
    lifetime = [list(tier.lifetime.leaves()) for tier in definition.tiers if tier.lifetime]
    asked_for_life = [(str(nights.at_least), str(held.at_least)) for nights, held in lifetime]
    assert asked_for_life == [("250", "P5Y"), ("400", "P7Y"), ("600", "P10Y")]


@pytest.mark.parametrize(
    "name", ["british-airways-club", "hilton-honors-2025", "hilton-honors-2026", "marriott-bonvoy", "marketplace-sellers"]
)
def test_the_criteria_of_the_further_examples_hold_on_the_log_that_stands_in(name: str) -> None:
    result = simulate(_example(name), [purchase for purchase in _cdnow() if purchase.at < APRIL_1997])
    assert result.passed, result.criteria
