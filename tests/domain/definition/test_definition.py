"""The definition as a value: one digest for one meaning, and the same program at another speed."""

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.definition.document import Definition, canonical_json, digest, scaled
from domain.model import Value
from domain.period import Period
from domain.window import Window
from tests.domain.definitions import small


def test_the_digest_of_a_definition_stays_what_it_was() -> None:
    assert digest(small()) == "efd29c3bc6a25dbd3c792a043ba85bec675cd7700f06a64d335e26eadb432055"


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest(Definition.model_validate(_shuffled(small().model_dump(mode="json"), random.Random(1)))) == digest(small())


def test_the_digest_does_not_depend_on_how_a_value_is_written() -> None:
    plain = small().model_dump(mode="json")
    plain["currency"]["value_per_point"] = "0.0100"
    plain["tiers"][1]["valid_for"] = "P1Y"
    plain["waves"][1]["share"] = 100.0
    assert digest(Definition.model_validate(plain)) == digest(small())


def test_the_digest_does_not_depend_on_defaults_being_written_out() -> None:
    assert digest(Definition.model_validate(small().model_dump())) == digest(small())
    assert "sweep_every" not in canonical_json(small())


@pytest.mark.parametrize(
    "change", [{"name": "Other"}, {"qualification_window": "P13M"}, {"time_zone": "Europe/Paris"}, {"retention": None}]
)
def test_any_change_of_meaning_changes_the_digest(change: dict[str, Any]) -> None:
    assert digest(small(**change)) != digest(small())


def test_the_canonical_json_reads_back_to_the_same_definition() -> None:
    assert Definition.model_validate_json(canonical_json(small())) == small()


@settings(max_examples=30)
@given(st.floats(0.5, 1e7))
def test_scaling_keeps_everything_but_periods(factor: float) -> None:
    original, played = small(), scaled(small(), factor)
    assert _without_periods(played) == _without_periods(original)
    assert len(_periods(original)) > 20
    for before, after in zip(_periods(original), _periods(played), strict=True):
        assert after == before.scaled(factor)
        assert after.months == 0


@pytest.mark.parametrize("factor", [0, -1, 1e-9, float("nan"), float("inf"), 1e20])
def test_a_factor_that_leaves_no_time_is_refused(factor: float) -> None:
    with pytest.raises(ValueError):
        scaled(small(), factor)


def test_tiers_and_rewards_are_found_by_id() -> None:
    definition = small()
    assert definition.base_tier.id == "blue"
    assert definition.tier("gold").name == "Gold"
    assert [definition.tier_rank(tier) for tier in ("blue", "silver", "gold")] == [0, 1, 2]
    reward = definition.reward("mug")
    assert reward is not None
    assert reward.points == 100
    assert definition.reward("yacht") is None
    with pytest.raises(KeyError):
        definition.tier("platinum")


def test_a_definition_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        small().name = "Other"  # type: ignore[misc]


def _shuffled(part: Any, chance: random.Random) -> Any:
    if isinstance(part, dict):
        keys = list(part)
        chance.shuffle(keys)
        return {key: _shuffled(part[key], chance) for key in keys}
    return [_shuffled(item, chance) for item in part] if isinstance(part, list) else part


def _without_periods(part: Any) -> Any:
    if isinstance(part, Value):
        return {name: _without_periods(value) for name, value in part}
    if isinstance(part, tuple):
        return tuple(_without_periods(item) for item in part)
    return "a period" if isinstance(part, (Period, Window)) else part


def _periods(part: Any) -> list[Period]:
    if isinstance(part, Window):
        part = part.length
    if isinstance(part, Period):
        return [part]
    inner = [value for _, value in part] if isinstance(part, Value) else part if isinstance(part, tuple) else ()
    return [period for item in inner for period in _periods(item)]


def test_numbers_of_any_length_do_not_come_in() -> None:
    currency = small().currency.model_dump()
    with pytest.raises(ValidationError, match="digits"):
        small(currency=currency | {"value_per_point": Decimal("1e1000")})


def test_pilots_retries_and_readiness_are_played_faster_too() -> None:
    retry = {"rules": [{"role": "legal"}], "deadline": "P10D"}
    pilot = {
        "id": "friends",
        "kind": "pilot",
        "cohort": "friends",
        "lasts": "P30D",
        "criteria": [{"kpi": "active_rate", "at_least": 0.5}],
        "retry": retry,
    }
    redeeming = {
        "name": "A mug",
        "events": [{"event": "purchase", "amount": 60}, {"redeem": "mug", "after": "P10D"}],
        "expect": {"points": 20, "tier": "blue"},
    }
    rules = {"id": "rules", "kind": "scenario", "scenarios": [redeeming]}
    readiness = {"look_every": "P1D", "wait_at_most": "P20D"}
    played = scaled(small(test_phases=[rules, pilot], readiness=readiness), 10).model_dump(mode="json")
    scenario, friends = played["test_phases"]
    assert scenario["scenarios"][0]["events"][1]["after"] == "P1D"
    assert (friends["lasts"], friends["retry"]["deadline"]) == ("P3D", "P1D")
    assert (played["readiness"]["look_every"], played["readiness"]["wait_at_most"]) == ("PT8640S", "P2D")
