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
from tests.house import House, program_id
from tests.lives import (
    ask_for_the_end,
    buy,
    club,
    enrol,
    forward,
    handle,
    now_of,
    operate,
    pass_all_gates,
    pass_to_launch_gate,
    revise,
    shown,
)
from tests.waiting import approve, continued_as_new, done, ended, gate_open, outcome_known, timer_started, worked_on
from tests.workflows.conftest import Histories
from workflows.programs.state import RevisionSubmission


async def vote(house: House, gate: str, person: str, answer: str, reason: str) -> None:
    body = {"answer": answer, "digest": await gate_open(house, gate), "reason": reason}
    response = await house.post(f"/gates/{gate}/decisions", body, person=person)
    assert response.status_code == 201, response.text


async def revisions(house: House, program: str) -> list[str]:
    return [revision["status"] for revision in (await house.get(f"/programs/{program}"))["revisions"]]


async def stage(house: House, program: str) -> str:
    found: str = (await house.get(f"/programs/{program}"))["stage"]
    return found


async def triggered(house: House, schedule_id: str) -> str:
    """Have a Schedule act now; the workflow that it has started."""
    schedule = house.temporal.get_schedule_handle(schedule_id)
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
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("amended")
    await operate(house, temporal_env, club(program))
    amendment = await revise(house, club(program, evaluation=yearly()), weight="substantial")
    await approve(house, f"{amendment}/gate/strategy/1", "demo-marketing", "demo-finance")
    assert await stage(house, program) == "operation"
    assert await revisions(house, program) == ["in_force", "submitted"]
    await approve(house, f"{amendment}/test/readiness/gate/readiness/1", "demo-operations")
    await approve(house, f"{amendment}/gate/launch/1", "demo-finance", "demo-legal")
    lifecycle = ids.lifecycle(program)
    await done(house.temporal, lifecycle, "Evaluate every", times=2)
    assert await revisions(house, program) == ["superseded", "in_force"]
    assert await stage(house, program) == "operation"
    assert "In operation; revision 2: approved" in await shown(house.temporal, lifecycle)

    schedule = await house.temporal.get_schedule_handle(ids.evaluation_schedule(program)).describe()
    (calendar,) = schedule.schedule.spec.calendars
    (month,) = calendar.month
    assert month.start == month.end
    async with house.engine.connect() as connection:
        first, second = await programs.revisions(connection, program)
        assert first.effective_from is not None
        assert second.effective_from is not None
        before = await programs.in_force_at(connection, program, second.effective_from - timedelta(microseconds=1))
        since = await programs.in_force_at(connection, program, second.effective_from)
    assert before is not None
    assert since is not None
    assert (before.number, since.number) == (1, 2)
    await histories.keep(house.temporal, lifecycle, "ProgramLifecycle-amended")
    await histories.keep(house.temporal, amendment, "RevisionQualification-amendment")


async def test_an_amendment_at_once_moves_the_members_whom_it_concerns_at_once(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("at-once")
    definition = club(program)
    await operate(house, temporal_env, definition)
    member = await enrol(house, program, "ann")
    await buy(house, definition, "ann", 120, await now_of(temporal_env, member))
    await done(house.temporal, member.id, "Review tier and activity", times=2)
    assert (await house.get(f"/programs/{program}/members/ann", "demo-shop"))["tier"] == "collector"

    tiers = [tier.model_dump(mode="json") for tier in definition.tiers]
    tiers[1] |= {"reach": {"all": [{"counter": "spend", "at_least": "200"}]}, "keep": None}
    await pass_all_gates(house, await revise(house, club(program, tiers=tiers, transition="at_once")))
    await done(house.temporal, ids.lifecycle(program), "Have the members looked at whom revision 2 concerns")
    await done(house.temporal, member.id, "Review tier and activity", times=3)
    found = await house.get(f"/programs/{program}/members/ann", "demo-shop")
    assert [change["change"] for change in found["tier_changes"]] == ["joined", "upgrade", "downgrade"]
    assert found["tier"] == "listener"
    answered = (await house.get(f"/programs/{program}/revisions/2/notices", "demo-shop"))["items"]
    assert [each["recipient"] for each in answered] == ["ann"], "though no notice is promised"
    await histories.keep(house.temporal, ids.lifecycle(program), "ProgramLifecycle-amended-at-once")


async def test_a_revision_that_leaves_a_tier_without_a_place_is_refused_by_the_program_itself(
    house: House, temporal_env: WorkflowEnvironment
) -> None:
    """The API asks the store first; this is what holds where another revision comes into force in between."""
    program = program_id("placeless")
    definition = club(program)
    await operate(house, temporal_env, definition)
    less = definition.model_copy(update={"tiers": definition.tiers[:2]})
    submission = RevisionSubmission(definition=less, digest=digest(less), submitted_by="demo-owner")
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle(house, ids.lifecycle(program)).execute_update("submit_revision", submission)
    assert isinstance(caught.value.cause, ApplicationError)
    assert (caught.value.cause.type, "curator" in caught.value.cause.message) == ("tier_not_replaced", True)
    assert await revisions(house, program) == ["in_force"]


async def test_an_amendment_that_is_not_approved_leaves_the_revision_before_in_force(
    house: House, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("unamended")
    await operate(house, temporal_env, club(program))
    amendment = await revise(house, club(program, evaluation=yearly()), weight="substantial")
    await vote(house, await pass_to_launch_gate(house, amendment), "demo-legal", "reject", "The members were not told")
    await done(house.temporal, ids.lifecycle(program), "Revision 2: rejected")
    assert await revisions(house, program) == ["in_force", "rejected"]
    assert await stage(house, program) == "operation"
    third = await revise(house, club(program, summary="Third."))
    assert third == ids.qualification(program, 3)


@pytest.mark.parametrize("where", ["concept", "sign-off"])
async def test_the_end_of_a_program_withdraws_an_amendment_that_is_on_its_way(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories, where: str
) -> None:
    program = program_id("overtaken")
    await operate(house, temporal_env, club(program))
    amendment = await revise(house, club(program, evaluation=yearly()), weight="substantial")
    waiting = f"{amendment}/gate/strategy/1"
    if where == "sign-off":
        await approve(house, waiting, "demo-marketing", "demo-finance")
        waiting = f"{amendment}/test/readiness/gate/readiness/1"
    await gate_open(house, waiting)
    await approve(house, await ask_for_the_end(house, program), "demo-finance", "demo-legal")
    await timer_started(house.temporal, ids.wind_down(program))
    assert (await handle(house, amendment).result())["outcome"] == "withdrawn"
    assert await revisions(house, program) == ["in_force", "withdrawn"]
    status = await house.get(f"/programs/{program}")
    assert (status["stage"], status["open_gates"]) == ("wind_down", [])
    late = await house.post(f"/programs/{program}/revisions", club(program, summary="Late.").model_dump(mode="json"))
    assert (late.status_code, late.json()["code"]) == (409, "program_ends")
    await histories.keep(house.temporal, amendment, f"RevisionQualification-withdrawn-at-{where}")


async def test_an_end_that_is_not_approved_can_be_asked_for_again(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("again")
    await operate(house, temporal_env, club(program))
    gate = await ask_for_the_end(house, program, "R" * 2000)
    await gate_open(house, gate)
    second = await house.post(f"/programs/{program}/end", {"reason": "again"})
    assert (second.status_code, second.json()["code"]) == (409, "end_requested")
    owner = {"answer": "approve", "digest": (await house.get(f"/gates/{gate}"))["subject"]["digest"]}
    refused = await house.post(f"/gates/{gate}/decisions", owner, person="demo-owner")
    assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    await vote(house, gate, "demo-legal", "reject", "Members were promised a year")
    await outcome_known(house.temporal, gate)

    await ask_for_the_end(house, program)
    gate = f"{ids.lifecycle(program)}/gate/wind-down/2"
    await approve(house, gate, "demo-finance", "demo-legal")
    await timer_started(house.temporal, ids.wind_down(program))
    await forward(temporal_env, handle(house, ids.wind_down(program)), timedelta(days=110))
    assert await handle(house, ids.lifecycle(program)).result() == {"stage": "closed", "why": "the shop closes"}
    await histories.keep(house.temporal, ids.lifecycle(program), "ProgramLifecycle-end-asked-twice")


async def test_a_verdict_that_proposes_the_end_opens_its_gate_and_ends_nothing_by_itself(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("deadly")
    await operate(house, temporal_env, club(program, evaluation=deadly()))
    await enrol(house, program, "idle")
    response = await house.post(f"/programs/{program}/evaluations")
    assert (response.status_code, response.json()["consequence"]) == (201, "propose_end")
    gate = f"{ids.lifecycle(program)}/gate/wind-down/1"
    await gate_open(house, gate)
    assert await stage(house, program) == "operation"
    assert "active_rate 0" in (await house.get(f"/gates/{gate}"))["subject"]["title"]
    await vote(house, gate, "demo-finance", "reject", "Wait for Christmas")
    await outcome_known(house.temporal, gate)

    again = await house.post(f"/programs/{program}/evaluations")
    assert again.status_code == 201
    await gate_open(house, f"{ids.lifecycle(program)}/gate/wind-down/2")
    assert await stage(house, program) == "operation"
    (verdict, _) = (await house.get(f"/programs/{program}/evaluations"))["items"]
    await histories.keep(house.temporal, verdict["id"], "ProgramEvaluation-asked-for")


async def test_a_verdict_without_a_proposal_is_shown_and_nothing_more(house: House, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("alert")
    await operate(house, temporal_env, club(program, evaluation=yearly()))
    await enrol(house, program, "idle")
    assert (await house.post(f"/programs/{program}/evaluations")).json()["consequence"] == "alert"
    lifecycle = ids.lifecycle(program)
    await done(house.temporal, lifecycle, "Look at the newest verdict")
    assert "the newest evaluation says: alert" in await shown(house.temporal, lifecycle)
    assert (await house.get(f"/programs/{program}"))["open_gates"] == []


async def test_a_program_in_operation_has_schedules_that_its_wind_down_removes(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("scheduled")
    await operate(house, temporal_env, club(program))
    schedules = ids.evaluation_schedule(program), ids.expiry_schedule(program)
    evaluation, sweep = [(await house.temporal.get_schedule_handle(each).describe()).schedule for each in schedules]
    for found in (evaluation, sweep):
        assert found.policy.overlap == ScheduleOverlapPolicy.SKIP
        assert found.policy.catchup_window == timedelta(days=1)
        assert found.spec.jitter
    (quarterly,) = evaluation.spec.calendars
    assert ([hour.start for hour in quarterly.hour], [month.step for month in quarterly.month]) == ([6], [3])
    assert [interval.every for interval in sweep.spec.intervals] == [timedelta(days=7)]

    for schedule_id, name in zip(schedules, ("ProgramEvaluation-scheduled", "ExpirySweep"), strict=True):
        workflow_id = await triggered(house, schedule_id)
        assert workflow_id.startswith(f"{schedule_id}-")
        await ended(house.temporal, workflow_id)
        await histories.keep(house.temporal, workflow_id, name)
    assert (await house.get(f"/programs/{program}/evaluations"))["items"] != []

    await approve(house, await ask_for_the_end(house, program), "demo-finance", "demo-legal")
    await timer_started(house.temporal, ids.wind_down(program))
    await forward(temporal_env, handle(house, ids.wind_down(program)), timedelta(days=14))
    await done(house.temporal, ids.wind_down(program), "Points no longer expire")
    for schedule_id in schedules:
        with pytest.raises(RPCError) as caught:
            await house.temporal.get_schedule_handle(schedule_id).describe()
        assert caught.value.status == RPCStatusCode.NOT_FOUND


async def test_a_long_operation_continues_as_new_and_goes_on_from_where_it_stood(
    hasty_house: House, hasty_env: WorkflowEnvironment, histories: Histories
) -> None:
    house, program = hasty_house, program_id("long")
    lifecycle = ids.lifecycle(program)
    await operate(house, hasty_env, club(program))
    runs = [(await handle(house, lifecycle).describe()).raw_description.workflow_execution_info.first_run_id]
    runs.append(await continued_as_new(house.temporal, lifecycle, runs[-1]))
    await worked_on(house.temporal, lifecycle)
    before = await handle(house, lifecycle).query("state")
    assert (before["stage"], before["in_force"]["number"], before["submitted"]) == ("operation", 1, None)
    assert "In operation" in await shown(house.temporal, lifecycle)
    attributes = (await handle(house, lifecycle).describe()).typed_search_attributes
    assert (attributes[STAGE], attributes[REVISION]) == ("operation", 1)

    await pass_all_gates(house, await revise(house, club(program, evaluation=yearly()), weight="substantial"))
    runs.append(await continued_as_new(house.temporal, lifecycle, runs[-1]))
    assert await revisions(house, program) == ["superseded", "in_force"]
    await worked_on(house.temporal, lifecycle)
    assert (await handle(house, lifecycle).query("state"))["in_force"]["number"] == 2

    await vote(house, await ask_for_the_end(house, program), "demo-legal", "reject", "Not yet")
    await outcome_known(house.temporal, f"{lifecycle}/gate/wind-down/1", run_id=runs[-1])
    await ask_for_the_end(house, program)
    await approve(house, f"{lifecycle}/gate/wind-down/2", "demo-finance", "demo-legal")
    await timer_started(house.temporal, ids.wind_down(program))
    await forward(hasty_env, handle(house, ids.wind_down(program)), timedelta(days=110))
    assert (await handle(house, lifecycle).result())["stage"] == "closed"
    report = await house.get(f"/programs/{program}/report")
    stages = [stage["stage"] for stage in report["stages"]]
    assert stages[-4:] == ["rollout", "operation", "wind_down", "closed"]
    await histories.keep(house.temporal, lifecycle, "ProgramLifecycle-continues-as-new", run_id=runs[0])
    await histories.keep(house.temporal, lifecycle, "ProgramLifecycle-continued", run_id=runs[1])
