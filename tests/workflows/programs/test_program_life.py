"""A program's life in its workflows, with skipped time: the way to launch, a year of operation, the end."""

from datetime import datetime, timedelta

from temporalio.testing import WorkflowEnvironment

from domain import ids
from tests.stack import Stack, example, program_id
from tests.waiting import approve, child_started, stage_reached, timer_started
from workflows.programs.lifecycle import ProgramLifecycle

_CLOSINGS = ("enrolment_until", "earning_until", "redeeming_until")


async def test_a_program_lives_a_year_from_definition_to_closing(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("year")
    log = f"{program}-log"
    await stack.post(f"/transaction-logs/{log}", content="customer,at,amount\nc1,2026-01-01T10:00:00Z,120.00\n")
    definition = example(
        "cd-club.yaml", program, prototype={"transactions": log, "criteria": [{"figure": "members", "at_least": 1}]}
    )
    response = await stack.post("/programs", definition.model_dump(mode="json"))
    assert response.status_code == 201, response.text

    qualification = ids.qualification(program, 1)
    lifecycle = temporal_env.client.get_workflow_handle_for(ProgramLifecycle.run, ids.lifecycle(program))
    await approve(stack, f"{qualification}/gate/strategy/1", "demo-marketing", "demo-finance")
    phase = next(phase for phase in definition.test_phases if phase.kind == "sign_off")
    await approve(stack, f"{ids.test_phase(program, 1, phase.id)}/gate/{phase.id}/1", "demo-operations", "demo-marketing")
    await approve(stack, f"{qualification}/gate/launch/1", "demo-finance", "demo-legal")

    await child_started(stack.temporal, ids.lifecycle(program), ids.rollout(program, 1))
    await timer_started(stack.temporal, ids.rollout(program, 1))
    # Each workflow has a clock of its own; a child begins at its parent's time, and goes on by itself from there.
    await temporal_env.fast_forward(stack.temporal.get_workflow_handle(ids.rollout(program, 1)), timedelta(days=90))
    await stage_reached(stack, program, "operation")
    await temporal_env.fast_forward(lifecycle, timedelta(days=365))
    status = await stack.get(f"/programs/{program}")
    assert status["stage"] == "operation"
    assert [wave["wave"] for wave in status["waves"]] == [wave.id for wave in definition.waves]

    response = await stack.post(f"/programs/{program}/end", {"reason": "the shop closes"})
    assert response.status_code == 202, response.text
    await approve(stack, f"{ids.lifecycle(program)}/gate/wind-down/1", "demo-finance", "demo-legal")
    await child_started(stack.temporal, ids.lifecycle(program), ids.wind_down(program))
    await timer_started(stack.temporal, ids.wind_down(program))
    await temporal_env.fast_forward(stack.temporal.get_workflow_handle(ids.wind_down(program)), timedelta(days=110))
    result = await lifecycle.result()
    assert result.stage == "closed"
    report = await stack.get(f"/programs/{program}/report")
    assert [stage["stage"] for stage in report["stages"]] == [
        "requirements", "strategy", "prototype", "acceptance_test", "rollout", "operation", "wind_down", "closed",
    ]  # fmt: skip
    record = {name: datetime.fromisoformat(report["program"][name]) for name in ("started_at", "closed_at", *_CLOSINGS)}
    assert record["closed_at"] - record["started_at"] > timedelta(days=365)
    assert record["earning_until"] - record["enrolment_until"] == definition.wind_down.notice.rest
    assert record["redeeming_until"] - record["earning_until"] == definition.wind_down.redeem_window.rest
