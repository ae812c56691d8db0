"""A program in operation: amendments, evaluations and their consequences, the wish to end it, Schedules, continue-as-new."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import ScheduleActionExecutionStartWorkflow, ScheduleOverlapPolicy, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import REVISION, STAGE
from domain import ids
from domain.definition.document import digest
from store.programs import programs
from tests.program_steps import (
    ask_for_the_end,
    buy,
    enrol,
    forward,
    handle,
    now_of,
    operate,
    pass_all_gates,
    pass_to_launch_gate,
    revise,
    sample_definition,
    shown,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, continued_as_new, done, ended, gate_open, outcome_known, timer_started, worked_on
from tests.workflows.conftest import Histories
from workflows.programs.state import RevisionSubmission


async def vote(stack: Stack, gate: str, person: str, answer: str, reason: str) -> None:
    body = {"answer": answer, "digest": await gate_open(stack, gate), "reason": reason}
    response = await stack.post(f"/gates/{gate}/decisions", body, person=person)
    assert response.status_code == 201, response.text


async def revisions(stack: Stack, program: str) -> list[str]:
    return [revision["status"] for revision in (await stack.get(f"/programs/{program}"))["revisions"]]


async def stage(stack: Stack, program: str) -> str:
    found: str = (await stack.get(f"/programs/{program}"))["stage"]
    return found


async def triggered(stack: Stack, schedule_id: str) -> str:
    """Have a Schedule act now; the workflow that it has started."""
    schedule = stack.temporal.get_schedule_handle(schedule_id)
    await schedule.trigger()
    while not (actions := (await schedule.describe()).info.recent_actions):
        pass
    action = actions[-1].action
    assert isinstance(action, ScheduleActionExecutionStartWorkflow)
    return action.workflow_id


def yearly() -> dict[str, Any]:
    """An evaluation once a year."""
    threshold = {"below": "0.1", "consequence": "alert"}
    return {"every": "P1Y", "kpis": [{"kpi": "active_rate", "window": "P3M", "thresholds": [threshold]}]}


def deadly() -> dict[str, Any]:
    """An evaluation that proposes the end where nobody is active."""
    threshold = {"below": "0.5", "consequence": "propose_end"}
    return {"every": "P3M", "kpis": [{"kpi": "active_rate", "window": "P3M", "thresholds": [threshold]}]}


async def test_an_amendment_goes_through_its_gates_and_supersedes_the_revision_before(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("amended")
    await operate(stack, temporal_env, sample_definition(program))
    amendment = await revise(stack, sample_definition(program, evaluation=yearly()), weight="substantial")
    await approve(stack, f"{amendment}/gate/strategy/1", "demo-marketing", "demo-finance")
    assert await stage(stack, program) == "operation"
    assert await revisions(stack, program) == ["in_force", "submitted"]
    await approve(stack, f"{amendment}/test/readiness/gate/readiness/1", "demo-operations")
    await approve(stack, f"{amendment}/gate/launch/1", "demo-finance", "demo-legal")
    lifecycle = ids.lifecycle(program)
    await done(stack.temporal, lifecycle, "Evaluate every", times=2)
    assert await revisions(stack, program) == ["superseded", "in_force"]
    assert await stage(stack, program) == "operation"
    assert "In operation; revision 2: approved" in await shown(stack.temporal, lifecycle)

    schedule = await stack.temporal.get_schedule_handle(ids.evaluation_schedule(program)).describe()
    (calendar,) = schedule.schedule.spec.calendars
    (month,) = calendar.month
    assert month.start == month.end
    async with stack.engine.connect() as connection:
        first, second = await programs.revisions(connection, program)
        assert first.effective_from is not None
        assert second.effective_from is not None
        before = await programs.in_force_at(connection, program, second.effective_from - timedelta(microseconds=1))
        since = await programs.in_force_at(connection, program, second.effective_from)
    assert before is not None
    assert since is not None
    assert (before.number, since.number) == (1, 2)
    await histories.keep(stack.temporal, lifecycle, "ProgramLifecycle-amended")
    await histories.keep(stack.temporal, amendment, "RevisionQualification-amendment")


async def test_an_amendment_at_once_moves_the_members_whom_it_concerns_at_once(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("at-once")
    definition = sample_definition(program)
    await operate(stack, temporal_env, definition)
    member = await enrol(stack, program, "ann")
    await buy(stack, definition, "ann", 120, await now_of(temporal_env, member))
    await done(stack.temporal, member.id, "Review tier and activity", times=2)
    assert (await stack.get(f"/programs/{program}/members/ann", "demo-shop"))["tier"] == "collector"

    tiers = [tier.model_dump(mode="json") for tier in definition.tiers]
    tiers[1] |= {"reach": {"all": [{"counter": "spend", "at_least": "200"}]}, "keep": None}
    await pass_all_gates(stack, await revise(stack, sample_definition(program, tiers=tiers, transition="at_once")))
    await done(stack.temporal, ids.lifecycle(program), "Have the members looked at whom revision 2 concerns")
    await done(stack.temporal, member.id, "Review tier and activity", times=3)
    found = await stack.get(f"/programs/{program}/members/ann", "demo-shop")
    assert [change["change"] for change in found["tier_changes"]] == ["joined", "upgrade", "downgrade"]
    assert found["tier"] == "listener"
    answered = (await stack.get(f"/programs/{program}/revisions/2/notices", "demo-shop"))["items"]
    assert [each["recipient"] for each in answered] == ["ann"], "though no notice is promised"
    await histories.keep(stack.temporal, ids.lifecycle(program), "ProgramLifecycle-amended-at-once")


async def test_a_revision_that_leaves_a_tier_without_a_place_is_refused_by_the_program_itself(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    """The API asks the store first; this is what holds where another revision comes into force in between."""
    program = program_id("placeless")
    definition = sample_definition(program)
    await operate(stack, temporal_env, definition)
    less = definition.model_copy(update={"tiers": definition.tiers[:2]})
    submission = RevisionSubmission(definition=less, digest=digest(less), submitted_by="demo-owner")
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle(stack, ids.lifecycle(program)).execute_update("submit_revision", submission)
    assert isinstance(caught.value.cause, ApplicationError)
    assert (caught.value.cause.type, "curator" in caught.value.cause.message) == ("tier_not_replaced", True)
    assert await revisions(stack, program) == ["in_force"]


async def test_an_amendment_that_is_not_approved_leaves_the_revision_before_in_force(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("unamended")
    await operate(stack, temporal_env, sample_definition(program))
    amendment = await revise(stack, sample_definition(program, evaluation=yearly()), weight="substantial")
    await vote(stack, await pass_to_launch_gate(stack, amendment), "demo-legal", "reject", "The members were not told")
    await done(stack.temporal, ids.lifecycle(program), "Revision 2: rejected")
    assert await revisions(stack, program) == ["in_force", "rejected"]
    assert await stage(stack, program) == "operation"
    third = await revise(stack, sample_definition(program, summary="Third."))
    assert third == ids.qualification(program, 3)


@pytest.mark.parametrize("where", ["concept", "sign-off"])
async def test_the_end_of_a_program_withdraws_an_amendment_that_is_on_its_way(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories, where: str
) -> None:
    program = program_id("overtaken")
    await operate(stack, temporal_env, sample_definition(program))
    amendment = await revise(stack, sample_definition(program, evaluation=yearly()), weight="substantial")
    waiting = f"{amendment}/gate/strategy/1"
    if where == "sign-off":
        await approve(stack, waiting, "demo-marketing", "demo-finance")
        waiting = f"{amendment}/test/readiness/gate/readiness/1"
    await gate_open(stack, waiting)
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    assert (await handle(stack, amendment).result())["outcome"] == "withdrawn"
    assert await revisions(stack, program) == ["in_force", "withdrawn"]
    status = await stack.get(f"/programs/{program}")
    assert (status["stage"], status["open_gates"]) == ("wind_down", [])
    late = await stack.post(
        f"/programs/{program}/revisions", sample_definition(program, summary="Late.").model_dump(mode="json")
    )
    assert (late.status_code, late.json()["code"]) == (409, "program_ends")
    await histories.keep(stack.temporal, amendment, f"RevisionQualification-withdrawn-at-{where}")


async def test_an_end_that_is_not_approved_can_be_asked_for_again(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("again")
    await operate(stack, temporal_env, sample_definition(program))
    gate = await ask_for_the_end(stack, program, "R" * 2000)
    await gate_open(stack, gate)
    second = await stack.post(f"/programs/{program}/end", {"reason": "again"})
    assert (second.status_code, second.json()["code"]) == (409, "end_requested")
    owner = {"answer": "approve", "digest": (await stack.get(f"/gates/{gate}"))["subject"]["digest"]}
    refused = await stack.post(f"/gates/{gate}/decisions", owner, person="demo-owner")
    assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    await vote(stack, gate, "demo-legal", "reject", "Members were promised a year")
    await outcome_known(stack.temporal, gate)

    await ask_for_the_end(stack, program)
    gate = f"{ids.lifecycle(program)}/gate/wind-down/2"
    await approve(stack, gate, "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    await forward(temporal_env, handle(stack, ids.wind_down(program)), timedelta(days=110))
    assert await handle(stack, ids.lifecycle(program)).result() == {"stage": "closed", "why": "the shop closes"}
    await histories.keep(stack.temporal, ids.lifecycle(program), "ProgramLifecycle-end-asked-twice")


async def test_a_verdict_that_proposes_the_end_opens_its_gate_and_ends_nothing_by_itself(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("deadly")
    await operate(stack, temporal_env, sample_definition(program, evaluation=deadly()))
    await enrol(stack, program, "idle")
    response = await stack.post(f"/programs/{program}/evaluations")
    assert (response.status_code, response.json()["consequence"]) == (201, "propose_end")
    gate = f"{ids.lifecycle(program)}/gate/wind-down/1"
    await gate_open(stack, gate)
    assert await stage(stack, program) == "operation"
    assert "active_rate 0" in (await stack.get(f"/gates/{gate}"))["subject"]["title"]
    await vote(stack, gate, "demo-finance", "reject", "Wait for Christmas")
    await outcome_known(stack.temporal, gate)

    again = await stack.post(f"/programs/{program}/evaluations")
    assert again.status_code == 201
    await gate_open(stack, f"{ids.lifecycle(program)}/gate/wind-down/2")
    assert await stage(stack, program) == "operation"
    (verdict, _) = (await stack.get(f"/programs/{program}/evaluations"))["items"]
    await histories.keep(stack.temporal, verdict["id"], "ProgramEvaluation-asked-for")


async def test_a_verdict_without_a_proposal_is_shown_and_nothing_more(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("alert")
    await operate(stack, temporal_env, sample_definition(program, evaluation=yearly()))
    await enrol(stack, program, "idle")
    assert (await stack.post(f"/programs/{program}/evaluations")).json()["consequence"] == "alert"
    lifecycle = ids.lifecycle(program)
    await done(stack.temporal, lifecycle, "Look at the newest verdict")
    assert "the newest evaluation says: alert" in await shown(stack.temporal, lifecycle)
    assert (await stack.get(f"/programs/{program}"))["open_gates"] == []


async def test_a_program_in_operation_has_schedules_that_its_wind_down_removes(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("scheduled")
    await operate(stack, temporal_env, sample_definition(program))
    schedules = ids.evaluation_schedule(program), ids.expiry_schedule(program)
    evaluation, sweep = [(await stack.temporal.get_schedule_handle(each).describe()).schedule for each in schedules]
    for found in (evaluation, sweep):
        assert found.policy.overlap == ScheduleOverlapPolicy.SKIP
        assert found.policy.catchup_window == timedelta(days=1)
        assert found.spec.jitter
    (quarterly,) = evaluation.spec.calendars
    assert ([hour.start for hour in quarterly.hour], [month.step for month in quarterly.month]) == ([6], [3])
    assert [interval.every for interval in sweep.spec.intervals] == [timedelta(days=7)]

    for schedule_id, name in zip(schedules, ("ProgramEvaluation-scheduled", "ExpirySweep"), strict=True):
        workflow_id = await triggered(stack, schedule_id)
        assert workflow_id.startswith(f"{schedule_id}-")
        await ended(stack.temporal, workflow_id)
        await histories.keep(stack.temporal, workflow_id, name)
    assert (await stack.get(f"/programs/{program}/evaluations"))["items"] != []

    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    await forward(temporal_env, handle(stack, ids.wind_down(program)), timedelta(days=14))
    await done(stack.temporal, ids.wind_down(program), "Points no longer expire")
    for schedule_id in schedules:
        with pytest.raises(RPCError) as caught:
            await stack.temporal.get_schedule_handle(schedule_id).describe()
        assert caught.value.status == RPCStatusCode.NOT_FOUND


async def test_a_long_operation_continues_as_new_and_goes_on_from_where_it_stood(
    hasty_stack: Stack, hasty_env: WorkflowEnvironment, histories: Histories
) -> None:
    stack, program = hasty_stack, program_id("long")
    lifecycle = ids.lifecycle(program)
    await operate(stack, hasty_env, sample_definition(program))
    runs = [(await handle(stack, lifecycle).describe()).raw_description.workflow_execution_info.first_run_id]
    runs.append(await continued_as_new(stack.temporal, lifecycle, runs[-1]))
    await worked_on(stack.temporal, lifecycle)
    before = await handle(stack, lifecycle).query("state")
    assert (before["stage"], before["in_force"]["number"], before["submitted"]) == ("operation", 1, None)
    assert "In operation" in await shown(stack.temporal, lifecycle)
    attributes = (await handle(stack, lifecycle).describe()).typed_search_attributes
    assert (attributes[STAGE], attributes[REVISION]) == ("operation", 1)

    await pass_all_gates(stack, await revise(stack, sample_definition(program, evaluation=yearly()), weight="substantial"))
    runs.append(await continued_as_new(stack.temporal, lifecycle, runs[-1]))
    assert await revisions(stack, program) == ["superseded", "in_force"]
    await worked_on(stack.temporal, lifecycle)
    assert (await handle(stack, lifecycle).query("state"))["in_force"]["number"] == 2

    await vote(stack, await ask_for_the_end(stack, program), "demo-legal", "reject", "Not yet")
    await outcome_known(stack.temporal, f"{lifecycle}/gate/wind-down/1", run_id=runs[-1])
    await ask_for_the_end(stack, program)
    await approve(stack, f"{lifecycle}/gate/wind-down/2", "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    await forward(hasty_env, handle(stack, ids.wind_down(program)), timedelta(days=110))
    assert (await handle(stack, lifecycle).result())["stage"] == "closed"
    report = await stack.get(f"/programs/{program}/report")
    stages = [stage["stage"] for stage in report["stages"]]
    assert stages[-4:] == ["rollout", "operation", "wind_down", "closed"]
    await histories.keep(stack.temporal, lifecycle, "ProgramLifecycle-continues-as-new", run_id=runs[0])
    await histories.keep(stack.temporal, lifecycle, "ProgramLifecycle-continued", run_id=runs[1])
