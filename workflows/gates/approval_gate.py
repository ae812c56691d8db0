"""ApprovalGate: may this subject go on? Waits for the votes that its policy requires, reminds, escalates, and ends."""

import asyncio
from contextlib import suppress
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.gates.gates import DecisionAsked, DecisionTaken, GateActivities, TimePassed
    from activities.refusals import refusal
    from domain.gates import reducer
    from domain.gates.errors import GateDecided, GateOverrun
    from domain.gates.result import GateResult
    from domain.gates.state import GateState
    from domain.identity.roles import Role
    from domain.model import Message
    from workflows.attributes import awaiting
    from workflows.details import gate_ended, gate_waits, instant
    from workflows.progress import report_progress
    from workflows.steps import do, do_here, remaining

_MOST_REFUSED = 200
"""Refused messages that a gate takes; after these it rejects all others, so that nobody can fill its history."""
_LONGEST_TOKEN = 32_768
"""Characters; the API's tokens are far shorter."""


class SignedDecision(Message):
    """A person's decision, signed by the API; the sender, and the number of times it is sent, do not matter."""

    token: str


@workflow.defn
class ApprovalGate:
    """One gate, one round. Its state carries subject, policy and votes; the reducer in `domain.gates` does the rest."""

    @workflow.init
    def __init__(self, opening: GateState) -> None:
        self._state = opening
        self._open = False
        self._withdrawn = False
        self._refused = 0
        self._recording = asyncio.Lock()

    @workflow.run
    async def run(self, opening: GateState) -> GateResult:
        self._state = await do(GateActivities.open_gate, opening, f"Open the gate {opening.gate}")
        self._open = True
        showing = asyncio.create_task(self._keep_showing())
        while self._state.outcome is None and not self._withdrawn:
            await self._wait_for_time()
        if self._withdrawn:
            async with self._recording:
                if self._state.outcome is None:
                    self._state = await do(GateActivities.withdraw_gate, self._now(), "Nobody needs the decision any more")
        await workflow.wait_condition(workflow.all_handlers_finished)
        await showing
        return GateResult(
            id=self._state.id,
            outcome=self._state.outcome or "expired",
            decided_at=self._state.decided_at or workflow.now(),
            reasons=self._state.reasons,
            glass=self._state.glass,
        )

    @workflow.update(description="One person's decision as the API has signed it, for the digest that they have read; answered")
    async def decide(self, signed: SignedDecision) -> GateState:
        taken, state = await self._take(signed)
        if taken.refusal is not None:
            raise ApplicationError(taken.refusal.detail, taken.refusal.remedy, type=taken.refusal.code, non_retryable=True)
        return taken.answer or state

    @decide.validator
    def refuse_more(self, signed: SignedDecision) -> None:
        """Bounds the history, and does nothing else: the activity that proves the author also judges the content."""
        if self._state.outcome is not None:
            raise refusal(
                GateDecided(f"The gate was {self._state.outcome.replace('_', ' ')} at {instant(self._state.decided_at)}.")
            )
        if not self._takes(signed):
            raise _overrun()

    @workflow.signal(description="The same signed decision, from a sender that cannot wait for the answer")
    async def decide_later(self, signed: SignedDecision) -> None:
        if self._state.outcome is None and self._takes(signed):
            with suppress(ApplicationError):
                await self._take(signed)

    @workflow.signal(description="What asked for the decision has ended: nobody needs it any more")
    def withdraw(self) -> None:
        self._withdrawn = True

    @workflow.query(description="Where the gate stands: the subject, the votes, what is missing")
    def state(self) -> GateState:
        return self._state

    def _takes(self, signed: SignedDecision) -> bool:
        return self._refused < _MOST_REFUSED and len(signed.token) <= _LONGEST_TOKEN

    async def _take(self, signed: SignedDecision) -> tuple[DecisionTaken, GateState]:
        await workflow.wait_condition(lambda: self._open)
        async with self._recording:
            if not self._takes(signed):  # the gate may have refused earlier messages meanwhile
                raise _overrun()
            asked = DecisionAsked(token=signed.token, state=self._state, at=workflow.now())
            taken = await do_here(GateActivities.take_decision, asked, "Prove a decision and write it down")
            self._state = taken.state or self._state
            self._refused += taken.refusal is not None
            return taken, self._state

    async def _wait_for_time(self) -> None:
        """Wait until the gate is decided, or until its next reminder, escalation or expiry; time never approves."""
        kind, at = reducer.upcoming(self._state)
        try:
            await workflow.wait_condition(
                lambda: self._state.outcome is not None or self._withdrawn,
                timeout=remaining(at),
                timeout_summary=f"The gate's {kind}, {instant(at)}",
            )
        except TimeoutError:
            async with self._recording:
                if reducer.passed(self._state, workflow.now()) is not None:
                    self._state = await do_here(GateActivities.pass_time, self._now(), f"The gate's {kind}")

    def _now(self) -> TimePassed:
        return TimePassed(state=self._state, at=workflow.now())

    async def _keep_showing(self) -> None:
        """Show the gate's state whenever it changes; no decision waits for this.

        The lifecycle gets it while the gate waits for votes; the workflow that opened the gate reports the outcome.
        """
        shown: list[Role] = []
        while self._state.outcome is None:
            state = self._state
            text = gate_waits(state)
            if (roles := _awaited(state)) != shown:
                shown = roles
                workflow.upsert_search_attributes(awaiting(roles, state.due))
                await report_progress(state.subject.program, text)
            else:
                workflow.set_current_details(text)
            await workflow.wait_condition(partial(self._says_other_than, text))
        workflow.upsert_search_attributes(awaiting([], self._state.due))
        workflow.set_current_details(gate_ended(self._state))

    def _says_other_than(self, text: str) -> bool:
        return self._state.outcome is not None or gate_waits(self._state) != text


def _awaited(state: GateState) -> list[Role]:
    """The roles that can decide now: those whose votes are missing, and after the escalation the role that stands in."""
    stands_in = [state.policy.escalation.to] if state.escalated and state.policy.escalation else []
    return list(dict.fromkeys([*state.waits_for, *stands_in]))


def _overrun() -> ApplicationError:
    return refusal(
        GateOverrun(
            "Too many messages to this gate came to nothing, or this one is too long to be a decision.",
            "Decide through the API; if it says the same, tell the operator: somebody sends what the API has not signed.",
        )
    )
