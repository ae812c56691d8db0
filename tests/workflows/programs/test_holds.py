"""Holds in the workflows of a program and its members: shown, obeyed by the rollout, kept through continue-as-new, lifted."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from tests.house import House, program_id
from tests.lives import (
    MINIMUM_TIME,
    ask_for_the_end,
    begin,
    buy,
    club,
    enrol,
    forward,
    forward_until,
    handle,
    launch,
    now_of,
    operate,
    pass_all_gates,
    shown,
)
from tests.waiting import approve, continued_as_new, done, stage_reached, started, timer_started, worked_on
from tests.workflows.conftest import Histories

LOOKED, KEPT = "What is on hold?", "No point expires while nothing can be redeemed"
FEW: dict[str, Any] = {"id": "few", "share": 20, "minimum_time": "P30D"}
ALL: dict[str, Any] = {"id": "all", "share": 100, "minimum_time": "P30D"}


async def hold(house: House, program: str, *stops: str) -> datetime:
    """Put a program on hold; since when."""
    body = {"reason": "two tills count twice"} | ({"stops": stops} if stops else {})
    response = await house.post(f"/programs/{program}/holds", body, person="demo-operations")
    assert response.status_code == 201, response.text
    return datetime.fromisoformat(response.json()["since"])


async def resume(house: House, program: str) -> datetime:
    """Let it go on; from when."""
    response = await house.post(f"/programs/{program}/resumption", {"reason": "mended"}, person="demo-operations")
    assert response.status_code == 200, response.text
    return datetime.fromisoformat(response.json()["lifted"]["until"])


async def waves(house: House, program: str) -> list[str]:
    return [wave["wave"] for wave in (await house.get(f"/programs/{program}"))["waves"]]


async def test_no_further_wave_opens_on_hold_and_the_next_one_opens_once_it_is_lifted(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("paused")
    lifecycle, rollout = ids.lifecycle(program), ids.rollout(program, 1)
    await launch(house, club(program, waves=[FEW, ALL]))
    await hold(house, program)
    await done(house.temporal, lifecycle, LOOKED)
    text = await shown(house.temporal, lifecycle)
    assert "On hold since" in text and "by demo-operations because: two tills count twice" in text
    assert f"tenure program resume {program}" in text

    await done(house.temporal, rollout, "Paused")
    await forward(temporal_env, handle(house, rollout), MINIMUM_TIME)
    assert await waves(house, program) == ["few"]
    text = await shown(house.temporal, rollout)
    assert "two tills count twice" in text and f"tenure program resume {program}" in text
    await resume(house, program)
    await done(house.temporal, rollout, "Resumed")
    assert "On hold" not in await shown(house.temporal, lifecycle)
    await forward(temporal_env, handle(house, rollout), 3 * MINIMUM_TIME)
    await stage_reached(house, program, "operation")
    await histories.keep(house.temporal, rollout, "Rollout-on-hold")


async def test_a_program_that_is_on_hold_when_it_is_approved_opens_its_first_wave_afterwards(house: House) -> None:
    program = program_id("early")
    lifecycle = ids.lifecycle(program)
    qualification = await begin(house, club(program))
    await hold(house, program)
    await done(house.temporal, lifecycle, LOOKED)
    await pass_all_gates(house, qualification)
    await stage_reached(house, program, "rollout")
    assert await waves(house, program) == []
    await resume(house, program)
    await started(house.temporal, ids.rollout(program, 1))
    await done(house.temporal, ids.rollout(program, 1), "Open wave all")


async def test_a_program_on_hold_before_its_rollout_may_be_ended_and_opens_no_wave(house: House) -> None:
    program = program_id("never")
    qualification = await begin(house, club(program))
    await hold(house, program)
    await done(house.temporal, ids.lifecycle(program), LOOKED)
    await pass_all_gates(house, qualification)
    await stage_reached(house, program, "rollout")
    await approve(house, await ask_for_the_end(house, program), "demo-finance", "demo-legal")
    await stage_reached(house, program, "wind_down")
    assert await waves(house, program) == []


async def test_while_nothing_can_be_redeemed_no_point_expires_and_afterwards_it_expires_so_much_later(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("kept")
    lifecycle = ids.lifecycle(program)
    definition = club(program, expiry={"kind": "after_earning", "after": "P6M"})
    await operate(house, temporal_env, definition)
    member = await enrol(house, program, "ann")
    await buy(house, definition, "ann", 10, await now_of(temporal_env, member))

    async def expiries() -> list[datetime | None]:
        return [lot.expires_at for lot in (await house.ledger.balance(program, "ann", "NOTES")).lots]

    (before,) = await expiries()
    since = await hold(house, program, "redeeming")
    await done(house.temporal, lifecycle, KEPT)
    assert await expiries() == [None]
    until = await resume(house, program)
    assert before is not None
    assert await expiries() == [before + (until - since)]
    assert (await house.ledger.check(program)).clean
    await histories.keep(house.temporal, lifecycle, "ProgramLifecycle-on-hold")


async def test_a_silent_member_is_offered_nothing_on_hold_and_within_a_week_afterwards(
    house: House, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("quiet")
    await launch(house, club(program))
    member = await enrol(house, program, "ann")
    joined = datetime.fromisoformat((await house.get(f"/programs/{program}/members/ann", "demo-shop"))["joined_at"])
    await hold(house, program)
    await forward_until(temporal_env, member, joined + timedelta(days=91))
    found = await house.get(f"/programs/{program}/members/ann", "demo-shop")
    assert (found["journey_stage"], found["open_intervention"]) == ("lapsing", None)
    await resume(house, program)
    await forward_until(temporal_env, member, joined + timedelta(days=97, seconds=1))
    await timer_started(house.temporal, ids.intervention(program, "ann", 1))


async def test_what_stands_is_carried_through_continue_as_new_and_nothing_told_around_it_is_lost(
    hasty_house: House, hasty_env: WorkflowEnvironment
) -> None:
    house, program = hasty_house, program_id("carried")
    lifecycle = ids.lifecycle(program)
    await operate(house, hasty_env, club(program))
    run = (await handle(house, lifecycle).describe()).raw_description.workflow_execution_info.first_run_id
    run = await continued_as_new(house.temporal, lifecycle, run)

    await hold(house, program)
    # So many looks that the run cannot but end among them; the last of them is of the hold that stops most.
    await asyncio.gather(*(handle(house, lifecycle).signal("look_at_holds") for _ in range(20)))
    await asyncio.gather(*(handle(house, lifecycle).signal("nudge") for _ in range(5)))
    response = await house.post(f"/programs/{program}/halt", {"reason": "an administrator came"}, person="demo-finance")
    assert response.status_code == 201
    run = await continued_as_new(house.temporal, lifecycle, run)
    await done(house.temporal, lifecycle, KEPT)
    await worked_on(house.temporal, lifecycle)
    state = await handle(house, lifecycle).query("state")
    assert [each["kind"] for each in state["holds"]] == ["hold", "suspended_insolvency"]
    text = await shown(house.temporal, lifecycle)
    assert "Halted (suspended, insolvency)" in text and "two tills count twice" in text
    await resume(house, program)
    await resume(house, program)
    await worked_on(house.temporal, lifecycle)
    assert (await handle(house, lifecycle).query("state"))["holds"] == []

    # A revision that is handed in among looks is qualified, and the wish to end is heard, whichever run they come to.
    revision = club(program, summary="Another.").model_dump(mode="json")
    looks = [handle(house, lifecycle).signal("look_at_holds") for _ in range(20)]
    answer = (
        await asyncio.gather(house.post(f"/programs/{program}/revisions?weight=substantial", revision), asyncio.gather(*looks))
    )[0]
    assert answer.status_code == 201, answer.text
    await pass_all_gates(house, ids.qualification(program, 2))
    await done(house.temporal, lifecycle, "Revision 2 is in force")
    looks = [handle(house, lifecycle).signal("look_at_holds") for _ in range(20)]
    gate = (await asyncio.gather(ask_for_the_end(house, program), asyncio.gather(*looks)))[0]
    await approve(house, gate, "demo-finance", "demo-legal")
    await timer_started(house.temporal, ids.wind_down(program))
