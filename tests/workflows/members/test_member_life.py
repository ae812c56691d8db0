"""A member's life with skipped time: joining, tiers up and down over a year, silence and what answers it, leaving."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import ANY

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateStage
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import JOURNEY_STAGE, PARTICIPANT, PROGRAM, TIER
from domain import ids
from domain.definition.document import Definition
from domain.members.membership import Membership
from domain.period import Period
from domain.rollout.waves import bucket
from store.tables import intervention
from tests.program_steps import (
    AGREEMENT,
    ask_for_the_end,
    buy,
    enrol,
    forward,
    forward_until,
    handle,
    launch,
    now_of,
    sample_definition,
    shown,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, done, history_has, timer_started
from tests.workflows.conftest import Histories
from workflows.members.member_lifecycle import Departure, MemberLifecycle, MemberStart

REVIEW = "Review tier and activity"
SILENT = timedelta(days=90)
AT_MOST_EVERY = timedelta(days=180)
Member = WorkflowHandle[Any, Membership | None]


@pytest.fixture(scope="module")
async def definition(stack: Stack) -> AsyncIterator[Definition]:
    """A program that everybody may join; each test has a member of its own."""
    definition = sample_definition(program_id("members"))
    await launch(stack, definition)
    yield definition


async def membership(stack: Stack, definition: Definition, participant: str) -> dict[str, Any]:
    found: dict[str, Any] = await stack.get(f"/programs/{definition.program}/members/{participant}", "demo-shop")
    return found


async def moves(stack: Stack, definition: Definition, participant: str) -> list[tuple[str, str]]:
    changes = (await membership(stack, definition, participant))["tier_changes"]
    return [(change["change"], change["to_tier"]) for change in changes]


async def offers(engine: AsyncEngine, definition: Definition, participant: str) -> list[tuple[datetime, str | None]]:
    """When a member was made an offer, and what came of it."""
    mine = (intervention.c.program == definition.program) & (intervention.c.participant == participant)
    query = select(intervention.c.delivered_at, intervention.c.outcome).where(mine).order_by(intervention.c.delivered_at)
    async with engine.connect() as connection:
        return [(row.delivered_at, row.outcome) for row in await connection.execute(query)]


async def balance(stack: Stack, definition: Definition, participant: str) -> int:
    return (await stack.ledger.balance(definition.program, participant, definition.currency.code)).posted


def waits_or_continued(nudges: int) -> Callable[[HistoryEvent], bool]:
    """Whether a member waits again after so many nudges, or the run is over.

    A nudge that comes between a look and the wait after it makes the member look again at once: so the wait is waited for.
    """
    seen = 0

    def is_it(event: HistoryEvent) -> bool:
        nonlocal seen
        seen += event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        waits = event.event_type == EventType.EVENT_TYPE_TIMER_STARTED and seen >= nudges
        return waits or event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW

    return is_it


async def test_a_year_up_kept_down_and_up_again(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories, definition: Definition
) -> None:
    """Collector for 100 dollars in six months, for five months; kept for 80; curator for 250."""
    member = await enrol(stack, definition.program, "year")
    joined = await now_of(temporal_env, member)
    await buy(stack, definition, "year", 120, joined)
    await done(stack.temporal, member.id, REVIEW, times=2)
    assert await moves(stack, definition, "year") == [("joined", "listener"), ("upgrade", "collector")]
    collector = await membership(stack, definition, "year")
    since, until = (datetime.fromisoformat(collector[name]) for name in ("tier_since", "tier_until"))
    assert until == Period.parse("P5M").after(since, definition.zone)

    for _ in range(4):
        await forward(temporal_env, member, timedelta(days=60))
        await buy(stack, definition, "year", 10, await now_of(temporal_env, member))
    assert (await moves(stack, definition, "year"))[2:] == [("renewal", "collector")]
    renewed = datetime.fromisoformat((await membership(stack, definition, "year"))["tier_until"])
    assert renewed == Period.parse("P5M").after(until, definition.zone)

    await forward(temporal_env, member, timedelta(days=70))
    assert (await moves(stack, definition, "year"))[3:] == [("downgrade", "listener")]
    reviewed = await reviews(stack, member)
    await buy(stack, definition, "year", 260, await now_of(temporal_env, member))
    await done(stack.temporal, member.id, REVIEW, times=reviewed + 1)
    assert (await moves(stack, definition, "year"))[4:] == [("upgrade", "curator")]
    lots = (await stack.ledger.balance(definition.program, "year", definition.currency.code)).lots
    assert all(lot.expires_at is None for lot in lots), "a curator's points do not expire, those from before neither"

    await forward(temporal_env, member, timedelta(days=55))
    at = await now_of(temporal_env, member)
    assert at - joined >= timedelta(days=365)
    left = await balance(stack, definition, "year")
    assert left > 0
    gone = await leave(member, at)
    assert (gone.status, gone.journey_stage) == ("left", "gone")
    assert await balance(stack, definition, "year") == 0
    assert await member.result() == gone
    assert (await stack.ledger.check(definition.program)).clean
    await histories.keep(stack.temporal, member.id, "MemberLifecycle-year")


async def fall_silent(stack: Stack, environment: WorkflowEnvironment, definition: Definition, member: Member) -> None:
    """Let time pass for a member who has done nothing since they joined, until an offer is made."""
    participant = member.id.rpartition("/")[2]
    joined = datetime.fromisoformat((await membership(stack, definition, participant))["joined_at"])
    await forward_until(environment, member, joined + SILENT)
    await timer_started(stack.temporal, ids.intervention(definition.program, participant, 1))


async def leave(member: Member, at: datetime) -> Membership:
    gone: Membership = await member.execute_update("leave", Departure(at=at, why="moved away"), result_type=Membership)
    return gone


async def reviews(stack: Stack, member: Member) -> int:
    """How often a member has been looked at so far."""
    summaries = [event.user_metadata.summary.data async for event in member.fetch_history_events()]
    return sum(REVIEW.encode() in summary for summary in summaries)


async def test_silence_brings_an_offer_that_nobody_answers_and_no_other_for_half_a_year(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories, definition: Definition
) -> None:
    member = await enrol(stack, definition.program, "silent")
    joined = datetime.fromisoformat((await membership(stack, definition, "silent"))["joined_at"])
    await forward_until(temporal_env, member, joined + SILENT - timedelta(minutes=1))
    assert (await membership(stack, definition, "silent"))["journey_stage"] == "onboarding"
    await forward_until(temporal_env, member, joined + SILENT)
    first = ids.intervention(definition.program, "silent", 1)
    await timer_started(stack.temporal, first)
    assert await balance(stack, definition, "silent") == 200
    found = await membership(stack, definition, "silent")
    assert (found["journey_stage"], found["open_intervention"]) == ("lapsing", first)
    assert "Offered 200 points" in await shown(stack.temporal, first)
    assert (await member.describe()).typed_search_attributes[JOURNEY_STAGE] == "lapsing"

    await forward(temporal_env, handle(stack, first), timedelta(days=31))
    assert await handle(stack, first).result() == {"outcome": "unanswered"}
    assert (await membership(stack, definition, "silent"))["open_intervention"] is None
    for _ in range(3):
        await member.signal("nudge")
    again = (await offers(stack.engine, definition, "silent"))[0][0] + AT_MOST_EVERY
    await forward_until(temporal_env, member, again - timedelta(minutes=1))
    assert len(await offers(stack.engine, definition, "silent")) == 1
    await forward_until(temporal_env, member, again)
    await timer_started(stack.temporal, ids.intervention(definition.program, "silent", 2))
    (one, outcome), (other, _) = await offers(stack.engine, definition, "silent")
    assert (one - joined >= SILENT, outcome) == (True, "unanswered")
    assert other - one >= AT_MOST_EVERY
    await histories.keep(stack.temporal, first, "RetentionIntervention-unanswered")
    await histories.keep(stack.temporal, member.id, "MemberLifecycle-silent")


async def test_an_offer_is_answered_by_the_next_purchase_and_the_member_is_using_again(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories, definition: Definition
) -> None:
    member = await enrol(stack, definition.program, "returns")
    await fall_silent(stack, temporal_env, definition, member)
    offer = ids.intervention(definition.program, "returns", 1)
    before = await reviews(stack, member)
    await forward(temporal_env, handle(stack, offer), timedelta(days=5))
    at = await now_of(temporal_env, handle(stack, offer))
    await buy(stack, definition, "returns", 10, at, intervention=offer)
    assert await handle(stack, offer).result() == {"outcome": "answered"}
    await done(stack.temporal, member.id, REVIEW, times=before + 1)
    found = await membership(stack, definition, "returns")
    assert (found["journey_stage"], found["open_intervention"]) == ("using", None)
    assert [outcome for _, outcome in await offers(stack.engine, definition, "returns")] == ["answered"]
    await histories.keep(stack.temporal, offer, "RetentionIntervention-answered")


async def test_a_nudge_without_an_activity_is_no_answer(
    stack: Stack, temporal_env: WorkflowEnvironment, definition: Definition
) -> None:
    member = await enrol(stack, definition.program, "nudged")
    await fall_silent(stack, temporal_env, definition, member)
    offer = handle(stack, ids.intervention(definition.program, "nudged", 1))
    await offer.signal("nudge")
    await done(stack.temporal, offer.id, "Has the member come back?")
    assert await offers(stack.engine, definition, "nudged") != []
    assert (await offers(stack.engine, definition, "nudged"))[0][1] is None
    await forward(temporal_env, offer, timedelta(days=31))
    assert await offer.result() == {"outcome": "unanswered"}


async def test_who_leaves_gets_no_offer(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories, definition: Definition
) -> None:
    member = await enrol(stack, definition.program, "leaves")
    await leave(member, await now_of(temporal_env, member))
    result = await member.result()
    assert result is not None
    assert (result.status, result.journey_stage) == ("left", "gone")
    assert await offers(stack.engine, definition, "leaves") == []
    again = {"participant": "leaves", "agreement": AGREEMENT}
    response = await stack.post(f"/programs/{definition.program}/members", again, person="demo-shop")
    assert (response.status_code, response.json()["code"]) == (409, "member_left")
    await histories.keep(stack.temporal, member.id, "MemberLifecycle-left")


async def test_a_nudge_that_comes_while_the_member_leaves_changes_nothing(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories, definition: Definition
) -> None:
    """The member's row is held, so that the nudge comes while the departure is being written."""
    member = await enrol(stack, definition.program, "hurries")
    async with stack.engine.begin() as holding:
        held = {"program": definition.program, "participant": "hurries"}
        query = "SELECT FROM store.member WHERE program = :program AND participant = :participant FOR UPDATE"
        await holding.execute(text(query), held)
        departure = Departure(at=await now_of(temporal_env, member))
        update = await member.start_update(
            "leave", departure, wait_for_stage=WorkflowUpdateStage.ACCEPTED, result_type=Membership
        )
        await member.signal("nudge")
        await history_has(
            stack.temporal, member.id, lambda event: event.HasField("workflow_execution_signaled_event_attributes")
        )
    assert (await update.result()).status == "left"
    assert (await membership(stack, definition, "hurries"))["journey_stage"] == "gone"
    await histories.keep(stack.temporal, member.id, "MemberLifecycle-nudged-while-leaving")


async def test_who_is_not_in_the_wave_is_no_member_and_may_join_once_they_are(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    """Begun past the API, which would refuse it before: the workflow itself admits nobody whom the waves do not reach."""
    program = program_id("wave")
    waves = [{"id": "few", "share": 20, "minimum_time": "P30D"}, {"id": "all", "share": 100, "minimum_time": "P30D"}]
    await launch(stack, sample_definition(program, waves=waves))
    outside = next(str(number) for number in range(100) if bucket(program, str(number)) >= 2_000)
    start = MemberStart(program=program, participant=outside, agreement=AGREEMENT)
    member = await stack.temporal.start_workflow(
        MemberLifecycle.run, start, id=ids.member(program, outside), task_queue=ids.MEMBERS_QUEUE
    )
    with pytest.raises(WorkflowFailureError) as caught:
        await member.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "not_in_wave"
    missing = await stack.http.get(f"/programs/{program}/members/{outside}", headers={"Authorization": "Bearer demo-shop"})
    assert (missing.status_code, missing.json()["code"]) == (404, "member_unknown")
    await histories.keep(stack.temporal, member.id, "MemberLifecycle-not-admitted", run_id=member.first_execution_run_id)

    rollout = ids.rollout(program, 1)
    await forward(temporal_env, handle(stack, rollout), timedelta(days=30))
    await done(stack.temporal, rollout, "Open wave all")
    await enrol(stack, program, outside)


async def test_a_member_can_be_found_and_tells_where_they_stand(stack: Stack, definition: Definition) -> None:
    member = await enrol(stack, definition.program, "shown")
    attributes = (await member.describe()).typed_search_attributes
    found = {key.name: attributes[key] for key in (PROGRAM, PARTICIPANT, TIER, JOURNEY_STAGE)}
    assert found == {
        "Program": definition.program, "Participant": "shown", "Tier": "listener", "JourneyStage": "onboarding",
    }  # fmt: skip
    summary = await shown(stack.temporal, member.id)
    assert "Active, tier listener, onboarding" in summary
    assert "next look at" in summary


async def test_members_end_with_their_program_and_what_is_left_is_forfeited(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("ends")
    ending = sample_definition(program)
    await launch(stack, ending)
    member, lost = await enrol(stack, program, "ann"), await enrol(stack, program, "bob")
    await buy(stack, ending, "ann", 120, await now_of(temporal_env, member))
    await done(stack.temporal, member.id, REVIEW, times=2)
    await lost.terminate("by mistake")
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    wind_down = ids.wind_down(program)
    await timer_started(stack.temporal, wind_down)
    await forward(temporal_env, handle(stack, wind_down), timedelta(days=104))
    assert await handle(stack, wind_down).result() == {"settled": 1200, "members": 2, "data_until": ANY}
    result = await member.result()
    assert result is not None
    assert result.status == "ended"
    assert await balance(stack, ending, "ann") == 0
    statuses = [(await membership(stack, ending, each))["status"] for each in ("ann", "bob")]
    assert statuses == ["ended", "ended"]
    await histories.keep(stack.temporal, member.id, "MemberLifecycle-ended")
    await histories.keep(stack.temporal, wind_down, "WindDown-closed")


async def test_a_long_membership_continues_as_new_keeps_its_place_and_never_offers_twice(
    hasty_stack: Stack, hasty_env: WorkflowEnvironment, histories: Histories
) -> None:
    stack, definition = hasty_stack, sample_definition(program_id("longlived"))
    await launch(stack, definition)
    member = await enrol(stack, definition.program, "ann")
    joined = await membership(stack, definition, "ann")
    runs = [(await member.describe()).raw_description.workflow_execution_info.first_run_id]
    member = handle(stack, member.id)  # whichever run it is
    await fall_silent(stack, hasty_env, definition, member)
    await forward(hasty_env, offer := handle(stack, ids.intervention(definition.program, "ann", 1)), timedelta(days=31))
    await offer.result()
    while len(runs) < 3:
        for nudges in count(1):
            await member.signal("nudge")
            event = await history_has(stack.temporal, member.id, waits_or_continued(nudges), run_id=runs[-1])
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
                runs.append(event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id)
                break
    await timer_started(stack.temporal, member.id, run_id=runs[-1])
    again = (await offers(stack.engine, definition, "ann"))[0][0] + AT_MOST_EVERY
    await forward_until(hasty_env, member, again - timedelta(minutes=1))
    assert len(await offers(stack.engine, definition, "ann")) == 1
    await forward_until(hasty_env, member, again)
    await timer_started(stack.temporal, ids.intervention(definition.program, "ann", 2))
    assert len(await offers(stack.engine, definition, "ann")) == 2
    found = await membership(stack, definition, "ann")
    assert {name: found[name] for name in ("joined_at", "tier", "tier_since")} == {
        name: joined[name] for name in ("joined_at", "tier", "tier_since")
    }
    assert (await member.describe()).typed_search_attributes[TIER] == "listener"
    await histories.keep(stack.temporal, member.id, "MemberLifecycle-continues-as-new", run_id=runs[0])
    await histories.keep(stack.temporal, member.id, "MemberLifecycle-continued", run_id=runs[1])
