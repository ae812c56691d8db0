"""How a workflow asks people for a decision: it opens a gate, shows who is waited for, and gets the outcome."""

from collections.abc import Callable, Sequence

from temporalio import workflow

from domain import ids
from domain.definition import Definition, GatePolicy
from domain.gates import GateState, Subject
from domain.lifecycle import GateResult
from workflows.approval_gate import ApprovalGate
from workflows.attributes import of_program
from workflows.details import instant, summary, told
from workflows.steps import signal_child


async def ask(
    gate: str,
    subject: Subject,
    policy: GatePolicy,
    definition: Definition,
    excluded: Sequence[str],
    *,
    round_: int = 1,
    withdrawn: Callable[[], bool] = lambda: False,
) -> GateResult:
    """Open the gate `gate` of the calling workflow, and wait until it is decided, expired or, by the caller, `withdrawn`."""
    opened_at = workflow.now()
    state = GateState(
        id=ids.gate(workflow.info().workflow_id, gate, round_),
        gate=gate,
        round=round_,
        subject=subject,
        policy=policy,
        excluded=tuple(excluded),
        opened_at=opened_at,
        due=policy.deadline.after(opened_at, definition.zone),
    )
    workflow.set_current_details(
        told(
            f"At the gate {gate}",
            subject.title,
            f"since {instant(opened_at)}, due {instant(state.due)}",
            f"in workflow `{state.id}`",
        )
    )
    child = await workflow.start_child_workflow(
        ApprovalGate.run,
        state,
        id=state.id,
        static_summary=summary(f"Gate {gate}: {subject.title}"),
        search_attributes=of_program(subject.program, revision=subject.revision),
    )
    await workflow.wait_condition(lambda: child.done() or withdrawn())
    if not child.done():
        await signal_child(child, ApprovalGate.withdraw)
    return await child
