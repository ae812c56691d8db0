"""Activities may be tried again at any moment: done twice, each has done its work once."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.exceptions import ApplicationError

from activities.evaluation.evaluation import EvaluationActivities, EvaluationTask
from activities.members.members import Closing, Joining, MemberActivities, ReviewRequest
from activities.programs.programs import InForce, ProgramActivities
from activities.retention.interventions import Delivery, Measuring, RetentionActivities
from domain.definition.document import Definition
from domain.programs.lifecycle import StageChange
from domain.rollout.openings import WaveOpening
from ledger import Earn, Ledger, outbox
from store.evaluation import evaluations
from store.members import members
from store.programs import programs
from tests.anchors import AT
from tests.program_steps import sample_definition
from tests.stack import first_revision

LATER = AT + timedelta(days=30)


@pytest.fixture
async def definition(engine: AsyncEngine) -> Definition:
    """A program that is open to everybody, with ann in it since AT."""
    definition = sample_definition("once")
    activities = ProgramActivities(engine)
    revision = first_revision(definition, AT)
    for _ in range(2):
        await activities.register_program(revision)
        await activities.put_in_force(InForce(program="once", number=1, at=AT))
        await activities.change_stage(StageChange(program="once", stage="rollout", at=AT))
        await activities.open_wave(WaveOpening(program="once", revision=1, wave="all", share=Decimal(100), at=AT))
    joining = Joining(program="once", participant="ann", agreement="1997-01", at=AT)
    first = await MemberActivities(engine, Ledger(engine)).establish_member(joining)
    assert await MemberActivities(engine, Ledger(engine)).establish_member(joining.model_copy(update={"at": LATER})) == first
    return definition


async def spend(ledger: Ledger, points: int, at: datetime, *, dollars: int = 0) -> None:
    request = Earn(
        program="once",
        participant="ann",
        currency="NOTES",
        key=f"spend/{at.isoformat()}",
        points=points,
        effective_at=at,
        expires_at=at + timedelta(days=180),
        qualifying={"spend": dollars * 100},
    )
    assert (await ledger.earn(request)).outcome == "posted"


async def moves(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return [change.change for change in await members.tier_changes(connection, "once", "ann")]


async def test_what_a_program_writes_down_stands_there_once(engine: AsyncEngine, definition: Definition) -> None:
    async with engine.connect() as connection:
        assert [change.stage for change in await programs.stages(connection, "once")] == ["requirements", "rollout"]
        assert [wave.wave for wave in await programs.waves(connection, "once")] == ["all"]
        assert [revision.status for revision in await programs.revisions(connection, "once")] == ["in_force"]
    assert await moves(engine) == ["joined"]


async def test_a_review_that_is_repeated_moves_the_member_once(engine: AsyncEngine, definition: Definition) -> None:
    ledger = Ledger(engine)
    await spend(ledger, 1200, LATER, dollars=120)
    request = ReviewRequest(program="once", participant="ann", at=LATER)
    first = await MemberActivities(engine, ledger).review_member(request)
    assert await MemberActivities(engine, ledger).review_member(request) == first
    assert (first.membership.tier, first.membership.tier_since) == ("collector", LATER)
    assert await moves(engine) == ["joined", "upgrade"]


async def test_a_move_from_where_the_member_no_longer_stands_is_none(engine: AsyncEngine, definition: Definition) -> None:
    ledger = Ledger(engine)
    async with engine.connect() as connection:
        before = await members.find(connection, "once", "ann")
    await spend(ledger, 1200, LATER, dollars=120)
    await MemberActivities(engine, ledger).review_member(ReviewRequest(program="once", participant="ann", at=LATER))
    async with engine.begin() as connection:
        await members.move(connection, before, before.tier_status, "downgrade", LATER)
        assert (await members.find(connection, "once", "ann")).tier == "collector"
    assert await moves(engine) == ["joined", "upgrade"]


async def test_a_membership_ends_once_and_keeps_how_it_ended(engine: AsyncEngine, definition: Definition) -> None:
    ledger = Ledger(engine)
    await spend(ledger, 100, LATER)
    activities = MemberActivities(engine, ledger)
    left = await activities.close_membership(Closing(program="once", participant="ann", status="left", why="", at=LATER))
    again = await activities.close_membership(
        Closing(program="once", participant="ann", status="left", why="", at=LATER + timedelta(days=1))
    )
    assert again == left
    assert left.journey_stage == "gone"
    (totals,) = await ledger.totals("once")
    assert (totals.forfeited, totals.outstanding) == (100, 0)


async def test_whoever_has_left_is_not_put_on_a_journey_again(engine: AsyncEngine, definition: Definition) -> None:
    ledger = Ledger(engine)
    activities = MemberActivities(engine, ledger)
    await activities.close_membership(Closing(program="once", participant="ann", status="left", why="", at=LATER))
    review = await activities.review_member(ReviewRequest(program="once", participant="ann", at=LATER + timedelta(days=400)))
    assert (review.membership.status, review.membership.journey_stage) == ("left", "gone")
    assert await moves(engine) == ["joined"]


async def test_an_offer_is_credited_once_and_closed_once(engine: AsyncEngine, definition: Definition) -> None:
    ledger = Ledger(engine)
    activities = RetentionActivities(engine, ledger)
    offer = "member/once/ann/intervention/1"
    delivery = Delivery(
        id=offer, program="once", participant="ann", points=200, message="Hi", at=LATER, due=LATER + timedelta(days=30)
    )
    assert (await activities.deliver_offer(delivery)).delivered
    assert (await activities.deliver_offer(delivery)).delivered
    assert (await ledger.balance("once", "ann", "NOTES")).posted == 200

    measuring = Measuring(id=offer, program="once", participant="ann", at=LATER, final=False)
    assert (await activities.measure_intervention(measuring)).outcome is None
    await spend(ledger, 10, LATER + timedelta(days=1))
    assert (await activities.measure_intervention(measuring)).outcome == "answered"
    await activities.measure_intervention(measuring)
    async with engine.begin() as connection:
        nudged = {row.workflow_id for row in await outbox.claim(connection, 10)}
        found = await members.find(connection, "once", "ann")
    assert nudged == {"member/once/ann"}
    assert found.open_intervention is None


@pytest.mark.parametrize("reason", ["left", "ending"])
async def test_who_has_left_or_is_to_be_left_gets_no_offer(engine: AsyncEngine, definition: Definition, reason: str) -> None:
    ledger = Ledger(engine)
    if reason == "left":
        closing = Closing(program="once", participant="ann", status="left", why="", at=LATER)
        await MemberActivities(engine, ledger).close_membership(closing)
    else:
        async with engine.begin() as connection:
            await programs.announce_end(connection, "once", LATER, LATER + timedelta(days=1), LATER + timedelta(days=2))
    offer = Delivery(
        id="member/once/ann/intervention/1",
        program="once",
        participant="ann",
        points=200,
        message="Hi",
        at=LATER,
        due=LATER + timedelta(days=30),
    )
    assert not (await RetentionActivities(engine, ledger).deliver_offer(offer)).delivered
    assert (await ledger.balance("once", "ann", "NOTES")).posted == 0


async def test_an_evaluation_is_kept_once_and_told_once(engine: AsyncEngine, definition: Definition) -> None:
    activities = EvaluationActivities(engine, Ledger(engine))
    task = EvaluationTask(id="program/once/evaluation-1", program="once", at=LATER)
    assert await activities.evaluate_program(task) == await activities.evaluate_program(task)
    async with engine.begin() as connection:
        assert len(await evaluations.listed(connection, "once")) == 1
        assert [row.workflow_id for row in await outbox.claim(connection, 10)] == ["program/once"]


async def test_a_program_that_was_never_launched_is_not_evaluated(engine: AsyncEngine, definition: Definition) -> None:
    task = EvaluationTask(id="program/once/evaluation-0", program="once", at=AT - timedelta(seconds=1))
    with pytest.raises(ApplicationError, match="has not been launched"):
        await EvaluationActivities(engine, Ledger(engine)).evaluate_program(task)


@pytest.mark.parametrize("closed", [False, True])
async def test_nobody_joins_before_the_launch_or_after_the_announcement(
    engine: AsyncEngine, definition: Definition, closed: bool
) -> None:
    if closed:
        async with engine.begin() as connection:
            await programs.announce_end(connection, "once", AT, LATER, LATER)
    at = LATER if closed else AT - timedelta(seconds=1)
    joining = Joining(program="once", participant="bob", agreement="1997-01", at=at)
    with pytest.raises(ApplicationError) as caught:
        await MemberActivities(engine, Ledger(engine)).establish_member(joining)
    assert caught.value.type == "enrolment_closed"
