"""How a workflow gets a decision from people: it opens a gate, shows it in its details, and waits for the outcome."""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio import workflow
from temporalio.workflow import ParentClosePolicy

from domain import ids
from domain.definition.document import Definition
from domain.definition.gates import GatePolicy
from domain.gates.opening import opening, review_of
from domain.gates.result import GateResult
from domain.gates.state import GateState, Subject
from workflows.attributes import of_program
from workflows.details import instant, markdown, summary
from workflows.gates.approval_gate import ApprovalGate
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
    """Open the gate `gate` of the calling workflow, and wait until it is decided, it expires, or the caller withdraws it.

    A break-glass approval is reviewed at another gate, `{gate}-review`, for which the caller does not wait.
    """
    state = _opening(gate, round_, subject, policy, definition, excluded)
    workflow.set_current_details(
        markdown(
            f"At the gate {gate}",
            subject.title,
            f"since {instant(state.opened_at)}, due {instant(state.due)}",
            f"in workflow `{state.id}`",
        )
    )
    child = await _start(state)
    await workflow.wait_condition(lambda: child.done() or withdrawn())
    if not child.done():
        await signal_child(child, ApprovalGate.withdraw)
    result = await child
    if result.glass is not None:
        # The caller goes on at once: that is the purpose of break glass. The review may outlive the caller.
        reviewed, rules = review_of(state.id, subject, policy, result.glass)
        left_out = (*excluded, result.glass.person)
        await _start(_opening(f"{gate}-review", round_, reviewed, rules, definition, left_out), ParentClosePolicy.ABANDON)
    return result


def _opening(
    gate: str, round_: int, subject: Subject, policy: GatePolicy, definition: Definition, excluded: Sequence[str]
) -> GateState:
    id_ = ids.gate(workflow.info().workflow_id, gate, round_)
    return opening(gate, round_, subject, policy, excluded, workflow.now(), definition.zone, id_=id_)


async def _start(
    state: GateState, after_parent: ParentClosePolicy = ParentClosePolicy.TERMINATE
) -> workflow.ChildWorkflowHandle[Any, GateResult]:
    return await workflow.start_child_workflow(
        ApprovalGate.run,
        state,
        id=state.id,
        parent_close_policy=after_parent,
        static_summary=summary(f"Gate {state.gate}: {state.subject.title}"),
        search_attributes=of_program(state.subject.program, revision=state.subject.revision),
    )
