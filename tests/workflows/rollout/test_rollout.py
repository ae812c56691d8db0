"""Rollout: wave after wave, each for its minimum time; a gate of a wave, and the end of the program, can stop it."""

from datetime import datetime, timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from domain.rollout.waves import bucket
from tests.house import House, program_id
from tests.lives import AGREEMENT, ask_for_the_end, club, forward, handle, launch, shown
from tests.waiting import approve, done, ended, gate_open, stage_reached, timer_started
from tests.workflows.conftest import Histories

GATE = {"rules": [{"role": "operations"}], "deadline": "P10D"}
FEW: dict[str, Any] = {"id": "few", "share": 20, "minimum_time": "P30D"}
ALL: dict[str, Any] = {"id": "all", "share": 100, "minimum_time": "P30D"}


async def waves(house: House, program: str) -> list[str]:
    return [wave["wave"] for wave in (await house.get(f"/programs/{program}"))["waves"]]


async def enrolled(house: House, program: str, participant: str) -> tuple[int, str | None]:
    body = {"participant": participant, "agreement": AGREEMENT}
    response = await house.post(f"/programs/{program}/members", body, person="demo-shop")
    return response.status_code, response.json().get("code")


async def test_waves_open_one_after_the_other_and_let_more_members_in(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("waves")
    await launch(house, club(program, waves=[FEW, ALL]))
    rollout = ids.rollout(program, 1)
    inside = next(str(number) for number in range(100) if bucket(program, str(number)) < 2_000)
    outside = next(str(number) for number in range(100) if bucket(program, str(number)) >= 2_000)
    assert await enrolled(house, program, inside) == (201, None)
    assert await enrolled(house, program, outside) == (409, "not_in_wave")
    assert "Wave few is open to 20 %" in await shown(house.temporal, ids.lifecycle(program))

    await forward(temporal_env, handle(house, rollout), timedelta(days=29))
    assert await waves(house, program) == ["few"]
    await forward(temporal_env, handle(house, rollout), timedelta(days=1))
    await done(house.temporal, rollout, "Open wave all")
    assert await waves(house, program) == ["few", "all"]
    assert await enrolled(house, program, outside) == (201, None)
    assert await enrolled(house, program, inside) == (201, None)

    await forward(temporal_env, handle(house, rollout), timedelta(days=30))
    assert await handle(house, rollout).result() == {"waves": ["few", "all"], "stopped": "", "halted": False}
    await stage_reached(house, program, "operation")
    opened = [datetime.fromisoformat(wave["at"]) for wave in (await house.get(f"/programs/{program}"))["waves"]]
    assert opened[1] - opened[0] >= timedelta(days=30)
    await histories.keep(house.temporal, rollout, "Rollout-all-waves")


async def test_a_wave_with_a_gate_opens_when_it_is_approved(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("gated")
    await launch(house, club(program, waves=[ALL | {"gate": GATE}]))
    rollout = ids.rollout(program, 1)
    gate = f"{rollout}/gate/all/1"
    await gate_open(house, gate)
    assert await waves(house, program) == []
    await approve(house, gate, "demo-operations")
    await timer_started(house.temporal, rollout)
    assert await waves(house, program) == ["all"]
    await forward(temporal_env, handle(house, rollout), timedelta(days=30))
    await handle(house, rollout).result()
    await histories.keep(house.temporal, rollout, "Rollout-gate-approved")


async def test_a_wave_that_is_not_approved_is_the_last_and_the_program_goes_on(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("unapproved")
    await launch(house, club(program, waves=[FEW, {**ALL, "id": "half", "share": 50, "gate": GATE}, ALL]))
    rollout = ids.rollout(program, 1)
    await forward(temporal_env, handle(house, rollout), timedelta(days=30))
    gate = f"{rollout}/gate/half/1"
    await gate_open(house, gate)
    await forward(temporal_env, handle(house, gate), timedelta(days=11))
    result = await handle(house, rollout).result()
    assert result == {"waves": ["few"], "stopped": "Wave half was not approved: expired", "halted": False}
    await stage_reached(house, program, "operation")
    assert await waves(house, program) == ["few"]
    await histories.keep(house.temporal, rollout, "Rollout-gate-expired")


async def test_the_end_stops_a_rollout_between_two_waves(house: House, histories: Histories) -> None:
    program = program_id("stopped")
    await launch(house, club(program, waves=[FEW, ALL]))
    await approve(house, await ask_for_the_end(house, program), "demo-finance", "demo-legal")
    await timer_started(house.temporal, ids.wind_down(program))
    rollout = ids.rollout(program, 1)
    assert await handle(house, rollout).result() == {"waves": ["few"], "stopped": "the program ends", "halted": False}
    status = await house.get(f"/programs/{program}")
    assert (status["stage"], await waves(house, program)) == ("wind_down", ["few"])
    assert "operation" not in [stage["stage"] for stage in (await house.get(f"/programs/{program}/report"))["stages"]]
    await histories.keep(house.temporal, rollout, "Rollout-stopped")


async def test_the_end_stops_a_rollout_that_waits_at_a_gate_and_the_gate_is_withdrawn(
    house: House, histories: Histories
) -> None:
    program = program_id("stoppedgate")
    await launch(house, club(program, waves=[ALL | {"gate": GATE}]))
    rollout = ids.rollout(program, 1)
    gate = f"{rollout}/gate/all/1"
    await gate_open(house, gate)
    await approve(house, await ask_for_the_end(house, program), "demo-finance", "demo-legal")
    await ended(house.temporal, gate)
    assert (await house.get(f"/gates/{gate}"))["outcome"] == "withdrawn"
    assert await handle(house, rollout).result() == {"waves": [], "stopped": "the program ends", "halted": False}
    await timer_started(house.temporal, ids.wind_down(program))
    assert (await house.get(f"/programs/{program}"))["open_gates"] == []
    await histories.keep(house.temporal, rollout, "Rollout-gate-withdrawn")


async def test_an_end_that_is_not_approved_leaves_the_rollout_alone(house: House, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("goeson")
    await launch(house, club(program, waves=[FEW, ALL]))
    gate = await ask_for_the_end(house, program)
    body = {"answer": "reject", "digest": await gate_open(house, gate), "reason": "Give it a year"}
    assert (await house.post(f"/gates/{gate}/decisions", body, person="demo-legal")).status_code == 201
    await ended(house.temporal, gate)
    rollout = handle(house, ids.rollout(program, 1))
    await forward(temporal_env, rollout, timedelta(days=90))
    assert await rollout.result() == {"waves": ["few", "all"], "stopped": "", "halted": False}
    await stage_reached(house, program, "operation")
