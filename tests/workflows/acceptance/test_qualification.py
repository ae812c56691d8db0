"""The way of a revision to its launch: what lets it pass, what sends it back, and what the program does then."""

from typing import Any

import pytest

from domain import ids
from domain.definition.document import Definition
from tests.house import House, program_id
from tests.lives import SIGN_OFF, begin, club, handle, launch, pass_all_gates, pass_to_launch_gate, revise, shown
from tests.waiting import approve, done, gate_open, progress_shown, stage_reached, timer_started
from tests.workflows.conftest import Histories


async def vote(house: House, gate: str, person: str, answer: str, reason: str) -> None:
    digest = await gate_open(house, gate)
    body = {"answer": answer, "digest": digest, "reason": reason}
    response = await house.post(f"/gates/{gate}/decisions", body, person=person)
    assert response.status_code == 201, response.text


async def outcome(house: House, qualification: str) -> tuple[str, str]:
    """How a qualification ended, and why."""
    result: dict[str, Any] = await handle(house, qualification).result()
    return result["outcome"], result["why"]


async def revisions(house: House, program: str) -> list[str]:
    return [revision["status"] for revision in (await house.get(f"/programs/{program}"))["revisions"]]


def demanding(program: str) -> Definition:
    """A revision whose prototype cannot bring what it promises."""
    criteria = [{"figure": "members", "at_least": 1000}]
    return club(program, prototype={"transactions": f"{program}-log", "criteria": criteria})


async def test_a_prototype_that_misses_its_criteria_sends_the_revision_back_and_a_new_one_passes(
    house: House, histories: Histories
) -> None:
    program = program_id("prototype")
    first = await begin(house, demanding(program))
    await approve(house, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    assert await outcome(house, first) == ("failed", "The prototype missed its criteria: members 1")
    await stage_reached(house, program, "development")
    assert (await house.get(f"/programs/{program}"))["product_status"] == "In design"

    same = await house.post(f"/programs/{program}/revisions", demanding(program).model_dump(mode="json"))
    assert (same.status_code, same.json()["code"]) == (409, "revision_unchanged")

    second = await revise(house, club(program))
    assert second == ids.qualification(program, 2)
    under_way = await house.post(f"/programs/{program}/revisions", club(program, summary="Third.").model_dump(mode="json"))
    assert (under_way.status_code, under_way.json()["code"]) == (409, "revision_in_qualification")
    await pass_all_gates(house, second)
    assert (await outcome(house, second))[0] == "approved"
    await timer_started(house.temporal, ids.rollout(program, 2))
    assert await revisions(house, program) == ["failed", "in_force"]
    await histories.keep(house.temporal, first, "RevisionQualification-prototype-failed")
    await histories.keep(house.temporal, second, "RevisionQualification-approved")
    await histories.keep(house.temporal, f"{second}/test/rules", "TestPhase-scenarios-passed")
    await histories.keep(house.temporal, f"{second}/test/readiness", "TestPhase-signed-off")


async def test_a_scenario_that_ends_otherwise_than_expected_sends_the_revision_back(house: House, histories: Histories) -> None:
    program = program_id("scenario")
    wrong = {
        "name": "Ten dollars bring 99 points",
        "events": [{"event": "purchase", "amount": 10}],
        "expect": {"points": 99, "tier": "listener"},
    }
    phases = [{"id": "rules", "kind": "scenario", "scenarios": [wrong]}, SIGN_OFF]
    first = await begin(house, club(program, test_phases=phases))
    await approve(house, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    result, reason = await outcome(house, first)
    assert result == "failed"
    assert "Ten dollars bring 99 points: expected 99 points and tier listener, got 100 and listener" in reason
    await stage_reached(house, program, "development")
    assert await revisions(house, program) == ["failed"]
    report = await house.get(f"/programs/{program}/report")
    assert [(test["phase"], test["passed"]) for test in report["tests"]] == [("rules", False)]
    await histories.keep(house.temporal, first, "RevisionQualification-scenario-failed")


async def test_whoever_tests_can_send_the_revision_back(house: House, histories: Histories) -> None:
    program = program_id("signoff")
    first = await begin(house, club(program))
    await approve(house, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    gate = f"{first}/test/readiness/gate/readiness/1"
    await vote(house, gate, "demo-operations", "request_changes", "The tills do not know the card")
    result, reason = await outcome(house, first)
    assert (result, "The tills do not know the card" in reason) == ("failed", True)
    await stage_reached(house, program, "development")
    await histories.keep(house.temporal, f"{first}/test/readiness", "TestPhase-not-signed-off")


async def test_changes_asked_for_at_a_gate_send_the_revision_back(house: House) -> None:
    program = program_id("changes")
    first = await begin(house, club(program))
    await vote(house, f"{first}/gate/strategy/1", "demo-finance", "request_changes", "Bound the cost")
    assert await outcome(house, first) == ("changes_requested", "demo-finance: Bound the cost")
    await stage_reached(house, program, "development")
    assert await revisions(house, program) == ["changes_requested"]
    text = await shown(house.temporal, ids.lifecycle(program))
    assert "Waiting for a new revision: demo-finance: Bound the cost" in text
    assert f"tenure program revise {program} FILE" in text


async def test_a_program_that_is_rejected_at_its_launch_gate_is_over(house: House, histories: Histories) -> None:
    program = program_id("rejected")
    first = await begin(house, club(program))
    await vote(house, await pass_to_launch_gate(house, first), "demo-legal", "reject", "The terms break the law")
    result = await handle(house, ids.lifecycle(program)).result()
    assert result == {"stage": "rejected", "why": "demo-legal: The terms break the law"}
    status = await house.get(f"/programs/{program}")
    assert (status["stage"], status["product_status"]) == ("rejected", "Rejected")
    assert status["closed_at"] is not None
    assert await revisions(house, program) == ["rejected"]
    again = await house.post(f"/programs/{program}/revisions", club(program, summary="Again.").model_dump(mode="json"))
    assert (again.status_code, again.json()["code"]) == (409, "program_ended")
    await histories.keep(house.temporal, ids.lifecycle(program), "ProgramLifecycle-rejected")


async def test_a_program_can_be_withdrawn_between_two_revisions_and_not_while_one_is_qualified(
    house: House, histories: Histories
) -> None:
    program = program_id("withdrawn")
    first = await begin(house, demanding(program))
    early = await house.post(f"/programs/{program}/end", {"reason": "no budget"})
    assert (early.status_code, early.json()["code"]) == (409, "revision_in_qualification")
    await approve(house, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    await stage_reached(house, program, "development")
    response = await house.post(f"/programs/{program}/end", {"reason": "no budget"})
    assert response.status_code == 202
    assert await handle(house, ids.lifecycle(program)).result() == {"stage": "rejected", "why": "withdrawn by the owner"}
    await histories.keep(house.temporal, ids.lifecycle(program), "ProgramLifecycle-withdrawn")


async def test_a_second_start_is_refused_whatever_its_definition(house: House) -> None:
    program = program_id("twice")
    await begin(house, club(program))
    for definition in (club(program), club(program, summary="Another.")):
        response = await house.post("/programs", definition.model_dump(mode="json"))
        assert (response.status_code, response.json()["code"]) == (409, "program_exists")


@pytest.mark.parametrize("where", ["gate", "test"])
async def test_the_lifecycle_tells_who_is_waited_for_and_is_up_to_date_after_each_vote(house: House, where: str) -> None:
    program = program_id("told")
    first = await begin(house, club(program))
    lifecycle = ids.lifecycle(program)
    gate = f"{first}/gate/strategy/1"
    await progress_shown(house.temporal, program, "Waiting for marketing (1 more), finance (1 more)")
    text = await shown(house.temporal, lifecycle)
    assert "## CD Club: strategy" in text
    assert "Waiting for marketing (1 more), finance (1 more)" in text
    assert "0 of 2 approvals" in text
    assert " UTC, due " in text
    assert f"tenure gate approve {gate}" in text

    await approve(house, gate, "demo-finance")
    await progress_shown(house.temporal, program, "1 of 2 approvals: demo-finance")
    text = await shown(house.temporal, lifecycle)
    assert "Waiting for marketing (1 more)" in text
    assert "1 of 2 approvals: demo-finance" in text
    if where == "test":
        await approve(house, gate, "demo-marketing")
        await progress_shown(house.temporal, program, "Waiting for operations (1 more)")
        text = await shown(house.temporal, lifecycle)
        assert "## CD Club: acceptance test" in text
        assert f"in workflow `{first}/test/readiness/gate/readiness/1`" in text


async def test_no_step_is_left_out_and_none_comes_twice(house: House) -> None:
    program = program_id("steps")
    await launch(house, club(program))
    await done(house.temporal, ids.rollout(program, 1), "Open wave all")
    report = await house.get(f"/programs/{program}/report")
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
