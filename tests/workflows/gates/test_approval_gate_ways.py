"""Besides plain votes: steps, time that reminds and escalates, a written policy, broken glass, nobody left to ask."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.gates.gates import GateActivities
from domain import ids
from domain.definition.gates import GatePolicy
from domain.gates.opening import opening
from domain.gates.state import GateState, Subject
from domain.identity.person import Person
from domain.notices.gate_notices import Addressee, Routing
from store.programs import programs
from store.tables import notice
from tests.own_queue import OwnQueue
from tests.program_steps import begin, forward, handle, sample_definition, shown
from tests.stack import Stack, first_revision, program_id
from tests.waiting import child_started, gate_open
from tests.workflows.conftest import Histories
from tests.workflows.gates.test_approval_gate import audited, by, decide, events, opened, refused
from workflows.gates.approval_gate import ApprovalGate

TIMED = {"reminders": ["P3D"], "escalation": {"after": "P7D", "to": "operations"}}
MOST_EVENTS = 60
"""Of a gate with two rules and a reminder: what the load on Temporal was reckoned with."""


async def state_of(gate: WorkflowHandle[Any, Any]) -> GateState:
    state: GateState = await gate.query("state", result_type=GateState)
    return state


async def actions(stack: Stack, gate: WorkflowHandle[Any, Any]) -> list[tuple[str, str]]:
    """What the audit trail says of a gate: what happened, and by whom."""
    return [(entry.action, entry.actor) for entry in await audited(stack, gate)]


async def test_a_gate_with_two_rules_and_a_reminder_keeps_a_short_history(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    gate = await opened(stack, "finance", "legal", reminders=["P3D"])
    await forward(temporal_env, gate, timedelta(days=4))
    assert "reminded 1 of 1 times" in await shown(stack.temporal, gate.id)
    await decide(stack, gate, by("demo-finance"))
    await decide(stack, gate, by("demo-legal"))
    await gate.result()
    assert await actions(stack, gate) == [
        ("gate_opened", "tenure"),
        ("gate_reminded", "tenure"),
        ("vote", "demo-finance"),
        ("vote", "demo-legal"),
        ("gate_decided", "tenure"),
    ]
    assert len(await events(gate)) <= MOST_EVENTS
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-reminded")


async def test_a_gate_that_has_waited_for_long_lets_the_named_role_stand_in(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    gate = await opened(stack, "finance", "legal", **TIMED)
    assert await refused(stack, gate, by("demo-operations")) == "role_not_asked"
    assert "operations may stand in from" in await shown(stack.temporal, gate.id)
    await forward(temporal_env, gate, timedelta(days=8))
    assert "operations may stand in since" in await shown(stack.temporal, gate.id)
    await decide(stack, gate, by("demo-legal"))
    response = await stack.post(
        f"/gates/{gate.id}/decisions", {"answer": "approve", "digest": "d" * 64}, person="demo-operations"
    )
    assert response.json()["outcome"] == "approved"
    await gate.result()
    assert [action for action, _ in await actions(stack, gate)] == [
        *("gate_opened", "vote", "gate_reminded", "gate_escalated", "vote", "vote", "gate_decided"),
    ]
    assert (await audited(stack, gate))[3].details == {"to": "operations", "waits_for": {"finance": 1, "legal": 1}}
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-escalated")


async def test_time_goes_on_to_the_deadline_and_approves_nothing(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    gate = await opened(stack, "finance", "legal", **TIMED)
    await decide(stack, gate, by("demo-finance"))
    for day in (4, 8, 15):
        await forward(temporal_env, gate, timedelta(days=day))
    assert (await gate.result()).outcome == "expired"
    assert [action for action, _ in await actions(stack, gate)][-1] == "gate_decided"


async def test_the_next_step_is_asked_once_the_first_is_met(stack: Stack) -> None:
    rules = [{"role": "finance"}, {"role": "legal", "step": 2}]
    gate = await opened(stack, rules=rules)
    text = await shown(stack.temporal, gate.id)
    assert text.startswith("### Waiting for finance (1 more)\n")
    assert "step 1 of 2" in text
    assert await refused(stack, gate, by("demo-legal")) == "step_not_open"
    await decide(stack, gate, by("demo-finance"))
    text = await shown(stack.temporal, gate.id)
    assert text.startswith("### Waiting for legal (1 more)\n")
    assert "step 2 of 2" in text
    assert (await decide(stack, gate, by("demo-legal", key="k2"))).outcome == "approved"
    await gate.result()


CHEAP = {"bounds": [{"figure": "cost", "at_most": 100}]}


@pytest.mark.parametrize(("figures", "outcome"), [({"cost": "99.5"}, "approved"), ({"cost": "100.5"}, None), ({}, None)])
async def test_a_written_policy_approves_at_opening_where_its_figures_are_known_and_within_bounds(
    stack: Stack, histories: Histories, figures: dict[str, str], outcome: str | None
) -> None:
    state = await ready(stack, Subject.model_validate(about(figures=figures)), automatic=CHEAP)
    gate = await stack.temporal.start_workflow(ApprovalGate.run, state, id=state.id, task_queue=ids.PROGRAMS_QUEUE)
    if outcome is None:
        assert (await decide(stack, gate, by("demo-finance"))).by_policy is False
        return
    assert (await gate.result()).outcome == "approved"
    assert await actions(stack, gate) == [("gate_opened", "tenure"), ("gate_decided", "policy")]
    assert "by the written policy, without people" in await shown(stack.temporal, gate.id)
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-automatic")


async def test_the_launch_gate_knows_what_the_prototype_measured(stack: Stack) -> None:
    program = program_id("measured")
    policy = {"rules": [{"role": "finance"}], "automatic": {"bounds": [{"figure": "members", "at_least": 1}]}}
    gates = {"strategy": {"rules": [{"role": "marketing"}]}, "wind_down": {"rules": [{"role": "finance"}]}, "launch": policy}
    phases = sample_definition(program).model_dump(mode="json")["test_phases"][:1]
    qualification = await begin(stack, sample_definition(program, gates=gates, test_phases=phases))
    strategy = handle(stack, f"{qualification}/gate/strategy/1")
    digest = await gate_open(stack, strategy.id)
    await stack.post(f"/gates/{strategy.id}/decisions", {"answer": "approve", "digest": digest}, person="demo-marketing")
    assert (await handle(stack, qualification).result())["outcome"] == "approved"
    launch = await stack.get(f"/gates/{qualification}/gate/launch/1")
    assert (launch["by_policy"], launch["votes"], launch["subject"]["figures"]["members"]) == (True, [], "1")


async def test_broken_glass_lets_who_asked_go_on_at_once_and_is_reviewed_afterwards(stack: Stack, histories: Histories) -> None:
    program = program_id("glass")
    gates = sample_definition(program).model_dump(mode="json")["gates"]
    gates["strategy"] = {"rules": [{"role": "marketing"}, {"role": "finance"}], "break_glass": "operations"}
    qualification = await begin(stack, sample_definition(program, gates=gates))
    gate = handle(stack, f"{qualification}/gate/strategy/1")
    digest = await gate_open(stack, gate.id)
    body = {"answer": "break_glass", "digest": digest, "reason": "The old club ends tonight"}
    denied = await stack.post(f"/gates/{gate.id}/decisions", body, person="demo-marketing")
    assert (denied.status_code, denied.json()["code"]) == (403, "break_glass_not_allowed")
    broken = await stack.post(f"/gates/{gate.id}/decisions", body, person="demo-operations")
    assert (broken.status_code, broken.json()["outcome"]) == (201, "approved")

    review = f"{qualification}/gate/strategy-review/1"
    await child_started(stack.temporal, qualification, review)
    sign_off = f"{qualification}/test/readiness/gate/readiness/1"
    await gate_open(stack, sign_off)  # the revision is in its tests already, and the review has not been decided
    state = await stack.get(f"/gates/{review}")
    assert state["subject"]["kind"] == "review"
    assert "demo-operations (operations) broke the glass" in state["subject"]["title"]
    assert "The old club ends tonight" in state["subject"]["title"]
    assert "demo-operations" in state["excluded"]
    assert state["outcome"] is None
    decided = next(entry for entry in await audited(stack, gate) if entry.action == "gate_decided")
    assert decided.details["broken_glass"] is True
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-broken-glass")
    await histories.keep(stack.temporal, qualification, "RevisionQualification-broken-glass")

    for person in ("demo-marketing", "demo-finance"):
        vote = {"answer": "approve", "digest": state["subject"]["digest"]}
        assert (await stack.post(f"/gates/{review}/decisions", vote, person=person)).status_code == 201
    assert (await handle(stack, review).result())["outcome"] == "approved"


async def test_a_gate_that_nobody_left_can_meet_ends_as_it_opens_and_says_who_is_lacking(
    stack: Stack, histories: Histories
) -> None:
    async def people(connection: AsyncConnection, program: str) -> Sequence[Person]:
        return [Person(id="demo-owner", roles=("finance", "legal")), Person(id="demo-finance", roles=("finance",))]

    routing = Routing(addressees=(Addressee(channel="log", recipient="log"),), public_url="http://tenure")
    activities = GateActivities(stack.engine, stack.keys, routing, people)
    hosted: list[Callable[..., Any]] = [
        activities.open_gate,
        activities.take_decision,
        activities.pass_time,
        activities.withdraw_gate,
    ]
    async with Worker(
        stack.temporal, task_queue="closed", workflows=[ApprovalGate], activities=hosted, interceptors=[OwnQueue()]
    ):
        state = await ready(stack, Subject.model_validate(about()), rules=[{"role": "finance"}, {"role": "legal"}])
        gate = await stack.temporal.start_workflow(ApprovalGate.run, state, id=state.id, task_queue="closed")
        result = await gate.result()
        assert (result.outcome, result.reasons) == ("unsatisfiable", "nobody is left who could approve as legal")
        assert "nobody is left who could approve as legal" in await shown(stack.temporal, gate.id)
        met = await ready(stack, Subject.model_validate(about()), rules=[{"role": "finance"}])
        waits = await stack.temporal.start_workflow(ApprovalGate.run, met, id=met.id, task_queue="closed")
        assert (await decide(stack, waits, by("demo-finance"))).outcome == "approved"
        await waits.result()
    decided = (await audited(stack, gate))[-1]
    assert (decided.action, decided.details["outcome"], decided.details["lacking"]) == (
        *("gate_decided", "unsatisfiable"),
        {"legal": 1},
    )
    async with stack.engine.connect() as connection:
        found = await connection.scalars(select(notice.c.kind).where(notice.c.gate == gate.id))
        assert list(found) == ["unsatisfiable"]
    await histories.keep(stack.temporal, gate.id, "ApprovalGate-unsatisfiable")


async def test_people_are_told_when_a_gate_asks_reminds_and_is_decided(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    gate = await opened(stack, rules=[{"role": "finance"}, {"role": "legal", "step": 2}], **TIMED)
    await decide(stack, gate, by("demo-finance"))
    for days in (4, 4):
        await forward(temporal_env, gate, timedelta(days=days))
    await decide(stack, gate, by("demo-legal"))
    await gate.result()
    async with stack.engine.connect() as connection:
        found = await connection.scalars(select(notice.c.kind).where(notice.c.gate == gate.id).order_by(notice.c.number))
        assert list(found) == ["requested", "requested", "reminded", "escalated", "decided"]


def about(figures: dict[str, str] | None = None) -> dict[str, Any]:
    """A launch, with the figures that are known of it."""
    program = program_id("ways")
    return {
        "kind": "revision",
        "program": program,
        "revision": 1,
        "title": "the launch of the club",
        "digest": "d" * 64,
        "figures": figures or {},
    }


async def ready(stack: Stack, subject: Subject, **policy: Any) -> GateState:
    """A gate that could be opened, in a program whose lifecycle does not run."""
    async with stack.engine.begin() as connection:
        await programs.register(connection, first_revision(sample_definition(subject.program)))
    rules = GatePolicy.model_validate({"rules": [{"role": "finance"}]} | policy)
    id_ = ids.gate(ids.lifecycle(subject.program), "launch", 1)
    zone = sample_definition(subject.program).zone
    return opening("launch", 1, subject, rules, ("demo-owner",), datetime.now(UTC), zone, id_=id_)
