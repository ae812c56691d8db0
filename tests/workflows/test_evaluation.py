"""Evaluations: as of instants that have passed, a Schedule that stays paused, and a proposal that a gate decides about."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from temporalio.client import ScheduleActionExecutionStartWorkflow
from temporalio.testing import WorkflowEnvironment

from domain import ids
from tests.house import House, program_id
from tests.lives import ask_for_the_end, begin, club, enrol, operate, pass_all_gates, revise, shown
from tests.waiting import approve, child_started, done, ended, gate_open, outcome_known
from tests.workflows.conftest import Histories


def judged(consequence: str, every: str = "P3M") -> dict[str, Any]:
    """An evaluation with this consequence where nobody is active."""
    threshold = {"below": "0.5", "consequence": consequence}
    return {"every": every, "kpis": [{"kpi": "active_rate", "window": "P3M", "thresholds": [threshold]}]}


async def evaluated(house: House, program: str) -> dict[str, Any]:
    response = await house.post(f"/programs/{program}/evaluations")
    assert response.status_code == 201, response.text
    verdict: dict[str, Any] = response.json()
    return verdict


async def test_a_proposal_to_amend_is_decided_at_a_gate_and_waits_for_the_owners_revision(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("proposed")
    lifecycle = ids.lifecycle(program)
    await operate(house, temporal_env, club(program, evaluation=judged("propose_amendment")))
    await enrol(house, program, "idle")
    assert (await evaluated(house, program))["consequence"] == "propose_amendment"

    gate = f"{lifecycle}/gate/amendment/1"
    digest = await gate_open(house, gate)
    subject = (await house.get(f"/gates/{gate}"))["subject"]
    assert (subject["kind"], "active_rate 0" in subject["title"]) == ("amendment", True)
    owner = await house.post(f"/gates/{gate}/decisions", {"answer": "approve", "digest": digest})
    assert (owner.status_code, owner.json()["code"]) == (403, "four_eyes")
    await approve(house, gate, "demo-marketing", "demo-finance")
    await outcome_known(house.temporal, gate)
    assert "is asked to amend the program" in await shown(house.temporal, lifecycle)

    # What is wanted already is not proposed again; a revision is what was wanted.
    await evaluated(house, program)
    await done(house.temporal, lifecycle, "Look at the newest verdict", times=2)
    assert (await house.get(f"/programs/{program}"))["open_gates"] == []
    await pass_all_gates(house, await revise(house, club(program, evaluation=judged("alert")), weight="substantial"))
    await done(house.temporal, lifecycle, "Have the members looked at")
    await histories.keep(house.temporal, lifecycle, "ProgramLifecycle-amendment-proposed")


async def test_a_revision_and_the_end_need_no_leave_of_the_gate_that_would_propose_one(
    house: House, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("overtaken-proposal")
    await operate(house, temporal_env, club(program, evaluation=judged("propose_amendment")))
    await enrol(house, program, "idle")
    lifecycle = ids.lifecycle(program)
    await evaluated(house, program)
    await gate_open(house, f"{lifecycle}/gate/amendment/1")
    amendment = await revise(house, club(program, evaluation=judged("propose_amendment", "P6M")), weight="substantial")
    await child_started(house.temporal, lifecycle, amendment)
    assert (await house.get(f"/gates/{lifecycle}/gate/amendment/1"))["outcome"] == "withdrawn"
    await pass_all_gates(house, amendment)
    await done(house.temporal, lifecycle, "Evaluate every", times=2)

    await evaluated(house, program)
    await gate_open(house, f"{lifecycle}/gate/amendment/2")
    await gate_open(house, await ask_for_the_end(house, program))
    assert (await house.get(f"/gates/{lifecycle}/gate/amendment/2"))["outcome"] == "withdrawn"


async def test_a_schedule_can_be_paused_resumed_and_triggered_and_an_amendment_leaves_it_paused(
    house: House, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("paused")
    path = f"/programs/{program}/schedule"
    await operate(house, temporal_env, club(program, evaluation=judged("alert")))
    found = await house.get(path)
    assert (found["paused"], found["every_seconds"], len(found["next"])) == (False, 7_889_238, 5)

    response = await house.post(f"{path}/pause", {"reason": "audit"}, person="demo-analyst")
    assert response.json() == {"program": program, "paused": True}
    found = await house.get(path)
    assert (found["paused"], found["note"], found["next"]) == (True, "paused by demo-analyst: audit", [])
    await pass_all_gates(house, await revise(house, club(program, evaluation=judged("alert", "P6M")), weight="substantial"))
    await done(house.temporal, ids.lifecycle(program), "Evaluate every", times=2)
    found = await house.get(path)
    assert (found["paused"], found["every_seconds"]) == (True, 15_778_476)

    assert (await house.post(f"{path}/trigger")).status_code == 202
    schedule = house.temporal.get_schedule_handle(ids.evaluation_schedule(program))
    while not (actions := (await schedule.describe()).info.recent_actions):
        pass
    action = actions[-1].action
    assert isinstance(action, ScheduleActionExecutionStartWorkflow)
    assert re.fullmatch(rf"program/{program}/evaluation-\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ", action.workflow_id)
    await ended(house.temporal, action.workflow_id)
    assert [each["evaluation"] for each in (await house.get(path))["last"]] == [action.workflow_id]

    await house.post(f"{path}/resume", {"reason": "audit over"})
    found = await house.get(path)
    assert (found["paused"], found["note"]) == (False, "resumed by demo-owner: audit over")


async def launched_long_ago(house: House, program: str, ago: timedelta) -> datetime:
    """As if the program had been launched that long ago."""
    at = datetime.now(UTC) - ago
    async with house.engine.begin() as connection:
        for statement in (
            "UPDATE store.program SET launched_at = :at WHERE id = :program",
            "UPDATE store.revision SET effective_from = :at WHERE program = :program",
        ):
            await connection.execute(text(statement), {"at": at, "program": program})
    return at


async def test_a_backfill_evaluates_each_instant_once_with_the_figures_of_then(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("backfilled")
    path = f"/programs/{program}/schedule/backfill"
    await operate(house, temporal_env, club(program, evaluation=judged("propose_end", "P1M")))
    at = await launched_long_ago(house, program, timedelta(days=100))
    await enrol(house, program, "ann")
    span = {"from": (at + timedelta(days=1)).isoformat(), "to": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
    answer = (await house.post(path, span, person="demo-analyst")).json()
    assert len(answer["begun"]) == 3
    for evaluation in answer["begun"]:
        await ended(house.temporal, evaluation)
    kept = (await house.get(f"/programs/{program}/evaluations"))["items"]
    assert [each["id"] for each in kept] == answer["begun"][::-1]
    for each in kept:
        (result,) = each["verdict"]["results"]
        assert each["id"].endswith(each["at"][:19] + "Z")
        assert (result["status"], result["consequence"], result["figures"]["members_at_end"]) == ("immature", "continue", 0)

    again = (await house.post(path, span)).json()
    assert (again["begun"], again["there_already"]) == ([], answer["begun"])
    assert len((await house.get(f"/programs/{program}/evaluations"))["items"]) == 3
    await histories.keep(house.temporal, answer["begun"][0], "ProgramEvaluation-backfilled")


async def test_a_span_that_cannot_be_evaluated_is_refused_with_what_to_do(
    house: House, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("spans")
    path = f"/programs/{program}/schedule/backfill"
    await operate(house, temporal_env, club(program, evaluation=judged("alert", "P1D")))
    now = datetime.now(UTC)
    await launched_long_ago(house, program, timedelta(days=400))
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)  # each day's falls due at midnight
    spans = [
        (now - timedelta(days=2), now - timedelta(days=3), "to", "is before"),
        (now - timedelta(days=500), now - timedelta(days=3), "from", "was launched at"),
        (now - timedelta(days=2), now + timedelta(days=3), "to", "has not passed yet"),
        (now - timedelta(days=300), now - timedelta(days=1), "from", "120 at most"),
        (noon, noon + timedelta(hours=1), "from", "No evaluation falls due"),
    ]
    for since, until, field, told in spans:
        response = await house.post(path, {"from": since.isoformat(), "to": until.isoformat()})
        problem = response.json()
        assert (response.status_code, problem["code"], problem["field"]) == (422, "backfill_span_wrong", field)
        assert told in problem["detail"]
    for body in (
        {"from": "soon", "to": "2026-01-01"},
        {"from": "2026-01-01"},
        {"from": "2026-01-01T10:00:00", "to": "2026-01-02"},
    ):
        response = await house.post(path, body)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert (await house.get(f"/programs/{program}/evaluations"))["items"] == []


async def test_a_program_that_has_no_schedule_says_so(house: House, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("unscheduled")
    await begin(house, club(program))
    for method, path in (("GET", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/trigger")):
        address = f"/programs/{program}/schedule{path}"
        if method == "GET":
            response = await house.http.get(address, headers={"Authorization": "Bearer demo-owner"})
        else:
            response = await house.post(address, {"reason": "audit"})
        assert (response.status_code, response.json()["code"]) == (409, "not_scheduled")
    response = await house.post(f"/programs/{program}/schedule/backfill", {"from": "2026-01-01", "to": "2026-01-02"})
    assert (response.status_code, response.json()["code"]) == (409, "not_launched")
