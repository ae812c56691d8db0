"""The way of a revision to its launch: what lets it pass, what sends it back, and what the program does then."""

from typing import Any

import pytest

from domain import ids
from domain.definition.document import Definition
from tests.program_steps import (
    SIGN_OFF,
    begin,
    handle,
    launch,
    pass_all_gates,
    pass_to_launch_gate,
    revise,
    sample_definition,
    shown,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, done, gate_open, progress_shown, stage_reached, timer_started
from tests.workflows.conftest import Histories


async def vote(stack: Stack, gate: str, person: str, answer: str, reason: str) -> None:
    digest = await gate_open(stack, gate)
    body = {"answer": answer, "digest": digest, "reason": reason}
    response = await stack.post(f"/gates/{gate}/decisions", body, person=person)
    assert response.status_code == 201, response.text


async def outcome(stack: Stack, qualification: str) -> tuple[str, str]:
    """How a qualification ended, and why."""
    result: dict[str, Any] = await handle(stack, qualification).result()
    return result["outcome"], result["why"]


async def revisions(stack: Stack, program: str) -> list[str]:
    return [revision["status"] for revision in (await stack.get(f"/programs/{program}"))["revisions"]]


def demanding(program: str) -> Definition:
    """A revision whose prototype cannot bring what it promises."""
    criteria = [{"figure": "members", "at_least": 1000}]
    return sample_definition(program, prototype={"transactions": f"{program}-log", "criteria": criteria})


async def test_a_prototype_that_misses_its_criteria_sends_the_revision_back_and_a_new_one_passes(
    stack: Stack, histories: Histories
) -> None:
    program = program_id("prototype")
    first = await begin(stack, demanding(program))
    await approve(stack, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    assert await outcome(stack, first) == ("failed", "The prototype missed its criteria: members 1")
    await stage_reached(stack, program, "development")
    assert (await stack.get(f"/programs/{program}"))["product_status"] == "In design"

    same = await stack.post(f"/programs/{program}/revisions", demanding(program).model_dump(mode="json"))
    assert (same.status_code, same.json()["code"]) == (409, "revision_unchanged")

    second = await revise(stack, sample_definition(program))
    assert second == ids.qualification(program, 2)
    under_way = await stack.post(
        f"/programs/{program}/revisions", sample_definition(program, summary="Third.").model_dump(mode="json")
    )
    assert (under_way.status_code, under_way.json()["code"]) == (409, "revision_in_qualification")
    await pass_all_gates(stack, second)
    assert (await outcome(stack, second))[0] == "approved"
    await timer_started(stack.temporal, ids.rollout(program, 2))
    assert await revisions(stack, program) == ["failed", "in_force"]
    await histories.keep(stack.temporal, first, "RevisionQualification-prototype-failed")
    await histories.keep(stack.temporal, second, "RevisionQualification-approved")
    await histories.keep(stack.temporal, f"{second}/test/rules", "TestPhase-scenarios-passed")
    await histories.keep(stack.temporal, f"{second}/test/readiness", "TestPhase-signed-off")


async def test_a_scenario_that_ends_otherwise_than_expected_sends_the_revision_back(stack: Stack, histories: Histories) -> None:
    program = program_id("scenario")
    wrong = {
        "name": "Ten dollars bring 99 points",
        "events": [{"event": "purchase", "amount": 10}],
        "expect": {"points": 99, "tier": "listener"},
    }
    phases = [{"id": "rules", "kind": "scenario", "scenarios": [wrong]}, SIGN_OFF]
    first = await begin(stack, sample_definition(program, test_phases=phases))
    await approve(stack, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    result, reason = await outcome(stack, first)
    assert result == "failed"
    assert "Ten dollars bring 99 points: expected 99 points and tier listener, got 100 and listener" in reason
    await stage_reached(stack, program, "development")
    assert await revisions(stack, program) == ["failed"]
    report = await stack.get(f"/programs/{program}/report")
    assert [(test["phase"], test["passed"]) for test in report["tests"]] == [("rules", False)]
    await histories.keep(stack.temporal, first, "RevisionQualification-scenario-failed")


async def test_whoever_tests_can_send_the_revision_back(stack: Stack, histories: Histories) -> None:
    program = program_id("signoff")
    first = await begin(stack, sample_definition(program))
    await approve(stack, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    gate = f"{first}/test/readiness/gate/readiness/1"
    await vote(stack, gate, "demo-operations", "request_changes", "The tills do not know the card")
    result, reason = await outcome(stack, first)
    assert (result, "The tills do not know the card" in reason) == ("failed", True)
    await stage_reached(stack, program, "development")
    await histories.keep(stack.temporal, f"{first}/test/readiness", "TestPhase-not-signed-off")


async def test_changes_asked_for_at_a_gate_send_the_revision_back(stack: Stack) -> None:
    program = program_id("changes")
    first = await begin(stack, sample_definition(program))
    await vote(stack, f"{first}/gate/strategy/1", "demo-finance", "request_changes", "Bound the cost")
    assert await outcome(stack, first) == ("changes_requested", "demo-finance: Bound the cost")
    await stage_reached(stack, program, "development")
    assert await revisions(stack, program) == ["changes_requested"]
    text = await shown(stack.temporal, ids.lifecycle(program))
    assert "Waiting for a new revision: demo-finance: Bound the cost" in text
    assert f"tenure program revise {program} FILE" in text


async def test_a_program_that_is_rejected_at_its_launch_gate_is_over(stack: Stack, histories: Histories) -> None:
    program = program_id("rejected")
    first = await begin(stack, sample_definition(program))
    await vote(stack, await pass_to_launch_gate(stack, first), "demo-legal", "reject", "The terms break the law")
    result = await handle(stack, ids.lifecycle(program)).result()
    assert result == {"stage": "rejected", "why": "demo-legal: The terms break the law"}
    status = await stack.get(f"/programs/{program}")
    assert (status["stage"], status["product_status"]) == ("rejected", "Rejected")
    assert status["closed_at"] is not None
    assert await revisions(stack, program) == ["rejected"]
    again = await stack.post(
        f"/programs/{program}/revisions", sample_definition(program, summary="Again.").model_dump(mode="json")
    )
    assert (again.status_code, again.json()["code"]) == (409, "program_ended")
    await histories.keep(stack.temporal, ids.lifecycle(program), "ProgramLifecycle-rejected")


async def test_a_program_can_be_withdrawn_between_two_revisions_and_not_while_one_is_qualified(
    stack: Stack, histories: Histories
) -> None:
    program = program_id("withdrawn")
    first = await begin(stack, demanding(program))
    early = await stack.post(f"/programs/{program}/end", {"reason": "no budget"})
    assert (early.status_code, early.json()["code"]) == (409, "revision_in_qualification")
    await approve(stack, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    await stage_reached(stack, program, "development")
    response = await stack.post(f"/programs/{program}/end", {"reason": "no budget"})
    assert response.status_code == 202
    assert await handle(stack, ids.lifecycle(program)).result() == {"stage": "rejected", "why": "withdrawn by the owner"}
    await histories.keep(stack.temporal, ids.lifecycle(program), "ProgramLifecycle-withdrawn")


async def test_a_second_start_is_refused_whatever_its_definition(stack: Stack) -> None:
    program = program_id("twice")
    await begin(stack, sample_definition(program))
    for definition in (sample_definition(program), sample_definition(program, summary="Another.")):
        response = await stack.post("/programs", definition.model_dump(mode="json"))
        assert (response.status_code, response.json()["code"]) == (409, "program_exists")


@pytest.mark.parametrize("where", ["gate", "test"])
async def test_the_lifecycle_tells_who_is_waited_for_and_is_up_to_date_after_each_vote(stack: Stack, where: str) -> None:
    program = program_id("told")
    first = await begin(stack, sample_definition(program))
    lifecycle = ids.lifecycle(program)
    gate = f"{first}/gate/strategy/1"
    await progress_shown(stack.temporal, program, "Waiting for marketing (1 more), finance (1 more)")
    text = await shown(stack.temporal, lifecycle)
    assert "## CD Club: strategy" in text
    assert "Waiting for marketing (1 more), finance (1 more)" in text
    assert "0 of 2 approvals" in text
    assert " UTC, due " in text
    assert f"tenure gate approve {gate}" in text

    await approve(stack, gate, "demo-finance")
    await progress_shown(stack.temporal, program, "1 of 2 approvals: demo-finance")
    text = await shown(stack.temporal, lifecycle)
    assert "Waiting for marketing (1 more)" in text
    assert "1 of 2 approvals: demo-finance" in text
    if where == "test":
        await approve(stack, gate, "demo-marketing")
        await progress_shown(stack.temporal, program, "Waiting for operations (1 more)")
        text = await shown(stack.temporal, lifecycle)
        assert "## CD Club: acceptance test" in text
        assert f"in workflow `{first}/test/readiness/gate/readiness/1`" in text


async def test_no_step_is_left_out_and_none_comes_twice(stack: Stack) -> None:
    program = program_id("steps")
    await launch(stack, sample_definition(program))
    await done(stack.temporal, ids.rollout(program, 1), "Open wave all")
    report = await stack.get(f"/programs/{program}/report")
    stages = [stage["stage"] for stage in report["stages"]]
    assert stages == ["requirements", "strategy", "prototype", "acceptance_test", "rollout"]
    voters = [(decision["gate"].removeprefix("program/"), decision["person"]) for decision in report["decisions"]]
    assert voters == [
        (f"{program}/r1/gate/strategy/1", "demo-marketing"),
        (f"{program}/r1/gate/strategy/1", "demo-finance"),
        (f"{program}/r1/test/readiness/gate/readiness/1", "demo-operations"),
        (f"{program}/r1/gate/launch/1", "demo-finance"),
        (f"{program}/r1/gate/launch/1", "demo-legal"),
    ]
