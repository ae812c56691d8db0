"""ApprovalGate: may this subject go on? Waits for the votes that the policy asks for, until the deadline."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.gates import DecisionTaken, GateActivities
    from domain import gates
    from domain.gates import Decision, GateState
    from domain.lifecycle import GateResult
    from workflows.attributes import awaiting
    from workflows.details import gate_ended, gate_waits
    from workflows.progress import tell
    from workflows.steps import do, remaining


@workflow.defn
class ApprovalGate:
    """One gate, one round. Its state carries subject, policy and votes; the reducer in `domain.gates` does the rest."""

    @workflow.init
    def __init__(self, opening: GateState) -> None:
        self._state = opening
        self._withdrawn = False
        self._recording = asyncio.Lock()

    @workflow.run
    async def run(self, opening: GateState) -> GateResult:
        await do(GateActivities.save_gate, self._state, f"Open the gate {self._state.gate}")
        await self._show()
        try:
            await workflow.wait_condition(
                lambda: self._state.outcome is not None or self._withdrawn,
                timeout=remaining(self._state.due),
                timeout_summary=f"The gate's deadline, {self._state.due:%d %b %Y %H:%M:%S} UTC",
            )
        except TimeoutError:
            await self._end(gates.expire, "The deadline has passed without approval")
        if self._withdrawn:
            await self._end(gates.withdraw, "Nobody needs the decision any more")
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._show()
        return GateResult(
            id=self._state.id,
            outcome=self._state.outcome or "expired",
            decided_at=self._state.decided_at or workflow.now(),
            reasons=self._state.reasons,
        )

    @workflow.update(description="One person's answer: approve, request changes or reject, for the digest that they have read")
    async def decide(self, decision: Decision) -> GateState:
        async with self._recording:
            # Checked again under the lock: between the validator and here another vote may have decided the gate.
            refusal = gates.refuse(self._state, decision, workflow.now())
            if refusal is not None:
                raise ApplicationError(refusal.detail, refusal.remedy, type=refusal.code, non_retryable=True)
            after = gates.decide(self._state, decision, workflow.now())
            taken = DecisionTaken(state=after, decision=decision, vote=after.votes[-1], at=workflow.now())
            await do(GateActivities.record_decision, taken, f"{decision.person.id}: {decision.answer.replace('_', ' ')}")
            self._state = after
            if after.outcome is None:
                await self._show()
            return after

    @decide.validator
    def refuse_decision(self, decision: Decision) -> None:
        refusal = gates.refuse(self._state, decision, workflow.now())
        if refusal is not None:
            raise ApplicationError(refusal.detail, refusal.remedy, type=refusal.code, non_retryable=True)

    @workflow.signal(description="What asked for the decision has ended: nobody needs it any more")
    def withdraw(self) -> None:
        self._withdrawn = True

    @workflow.query(description="Where the gate stands: the subject, the votes, what is missing")
    def state(self) -> GateState:
        return self._state

    async def _end(self, ended: Callable[[GateState, datetime], GateState], summary: str) -> None:
        """End without a decision, unless a vote that is being recorded decides."""
        async with self._recording:
            if self._state.outcome is None:
                self._state = ended(self._state, workflow.now())
                await do(GateActivities.save_gate, self._state, summary)

    async def _show(self) -> None:
        decided = self._state.outcome is not None
        workflow.upsert_search_attributes(awaiting([] if decided else list(self._state.missing), self._state.due))
        await tell(self._state.subject.program, gate_ended(self._state) if decided else gate_waits(self._state))
