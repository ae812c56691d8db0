"""Ways to bring a program or a member to where a test begins: on real servers, by the same calls that people use."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain import ids
from domain.definition.document import Definition
from domain.members.membership import Membership
from domain.members.tiers import watches
from domain.points.earning import Event, rate
from domain.points.expiry import lot_expiry
from ledger import Earn
from tests.stack import Stack, example
from tests.waiting import approve, stage_reached, started, timer_started
from workflows.members.member_lifecycle import MemberLifecycle

AGREEMENT = "1997-01"
MINIMUM_TIME = timedelta(days=30)
SCENARIO = {
    "name": "Ten dollars bring 100 points",
    "events": [{"event": "purchase", "amount": 10}],
    "expect": {"points": 100, "tier": "listener"},
}
SIGN_OFF = {"id": "readiness", "kind": "sign_off", "gate": {"rules": [{"role": "operations"}], "deadline": "P30D"}}


def sample_definition(program: str, **changes: Any) -> Definition:
    """The CD Club with one wave and less to read in a history; listener, collector from 100 dollars, curator from 250."""
    document: dict[str, Any] = {
        "summary": "A club.",
        "risks": [],
        "rewards": [{"id": "single", "name": "A CD single", "points": 1000}],
        "prototype": {"transactions": f"{program}-log", "criteria": [{"figure": "members", "at_least": 1}]},
        "test_phases": [{"id": "rules", "kind": "scenario", "scenarios": [SCENARIO]}, SIGN_OFF],
        "waves": [{"id": "all", "share": 100, "minimum_time": "P30D"}],
        "readiness": {"codes_in_stock": 0},
        "retention": {
            "silent_after": "P90D",
            "offer": {"points": 200, "message": "There is new music since your last visit."},
            "answer_within": "P30D",
            "at_most_every": "P180D",
        },
    }
    return example("cd-club.yaml", program, **(document | changes))


async def begin(stack: Stack, definition: Definition, logs: Mapping[str, str] | None = None) -> str:
    """Start a program's lifecycle, with further transaction logs by their names; its first qualification's id."""
    first = {definition.prototype.transactions: "customer,at,amount\nc1,2026-01-01T10:00:00Z,120.00\n"}
    for log, lines in (first | dict(logs or {})).items():
        await stack.post(f"/transaction-logs/{log}", content=lines)
    response = await stack.post("/programs", definition.model_dump(mode="json"))
    assert response.status_code == 201, response.text
    return ids.qualification(definition.program, 1)


async def revise(stack: Stack, definition: Definition, **asked: str) -> str:
    """Hand in a further revision, with what is asked beside it (`effective_from`, `weight`); its qualification's id."""
    path = f"/programs/{definition.program}/revisions" + (f"?{urlencode(asked)}" if asked else "")
    response = await stack.post(path, definition.model_dump(mode="json"))
    assert response.status_code == 201, response.text
    return ids.qualification(definition.program, response.json()["revision"])


async def pass_to_launch_gate(stack: Stack, qualification: str) -> str:
    """Have people approve until the launch gate of a revision is open; that gate."""
    await approve(stack, f"{qualification}/gate/strategy/1", "demo-marketing", "demo-finance")
    await approve(stack, f"{qualification}/test/readiness/gate/readiness/1", "demo-operations")
    return f"{qualification}/gate/launch/1"


async def pass_all_gates(stack: Stack, qualification: str) -> None:
    """Have people approve at all gates of a revision."""
    await approve(stack, await pass_to_launch_gate(stack, qualification), "demo-finance", "demo-legal")


async def launch(stack: Stack, definition: Definition) -> None:
    """Bring a program from its definition into its rollout."""
    await pass_all_gates(stack, await begin(stack, definition))
    rollout = ids.rollout(definition.program, 1)
    if definition.waves[0].gate is None:
        await timer_started(stack.temporal, rollout)
    else:
        await started(stack.temporal, rollout)


async def operate(stack: Stack, environment: WorkflowEnvironment, definition: Definition) -> None:
    """Bring a program with one wave from its definition into operation."""
    await launch(stack, definition)
    await forward(environment, handle(stack, ids.rollout(definition.program, 1)), MINIMUM_TIME)
    await stage_reached(stack, definition.program, "operation")


async def ask_for_the_end(stack: Stack, program: str, reason: str = "the shop closes") -> str:
    """Ask for the end of a program; the gate that decides, were it the first time."""
    response = await stack.post(f"/programs/{program}/end", {"reason": reason})
    assert response.status_code == 202, response.text
    return f"{ids.lifecycle(program)}/gate/wind-down/1"


async def enrol(stack: Stack, program: str, participant: str) -> WorkflowHandle[Any, Membership | None]:
    """Enrol a member, and wait until they have been looked at for the first time."""
    body = {"participant": participant, "agreement": AGREEMENT}
    response = await stack.post(f"/programs/{program}/members", body, person="demo-shop")
    assert response.status_code == 201, response.text
    await timer_started(stack.temporal, ids.member(program, participant))
    return stack.temporal.get_workflow_handle_for(MemberLifecycle.run, ids.member(program, participant))


async def buy(
    stack: Stack, definition: Definition, participant: str, dollars: int, at: datetime, *, intervention: str | None = None
) -> None:
    """Post a purchase at an instant of the member's own time, as the API would at its own."""
    membership = await stack.get(f"/programs/{definition.program}/members/{participant}", "demo-shop")
    rating = rate(definition, membership["tier"], Event(type="purchase", amount=Decimal(dollars)))
    answer = await stack.ledger.earn(
        Earn(
            program=definition.program,
            participant=participant,
            currency=definition.currency.code,
            key=f"{participant}/{at.isoformat()}",
            points=rating.points,
            effective_at=at,
            expires_at=lot_expiry(definition, membership["tier"], at),
            qualifying=rating.qualifying,
            watches=watches(definition, membership["tier"], at),
            nudge=(intervention,) if intervention else (),
            nudge_on_watch=ids.member(definition.program, participant),
        )
    )
    assert answer.outcome == "posted"


async def forward(environment: WorkflowEnvironment, workflow: WorkflowHandle[Any, Any], duration: timedelta) -> None:
    """Let time pass in a workflow; what falls due in it meanwhile has happened afterwards."""
    try:
        async with asyncio.timeout(60):
            await environment.fast_forward(workflow, duration)
    except TimeoutError:
        description = (await workflow.describe()).raw_description
        waits_for = [*description.pending_activities, *description.pending_children, description.pending_workflow_task]
        raise AssertionError(f"time does not pass in {workflow.id}, which waits for {waits_for}") from None


async def forward_until(environment: WorkflowEnvironment, workflow: WorkflowHandle[Any, Any], at: datetime) -> None:
    """Let time pass in a workflow until just after an instant.

    That is for a workflow that starts a child then: its time does not go on while the child waits for a time of its own.
    """
    await forward(environment, workflow, at - await now_of(environment, workflow) + timedelta(seconds=0.1))


def handle(stack: Stack, workflow_id: str) -> WorkflowHandle[Any, Any]:
    return stack.temporal.get_workflow_handle(workflow_id)


async def shown(client: Client, workflow_id: str) -> str:
    """What the Temporal UI shows as a workflow's current details."""
    metadata: WorkflowMetadata = await client.get_workflow_handle(workflow_id).query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return metadata.current_details


async def now_of(environment: WorkflowEnvironment, workflow: WorkflowHandle[Any, Any]) -> datetime:
    """What time it is in a workflow."""
    info = await environment.get_time_skipping_info(workflow)
    return info.current_time.ToDatetime(tzinfo=UTC) if info is not None else datetime.now(UTC)
