"""Evaluations: as of instants that have passed, a Schedule that stays paused, and a proposal that a gate decides about."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from temporalio.client import ScheduleActionExecutionStartWorkflow
from temporalio.testing import WorkflowEnvironment

from domain import ids
from tests.program_steps import ask_for_the_end, begin, enrol, operate, pass_all_gates, revise, sample_definition, shown
from tests.stack import Stack, program_id
from tests.waiting import approve, child_started, done, ended, gate_open, outcome_known
from tests.workflows.conftest import Histories
from workflows.evaluation.program_evaluation import ProgramEvaluation

LAUNCHED = datetime(2026, 1, 15, 10, tzinfo=UTC)
EPOCH, MEAN_MONTH = datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=30.436875)


def judged(consequence: str, every: str = "P3M") -> dict[str, Any]:
    """An evaluation with this consequence where nobody is active."""
    threshold = {"below": "0.5", "consequence": consequence}
    return {"every": every, "kpis": [{"kpi": "active_rate", "window": "P3M", "thresholds": [threshold]}]}


async def evaluated(stack: Stack, program: str) -> dict[str, Any]:
    response = await stack.post(f"/programs/{program}/evaluations")
    assert response.status_code == 201, response.text
    verdict: dict[str, Any] = response.json()
    return verdict


async def test_a_proposal_to_amend_is_decided_at_a_gate_and_waits_for_the_owners_revision(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("proposed")
    lifecycle = ids.lifecycle(program)
    await operate(stack, temporal_env, sample_definition(program, evaluation=judged("propose_amendment")))
    await enrol(stack, program, "idle")
    assert (await evaluated(stack, program))["consequence"] == "propose_amendment"

    gate = f"{lifecycle}/gate/amendment/1"
    digest = await gate_open(stack, gate)
    subject = (await stack.get(f"/gates/{gate}"))["subject"]
    assert (subject["kind"], "active_rate 0" in subject["title"]) == ("amendment", True)
    owner = await stack.post(f"/gates/{gate}/decisions", {"answer": "approve", "digest": digest})
    assert (owner.status_code, owner.json()["code"]) == (403, "four_eyes")
    await approve(stack, gate, "demo-marketing", "demo-finance")
    await outcome_known(stack.temporal, gate)
    assert "is asked to amend the program" in await shown(stack.temporal, lifecycle)

    # What is wanted already is not proposed again; a revision is what was wanted.
    await evaluated(stack, program)
    await done(stack.temporal, lifecycle, "Look at the newest verdict", times=2)
    assert (await stack.get(f"/programs/{program}"))["open_gates"] == []
    await pass_all_gates(
        stack, await revise(stack, sample_definition(program, evaluation=judged("alert")), weight="substantial")
    )
    await done(stack.temporal, lifecycle, "Have the members looked at")
    await histories.keep(stack.temporal, lifecycle, "ProgramLifecycle-amendment-proposed")


async def test_a_revision_and_the_end_need_no_leave_of_the_gate_that_would_propose_one(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("overtaken-proposal")
    await operate(stack, temporal_env, sample_definition(program, evaluation=judged("propose_amendment")))
    await enrol(stack, program, "idle")
    lifecycle = ids.lifecycle(program)
    await evaluated(stack, program)
    await gate_open(stack, f"{lifecycle}/gate/amendment/1")
    amendment = await revise(
        stack, sample_definition(program, evaluation=judged("propose_amendment", "P6M")), weight="substantial"
    )
    await child_started(stack.temporal, lifecycle, amendment)
    assert (await stack.get(f"/gates/{lifecycle}/gate/amendment/1"))["outcome"] == "withdrawn"
    await pass_all_gates(stack, amendment)
    await done(stack.temporal, lifecycle, "Evaluate every", times=2)

    await evaluated(stack, program)
    await gate_open(stack, f"{lifecycle}/gate/amendment/2")
    await gate_open(stack, await ask_for_the_end(stack, program))
    assert (await stack.get(f"/gates/{lifecycle}/gate/amendment/2"))["outcome"] == "withdrawn"


async def test_a_schedule_can_be_paused_resumed_and_triggered_and_an_amendment_leaves_it_paused(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("paused")
    path = f"/programs/{program}/schedule"
    await operate(stack, temporal_env, sample_definition(program, evaluation=judged("alert")))
    found = await stack.get(path)
    assert (found["paused"], found["every"], found["every_seconds"], len(found["next"])) == (False, "P3M", 7_889_238, 5)
    assert re.fullmatch(r"on day \d+ at 06:00 America/New_York", found["falls_due"])

    response = await stack.post(f"{path}/pause", {"reason": "audit"}, person="demo-analyst")
    assert response.json() == {"program": program, "paused": True}
    found = await stack.get(path)
    assert (found["paused"], found["note"], found["next"]) == (True, "paused by demo-analyst: audit", [])
    await pass_all_gates(
        stack, await revise(stack, sample_definition(program, evaluation=judged("alert", "P6M")), weight="substantial")
    )
    await done(stack.temporal, ids.lifecycle(program), "Evaluate every", times=2)
    found = await stack.get(path)
    assert (found["paused"], found["every"], found["every_seconds"]) == (True, "P6M", 15_778_476)

    assert (await stack.post(f"{path}/trigger")).status_code == 202
    schedule = stack.temporal.get_schedule_handle(ids.evaluation_schedule(program))
    while not (actions := (await schedule.describe()).info.recent_actions):
        pass
    action = actions[-1].action
    assert isinstance(action, ScheduleActionExecutionStartWorkflow)
    assert re.fullmatch(rf"program/{program}/evaluation-\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ", action.workflow_id)
    await ended(stack.temporal, action.workflow_id)
    assert [each["evaluation"] for each in (await stack.get(path))["last"]] == [action.workflow_id]

    await stack.post(f"{path}/resume", {"reason": "audit over"})
    found = await stack.get(path)
    assert (found["paused"], found["note"]) == (False, "resumed by demo-owner: audit over")


async def launched_on(stack: Stack, program: str, at: datetime, calendar_since: datetime | None) -> None:
    """As if the program had been launched then, and its Schedules followed the calendar since another instant."""
    async with stack.engine.begin() as connection:
        for statement in (
            "UPDATE store.program SET launched_at = :at, calendar_since = :since WHERE id = :program",
            "UPDATE store.revision SET effective_from = :at WHERE program = :program",
        ):
            await connection.execute(text(statement), {"at": at, "since": calendar_since, "program": program})


async def test_a_backfill_evaluates_each_instant_once_with_the_figures_of_then(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("backfilled")
    path = f"/programs/{program}/schedule/backfill"
    await operate(stack, temporal_env, sample_definition(program, evaluation=judged("propose_end", "P1M")))
    await launched_on(stack, program, LAUNCHED, LAUNCHED)
    await enrol(stack, program, "ann")
    span = {"from": "2026-01-16", "to": "2026-04-30"}
    answer = (await stack.post(path, span, person="demo-analyst")).json()
    due = ["2026-02-15T11:00:00Z", "2026-03-15T10:00:00Z", "2026-04-15T10:00:00Z"]  # six in the morning in New York
    assert answer["begun"] == [f"program/{program}/evaluation-{at}" for at in due]
    for evaluation in answer["begun"]:
        await ended(stack.temporal, evaluation)
    kept = (await stack.get(f"/programs/{program}/evaluations"))["items"]
    assert [(each["id"], each["at"]) for each in kept] == list(zip(answer["begun"], due, strict=True))[::-1]
    for each in kept:
        (result,) = each["verdict"]["results"]
        assert (result["status"], result["consequence"], result["figures"]["members_at_end"]) == ("immature", "continue", 0)

    again = (await stack.post(path, span)).json()
    assert (again["begun"], again["there_already"]) == ([], answer["begun"])
    assert len((await stack.get(f"/programs/{program}/evaluations"))["items"]) == 3
    await histories.keep(stack.temporal, answer["begun"][0], "ProgramEvaluation-backfilled")


async def test_a_backfill_before_the_change_to_the_calendar_names_the_instants_of_the_former_grid(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("changed-over")
    await operate(stack, temporal_env, sample_definition(program, evaluation=judged("alert", "P1M")))
    await launched_on(stack, program, LAUNCHED, LAUNCHED.replace(month=4, day=10))
    span = {"from": "2026-02-28", "to": "2026-05-31"}
    answer = (await stack.post(f"/programs/{program}/schedule/backfill", span)).json()
    former = [f"{EPOCH + months * MEAN_MONTH:%Y-%m-%dT%H:%M:%SZ}" for months in (674, 675)]
    assert former[0].startswith("2026-03-02T10:53")
    due = [*former, "2026-04-15T10:00:00Z", "2026-05-15T10:00:00Z"]
    assert answer["begun"] == [f"program/{program}/evaluation-{at}" for at in due]


async def test_what_a_schedule_begins_late_is_judged_as_of_when_it_fell_due(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("late")
    await operate(stack, temporal_env, sample_definition(program, evaluation=judged("alert", "P1M")))
    await launched_on(stack, program, LAUNCHED, LAUNCHED)
    due = LAUNCHED.replace(month=3, hour=10)
    verdict = await stack.temporal.execute_workflow(
        ProgramEvaluation.run, program, id=ids.evaluation_at(program, due), task_queue=ids.PROGRAMS_QUEUE
    )
    assert verdict.at == due
    answer = await stack.post(f"/programs/{program}/schedule/backfill", {"from": "2026-03-01", "to": "2026-03-31"})
    assert (answer.json()["begun"], answer.json()["there_already"]) == ([], [ids.evaluation_at(program, due)])


async def test_a_span_that_cannot_be_evaluated_is_refused_with_what_to_do(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("spans")
    path = f"/programs/{program}/schedule/backfill"
    await operate(stack, temporal_env, sample_definition(program, evaluation=judged("alert", "P1D")))
    await launched_on(stack, program, LAUNCHED, LAUNCHED)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    day, hour = timedelta(days=1), timedelta(hours=1)
    spans = [
        (LAUNCHED + 3 * day, LAUNCHED + 2 * day, "to", "is before"),
        (LAUNCHED - day, LAUNCHED + 3 * day, "from", "was launched at"),
        (LAUNCHED + day, tomorrow, "to", "has not passed yet"),
        (LAUNCHED + day, LAUNCHED + 200 * day, "from", "120 at most"),
        (LAUNCHED + day + hour, LAUNCHED + day + 2 * hour, "from", "No evaluation falls due"),
        (LAUNCHED, LAUNCHED + hour, "from", "No evaluation falls due"),
    ]
    for since, until, field, problem_says in spans:
        response = await stack.post(path, {"from": since.isoformat(), "to": until.isoformat()})
        problem = response.json()
        assert (response.status_code, problem["code"], problem["field"]) == (422, "backfill_span_wrong", field)
        assert problem_says in problem["detail"]
    for body in (
        {"from": "soon", "to": "2026-01-01"},
        {"from": "2026-01-01"},
        {"from": "2026-01-01T10:00:00", "to": "2026-01-02"},
    ):
        response = await stack.post(path, body)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert (await stack.get(f"/programs/{program}/evaluations"))["items"] == []


async def test_a_program_that_has_no_schedule_says_so(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("unscheduled")
    await begin(stack, sample_definition(program))
    for method, path in (("GET", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/trigger")):
        address = f"/programs/{program}/schedule{path}"
        if method == "GET":
            response = await stack.http.get(address, headers={"Authorization": "Bearer demo-owner"})
        else:
            response = await stack.post(address, {"reason": "audit"})
        assert (response.status_code, response.json()["code"]) == (409, "not_scheduled")
    response = await stack.post(f"/programs/{program}/schedule/backfill", {"from": "2026-01-01", "to": "2026-01-02"})
    assert (response.status_code, response.json()["code"]) == (409, "not_launched")
