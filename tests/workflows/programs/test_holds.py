"""Holds in the workflows of a program and its members: shown, obeyed by the rollout, kept through continue-as-new, lifted."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from tests.program_steps import (
    MINIMUM_TIME,
    ask_for_the_end,
    begin,
    buy,
    enrol,
    forward,
    forward_until,
    handle,
    launch,
    now_of,
    operate,
    pass_all_gates,
    sample_definition,
    shown,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, continued_as_new, done, stage_reached, started, timer_started, worked_on
from tests.workflows.conftest import Histories

LOOKED, KEPT = "What is on hold?", "No point expires while nothing can be redeemed"
FEW: dict[str, Any] = {"id": "few", "share": 20, "minimum_time": "P30D"}
ALL: dict[str, Any] = {"id": "all", "share": 100, "minimum_time": "P30D"}


async def hold(stack: Stack, program: str, *stops: str) -> datetime:
    """Put a program on hold; since when."""
    body = {"reason": "two tills count twice"} | ({"stops": stops} if stops else {})
    response = await stack.post(f"/programs/{program}/holds", body, person="demo-operations")
    assert response.status_code == 201, response.text
    return datetime.fromisoformat(response.json()["since"])


async def resume(stack: Stack, program: str) -> datetime:
    """Let it go on; from when."""
    response = await stack.post(f"/programs/{program}/resumption", {"reason": "mended"}, person="demo-operations")
    assert response.status_code == 200, response.text
    return datetime.fromisoformat(response.json()["lifted"]["until"])


async def waves(stack: Stack, program: str) -> list[str]:
    return [wave["wave"] for wave in (await stack.get(f"/programs/{program}"))["waves"]]


async def test_no_further_wave_opens_on_hold_and_the_next_one_opens_once_it_is_lifted(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("paused")
    lifecycle, rollout = ids.lifecycle(program), ids.rollout(program, 1)
    await launch(stack, sample_definition(program, waves=[FEW, ALL]))
    await hold(stack, program)
    await done(stack.temporal, lifecycle, LOOKED)
    text = await shown(stack.temporal, lifecycle)
    assert "On hold since" in text and "by demo-operations because: two tills count twice" in text
    assert f"tenure program resume {program}" in text

    await done(stack.temporal, rollout, "Paused")
    await forward(temporal_env, handle(stack, rollout), MINIMUM_TIME)
    assert await waves(stack, program) == ["few"]
    text = await shown(stack.temporal, rollout)
    assert "two tills count twice" in text and f"tenure program resume {program}" in text
    await resume(stack, program)
    await done(stack.temporal, rollout, "Resumed")
    assert "On hold" not in await shown(stack.temporal, lifecycle)
    await forward(temporal_env, handle(stack, rollout), 3 * MINIMUM_TIME)
    await stage_reached(stack, program, "operation")
    await histories.keep(stack.temporal, rollout, "Rollout-on-hold")


async def test_a_program_that_is_on_hold_when_it_is_approved_opens_its_first_wave_afterwards(stack: Stack) -> None:
    program = program_id("early")
    lifecycle = ids.lifecycle(program)
    qualification = await begin(stack, sample_definition(program))
    await hold(stack, program)
    await done(stack.temporal, lifecycle, LOOKED)
    await pass_all_gates(stack, qualification)
    await stage_reached(stack, program, "rollout")
    assert await waves(stack, program) == []
    await resume(stack, program)
    await started(stack.temporal, ids.rollout(program, 1))
    await done(stack.temporal, ids.rollout(program, 1), "Open wave all")


async def test_a_program_on_hold_before_its_rollout_may_be_ended_and_opens_no_wave(stack: Stack) -> None:
    program = program_id("never")
    qualification = await begin(stack, sample_definition(program))
    await hold(stack, program)
    await done(stack.temporal, ids.lifecycle(program), LOOKED)
    await pass_all_gates(stack, qualification)
    await stage_reached(stack, program, "rollout")
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    await stage_reached(stack, program, "wind_down")
    assert await waves(stack, program) == []


async def test_while_nothing_can_be_redeemed_no_point_expires_and_afterwards_it_expires_so_much_later(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("kept")
    lifecycle = ids.lifecycle(program)
    definition = sample_definition(program, expiry={"kind": "after_earning", "after": "P6M"})
    await operate(stack, temporal_env, definition)
    member = await enrol(stack, program, "ann")
    await buy(stack, definition, "ann", 10, await now_of(temporal_env, member))

    async def expiries() -> list[datetime | None]:
        return [lot.expires_at for lot in (await stack.ledger.balance(program, "ann", "NOTES")).lots]

    (before,) = await expiries()
    since = await hold(stack, program, "redeeming")
    await done(stack.temporal, lifecycle, KEPT)
    assert await expiries() == [None]
    until = await resume(stack, program)
    assert before is not None
    assert await expiries() == [before + (until - since)]
    assert (await stack.ledger.check(program)).clean
    await histories.keep(stack.temporal, lifecycle, "ProgramLifecycle-on-hold")


async def test_a_silent_member_is_offered_nothing_on_hold_and_within_a_week_afterwards(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("quiet")
    await launch(stack, sample_definition(program))
    member = await enrol(stack, program, "ann")
    joined = datetime.fromisoformat((await stack.get(f"/programs/{program}/members/ann", "demo-shop"))["joined_at"])
    await hold(stack, program)
    await forward_until(temporal_env, member, joined + timedelta(days=91))
    found = await stack.get(f"/programs/{program}/members/ann", "demo-shop")
    assert (found["journey_stage"], found["open_intervention"]) == ("lapsing", None)
    await resume(stack, program)
    await forward_until(temporal_env, member, joined + timedelta(days=97, seconds=1))
    await timer_started(stack.temporal, ids.intervention(program, "ann", 1))


async def test_what_stands_is_carried_through_continue_as_new_and_nothing_told_around_it_is_lost(
    hasty_stack: Stack, hasty_env: WorkflowEnvironment
) -> None:
    stack, program = hasty_stack, program_id("carried")
    lifecycle = ids.lifecycle(program)
    await operate(stack, hasty_env, sample_definition(program))
    run = (await handle(stack, lifecycle).describe()).raw_description.workflow_execution_info.first_run_id
    run = await continued_as_new(stack.temporal, lifecycle, run)

    await hold(stack, program)
    # So many looks that the run cannot but end among them; the last of them is of the hold that stops most.
    await asyncio.gather(*(handle(stack, lifecycle).signal("look_at_holds") for _ in range(20)))
    await asyncio.gather(*(handle(stack, lifecycle).signal("nudge") for _ in range(5)))
    response = await stack.post(f"/programs/{program}/halt", {"reason": "an administrator came"}, person="demo-finance")
    assert response.status_code == 201
    run = await continued_as_new(stack.temporal, lifecycle, run)
    await done(stack.temporal, lifecycle, KEPT)
    await worked_on(stack.temporal, lifecycle)
    state = await handle(stack, lifecycle).query("state")
    assert [each["kind"] for each in state["holds"]] == ["hold", "suspended_insolvency"]
    text = await shown(stack.temporal, lifecycle)
    assert "Halted (suspended, insolvency)" in text and "two tills count twice" in text
    await resume(stack, program)
    await resume(stack, program)
    await worked_on(stack.temporal, lifecycle)
    assert (await handle(stack, lifecycle).query("state"))["holds"] == []

    # A revision that is handed in among looks is qualified, and the wish to end is heard, whichever run they come to.
    revision = sample_definition(program, summary="Another.").model_dump(mode="json")
    looks = [handle(stack, lifecycle).signal("look_at_holds") for _ in range(20)]
    answer = (
        await asyncio.gather(stack.post(f"/programs/{program}/revisions?weight=substantial", revision), asyncio.gather(*looks))
    )[0]
    assert answer.status_code == 201, answer.text
    await pass_all_gates(stack, ids.qualification(program, 2))
    await done(stack.temporal, lifecycle, "Revision 2 is in force")
    looks = [handle(stack, lifecycle).signal("look_at_holds") for _ in range(20)]
    gate = (await asyncio.gather(ask_for_the_end(stack, program), asyncio.gather(*looks)))[0]
    await approve(stack, gate, "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
