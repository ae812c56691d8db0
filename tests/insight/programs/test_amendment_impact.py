"""An amendment's impact: by hand on a few members, and against a look at each one with the amendment in force."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from domain.definition.document import Definition
from domain.points import earning
from domain.points.earning import Event
from domain.programs import amendment_impact
from domain.programs.amendment_impact import Impact, Move
from ledger import Cancel, Confirm, Reverse
from store.programs import programs
from tests.insight.population import START, THEN, Population
from tests.program_steps import sample_definition
from tests.stack import Stack, example, program_id

TIMELESS: dict[str, Any] = {"retention": None}


def tiers_of(definition: Definition, *thresholds: str, **more: Any) -> list[dict[str, Any]]:
    """The definition's tiers, reached at these thresholds of spend."""
    plain = [tier.model_dump(mode="json", exclude_defaults=True) for tier in definition.tiers]
    for tier, at_least in zip(plain[1:], thresholds, strict=True):
        tier.update({"reach": {"all": [{"counter": "spend", "at_least": at_least}]}, "keep": None} | more)
    return plain


async def _shop(stack: Stack) -> Population:
    """Ann has spent 300 dollars and is a curator, bob 150 and is a collector, cid 60 and is a listener, dot nothing."""
    definition = sample_definition(program_id("impact"), **TIMELESS)
    people = await Population(stack, definition.model_copy(update={"retention": None})).open()
    await people.join("ann", "bob", "cid", "dot")
    for day, (person, amount) in enumerate([("ann", "100"), ("ann", "200"), ("bob", "150"), ("cid", "60")], start=1):
        await people.buy(person, amount, START + timedelta(days=day))
    for person in ("ann", "bob", "cid", "dot"):
        await people.look(person, START + timedelta(days=5))
    return people


@pytest.mark.parametrize(
    ("transition", "moves", "down"),
    [
        ("at_once", (("collector", "listener", 1), ("curator", "collector", 1)), 2),
        ("keep_until_end", (), 0),
        ("grandfather", (), 0),
    ],
)
async def test_who_would_move_tier_depends_on_the_transition(
    stack: Stack, transition: str, moves: tuple[tuple[str, str, int], ...], down: int
) -> None:
    people = await _shop(stack)
    await people.amend(tiers=tiers_of(people.definition, "200", "400"), transition=transition)
    impact = await people.impact()
    assert impact.moves == tuple(Move(from_tier=was, to_tier=is_, members=many) for was, is_, many in moves)
    assert (impact.members, impact.members_up, impact.members_down) == (4, 0, down)
    assert sum(each.members for each in impact.without_transition) == 2
    assert {name: row.tier_by_rules for name, row in (await people.rows()).items()} == {"ann": "collector", "bob": "listener"}


async def test_an_easier_tier_lifts_whoever_has_done_enough(stack: Stack) -> None:
    people = await _shop(stack)
    await people.amend(tiers=tiers_of(people.definition, "50", "250"))
    impact = await people.impact()
    assert impact.moves == (Move(from_tier="listener", to_tier="collector", members=1),)
    assert (impact.members_up, impact.members_down) == (1, 0)
    assert "1 from listener to collector" in impact.summary


async def test_points_are_those_of_the_same_events_by_both_revisions(stack: Stack) -> None:
    """10 points for a dollar become 8: ann loses 600 of 3,000, bob 300 of 1,500, cid 120 of 600; nobody gains."""
    people = await _shop(stack)
    rules_ = [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in people.definition.earning]
    (purchase,) = [rule for rule in rules_ if rule["event"] == "purchase"]
    assert purchase["rate"] == "10", "all of them were listeners when they bought"
    purchase["rate"] = "8"
    await people.amend(earning=rules_)
    impact = await people.impact()
    assert (impact.points_before, impact.points_after, impact.events) == (5100, 4080, 4)
    assert (impact.members_gaining, impact.members_losing, impact.points_gained, impact.points_lost) == (0, 3, 0, 1020)
    changes = [(name, row.points_change) for name, row in (await people.rows()).items()]
    assert changes == [("ann", -600), ("bob", -300), ("cid", -120)], "those who lose most come first"
    assert impact.figures["points_lost"] == 1020
    assert "0 gain 0 points, 3 lose 1,020" in impact.summary


async def test_what_was_taken_back_cancelled_or_is_long_ago_counts_for_nothing(stack: Stack) -> None:
    people = await _shop(stack)
    returned = await people.buy("dot", "40", START + timedelta(days=7))
    waiting = await people.buy("dot", "30", START + timedelta(days=8), pending=True)
    confirmed = await people.buy("dot", "20", START + timedelta(days=9), pending=True)
    asked: dict[str, Any] = {"program": people.program, "participant": "dot", "currency": people.definition.currency.code}
    keys = (f"dot/{(START + timedelta(days=day)).isoformat()}/purchase" for day in (7, 8, 9))
    assert {returned.outcome, waiting.outcome, confirmed.outcome} == {"posted"}
    at = START + timedelta(days=10)
    await stack.ledger.reverse(Reverse(**asked, key="back", fingerprint="back", of=next(keys), effective_at=at))
    await stack.ledger.cancel(Cancel(**asked, key="no", fingerprint="no", earn=next(keys), effective_at=at))
    late = next(keys)
    await stack.ledger.confirm(Confirm(**asked, key="yes", fingerprint="yes", earn=late, effective_at=at))
    await stack.ledger.reverse(Reverse(**asked, key="late", fingerprint="late", of=late, effective_at=at))
    rules_ = [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in people.definition.earning]
    for rule in rules_:
        if rule["event"] == "purchase":
            rule["rate"] = "20"
    await people.amend(earning=rules_)
    assert (await people.impact()).points_before == 5100
    assert "dot" not in await people.rows()
    later = await people.impact(START + timedelta(days=367, seconds=-1))
    assert later.points_before == 5100 - 1000, "ann's first purchase is a year and a day ago"


async def test_a_point_that_is_worth_less_takes_from_whoever_has_some(stack: Stack) -> None:
    people = await _shop(stack)
    currency = people.definition.currency.model_dump(mode="json")
    less = people.definition.currency.value_per_point / 2
    await people.amend(currency=currency | {"value_per_point": str(less)})
    impact = await people.impact()
    assert (impact.outstanding, impact.value_change) == (5100, -5100 * less)
    assert (await people.rows())["bob"].value_change == -1500 * less
    assert impact.events == 0, "the rules of no event have changed"


async def test_a_repetition_computes_the_same_and_leaves_nothing_of_the_one_before(stack: Stack) -> None:
    people = await _shop(stack)
    await people.amend(tiers=tiers_of(people.definition, "200", "400"), transition="at_once")
    first, rows = await people.impact(), await people.rows()
    assert (await people.impact(), await people.rows()) == (first, rows)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("transition", ["at_once", "keep_until_end", "grandfather"])
async def test_it_is_what_looking_at_each_member_finds_once_the_amendment_is_in_force(
    stack: Stack, seed: int, transition: str
) -> None:
    chance = random.Random(seed)
    definition = sample_definition(program_id("naive"), retention=None)
    people = await Population(stack, definition).open()
    names = [f"m-{n}" for n in range(25)]
    await people.join(*names)
    for name in names:
        for _ in range(chance.randrange(4)):
            amount = str(chance.choice([20, 45, 80, 120, 260]))
            await people.buy(name, amount, START + timedelta(days=chance.randrange(1, 160), seconds=chance.randrange(86400)))
        await people.look(name, START + timedelta(days=165))
    thresholds = sorted(chance.sample(range(30, 400), 2))
    rules_ = [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in definition.earning]
    for rule in rules_:
        if rule["event"] == "purchase":
            rule["tier_rates"] = {}
            rule |= {"rate": str(chance.choice([7, 12])), "tier_bonus": {"collector": "25"}}
    tiers = tiers_of(definition, *map(str, thresholds))
    amended = await people.amend(tiers=tiers, earning=rules_, transition=transition)
    impact, rows = await people.impact(), await people.rows()

    before: dict[str, str] = {name: await people.look(name, THEN) for name in names}
    async with stack.engine.begin() as connection:
        await programs.put_in_force(connection, people.program, 2, THEN)
    moved = {name: await people.look(name, THEN) for name in names}
    expected = {name: (before[name], moved[name]) for name in names if before[name] != moved[name]}
    found = {
        name: (row.tier_before, row.tier_after)
        for name, row in rows.items()
        if row.tier_before is not None and row.tier_before != row.tier_after
    }
    assert found == expected
    assert sum(each.members for each in impact.moves) == len(expected)

    statement = text(
        "SELECT participant, effective_at, details FROM ledger.txn JOIN ledger.account ON account.id = account_id "
        "WHERE txn.program = :program AND txn.kind = 'earn' ORDER BY effective_at"
    )
    async with stack.engine.connect() as connection:
        events = (await connection.execute(statement, {"program": people.program})).all()
    by_both: dict[str, list[int]] = {}
    for participant, at, details in events:
        event = Event(type=details["event"], amount=Decimal(details["amount"]))
        totals = by_both.setdefault(participant, [0, 0])
        for side, by in enumerate((definition, amended)):
            totals[side] += earning.rate(by, details["tier"], event, at=at).points
    expected_points = {name: (old, new) for name, (old, new) in by_both.items() if old != new}
    assert {name: (row.points_before, row.points_after) for name, row in rows.items() if row.points_change} == expected_points
    assert impact.points_gained - impact.points_lost == sum(new - old for old, new in expected_points.values())


async def test_caps_and_attributes_that_are_numbers_are_reckoned_with(stack: Stack) -> None:
    """A cap of 20,000 points a month becomes one of 10,000: who sold for 9,000 three times in a month loses by it."""
    definition = example("marketplace-sellers.yaml", program_id("capped"), retention=None, benefits=[])
    people = await Population(stack, definition).open()
    await people.join("ann", "bob")
    capped = next(rule for rule in definition.earning if rule.cap is not None and rule.event == "sale")
    assert capped.cap is not None
    for day in range(3):
        await people.buy("ann", "18000", START + timedelta(days=day), event="sale")
    await people.buy("bob", "1000", START + timedelta(days=1), event="sale")
    rules_ = [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in definition.earning]
    for rule in rules_:
        if rule["id"] == capped.id:
            rule["cap"]["points"] = capped.cap.points // 2
    await people.amend(earning=rules_)
    impact, rows = await people.impact(), await people.rows()
    assert list(rows) == ["ann"]
    assert (rows["ann"].points_before, rows["ann"].points_after) == (capped.cap.points, capped.cap.points // 2)
    assert (impact.members_losing, impact.points_lost, impact.unrated) == (1, capped.cap.points // 2, 0)


def test_events_whose_rules_stay_are_not_rated_again() -> None:
    definition = sample_definition("same")
    assert (
        amendment_impact.events_touched(definition, definition.model_copy(update={"summary": "Said otherwise."})) == frozenset()
    )
    rule = definition.earning[0]
    other = definition.model_copy(update={"earning": (rule.model_copy(update={"rate": Decimal(11)}), *definition.earning[1:])})
    assert amendment_impact.events_touched(definition, other) == {rule.event}


def test_the_sentence_names_the_largest_moves_and_counts_the_others() -> None:
    moves = tuple(Move(from_tier=f"t{n}", to_tier="base", members=n) for n in range(1, 9))
    impact = Impact(
        revision=2,
        compared_with=1,
        at=THEN,
        since=START,
        transition="keep_until_end",
        members=1000,
        moves=moves,
        without_transition=(*moves, Move(from_tier="gold", to_tier="base", members=64)),
        money="USD",
        value_before=Decimal("0.01"),
        value_after=Decimal("0.005"),
        outstanding=500_000,
        value_change=Decimal(-2500),
    )
    assert impact.summary == (
        "1,000 members; 8 from t8 to base; 7 from t7 to base; 6 from t6 to base; 5 from t5 to base; 4 from t4 to base; "
        "6 between other tiers; 64 more would, were it not for the transition keep until end; "
        "nobody gains or loses points by the last year's events; what is outstanding is worth 2,500.00 USD less"
    )
