"""A revision in force: whom it concerns is nudged, page by page, and nobody else; a tier that it leaves alone is kept."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from temporalio.testing import ActivityEnvironment

from activities.members.members import Joining, MemberActivities, ReviewRequest
from activities.programs.amendments import Amended, AmendmentActivities
from activities.programs.programs import InForce, ProgramActivities
from domain import ids
from domain.definition.document import Definition, digest
from domain.rollout.openings import WaveOpening
from ledger import Earn
from ledger.tables import outbox
from tests.anchors import AT
from tests.program_steps import sample_definition
from tests.stack import Stack, first_revision, program_id

LATER = AT + timedelta(days=30)
MANY = 2345


def at_once(definition: Definition, tier: int, **changes: Any) -> Definition:
    """The definition with a tier changed, for those who hold it at once."""
    tiers = [each.model_dump(mode="json") for each in definition.tiers]
    tiers[tier] |= changes
    return Definition.model_validate(definition.model_dump(mode="json") | {"tiers": tiers, "transition": "at_once"})


async def _in_force(stack: Stack, definition: Definition, number: int, at: datetime) -> None:
    activities = ProgramActivities(stack.engine)
    first = first_revision(definition, at)
    if number == 1:
        await activities.register_program(first)
    else:
        await activities.add_revision(first.model_copy(update={"number": number, "digest": digest(definition)}))
    await activities.put_in_force(InForce(program=definition.program, number=number, at=at))
    wave = WaveOpening(program=definition.program, revision=1, wave="all", share=definition.waves[-1].share, at=at)
    await activities.open_wave(wave)


async def _nudged(stack: Stack, definition: Definition) -> set[str]:
    """Have those nudged whom the second revision concerns; who they are. Sent or not: the relay is at work meanwhile."""
    activities = AmendmentActivities(stack.engine)
    amended = Amended(program=definition.program, before=1, after=2)
    shown = await ActivityEnvironment().run(activities.nudge_concerned, amended)
    prefix = ids.member(definition.program, "")
    async with stack.engine.connect() as connection:
        rows = list(await connection.scalars(select(outbox.c.workflow_id).where(outbox.c.workflow_id.startswith(prefix))))
    assert shown.members == len(rows)
    return {row.removeprefix(prefix) for row in rows}


async def _fill(stack: Stack, definition: Definition) -> None:
    """Many members, a third of them collectors, one in ten no longer there."""
    await _in_force(stack, definition, 1, AT)
    statement = text(
        "INSERT INTO store.member (program, participant, status, tier, tier_since, joined_at, agreement, journey_stage)"
        " SELECT :program, 'm-' || n, CASE WHEN n % 10 = 0 THEN 'left' ELSE 'active' END,"
        " CASE WHEN n % 3 = 0 THEN 'collector' ELSE 'listener' END, :at, :at, '1997-01', 'active'"
        " FROM generate_series(1, :many) AS n"
    )
    async with stack.engine.begin() as connection:
        await connection.execute(statement, {"program": definition.program, "at": AT, "many": MANY})


async def test_all_whose_tier_asks_for_something_else_are_nudged_once(stack: Stack) -> None:
    definition = sample_definition(program_id("nudges"))
    await _fill(stack, definition)
    keeps = {"keep": {"all": [{"counter": "spend", "at_least": "10"}]}}
    await _in_force(stack, at_once(definition, 1, **keeps), 2, LATER)
    assert await _nudged(stack, definition) == {f"m-{n}" for n in range(3, MANY + 1, 3) if n % 10}


async def test_who_could_rise_is_nudged_too(stack: Stack) -> None:
    definition = sample_definition(program_id("nudges"))
    await _fill(stack, definition)
    easier = {"reach": {"all": [{"counter": "spend", "at_least": "50"}]}}
    await _in_force(stack, at_once(definition, 1, **easier), 2, LATER)
    assert await _nudged(stack, definition) == {f"m-{n}" for n in range(1, MANY + 1) if n % 10}


async def test_a_tier_left_to_its_holders_is_judged_by_the_revision_under_which_they_came_into_it(stack: Stack) -> None:
    """Ann is a collector by 120 dollars a year; those who come later need 300. She goes on by 120, and bob does not come in."""
    definition = at_once(sample_definition(program_id("left")), 1, valid_for="P12M").model_copy(
        update={"transition": "keep_until_end"}
    )
    await _in_force(stack, definition, 1, AT)
    activities = MemberActivities(stack.engine, stack.ledger)

    async def spend(person: str, dollars: int, at: datetime) -> None:
        purchase = Earn(
            program=definition.program,
            participant=person,
            currency="NOTES",
            key=f"{person}/{at.isoformat()}",
            points=dollars * 10,
            effective_at=at,
            expires_at=None,
            qualifying={"spend": dollars * 100},
        )
        assert (await stack.ledger.earn(purchase)).outcome == "posted"

    async def look(person: str, at: datetime) -> dict[str, Any]:
        review = await activities.review_member(ReviewRequest(program=definition.program, participant=person, at=at))
        return review.membership.model_dump(include={"tier", "tier_until", "judged_by"})

    for person in ("ann", "bob"):
        await activities.establish_member(Joining(program=definition.program, participant=person, agreement="1997-01", at=AT))
    await spend("ann", 120, AT)
    end = (await look("ann", AT + timedelta(hours=1)))["tier_until"]
    harder = at_once(definition, 1, reach={"all": [{"counter": "spend", "at_least": "200"}]}, keep=None)
    left = harder.model_copy(update={"transition": "grandfather"})
    await _in_force(stack, left, 2, LATER)
    assert await look("ann", LATER) == {"tier": "collector", "tier_until": end, "judged_by": 1}
    shown = await stack.get(f"/programs/{definition.program}/members/ann", "demo-shop")
    assert shown["judged_by"] == 1
    await spend("bob", 120, LATER)
    assert await look("bob", LATER) == {"tier": "listener", "tier_until": None, "judged_by": None}

    await spend("ann", 120, end - timedelta(days=30))
    kept = await look("ann", end)
    assert (kept["tier"], kept["judged_by"], kept["tier_until"] > end) == ("collector", 1, True)
    # An amendment of something else leaves that as it is, whatever transition it has.
    await _in_force(stack, left.model_copy(update={"summary": "Other words.", "transition": "at_once"}), 3, end)
    assert await look("ann", end + timedelta(days=1)) == kept
    lost = await look("ann", kept["tier_until"])
    assert lost == {"tier": "listener", "tier_until": None, "judged_by": None}


async def test_other_words_nudge_nobody(stack: Stack) -> None:
    definition = sample_definition(program_id("nudges"))
    await _fill(stack, definition)
    await _in_force(stack, at_once(definition, 1, name="Hoarder"), 2, LATER)
    assert await _nudged(stack, definition) == set()


@pytest.mark.parametrize(("changed", "at_least", "expected"), [(1, "200", "listener"), (2, "300", "collector")])
async def test_at_once_takes_a_tier_that_was_made_harder_and_leaves_one_that_was_not(
    stack: Stack, changed: int, at_least: str, expected: str
) -> None:
    """Ann's spending has left the window since she rose: a tier that nobody touched is still hers to its end."""
    definition = sample_definition(program_id("harder"))
    definition = at_once(definition, 1, valid_for="P12M")
    await _in_force(stack, definition, 1, AT)
    activities = MemberActivities(stack.engine, stack.ledger)
    await activities.establish_member(Joining(program=definition.program, participant="ann", agreement="1997-01", at=AT))
    purchase = Earn(
        program=definition.program,
        participant="ann",
        currency="NOTES",
        key="a purchase",
        points=1200,
        effective_at=AT,
        expires_at=None,
        qualifying={"spend": 12000},
    )
    assert (await stack.ledger.earn(purchase)).outcome == "posted"
    request = ReviewRequest(program=definition.program, participant="ann", at=AT + timedelta(hours=1))
    assert (await activities.review_member(request)).membership.tier == "collector"

    harder = at_once(definition, changed, reach={"all": [{"counter": "spend", "at_least": at_least}]}, keep=None)
    await _in_force(stack, harder, 2, AT + timedelta(days=200))
    review = await activities.review_member(request.model_copy(update={"at": AT + timedelta(days=201)}))
    assert review.membership.tier == expected
