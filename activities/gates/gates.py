"""What a gate has done in the world: decisions are proved and written down, people are told; each step in one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from hashlib import sha256

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.queues import ActivityGroup
from domain.audit.chain import SYSTEM, Action, Fact
from domain.gates import reducer
from domain.gates.delegations import refuse_to_act
from domain.gates.errors import Forged, WrongGate
from domain.gates.opening import POLICY, approve_automatically, end_unsatisfiable, lacking
from domain.gates.state import Decision, GateState, Refusal, SignedClaims
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.ids import PROGRAMS_QUEUE
from domain.model import Message
from domain.notices.gate_notices import GateNotice, GateNoticeKind, Routing
from runtime.identity.signatures import SignatureInvalid, VerificationKeys
from store.audit import trail
from store.gates import delegations, gates
from store.gates.gates import GateAnswer
from store.notices import notices

Directory = Callable[[AsyncConnection, str], Awaitable[Sequence[Person]]]
"""Everybody who can ever decide at the gates of a program, with the roles that they have there."""


class DecisionAsked(Message):
    """A message that claims to be somebody's decision, and the gate that it came to."""

    token: str
    state: GateState
    at: datetime


class DecisionTaken(Message):
    """The gate after a message (None: as it was), and what its sender is told: the gate after it, or why it does not count.

    `answer` is only there where it is not the gate as it stands now: what came a second time gets its first answer.
    """

    state: GateState | None = None
    answer: GateState | None = None
    refusal: Refusal | None = None


class TimePassed(Message):
    """A gate at an instant at which time does something."""

    state: GateState
    at: datetime


class GateActivities(ActivityGroup):
    """`people` is the directory of everybody, where it is closed; without it, nobody can tell that nobody is left to ask."""

    QUEUE = PROGRAMS_QUEUE

    def __init__(self, engine: AsyncEngine, keys: VerificationKeys, routing: Routing, people: Directory | None = None) -> None:
        self._engine = engine
        self._keys = keys
        self._routing = routing
        self._people = people

    @activity.defn
    async def open_gate(self, opening: GateState) -> GateState:
        """Write the gate, so that inboxes show it, and ask its people; a policy may approve it, or nobody left can meet it."""
        async with self._engine.begin() as connection:
            await gates.save(connection, opening)
            state = await gates.latest(connection, opening)
            if state == opening:
                state = approve_automatically(opening, opening.opened_at)
                if self._people is not None:
                    people = await self._people(connection, opening.subject.program)
                    if missing := lacking(opening.policy, people, opening.excluded):
                        state = end_unsatisfiable(state, missing, opening.opened_at)
            await gates.save(connection, state)
            if state.outcome is None:
                await self._notify(connection, "requested", state, state.opened_at, state.step)
            await self._write(connection, "gate_opened", opening, opening.opened_at)
            await self._tell_of_the_end(connection, state)
        return state

    @activity.defn
    async def take_decision(self, asked: DecisionAsked) -> DecisionTaken:
        """Prove a message's author, and let the decision count or refuse it; either way it stands in the audit trail."""
        try:
            claims = SignedClaims.model_validate(self._keys.verify(asked.token))
        except (SignatureInvalid, ValidationError) as error:
            return await self._refuse_forged(asked, error)
        decision = claims.decision
        person, key = decision.person.id, decision.key
        if claims.gate != asked.state.id:
            return await self._refuse_elsewhere(asked, claims)
        async with self._engine.begin() as connection:
            state = await gates.latest(connection, asked.state)
            ahead = state if state != asked.state else None
            first = await gates.answer_to(connection, state.id, person, key)
            if first is not None and not first.is_open:
                return DecisionTaken(state=ahead, answer=first.state, refusal=first.refusal)
            after = await self._decided(connection, state, decision, asked.at)
            if isinstance(after, Refusal):
                await gates.keep_answer(connection, state.id, person, key, GateAnswer(refusal=after))
                await gates.record(connection, state, decision, decision.role, asked.at, refusal=after.code)
                return DecisionTaken(state=ahead, refusal=after)
            await gates.save(connection, after)
            await gates.keep_answer(connection, state.id, person, key, GateAnswer(state=after))
            if after.outcome is None and after.step > state.step:
                await self._notify(connection, "requested", after, asked.at, after.step)
            await gates.record(connection, after, decision, _counted_as(after, decision), asked.at, refusal=None)
            await self._tell_of_the_end(connection, after)
        return DecisionTaken(state=after)

    @activity.defn
    async def pass_time(self, passed: TimePassed) -> GateState:
        """Remind, escalate or end a gate, as its time has come."""
        async with self._engine.begin() as connection:
            state = await gates.latest(connection, passed.state)
            kind = reducer.passed(state, passed.at)
            after = reducer.pass_time(state, passed.at)
            await gates.save(connection, after)
            if kind == "reminder":
                await self._notify(connection, "reminded", after, passed.at, after.reminded)
                await self._write(connection, "gate_reminded", after, passed.at, number=after.reminded)
            elif kind == "escalation":
                await self._notify(connection, "escalated", after, passed.at)
                await self._write(connection, "gate_escalated", after, passed.at)
            else:
                await self._tell_of_the_end(connection, after)
        return after

    @activity.defn
    async def withdraw_gate(self, passed: TimePassed) -> GateState:
        """Note that nobody needs the decision any more."""
        async with self._engine.begin() as connection:
            after = reducer.withdraw(await gates.latest(connection, passed.state), passed.at)
            await gates.save(connection, after)
            await self._tell_of_the_end(connection, after)
        return after

    async def _decided(
        self, connection: AsyncConnection, state: GateState, decision: Decision, at: datetime
    ) -> GateState | Refusal:
        if decision.on_behalf_of is not None:
            lent = await delegations.find(connection, decision.on_behalf_of.delegation)
            refusal = refuse_to_act(lent, decision, state.subject.program, at)
            if refusal is not None:
                return refusal
        return reducer.take(state, decision, at)

    async def _refuse_forged(self, asked: DecisionAsked, error: Exception) -> DecisionTaken:
        """Nobody knows who wrote it, so nothing of what it says is kept but the digest of its text."""
        reason = error.detail if isinstance(error, SignatureInvalid) else "What was signed is no decision."
        remedy = "Decide through the API, which signs what it has checked."
        return await self._refuse_message(asked, "unknown", {"why": reason}, Refusal.of(Forged(reason, remedy)))

    async def _refuse_elsewhere(self, asked: DecisionAsked, claims: SignedClaims) -> DecisionTaken:
        """A decision that was given at another gate is no decision at this one, whoever carried it here."""
        refusal = Refusal.of(
            WrongGate(f"The decision was given at {claims.gate}, not here.", "Decide at this gate itself, through the API.")
        )
        return await self._refuse_message(asked, claims.decision.person.id, {"given_at": claims.gate}, refusal)

    async def _refuse_message(
        self, asked: DecisionAsked, actor: str, details: dict[str, object], refusal: Refusal
    ) -> DecisionTaken:
        digest = sha256(asked.token.encode(errors="surrogatepass")).hexdigest()
        fact = Fact(
            program=asked.state.subject.program,
            at=asked.at,
            action="vote",
            actor=actor,
            about=asked.state.id,
            key=f"{asked.state.id}/{refusal.code}/{digest}",
            refusal=refusal.code,
            details=details | {"message": digest},
        )
        async with self._engine.begin() as connection:
            await trail.append(connection, fact)
        return DecisionTaken(refusal=refusal)

    async def _notify(
        self, connection: AsyncConnection, kind: GateNoticeKind, state: GateState, at: datetime, number: int = 1
    ) -> None:
        to = (state.policy.escalation.to,) if kind == "escalated" and state.policy.escalation else ()
        await notices.post(connection, GateNotice(kind=kind, state=state, at=at, number=number, to=to), self._routing)

    async def _tell_of_the_end(self, connection: AsyncConnection, state: GateState) -> None:
        if state.outcome is None or state.decided_at is None:
            return
        kind: GateNoticeKind = "unsatisfiable" if state.outcome == "unsatisfiable" else "decided"
        if state.glass is not None:
            await self._notify(connection, "alarmed", state, state.decided_at)
        await self._notify(connection, kind, state, state.decided_at)
        await self._write(connection, "gate_decided", state, state.decided_at)

    async def _write(
        self, connection: AsyncConnection, action: Action, state: GateState, at: datetime, *, number: int = 1
    ) -> None:
        """What happened to a gate, for the audit trail; once for each action and number."""
        escalation = state.policy.escalation.to if state.policy.escalation else None
        subject = {"title": state.subject.title, "digest": state.subject.digest, "kind": state.subject.kind}
        details: dict[str, dict[str, object]] = {
            "gate_opened": {
                "subject": subject | {"figures": state.subject.figures},
                "policy": state.policy.model_dump(mode="json", exclude_defaults=True),
                "excluded": state.excluded,
                "due": state.due,
            },
            "gate_reminded": {"number": number, "waits_for": state.waits_for},
            "gate_escalated": {"to": escalation, "waits_for": state.waits_for},
            "gate_decided": {
                "outcome": state.outcome,
                "digest": state.subject.digest,
                "reasons": state.reasons,
                "broken_glass": state.glass is not None,
                "lacking": state.lacking,
            },
        }
        fact = Fact(
            program=state.subject.program,
            at=at,
            action=action,
            actor=POLICY if action == "gate_decided" and state.by_policy else SYSTEM,
            about=state.id,
            key=f"{state.id}/{action}/{number}",
            details=details.get(action, {}),
        )
        await trail.append(connection, fact)


def _counted_as(after: GateState, decision: Decision) -> Role | None:
    """The role that a decision has counted for; none where a vote was taken back."""
    if decision.answer == "withdraw":
        return None
    if decision.answer == "break_glass":
        return after.glass.role if after.glass else None
    return after.votes[-1].role
