"""Rollout: wave after wave, each for its minimum time; a gate of a wave, and the end of the program, can stop it."""

from datetime import datetime, timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from domain.rollout.waves import bucket
from tests.program_steps import AGREEMENT, ask_for_the_end, forward, handle, launch, sample_definition, shown
from tests.stack import Stack, program_id
from tests.waiting import approve, done, ended, gate_open, stage_reached, timer_started
from tests.workflows.conftest import Histories

GATE = {"rules": [{"role": "operations"}], "deadline": "P10D"}
FEW: dict[str, Any] = {"id": "few", "share": 20, "minimum_time": "P30D"}
ALL: dict[str, Any] = {"id": "all", "share": 100, "minimum_time": "P30D"}


async def waves(stack: Stack, program: str) -> list[str]:
    return [wave["wave"] for wave in (await stack.get(f"/programs/{program}"))["waves"]]


async def enrolled(stack: Stack, program: str, participant: str) -> tuple[int, str | None]:
    body = {"participant": participant, "agreement": AGREEMENT}
    response = await stack.post(f"/programs/{program}/members", body, person="demo-shop")
    return response.status_code, response.json().get("code")


async def test_waves_open_one_after_the_other_and_let_more_members_in(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("waves")
    await launch(stack, sample_definition(program, waves=[FEW, ALL]))
    rollout = ids.rollout(program, 1)
    inside = next(str(number) for number in range(100) if bucket(program, str(number)) < 2_000)
    outside = next(str(number) for number in range(100) if bucket(program, str(number)) >= 2_000)
    assert await enrolled(stack, program, inside) == (201, None)
    assert await enrolled(stack, program, outside) == (409, "not_in_wave")
    assert "Wave few is open to 20 %" in await shown(stack.temporal, ids.lifecycle(program))

    await forward(temporal_env, handle(stack, rollout), timedelta(days=29))
    assert await waves(stack, program) == ["few"]
    await forward(temporal_env, handle(stack, rollout), timedelta(days=1))
    await done(stack.temporal, rollout, "Open wave all")
    assert await waves(stack, program) == ["few", "all"]
    assert await enrolled(stack, program, outside) == (201, None)
    assert await enrolled(stack, program, inside) == (201, None)

    await forward(temporal_env, handle(stack, rollout), timedelta(days=30))
    assert await handle(stack, rollout).result() == {"waves": ["few", "all"], "stopped": "", "halted": False}
    await stage_reached(stack, program, "operation")
    opened = [datetime.fromisoformat(wave["at"]) for wave in (await stack.get(f"/programs/{program}"))["waves"]]
    assert opened[1] - opened[0] >= timedelta(days=30)
    await histories.keep(stack.temporal, rollout, "Rollout-all-waves")


async def test_a_wave_with_a_gate_opens_when_it_is_approved(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("gated")
    await launch(stack, sample_definition(program, waves=[ALL | {"gate": GATE}]))
    rollout = ids.rollout(program, 1)
    gate = f"{rollout}/gate/all/1"
    await gate_open(stack, gate)
    assert await waves(stack, program) == []
    await approve(stack, gate, "demo-operations")
    await timer_started(stack.temporal, rollout)
    assert await waves(stack, program) == ["all"]
    await forward(temporal_env, handle(stack, rollout), timedelta(days=30))
    await handle(stack, rollout).result()
    await histories.keep(stack.temporal, rollout, "Rollout-gate-approved")


async def test_a_wave_that_is_not_approved_is_the_last_and_the_program_goes_on(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("unapproved")
    await launch(stack, sample_definition(program, waves=[FEW, {**ALL, "id": "half", "share": 50, "gate": GATE}, ALL]))
    rollout = ids.rollout(program, 1)
    await forward(temporal_env, handle(stack, rollout), timedelta(days=30))
    gate = f"{rollout}/gate/half/1"
    await gate_open(stack, gate)
    await forward(temporal_env, handle(stack, gate), timedelta(days=11))
    result = await handle(stack, rollout).result()
    assert result == {"waves": ["few"], "stopped": "Wave half was not approved: expired", "halted": False}
    await stage_reached(stack, program, "operation")
    assert await waves(stack, program) == ["few"]
    await histories.keep(stack.temporal, rollout, "Rollout-gate-expired")


async def test_the_end_stops_a_rollout_between_two_waves(stack: Stack, histories: Histories) -> None:
    program = program_id("stopped")
    await launch(stack, sample_definition(program, waves=[FEW, ALL]))
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    rollout = ids.rollout(program, 1)
    assert await handle(stack, rollout).result() == {"waves": ["few"], "stopped": "the program ends", "halted": False}
    status = await stack.get(f"/programs/{program}")
    assert (status["stage"], await waves(stack, program)) == ("wind_down", ["few"])
    assert "operation" not in [stage["stage"] for stage in (await stack.get(f"/programs/{program}/report"))["stages"]]
    await histories.keep(stack.temporal, rollout, "Rollout-stopped")


async def test_the_end_stops_a_rollout_that_waits_at_a_gate_and_the_gate_is_withdrawn(
    stack: Stack, histories: Histories
) -> None:
    program = program_id("stoppedgate")
    await launch(stack, sample_definition(program, waves=[ALL | {"gate": GATE}]))
    rollout = ids.rollout(program, 1)
    gate = f"{rollout}/gate/all/1"
    await gate_open(stack, gate)
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    await ended(stack.temporal, gate)
    assert (await stack.get(f"/gates/{gate}"))["outcome"] == "withdrawn"
    assert await handle(stack, rollout).result() == {"waves": [], "stopped": "the program ends", "halted": False}
    await timer_started(stack.temporal, ids.wind_down(program))
    assert (await stack.get(f"/programs/{program}"))["open_gates"] == []
    await histories.keep(stack.temporal, rollout, "Rollout-gate-withdrawn")


async def test_an_end_that_is_not_approved_leaves_the_rollout_alone(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("goeson")
    await launch(stack, sample_definition(program, waves=[FEW, ALL]))
    gate = await ask_for_the_end(stack, program)
    body = {"answer": "reject", "digest": await gate_open(stack, gate), "reason": "Give it a year"}
    assert (await stack.post(f"/gates/{gate}/decisions", body, person="demo-legal")).status_code == 201
    await ended(stack.temporal, gate)
    rollout = handle(stack, ids.rollout(program, 1))
    await forward(temporal_env, rollout, timedelta(days=90))
    assert await rollout.result() == {"waves": ["few", "all"], "stopped": "", "halted": False}
    await stage_reached(stack, program, "operation")
