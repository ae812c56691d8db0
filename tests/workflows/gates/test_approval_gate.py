"""ApprovalGate: who is heard, what ends it, and what stands in its history and in the audit trail afterwards."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import SEARCH_ATTRIBUTES
from domain import ids
from domain.audit.chain import AuditEntry
from domain.definition.gates import GatePolicy
from domain.gates.opening import opening
from domain.gates.state import Decision, GateState, SignedClaims, Subject, VoteChoice
from domain.identity.person import Person
from domain.identity.roles import Role
from store.audit import trail as audit
from store.gates import gates
from store.programs import programs
from tests.program_steps import forward, sample_definition, shown
from tests.stack import PEOPLE, Stack, first_revision, program_id
from tests.waiting import history_has
from tests.workflows.conftest import Histories
from workflows.gates.approval_gate import ApprovalGate, SignedDecision

DIGEST = "d" * 64
Gate = WorkflowHandle[Any, Any]


async def opened(stack: Stack, *roles: Role, **policy: Any) -> Gate:
    """A gate that asks each role once, due in 14 days, in a program whose lifecycle does not run."""
    program = program_id("gate")
    async with stack.engine.begin() as connection:
        await programs.register(connection, first_revision(sample_definition(program)))
    subject = Subject(kind="revision", program=program, revision=1, title="the launch of the club", digest=DIGEST)
    rules = GatePolicy.model_validate({"rules": [{"role": role} for role in roles], "deadline": "P14D"} | policy)
    id_ = ids.gate(ids.lifecycle(program), "launch", 1)
    state = opening("launch", 1, subject, rules, ("demo-owner",), datetime.now(UTC), ZoneInfo("UTC"), id_=id_)
    gate = await stack.temporal.start_workflow(ApprovalGate.run, state, id=state.id, task_queue=ids.PROGRAMS_QUEUE)
    await history_has(stack.temporal, gate.id, lambda event: event.event_type == EventType.EVENT_TYPE_TIMER_STARTED)
    return gate


def by(
    person: str,
    answer: VoteChoice = "approve",
    *,
    reason: str = "",
    digest: str = DIGEST,
    role: Role | None = None,
    key: str = "k",
) -> Decision:
    return Decision(
        person=Person.model_validate({"id": person, "roles": PEOPLE[person]}),
        answer=answer,
        reason=reason,
        digest=digest,
        key=key,
        role=role,
    )


def signed(stack: Stack, gate: Gate, decision: Decision) -> SignedDecision:
    """The decision as the API hands it to the gate."""
    claims = SignedClaims(gate=gate.id, at=datetime.now(UTC), decision=decision)
    return SignedDecision(token=stack.keys.sign(claims.model_dump(mode="json")))


async def send(gate: Gate, message: SignedDecision, key: str | None = None) -> GateState:
    state: GateState = await gate.execute_update("decide", message, id=key, result_type=GateState)
    return state


async def decide(stack: Stack, gate: Gate, decision: Decision, key: str | None = None) -> GateState:
    return await send(gate, signed(stack, gate, decision), key)


async def refused(stack: Stack, gate: Gate, message: Decision | SignedDecision) -> str | None:
    """The code that a message is refused with."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await send(gate, message if isinstance(message, SignedDecision) else signed(stack, gate, message))
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


async def audited(stack: Stack, gate: Gate) -> list[AuditEntry]:
    """All that the audit trail has about a gate."""
    async with stack.engine.connect() as connection:
        program = (await gates.find(connection, gate.id)).subject.program
        return list(await audit.listed(connection, program, limit=1000, about=gate.id))


async def trail(stack: Stack, gate: Gate) -> list[tuple[str, str | None, str | None]]:
    """The decisions in the audit trail of a gate: person, answer, why it did not count."""
    votes = [entry for entry in await audited(stack, gate) if entry.action == "vote"]
    return [(entry.actor, entry.details.get("answer"), entry.refusal) for entry in votes]


async def test_two_roles_approve(stack: Stack, histories: Histories) -> None:
    gate = await opened(stack, "finance", "legal")
    first = await decide(stack, gate, by("demo-legal"))
    assert (first.outcome, first.missing) == (None, {"finance": 1})
    second = await decide(stack, gate, by("demo-finance"))
    assert second.outcome == "approved"
    result = await gate.result()
    assert (result.outcome, result.decided_at) == ("approved", second.decided_at)
    assert await trail(stack, gate) == [("demo-legal", "approve", None), ("demo-finance", "approve", None)]
    assert (await stack.get(f"/gates/{gate.id}"))["outcome"] == "approved"
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-approved")


@pytest.mark.parametrize(
    ("answer", "outcome"), [("reject", "rejected"), ("request_changes", "changes_requested")], ids=["rejected", "changes"]
)
async def test_one_voice_against_ends_it_and_its_reason_is_kept(
    stack: Stack, histories: Histories, answer: VoteChoice, outcome: str
) -> None:
    gate = await opened(stack, "finance", "legal")
    assert await refused(stack, gate, by("demo-finance", answer)) == "reason_missing"
    await decide(stack, gate, by("demo-finance", answer, reason="The liability has no bound", key="k2"))
    result = await gate.result()
    assert (result.outcome, result.reasons) == (outcome, "demo-finance: The liability has no bound")
    assert "The liability has no bound" in await shown(stack.temporal, gate.id)
    await histories.keep(stack.temporal, gate.id, f"ApprovalGate-{outcome}")


async def test_a_vote_that_the_api_refuses_never_comes_into_the_history(stack: Stack) -> None:
    gate = await opened(stack, "finance", "legal")
    await decide(stack, gate, by("demo-legal"))
    before = await events(gate)
    for person, code in (("demo-owner", "four_eyes"), ("demo-legal", "already_voted"), ("demo-marketing", "role_not_asked")):
        body = {"answer": "approve", "digest": DIGEST}
        response = await stack.post(f"/gates/{gate.id}/decisions", body, person=person)
        assert response.json()["code"] == code
    after = await events(gate)
    assert not [kind for kind in after[len(before) :] if "UPDATE_" in EventType.Name(EventType.ValueType(kind))]
    assert (await decide(stack, gate, by("demo-finance"))).outcome == "approved"


async def test_a_signed_vote_that_cannot_count_is_refused_by_the_gate_itself(stack: Stack) -> None:
    gate = await opened(stack, "finance", "legal")
    await decide(stack, gate, by("demo-legal"))
    assert await refused(stack, gate, by("demo-owner")) == "four_eyes"
    assert await refused(stack, gate, by("demo-legal", key="k2")) == "already_voted"
    assert await refused(stack, gate, by("demo-marketing")) == "role_not_asked"
    assert await refused(stack, gate, by("demo-finance", digest="e" * 64)) == "subject_changed"
    assert (await decide(stack, gate, by("demo-finance", key="k2"))).outcome == "approved"
    await gate.result()
    assert await trail(stack, gate) == [
        ("demo-legal", "approve", None),
        ("demo-owner", "approve", "four_eyes"),
        ("demo-legal", "approve", "already_voted"),
        ("demo-marketing", "approve", "role_not_asked"),
        ("demo-finance", "approve", "subject_changed"),
        ("demo-finance", "approve", None),
    ]


async def test_what_the_api_has_not_signed_decides_nothing_and_stands_in_the_audit_as_refused(
    stack: Stack, histories: Histories
) -> None:
    gate, other = await opened(stack, "finance"), await opened(stack, "finance")
    real = signed(stack, gate, by("demo-finance")).token
    head, claims, signature = real.split(".")
    forged = [
        SignedDecision(token=""),
        SignedDecision(token=f"{head}.{claims}.{'A' * len(signature)}"),
        SignedDecision(token=f"{head}.{signed(stack, other, by('demo-finance')).token.split('.')[1]}.{signature}"),
        SignedDecision(token=stack.keys.sign({"decision": "approve"})),
    ]
    for message in forged:
        assert await refused(stack, gate, message) == "forged"
        await gate.signal("decide_later", message)
    state: GateState = await gate.query("state", result_type=GateState)
    assert (state.votes, state.outcome, state.keys) == ((), None, ())
    assert await trail(stack, gate) == [("unknown", None, "forged")] * len(forged)
    assert await refused(stack, gate, signed(stack, other, by("demo-finance"))) == "wrong_gate"
    assert (await trail(stack, gate))[-1] == ("demo-finance", None, "wrong_gate")
    await gate.signal("decide_later", SignedDecision(token=real))
    assert (await gate.result()).outcome == "approved"
    assert await trail(stack, other) == []
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-forged")


async def test_a_gate_looks_at_so_many_worthless_messages_and_at_no_more(stack: Stack) -> None:
    gate = await opened(stack, "finance")
    for batch in range(40):
        forged = [SignedDecision(token=f"forged {batch} {number}") for number in range(5)]
        assert await asyncio.gather(*(refused(stack, gate, each) for each in forged)) == ["forged"] * 5
    assert await refused(stack, gate, by("demo-finance")) == "gate_overrun"
    before = len(await trail(stack, gate))
    await gate.signal("decide_later", SignedDecision(token="one more"))
    state: GateState = await gate.query("state", result_type=GateState)
    assert (before, len(await trail(stack, gate)), state.outcome) == (200, 200, None)


async def test_what_is_too_long_to_be_a_decision_is_not_looked_at(stack: Stack) -> None:
    gate = await opened(stack, "finance")
    assert await refused(stack, gate, SignedDecision(token="x" * 40_000)) == "gate_overrun"
    assert (await decide(stack, gate, by("demo-finance"))).outcome == "approved"


async def test_a_signed_decision_counts_once_whether_it_comes_as_an_update_or_as_a_signal(
    stack: Stack, histories: Histories
) -> None:
    gate = await opened(stack, "finance", "legal")
    message = signed(stack, gate, by("demo-finance"))
    await gate.signal("decide_later", message)
    first = await send(gate, message, "once")
    assert await send(gate, message, "again") == first
    await gate.signal("decide_later", message)
    taken_back = await decide(stack, gate, by("demo-finance", "withdraw", key="back"))
    assert (taken_back.votes, taken_back.missing) == ((), {"finance": 1, "legal": 1})
    assert await send(gate, message, "replayed") == first
    state: GateState = await gate.query("state", result_type=GateState)
    assert state == taken_back
    assert await trail(stack, gate) == [("demo-finance", "approve", None), ("demo-finance", "withdraw", None)]
    await gate.signal("withdraw")
    await gate.result()
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-repeated")


async def test_the_same_update_again_gets_the_same_answer_and_counts_once(stack: Stack) -> None:
    gate = await opened(stack, "finance", "legal")
    first = await decide(stack, gate, by("demo-finance"), "demo-finance:k1")
    assert await decide(stack, gate, by("demo-finance"), "demo-finance:k1") == first
    assert len(first.votes) == 1
    accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    assert (await events(gate)).count(accepted) == 1
    assert await trail(stack, gate) == [("demo-finance", "approve", None)]


async def test_a_vote_that_comes_while_another_decides_is_refused(stack: Stack, histories: Histories) -> None:
    """The gate's row is held, so that the second decision comes while the first is still being written down."""
    gate = await opened(stack, "finance", "legal")
    await decide(stack, gate, by("demo-legal"))
    async with stack.engine.begin() as holding:
        await holding.execute(text("SELECT FROM store.gate WHERE id = :id FOR NO KEY UPDATE"), {"id": gate.id})
        body = {"answer": "approve", "digest": DIGEST}
        first = asyncio.create_task(stack.post(f"/gates/{gate.id}/decisions", body, person="demo-finance"))
        await locked_out(stack)
        second = asyncio.create_task(
            stack.post(f"/gates/{gate.id}/decisions", body | {"answer": "withdraw"}, person="demo-legal", key="too-late")
        )
        await handed_over(stack, "too-late")
    assert (await first).json()["outcome"] == "approved"
    assert ((await second).status_code, (await second).json()["code"]) == (409, "gate_decided")
    assert (await gate.result()).outcome == "approved"
    assert (await trail(stack, gate))[1:] == [("demo-finance", "approve", None), ("demo-legal", "withdraw", "gate_decided")]
    there = await stack.get(f"/gates/{gate.id}/decisions/too-late", "demo-legal")
    assert (there["status"], there["refusal"]["code"]) == ("refused", "gate_decided")
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-overtaken")


async def handed_over(stack: Stack, key: str) -> None:
    """Wait until the API has passed a decision on, and is waiting for what the gate says."""
    async with asyncio.timeout(60), stack.engine.connect() as connection:
        while not await connection.scalar(text("SELECT count(*) FROM store.gate_answer WHERE key = :key"), {"key": key}):
            await connection.rollback()


async def locked_out(stack: Stack) -> None:
    """Wait until somebody waits for what another transaction has locked."""
    async with asyncio.timeout(60), stack.engine.connect() as connection:
        while not await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            await connection.rollback()


async def test_time_never_approves(stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories) -> None:
    gate = await opened(stack, "finance", "legal")
    vote = await decide(stack, gate, by("demo-finance"))
    await forward(temporal_env, gate, timedelta(days=15))
    result = await gate.result()
    assert (result.outcome, result.decided_at >= vote.due) == ("expired", True)
    assert (await stack.get(f"/gates/{gate.id}"))["outcome"] == "expired"
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-expired")


async def test_a_vote_after_the_deadline_is_refused_and_recorded_as_refused(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    gate = await opened(stack, "finance")
    await forward(temporal_env, gate, timedelta(days=15))
    await gate.result()
    body = {"answer": "approve", "digest": DIGEST}
    response = await stack.post(f"/gates/{gate.id}/decisions", body, person="demo-finance")
    assert (response.status_code, response.json()["code"]) == (409, "gate_decided")
    assert "expired" in response.json()["detail"]
    assert await trail(stack, gate) == [("demo-finance", "approve", "gate_decided")]


async def test_a_gate_that_nobody_needs_any_more_is_withdrawn(stack: Stack, histories: Histories) -> None:
    gate = await opened(stack, "finance")
    await gate.signal("withdraw")
    assert (await gate.result()).outcome == "withdrawn"
    assert (await stack.get(f"/gates/{gate.id}"))["outcome"] == "withdrawn"
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-withdrawn")


async def test_its_details_tell_who_is_waited_for_since_when_until_when_and_how_to_act(stack: Stack) -> None:
    gate = await opened(stack, "finance", "legal")
    state: GateState = await gate.query("state", result_type=GateState)
    at = "%d %b %Y %H:%M:%S UTC"
    summary = await shown(stack.temporal, gate.id)
    assert "Waiting for finance (1 more), legal (1 more)" in summary
    assert f"since {state.opened_at:{at}}, due {state.due:{at}}" in summary
    assert "0 of 2 approvals" in summary
    assert f"tenure gate approve {gate.id}" in summary
    assert "left out (four eyes): demo-owner" in summary

    await decide(stack, gate, by("demo-finance"))
    summary = await shown(stack.temporal, gate.id)
    assert "Waiting for legal (1 more)" in summary
    assert "1 of 2 approvals: demo-finance" in summary

    await decide(stack, gate, by("demo-legal"))
    assert (await shown(stack.temporal, gate.id)).startswith("### Approved on")


async def test_it_can_be_found_by_the_roles_that_it_waits_for(stack: Stack) -> None:
    gate = await opened(stack, "finance", "legal")
    state: GateState = await gate.query("state", result_type=GateState)
    assert await found_by(gate) == {"AwaitingRole": ["finance", "legal"], "Due": state.due}
    await decide(stack, gate, by("demo-finance"))
    assert await found_by(gate) == {"AwaitingRole": ["legal"], "Due": state.due}
    await decide(stack, gate, by("demo-legal"))
    await gate.result()
    assert await found_by(gate) == {}
