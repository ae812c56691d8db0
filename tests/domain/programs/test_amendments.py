"""What an amendment touches: tiers that lose their place, tiers whose members must be looked at, and those it leaves alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.definition.diff import _mark
from domain.definition.document import Definition
from domain.programs.amendments import (
    AmendmentClass,
    asks_otherwise,
    classify,
    counters_missed,
    grandfathered_under,
    restored,
    takes_effect,
    untouched,
    without_place,
)
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


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("summary", "Said otherwise."), "minor"),
        (_set("tiers", 1, "name", "Sterling"), "minor"),
        (_set("risks", [{"risk": "Nobody comes", "answer": "We write to them"}]), "minor"),
        (_set("evaluation", "kpis", 0, "thresholds", 0, "below", "0.4"), "minor"),
        (_set("gates", "launch", "reminders", ["P1D"]), "minor"),
        (_set("retention", "offer", "message", "Do come back."), "minor"),
        (_set("currency", "cost_per_point", "0.001"), "minor"),
        (_set("earning", 0, "rate", "3"), "substantial"),
        (_set("tiers", 2, "reach", "all", 0, "at_least", "600"), "substantial"),
        (_set("rewards", 0, "points", 120), "substantial"),
        (lambda plain: plain["rewards"].append({"id": "new", "name": "New", "points": 7}), "substantial"),
        (_set("expiry", {"kind": "never"}), "substantial"),
        (_set("currency", "value_per_point", "0.001"), "substantial"),
        (_set("agreement", "version", "2"), "substantial"),
        (_set("joining", {"invitation_only": True}), "substantial"),
        (_set("gates", "launch", "rules", 0, "count", 5), "substantial"),
        (_set("amendments", {"notice": "P30D"}), "substantial"),
        (_set("wind_down", {"redeem_window": "P90D"}), "substantial"),
        (_set("retention", "offer", "points", 51), "substantial"),
        (_set("transition", "at_once"), "substantial"),
    ],
)
def test_an_amendment_weighs_what_it_changes_for_members(change: Change, expected: str) -> None:
    weighed = classify(SMALL, amended(change))
    assert weighed.weight == expected
    assert len(weighed.reasons) == 1


@pytest.mark.parametrize("name", ["name", "reminders", "fulfilment", "message"])
def test_what_somebody_calls_a_part_does_not_make_it_lighter(name: str) -> None:
    rule = {"id": name, "event": "visit", "points": 5}
    assert classify(SMALL, amended(lambda plain: plain["earning"].append(rule))).weight == "substantial"
    assert classify(amended(lambda plain: plain["earning"].append(rule)), SMALL).weight == "substantial"


def test_no_part_of_the_language_is_minor_but_those_that_say_how_a_program_is_run() -> None:
    """A part that comes to the language later is substantial until somebody decides otherwise."""
    run = {"objectives", "prototype", "test_phases", "waves", "evaluation", "interactions"}
    words = {"name", "summary", "risks"}
    lighter = {field for field in Definition.model_fields if _mark((field,)) != "substantial"}
    assert lighter == run | words


APPROVED = datetime(2026, 3, 10, 12, tzinfo=UTC)
THIRTY_DAYS_LATER = datetime(2026, 4, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("notice", "weighs", "asked", "expected"),
    [
        ("PT0S", "substantial", None, APPROVED),
        ("P30D", "substantial", None, THIRTY_DAYS_LATER),
        ("P1M", "substantial", None, datetime(2026, 4, 10, 11, tzinfo=UTC)),
        ("P30D", "minor", None, APPROVED),
        ("P30D", "substantial", APPROVED + timedelta(days=5), THIRTY_DAYS_LATER),
        ("P30D", "substantial", APPROVED + timedelta(days=50), APPROVED + timedelta(days=50)),
        ("P30D", "minor", APPROVED + timedelta(days=5), APPROVED + timedelta(days=5)),
        ("PT0S", "substantial", APPROVED - timedelta(days=5), APPROVED),
    ],
)
def test_an_amendment_takes_effect_as_asked_but_not_before_its_approval_and_the_notice(
    notice: str, weighs: AmendmentClass, asked: datetime | None, expected: datetime
) -> None:
    """A month is one of London, which puts its clocks forward in between."""
    in_force = amended(_set("amendments", {"notice": notice}))
    assert takes_effect(in_force, weighs, asked, APPROVED) == expected


HARDER = _set("tiers", 2, "reach", "all", 0, "at_least", "600")
HARDER_STILL = _set("tiers", 2, "reach", "all", 0, "at_least", "700")


def _revisions(*changes: tuple[Change, str]) -> list[tuple[int, Definition]]:
    """The small definition, and those that came after it: each changes the one before, with its transition."""
    course = [(1, SMALL)]
    for number, (change, transition) in enumerate(changes, start=2):
        plain = course[-1][1].model_dump(mode="json")
        change(plain)
        plain["transition"] = transition
        course.append((number, Definition.model_validate(plain)))
    return course


@pytest.mark.parametrize(
    ("changes", "tier", "expected"),
    [
        ([], "gold", None),
        ([(HARDER, "keep_until_end")], "gold", None),
        ([(HARDER, "grandfather")], "gold", (1, "gold")),
        ([(HARDER, "grandfather")], "silver", None),
        ([(HARDER, "grandfather")], "blue", None),
        ([(HARDER, "grandfather"), (_set("summary", "Other."), "keep_until_end")], "gold", (1, "gold")),
        ([(HARDER, "grandfather"), (_set("summary", "Other."), "at_once")], "gold", (1, "gold")),
        ([(HARDER, "grandfather"), (HARDER_STILL, "at_once")], "gold", None),
        ([(HARDER, "grandfather"), (HARDER_STILL, "grandfather")], "gold", (1, "gold")),
        ([(HARDER, "keep_until_end"), (HARDER_STILL, "grandfather")], "gold", (2, "gold")),
        ([(lambda plain: (plain["tiers"][2].update(RENAMED), HARDER(plain)), "grandfather")], "ruby", (1, "gold")),
        ([(lambda plain: (plain["tiers"][2].update(RENAMED), HARDER(plain)), "grandfather")], "gold", (1, "gold")),
    ],
    ids=["alone", "kept to its end", "left", "another tier", "the first", "words later", "no change at once", "at once later",
         "left twice", "left from the second on", "renamed", "renamed, not looked at"],
)  # fmt: skip
def test_a_tier_is_judged_by_the_revision_that_was_left_to_its_holders(
    changes: list[tuple[Change, str]], tier: str, expected: tuple[int, str] | None
) -> None:
    grandfathered = grandfathered_under(_revisions(*changes), tier)
    assert (grandfathered and (grandfathered.number, grandfathered.tier)) == expected


def test_what_came_meanwhile_gives_way_to_what_it_stands_for() -> None:
    renamed = amended(lambda plain: plain["tiers"][2].update(RENAMED))
    assert restored(SMALL, renamed, ["ruby"]).tier("gold").replaces == ("ruby",)
    by_rank = amended(lambda plain: plain["tiers"][2].update({"id": "ruby"}))
    assert restored(SMALL, by_rank, []).tier("gold").replaces == ("ruby",)
    more = amended(lambda plain: plain["tiers"].append(plain["tiers"][2] | {"id": "ruby", "name": "Ruby"}))
    assert without_place(restored(SMALL, more, ["ruby"]), ["ruby"]) == ("ruby",), "it stands for none of them"
    assert restored(SMALL, SMALL, ["gold"]) == SMALL


def test_a_counter_by_which_a_tier_is_left_to_its_holders_is_still_needed() -> None:
    def without_spend(plain: dict[str, Any]) -> None:
        plain["tiers"][2]["reach"] = {"all": [{"counter": plain["counters"][1]["id"], "at_least": "5"}]}
        plain["tiers"][1] |= {"reach": {"all": [{"counter": plain["counters"][1]["id"], "at_least": "2"}]}, "keep": None}
        plain["counters"] = plain["counters"][1:]

    for transition, missed in (("grandfather", ("spend",)), ("at_once", ())):
        assert counters_missed(SMALL, _revisions((without_spend, transition))[-1][1]) == missed
