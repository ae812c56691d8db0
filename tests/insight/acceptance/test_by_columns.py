"""Playing by columns is playing member by member, to the last point, in every month."""

import random
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.definition.document import Definition
from domain.definition.reading.file import read_definition
from insight.acceptance import by_columns, member_by_member
from insight.acceptance.column_plan import NotVectorizable, plan
from insight.acceptance.event_log import AT, EventLog, in_order
from insight.acceptance.simulation import run_on
from tests.domain.definitions import small

EXAMPLES = Path(__file__).parents[3] / "examples"
START = datetime(2024, 11, 3, 5, tzinfo=UTC)

rates = st.sampled_from(["1", "1.5", "0.333", "7"])
roundings = st.sampled_from(["down", "half_up", "half_even", "up"])
conditions = st.sampled_from(
    [
        [],
        [{"attribute": "shop", "is": "own"}],
        [{"attribute": "shop", "is_not": "own"}],
        [{"attribute": "shop", "one_of": ["own", "other"]}],
        [{"attribute": "nights", "at_least": 2}],
        [{"attribute": "nights", "above": "0.5", "below": 3}],
    ]
)
windows = st.sampled_from([{"year_from": "01-01"}, {"year_from": "04-01"}, {"every": "P3M", "from": "2024-02-01"}])


@st.composite
def qualifications(draw: st.DrawFn, rank: int, part: float = 1) -> dict[str, Any]:
    figures = {"spend": 60, "visits": 3, "nights": 4, "points": 70}
    leaves: list[dict[str, Any]] = [
        {"counter": name, "at_least": max(int(figures[name] * rank * part), 1)}
        for name in draw(st.lists(st.sampled_from(sorted(figures)), min_size=1, max_size=3, unique=True))
    ]
    group = draw(st.sampled_from(["all", "any"]))
    if len(leaves) > 1 and draw(st.booleans()):
        return {group: [{"any" if group == "all" else "all": leaves[:-1]}, leaves[-1]]}
    return {group: leaves}


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    tiers: list[dict[str, Any]] = [{"id": "blue", "name": "Blue"}]
    for rank, name in enumerate(("silver", "gold", "top"), 1):
        tier: dict[str, Any] = {"id": name, "name": name, "reach": draw(qualifications(rank))}
        if draw(st.integers(0, 5)):
            tier["valid"] = {"further_windows": draw(st.integers(0, 1)), "grace": draw(st.sampled_from(["P0D", "P1M", "P5D"]))}
            if draw(st.booleans()):
                tier["keep"] = draw(qualifications(rank, 0.5))
        tiers.append(tier)
    base: dict[str, Any] = {"id": "base", "event": "purchase", "rate": draw(rates), "rounding": draw(roundings)}
    base["tier_bonus"] = draw(st.sampled_from([{}, {"gold": 80, "silver": "12.5"}]))
    base["minimum_amount"] = draw(st.sampled_from([0, "5.005"]))
    extra: dict[str, Any] = {
        "id": "extra",
        "event": "purchase",
        "rate": draw(rates),
        "rounding": draw(roundings),
        "counts": False,
    }
    extra |= {"tier_rates": draw(st.sampled_from([{}, {"silver": "1.25", "top": 3}])), "when": draw(conditions)}
    extra |= draw(st.sampled_from([{}, {"from": "2025-02-01", "until": "2025-11-01"}]))
    flat: dict[str, Any] = {"id": "flat", "event": "visit", "points": 7, "when": draw(conditions), "tier_bonus": {"top": 50}}
    by_night = {"id": "by-night", "event": "visit", "rate": "2.5", "per": "nights", "rounding": draw(roundings)}
    counters: list[dict[str, Any]] = [
        {"id": "spend", "counts": "amount", "when": draw(conditions)},
        {"id": "visits", "counts": "events", "events": draw(st.sampled_from([["visit"], ["visit", "other"]]))},
        {"id": "nights", "counts": "attribute", "attribute": "nights", "events": ["visit"], "when": draw(conditions)},
        {"id": "points", "counts": "points"},
        {"id": "ever", "counts": "events", "window": "lifetime"},
    ]
    at = draw(st.integers(1, 5))
    milestones = [
        {"id": "m", "counter": "ever", "at": at, "points": 50},
        {"id": "n", "counter": "spend", "at": at * 20, "points": 30},
    ]
    prices: list[dict[str, Any]] = [{"id": "mug", "name": "Mug", "points": draw(st.sampled_from([20, 100]))}]
    prices += draw(st.sampled_from([[], [{"id": "pen", "name": "Pen", "points": 5, "from_tier": "gold"}]]))
    due = draw(
        st.sampled_from([{"kind": "never"}, {"kind": "inactivity", "after": "P2M"}, {"kind": "inactivity", "after": "P45D"}])
    )
    return small(
        time_zone=draw(st.sampled_from(["America/New_York", "Europe/London", "UTC"])),
        counters=counters,
        qualification_window=draw(windows),
        tiers=tiers,
        downgrade={"to": draw(st.sampled_from(["earned", "one_tier"]))},
        earning=[base, extra, flat, by_night],
        milestones=draw(st.sampled_from([[], milestones])),
        benefits=draw(st.sampled_from([[], [{"id": "hello", "name": "Hello", "on": "joining", "points": 33}]])),
        rewards=prices,
        expiry=due,
        prototype={
            "transactions": "some-log",
            "burn_share": draw(st.sampled_from(["0.5", "1", "0.37", "0"])),
            "criteria": [{"figure": "members", "at_least": 1}],
        },
    )


hours = st.one_of(st.integers(0, 24 * 40), st.integers(0, 24 * 400), st.sampled_from([0, 24 * 59, 24 * 365]))
rows = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        hours,
        st.integers(0, 9000),
        st.sampled_from(["purchase", "purchase", "visit", "other", "unknown"]),
        st.integers(0, 4),
        st.sampled_from(["own", "other", None]),
    ),
    min_size=1,
    max_size=60,
)


def _log(found: list[tuple[str, int, int, str, int, str | None]]) -> EventLog:
    columns = ["customer", "at", "money", "event", "attributes.nights", "attributes.shop"]
    placed = [(who, START + timedelta(hours=hour), *rest) for who, hour, *rest in found]
    schema: dict[str, Any] = dict(zip(columns, (pl.String, AT, pl.Int64, pl.String, pl.Int64, pl.String), strict=True))
    return EventLog(in_order(pl.DataFrame(placed, schema=schema, orient="row")), "log", "0" * 64)


def _same(definition: Definition, log: EventLog) -> None:
    by_column, one_by_one = (
        asdict(by_columns.play(definition, log, rows_at_once=7)),
        asdict(member_by_member.play(definition, log)),
    )
    for name, value in one_by_one.items():
        assert by_column[name] == value, name


SLOW_AND_LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=250, suppress_health_check=SLOW_AND_LARGE)
@given(definitions(), rows)
def test_columns_give_what_members_give(definition: Definition, found: list[Any]) -> None:
    _same(definition, _log(found))


@pytest.mark.long
@settings(max_examples=5_000, suppress_health_check=SLOW_AND_LARGE)
@given(definitions(), rows)
def test_columns_give_what_members_give_thousands_of_times(definition: Definition, found: list[Any]) -> None:
    _same(definition, _log(found))


@pytest.mark.parametrize(
    ("name", "sayable"), [("british-airways-club", True), ("hilton-honors-2025", True), ("cd-club", False)]
)
def test_which_examples_can_be_played_by_columns(name: str, sayable: bool) -> None:
    definition = _example(name)
    if sayable:
        assert plan(definition, START, START + timedelta(days=900)).definition is definition
    else:
        with pytest.raises(NotVectorizable):
            plan(definition, START, START + timedelta(days=900))


@pytest.mark.parametrize("name", ["british-airways-club", "hilton-honors-2025", "hilton-honors-2026"])
def test_years_of_an_example_are_the_same_either_way(name: str) -> None:
    definition = _example(name)
    draw = random.Random(name)
    event = definition.earning[0].event
    found = []
    for number in range(60):
        frequent = draw.randrange(2, 40)
        for _ in range(frequent):
            at = START + timedelta(minutes=draw.randrange(60 * 24 * 1500))
            spent = draw.randrange(5_000, 400_000) * (1 + frequent // 10)
            attributes = (
                draw.randrange(5),
                draw.choice(["BA", "IB", None]),
                draw.randrange(1, 5),
                draw.choice(["tru", "conrad"]),
            )
            found.append((f"m{number}", at, spent, event, *attributes))
    names = ["customer", "at", "money", "event", *(f"attributes.{each}" for each in ("sectors", "carrier", "nights", "brand"))]
    kinds = (pl.String, AT, pl.Int64, pl.String, pl.Int64, pl.String, pl.Int64, pl.String)
    frame = pl.DataFrame(found, schema=dict(zip(names, kinds, strict=True)), orient="row")
    log = EventLog(in_order(frame), "log", "0" * 64)
    _same(definition, log)
    played = by_columns.play(definition, log)
    assert len(set(played.tiers)) >= 4
    assert sum(played.expired) > 0 or name == "british-airways-club"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"expiry": {"kind": "after_earning", "after": "P6M"}}, "lots expire"),
        ({"qualification_window": "P12M"}, "not the same for everybody"),
        ({"benefits": [{"id": "up", "name": "Up", "on": "tier", "points": 11}]}, "a tier brings points"),
    ],
)
def test_what_cannot_be_said_is_told(changes: dict[str, Any], reason: str) -> None:
    base: dict[str, Any] = {"expiry": {"kind": "never"}, "qualification_window": {"year_from": "01-01"}}
    reach = {"all": [{"counter": "spend", "at_least": 5}]}
    base["tiers"] = [{"id": "blue", "name": "Blue"}, {"id": "gold", "name": "Gold", "reach": reach}]
    base["earning"] = [{"id": "base", "event": "purchase", "rate": 1}]
    assert plan(small(**base), START, START)
    with pytest.raises(NotVectorizable, match=reason):
        plan(small(**(base | changes)), START, START)


def test_amounts_that_columns_cannot_hold_are_played_one_by_one() -> None:
    earning = [{"id": "base", "event": "purchase", "rate": 1_000_000}]
    definition = small(
        earning=earning, expiry={"kind": "never"}, qualification_window="lifetime", tiers=[{"id": "blue", "name": "Blue"}]
    )
    log = _log([("a", 0, 10**13, "purchase", 0, None)])
    with pytest.raises(NotVectorizable):
        by_columns.play(definition, log)
    assert run_on(definition, log)[0].figures["points_issued"] == 10**17


def _example(name: str) -> Definition:
    definition = read_definition((EXAMPLES / f"{name}.yaml").read_bytes())
    assert isinstance(definition, Definition)
    return definition
