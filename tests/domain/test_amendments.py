"""What an amendment touches: tiers that lose their place, tiers whose members must be looked at, and those it leaves alone."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.amendments import asks_otherwise, untouched, without_place
from domain.definition import Definition
from tests.domain.definitions import small

SMALL = small()
ALL = frozenset({"blue", "silver", "gold"})
Change = Callable[[dict[str, Any]], None]


def amended(change: Change) -> Definition:
    """The small definition, changed in its plain data."""
    plain = SMALL.model_dump(mode="json")
    change(plain)
    return Definition.model_validate(plain)


def _set(*path: Any) -> Change:
    """Sets the value that comes last at the place that comes before."""
    *way, key, value = path

    def change(plain: Any) -> None:
        for step in way:
            plain = plain[step]
        plain[key] = value

    return change


RENAMED = {"id": "ruby", "replaces": ["gold"]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("summary", "Said otherwise."), ALL),
        (_set("tiers", 1, "name", "Sterling"), ALL),
        (_set("earning", 0, "rate", "3"), ALL),
        (_set("tiers", 2, "reach", "all", 0, "at_least", "600"), frozenset[str]()),
        (_set("tiers", 1, "keep", "all", 0, "at_least", "40"), frozenset({"blue", "gold"})),
        (_set("tiers", 1, "valid_for", "P24M"), frozenset({"blue", "gold"})),
        (_set("tiers", 1, "reach", "any", 0, "at_least", "90"), frozenset({"gold"})),
        (_set("counters", 1, "events", ["purchase"]), frozenset[str]()),
        (_set("qualification_window", "P6M"), frozenset[str]()),
        (_set("retention", "silent_after", "P30D"), frozenset[str]()),
        (_set("milestones", [{"id": "first", "counter": "life", "at": 5, "points": 10}]), frozenset[str]()),
        (lambda plain: plain["tiers"][2].update(RENAMED), frozenset({"blue", "silver"})),
    ],
    ids=["words", "name", "rate", "top", "keep", "validity", "reach", "counter", "window", "silence", "milestone", "renamed"],
)
def test_who_holds_a_tier_that_is_touched_or_can_reach_one_is_looked_at(change: Change, expected: frozenset[str]) -> None:
    assert untouched(SMALL, amended(change)) == expected


def test_a_new_tier_in_the_middle_leaves_those_above_it_alone() -> None:
    bronze = {"id": "bronze", "name": "Bronze", "reach": {"all": [{"counter": "spend", "at_least": 50}]}, "valid_for": "P1Y"}
    between = amended(lambda plain: plain["tiers"].insert(1, bronze))
    assert untouched(SMALL, between) == {"silver", "gold"}


def test_a_tier_asks_otherwise_under_its_old_id_and_its_new_one() -> None:
    ruby = amended(lambda plain: plain["tiers"][2].update(RENAMED))
    assert not asks_otherwise(SMALL, ruby, "gold") and not asks_otherwise(SMALL, ruby, "ruby")
    harder = amended(
        lambda plain: plain["tiers"][2].update(
            RENAMED | {"reach": {"all": [{"counter": "spend", "at_least": 900}, {"counter": "visits", "at_least": 5}]}}
        )
    )
    assert asks_otherwise(SMALL, harder, "gold") and asks_otherwise(SMALL, harder, "ruby")
    assert not asks_otherwise(SMALL, harder, "silver")


def test_a_tier_without_a_place_is_named_once() -> None:
    ruby = amended(lambda plain: plain["tiers"][2].update(RENAMED))
    assert without_place(ruby, ["blue", "silver", "gold", "ruby"]) == ()
    assert without_place(ruby, ["bronze", "gold", "bronze"]) == ("bronze",)
