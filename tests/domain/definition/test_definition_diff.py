"""The difference between two definitions reads as a product owner would say it, and weighs as much as it does to members."""

from pathlib import Path
from typing import Any

import pytest

from domain.definition.diff import differences
from domain.definition.document import Definition, digest
from domain.definition.explain import explained
from domain.definition.reading.file import read_definition
from tests.domain.definitions import SMALL, changed, small

LAPSE = "kind: after_earning\n  after: P6M\n  unless_active_every: P1M\n  exempt_tiers: [gold]"
EXAMPLES = Path(__file__).parents[3] / "examples"


def _read(text: str | bytes) -> Definition:
    definition = read_definition(text)
    assert isinstance(definition, Definition), [str(fault) for fault in definition]
    return definition


def _example(name: str) -> Definition:
    return _read((EXAMPLES / f"{name}.yaml").read_bytes())


def _differences(*changes: tuple[str, str]) -> list[tuple[str, str]]:
    return [(each.mark, each.told) for each in differences(small(), _read(changed(*changes))).differences]


def test_the_two_hiltons_differ_as_a_product_owner_would_say() -> None:
    found = differences(_example("hilton-honors-2025"), _example("hilton-honors-2026"))
    lines = [each.told for each in found.differences if each.mark == "substantial"]
    assert found.mark == "substantial"
    assert "Gold now needs 25 nights instead of 40." in lines
    assert "Gold now needs 15 stays instead of 20." in lines
    assert "Gold can now also be had with 6,000 USD of spend." in lines
    assert "Gold can no longer be had with 75,000 base points." in lines
    assert any(
        each.startswith("New: the tier Diamond Reserve, for (80 nights or 40 stays) and 18,000 USD of spend") for each in lines
    )
    assert [each.mark for each in found.differences] == sorted((each.mark for each in found.differences), reverse=True)


@pytest.mark.parametrize(
    ("change", "mark", "text"),
    [
        (("value_per_point: 0.01", "value_per_point: 0.008"), "substantial", "A point is now worth 0.8 pence instead of 1."),
        (("at_least: 500\n", "at_least: 600\n"), "substantial", "Gold now needs 600 GBP of spend instead of 500."),
        (("at_least: 50\n", "at_least: 40\n"), "substantial", "Silver now is kept with 40 GBP of spend instead of 50."),
        (("    rate: 2\n", "    rate: 1\n"), "substantial", "The rule per-pound now gives 1 point per GBP instead of 2."),
        (("gold: 3", "gold: 4"), "substantial", "The rule per-pound now gives Gold 4 points per unit instead of 3."),
        (("    points: 100\n", "    points: 120\n"), "substantial", "A mug now costs 120 points instead of 100."),
        (("  after: P6M\n", "  after: P9M\n"), "substantial", "Points now expire after 9 months instead of 6 months."),
        ((LAPSE, "kind: never"), "substantial",
         "Points never expire; until now: points expire 6 months after they were earned, later where the member is active "
         "every 1 month; never for Gold."),
        (("tiers:\n", "qualification_window:\n  year_from: 04-01\ntiers:\n"), "substantial",
         "What counts towards tiers is now summed over each year from 1 April instead of the last 1 year."),
        (("silver\n    name: Silver\n", "silver\n    name: Argent\n"), "editorial", "Silver is now called Argent."),
        (("message: Come back", "message: Do come back"), "editorial", "The text of Retention, offer (message) has changed."),
        (("cost_per_point: 0.005", "cost_per_point: 0.004"), "minor",
         "A point is now expected to cost 0.4 pence instead of 0.5."),
        (("count: 2", "count: 3"), "substantial", "Gates, launch, rules finance: count is now 3 instead of 2."),
        (("version: \"1\"", "version: \"2\""), "substantial", "The agreement is now version 2 instead of 1."),
        (("retention:\n", "wind_down:\n  redeem_window: P90D\nretention:\n"), "substantial",
         "Wind down: redeem window is now 90 days instead of 180 days."),
    ],
)  # fmt: skip
def test_each_difference_is_told_with_its_weight(change: tuple[str, str], mark: str, text: str) -> None:
    assert _differences(change) == [(mark, text)]


def test_a_change_weighs_as_much_as_its_gravest_difference_which_comes_first() -> None:
    lines = _differences(
        ("name: Small\n", "name: Large\n"),
        ("cost_per_point: 0.005", "cost_per_point: 0.004"),
        ("    points: 100\n", "    points: 120\n"),
    )
    assert [mark for mark, _ in lines] == ["substantial", "minor", "editorial"]


def test_what_means_the_same_has_no_difference() -> None:
    same = differences(small(), _read(SMALL.replace("valid_for: P12M", "valid_for: P1Y")))
    assert (same.mark, same.differences) == (None, ())


def test_a_renamed_tier_is_no_new_one() -> None:
    levels: list[dict[str, Any]] = [tier.model_dump() for tier in small().tiers]
    levels[2] |= {"id": "ruby", "replaces": ["gold"]}
    rates = [small().earning[0].model_dump() | {"tier_rates": {"ruby": 3}}]
    found = differences(small(), small(tiers=levels, earning=rates, expiry={})).differences
    assert not [each for each in found if each.told.startswith(("New: the tier", "No longer: the tier"))]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_differs_from_every_other_and_from_itself_in_nothing(path: Path) -> None:
    definition = _example(path.stem)
    for other in (_example(each.stem) for each in EXAMPLES.glob("*.yaml")):
        found = differences(definition, other)
        assert (found.mark is None) == (digest(definition) == digest(other))
        assert all(
            each.told.endswith(".") and "None" not in each.told and "Decimal(" not in each.told for each in found.differences
        )


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_explained_without_a_word_of_the_machine(path: Path) -> None:
    sections = explained(_example(path.stem))
    assert {"Program", "Earning", "Tiers", "Rewards", "Expiry", "The end"} <= {section.heading for section in sections}
    assert not [line for section in sections for line in section.lines if "None" in line or "Decimal(" in line or "P1" in line]
