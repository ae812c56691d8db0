"""ApprovalGate: who is heard, what ends it, and what stands in its history and in the audit trail afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import SEARCH_ATTRIBUTES
from domain import ids
from domain.definition import GatePolicy, GateRule, Role
from domain.gates import Answer, Decision, GateState, Person, Subject
from domain.period import Period
from store import gates, programs
from tests.house import PEOPLE, House, first_revision, program_id
from tests.lives import club, forward, shown
from tests.waiting import done
from tests.workflows.conftest import Histories
from workflows.approval_gate import ApprovalGate

DIGEST = "d" * 64
Gate = WorkflowHandle[Any, Any]


async def opened(house: House, *roles: Role) -> Gate:
    """A gate that asks each role once, due in 14 days, in a program whose lifecycle does not run."""
    program = program_id("gate")
    async with house.engine.begin() as connection:
        await programs.register(connection, first_revision(club(program)))
    now = datetime.now(UTC)
    state = GateState(
        id=ids.gate(ids.lifecycle(program), "launch", 1),
        gate="launch",
        round=1,
        subject=Subject(kind="revision", program=program, revision=1, title="the launch of the club", digest=DIGEST),
        policy=GatePolicy(rules=tuple(GateRule(role=role) for role in roles), deadline=Period.parse("P14D")),
        excluded=("demo-owner",),
        opened_at=now,
        due=now + timedelta(days=14),
    )
    gate = await house.temporal.start_workflow(ApprovalGate.run, state, id=state.id, task_queue=ids.PROGRAMS_QUEUE)
    await done(house.temporal, gate.id, "Open the gate")
    return gate


def by(
    person: str, answer: Answer = "approve", *, reason: str = "", digest: str = DIGEST, role: Role | None = None
) -> Decision:
    return Decision(
        person=Person.model_validate({"id": person, "roles": PEOPLE[person]}),
        answer=answer,
        reason=reason,
        digest=digest,
        key="k",
        role=role,
    )


async def decide(gate: Gate, decision: Decision, key: str | None = None) -> GateState:
    state: GateState = await gate.execute_update("decide", decision, id=key, result_type=GateState)
    return state


async def refused(gate: Gate, decision: Decision) -> str | None:
    """The code that a decision is refused with."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await decide(gate, decision)
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.details, "a refusal says what to do"
    return cause.type


async def events(gate: Gate) -> list[int]:
    return [event.event_type async for event in gate.fetch_history_events()]


async def found_by(gate: Gate) -> dict[str, Any]:
    """Tenure's search attributes of a gate."""
    ours = {key.name for key in SEARCH_ATTRIBUTES}
    return {pair.key.name: pair.value for pair in (await gate.describe()).typed_search_attributes if pair.key.name in ours}


async def trail(house: House, gate: Gate) -> list[tuple[str, str, str | None]]:
    """The audit trail of a gate: person, answer, why it did not count."""
    async with house.engine.connect() as connection:
        program = (await gates.find(connection, gate.id)).subject.program
        return [(row.person, row.answer, row.refusal) for row in await gates.decisions(connection, program)]


async def test_two_roles_approve(house: House, histories: Histories) -> None:
    gate = await opened(house, "finance", "legal")
    first = await decide(gate, by("demo-legal"))
    assert (first.outcome, first.missing) == (None, {"finance": 1})
    second = await decide(gate, by("demo-finance"))
    assert second.outcome == "approved"
    result = await gate.result()
    assert (result.outcome, result.decided_at) == ("approved", second.decided_at)
    assert await trail(house, gate) == [("demo-legal", "approve", None), ("demo-finance", "approve", None)]
    assert (await house.get(f"/gates/{gate.id}"))["outcome"] == "approved"
    await histories.keep(house.temporal, gate.id, "ApprovalGate-approved")


@pytest.mark.parametrize(
    ("answer", "outcome"), [("reject", "rejected"), ("request_changes", "changes_requested")], ids=["rejected", "changes"]
)
async def test_one_voice_against_ends_it_and_its_reason_is_kept(
    house: House, histories: Histories, answer: Answer, outcome: str
) -> None:
    gate = await opened(house, "finance", "legal")
    assert await refused(gate, by("demo-finance", answer)) == "reason_missing"
    await decide(gate, by("demo-finance", answer, reason="The liability has no bound"))
    result = await gate.result()
    assert (result.outcome, result.reasons) == (outcome, "demo-finance: The liability has no bound")
    assert "The liability has no bound" in await shown(house.temporal, gate.id)
    await histories.keep(house.temporal, gate.id, f"ApprovalGate-{outcome}")


async def test_a_refused_vote_leaves_nothing_in_the_history_and_the_gate_goes_on(house: House) -> None:
    gate = await opened(house, "finance", "legal")
    await decide(gate, by("demo-legal"))
    before = await events(gate)
    assert await refused(gate, by("demo-owner")) == "four_eyes"
    assert await refused(gate, by("demo-legal")) == "already_voted"
    assert await refused(gate, by("demo-marketing")) == "role_not_asked"
    assert await refused(gate, by("demo-finance", digest="e" * 64)) == "subject_changed"
    after = await events(gate)
    assert not [kind for kind in after[len(before) :] if "UPDATE" in EventType.Name(EventType.ValueType(kind))]
    assert (await decide(gate, by("demo-finance"))).outcome == "approved"


async def test_the_same_update_again_gets_the_same_answer_and_counts_once(house: House) -> None:
    gate = await opened(house, "finance", "legal")
    first = await decide(gate, by("demo-finance"), "demo-finance:k1")
    assert await decide(gate, by("demo-finance"), "demo-finance:k1") == first
    assert len(first.votes) == 1
    accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    assert (await events(gate)).count(accepted) == 1
    assert await trail(house, gate) == [("demo-finance", "approve", None)]


async def test_a_vote_that_comes_while_another_decides_is_refused(house: House, histories: Histories) -> None:
    """The gate's row is held, so that the first vote is still being recorded when the second passes the validator."""
    gate = await opened(house, "finance", "legal")
    await decide(gate, by("demo-legal"))
    async with house.engine.begin() as holding:
        await holding.execute(text("SELECT FROM store.gate WHERE id = :id FOR UPDATE"), {"id": gate.id})
        updates = []
        for key, decision in (("first", by("demo-finance")), ("second", by("demo-operations", "reject", reason="Too late"))):
            as_finance = decision.model_copy(update={"person": Person(id=decision.person.id, roles=("finance",))})
            updates.append(
                await gate.start_update(
                    "decide", as_finance, id=key, wait_for_stage=WorkflowUpdateStage.ACCEPTED, result_type=GateState
                )
            )
    assert (await updates[0].result()).outcome == "approved"
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await updates[1].result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "gate_decided"
    assert (await gate.result()).outcome == "approved"
    await histories.keep(house.temporal, gate.id, "ApprovalGate-overtaken")


async def test_time_never_approves(house: House, temporal_env: WorkflowEnvironment, histories: Histories) -> None:
    gate = await opened(house, "finance", "legal")
    vote = await decide(gate, by("demo-finance"))
    await forward(temporal_env, gate, timedelta(days=15))
    result = await gate.result()
    assert (result.outcome, result.decided_at >= vote.due) == ("expired", True)
    assert (await house.get(f"/gates/{gate.id}"))["outcome"] == "expired"
    await histories.keep(house.temporal, gate.id, "ApprovalGate-expired")


async def test_a_vote_after_the_deadline_is_refused_and_recorded_as_refused(
    house: House, temporal_env: WorkflowEnvironment
) -> None:
    gate = await opened(house, "finance")
    await forward(temporal_env, gate, timedelta(days=15))
    await gate.result()
    body = {"answer": "approve", "digest": DIGEST}
    response = await house.post(f"/gates/{gate.id}/decisions", body, person="demo-finance")
    assert (response.status_code, response.json()["code"]) == (409, "gate_decided")
    assert "expired" in response.json()["detail"]
    assert await trail(house, gate) == [("demo-finance", "approve", "gate_decided")]


async def test_a_gate_that_nobody_needs_any_more_is_withdrawn(house: House, histories: Histories) -> None:
    gate = await opened(house, "finance")
    await gate.signal("withdraw")
    assert (await gate.result()).outcome == "withdrawn"
    assert (await house.get(f"/gates/{gate.id}"))["outcome"] == "withdrawn"
    await histories.keep(house.temporal, gate.id, "ApprovalGate-withdrawn")


async def test_its_details_tell_who_is_waited_for_since_when_until_when_and_how_to_act(house: House) -> None:
    gate = await opened(house, "finance", "legal")
    state: GateState = await gate.query("state", result_type=GateState)
    at = "%d %b %Y %H:%M:%S UTC"
    told = await shown(house.temporal, gate.id)
    assert "Waiting for finance (1 more), legal (1 more)" in told
    assert f"since {state.opened_at:{at}}, due {state.due:{at}}" in told
    assert "0 of 2 approvals" in told
    assert f"tenure gate approve {gate.id}" in told
    assert "left out (four eyes): demo-owner" in told

    await decide(gate, by("demo-finance"))
    told = await shown(house.temporal, gate.id)
    assert "Waiting for legal (1 more)" in told
    assert "1 of 2 approvals: demo-finance" in told

    await decide(gate, by("demo-legal"))
    assert (await shown(house.temporal, gate.id)).startswith("### Approved on")


async def test_it_can_be_found_by_the_roles_that_it_waits_for(house: House) -> None:
    gate = await opened(house, "finance", "legal")
    state: GateState = await gate.query("state", result_type=GateState)
    assert await found_by(gate) == {"AwaitingRole": ["finance", "legal"], "Due": state.due}
    await decide(gate, by("demo-finance"))
    assert await found_by(gate) == {"AwaitingRole": ["legal"], "Due": state.due}
    await decide(gate, by("demo-legal"))
    await gate.result()
    assert await found_by(gate) == {}
