"""Gates: what waits for a decision, and the decision itself. A GET never decides."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from api.auth.authorization import Caller, require
from api.http.dependencies import Services, WithServices
from api.http.errors_server import ServiceUnavailable
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import asked, in_time
from domain import ids
from domain.gates import reducer
from domain.gates import state as gates_state
from domain.gates.delegations import refuse_to_act
from domain.gates.errors import (
    AlreadyVoted,
    BreakGlassNotAllowed,
    DecisionUnknown,
    Forged,
    FourEyes,
    GateDecided,
    GateExpired,
    GateOverrun,
    NoDelegation,
    NothingToWithdraw,
    ReasonMissing,
    RoleNotAsked,
    StepNotOpen,
    SubjectChanged,
    WrongGate,
)
from domain.gates.state import Decision, GateState, Mandate, Refusal, SignedClaims
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.model import CAN_BE_KEPT, Value
from domain.refusals import refused
from runtime.database import each_by_itself
from runtime.identity.signatures import KeyRing
from services.audit.dossiers import Evidence, evidence_of
from store.gates import delegations, gates
from store.gates.gates import GateAnswer
from workflows.gates.approval_gate import ApprovalGate, SignedDecision

router = APIRouter(prefix="/gates", tags=["gates"], route_class=RetryReadRoute)


class DecisionIn(Value):
    """An answer for exactly the subject that was read: its digest is part of the answer."""

    answer: gates_state.VoteChoice
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    reason: Annotated[str, Field(max_length=2000), CAN_BE_KEPT] = ""
    role: Role | None = None
    on_behalf_of: Annotated[str, Field(min_length=1, max_length=200), CAN_BE_KEPT] | None = None
    """The person who has delegated to the one who asks."""


_REFUSALS = (
    *(GateDecided, GateExpired, SubjectChanged, FourEyes, AlreadyVoted, RoleNotAsked, StepNotOpen),
    *(ReasonMissing, NothingToWithdraw, BreakGlassNotAllowed, NoDelegation, Forged, WrongGate),
    GateOverrun,
)


class DecisionAnswer(Value):
    """What became of a decision: it is open still, it counted (with the gate after it), or it was refused (with why)."""

    key: str
    status: Literal["open", "counted", "refused"]
    refusal: Refusal | None = None
    gate: GateState | None = None


@router.get("", dependencies=[Depends(require("read programs"))])
async def list_gates(
    services: WithServices,
    principal: Caller,
    paged: Paged,
    program: Annotated[str | None, Query(max_length=200), CAN_BE_KEPT] = None,
    open: bool = True,
    mine: bool = False,
) -> Page[GateState]:
    """Gates of the programs that you may see, oldest first; `mine` leaves those that you can still vote at."""
    after = paged.after(datetime, str)
    async with services.engine.connect() as connection:
        # Who can vote is the rules' to say: of open gates, which are few, all are looked at.
        most = None if mine else paged.one_more
        found = await gates.listed(
            connection, program, open_only=open or mine, after=after, limit=most, among=principal.programs
        )
    if mine:
        waiting = (state for state in found if _waits_for(state, principal.in_program(state.subject.program)))
        found = list(islice(waiting, paged.one_more))
    return paged.page(found, lambda gate: (gate.opened_at, gate.id))


@router.post(
    "/{gate:path}/decisions",
    status_code=201,
    response_model=GateState,
    responses=together(
        {202: {"model": DecisionAnswer, "description": "The gate has it; ask at Location what becomes of it."}},
        links(201, show_gate={"gate": "$response.body#/id"}),
        raises(*_REFUSALS),
    ),
)
async def decide_gate(
    gate: str,
    answer: DecisionIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("decide at a gate"))],
) -> JSONResponse:
    """Approve, request changes, reject, take back one's own vote, or break the glass.

    202 where the gate does not answer in time: it has the decision, and what became of it is told under `Location`.
    """

    async def act() -> StoredResponse:
        decision = await _meant(services, gate, answer, person, key)
        state = await _decided(services, request.app.state.keys, gate, decision)
        if state is None:
            late = DecisionAnswer(key=key, status="open")
            return StoredResponse(202, late.model_dump(mode="json"), f"/gates/{gate}/decisions/{quote(key, safe='')}")
        return StoredResponse(201, state.model_dump(mode="json"), f"/gates/{gate}")

    return await idempotent(request, services, person, key, act)


@router.get("/{gate:path}/decisions/{key:path}", responses=raises(DecisionUnknown))
async def show_decision(
    gate: str, key: str, services: WithServices, person: Annotated[Person, Depends(require("decide at a gate"))]
) -> DecisionAnswer:
    """What became of a decision of mine that was handed to the gate under this Idempotency-Key."""
    async with services.engine.connect() as connection:
        await gates.find(connection, gate)
        found = await gates.answer_to(connection, gate, person.id, key)
    if found is None:
        raise DecisionUnknown(gate, key)
    status: Literal["open", "counted", "refused"] = "open" if found.is_open else "refused" if found.refusal else "counted"
    return DecisionAnswer(key=key, status=status, refusal=found.refusal, gate=found.state)


# Before the gate itself and after its decisions: a gate's id has slashes of its own, and any word can be a key.
@router.get("/{gate:path}/evidence", dependencies=[Depends(require("read programs"))])
async def show_evidence(gate: str, services: WithServices) -> Evidence:
    """What a gate's subject rests on: the difference to what members have, the prototype's figures, the tests, who edited."""
    async with services.engine.connect() as connection:
        return await evidence_of(connection, await gates.find(connection, gate))


@router.get("/{gate:path}", dependencies=[Depends(require("read programs"))])
async def show_gate(gate: str, services: WithServices) -> GateState:
    """One gate: its subject with the digest to vote for, the policy, the votes."""
    async with services.engine.connect() as connection:
        return await gates.find(connection, gate)


async def _meant(services: Services, gate: str, answer: DecisionIn, person: Person, key: str) -> Decision:
    """The decision that is asked for, with what was lent to the person. Raises GateUnknown."""
    decision = Decision(
        person=person, role=answer.role, answer=answer.answer, reason=answer.reason, digest=answer.digest, key=key
    )
    delegator = answer.on_behalf_of
    if delegator is None:
        return decision
    async with services.engine.connect() as connection:
        program = (await gates.find(connection, gate)).subject.program
        lent = await delegations.holding(connection, person.id, program, datetime.now(UTC), delegator=delegator)
    fitting = [each for each in lent if answer.role in (None, *each.roles)] or lent
    mandate = Mandate(delegation=fitting[0].id if fitting else "", giver=delegator, roles=fitting[0].roles if fitting else ())
    return decision.model_copy(update={"on_behalf_of": mandate})


async def _decided(services: Services, keys: KeyRing, gate: str, decision: Decision) -> GateState | None:
    """The gate after its workflow took the decision; None where it has it, and has not answered in time.

    What cannot count now is refused here, and stands in the audit trail as refused; so it never comes into the gate's history.
    Raises Refused, GateUnknown.
    """
    person, key, now = decision.person.id, decision.key, datetime.now(UTC)
    async with each_by_itself(services.engine) as connection:
        known, before = await gates.find_with_answer(connection, gate, person, key)
        refusal = None if before else await _refused_now(connection, known, decision, now)
        if before is None and refusal is None:
            await gates.expect_answer(connection, gate, person, key)
    if refusal is not None:
        async with services.engine.begin() as connection:
            await gates.record(connection, known, decision, decision.role, now, refusal=refusal.code)
        raise refused(refusal.code, refusal.detail, refusal.remedy)
    if before is not None and not before.is_open:
        return _to_response(before)  # this very decision was taken, but its answer was lost on the way
    claims = SignedClaims(gate=gate, at=now, decision=decision)
    signed = SignedDecision(token=keys.sign(claims.model_dump(mode="json")))
    handle = services.temporal.get_workflow_handle_for(ApprovalGate.run, gate)
    try:
        update = handle.execute_update(ApprovalGate.decide, signed, id=ids.asked(person, key))
        return await asked(update, gone=_GateOver(), wait_timeout=services.wait_timeout)
    except ServiceUnavailable:
        await _left_with(handle, signed)
        return None
    except _GateOver:
        return await _refused_at_last(services, gate, decision, now)


async def _left_with(handle: WorkflowHandle[Any, Any], signed: SignedDecision) -> None:
    """Leave the decision with the gate, which takes it once it can; the same one counts once, however often it comes.

    A gate that is over by now is told of in the answer that its place gives. Raises ServiceUnavailable where Temporal is away.
    """
    try:
        await in_time(handle.signal(ApprovalGate.decide_later, signed), "Temporal")
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise


async def _refused_at_last(services: Services, gate: str, decision: Decision, now: datetime) -> GateState:
    """What a decision came to that found no open workflow behind the gate any more."""
    person, key = decision.person.id, decision.key
    async with services.engine.begin() as connection:
        known, before = await gates.find_with_answer(connection, gate, person, key)
        if before is None or before.is_open:
            refusal = reducer.refuse(known, decision, now) or Refusal.of(_GateOver())
            before = GateAnswer(refusal=refusal)
            await gates.keep_answer(connection, gate, person, key, before)
            await gates.record(connection, known, decision, decision.role, now, refusal=refusal.code)
    return _to_response(before)


async def _refused_now(connection: AsyncConnection, known: GateState, decision: Decision, now: datetime) -> Refusal | None:
    """Why a decision cannot count, by the same rules as in the gate's workflow."""
    if decision.on_behalf_of is not None:
        lent = await delegations.find(connection, decision.on_behalf_of.delegation)
        refusal = refuse_to_act(lent, decision, known.subject.program, now)
        if refusal is not None:
            return refusal
    return reducer.refuse(known, decision, now)


def _to_response(answer: GateAnswer) -> GateState:
    """The gate after a decision that counted. Raises Refused where it did not."""
    if answer.refusal is not None:
        raise refused(answer.refusal.code, answer.refusal.detail, answer.refusal.remedy)
    assert answer.state is not None
    return answer.state


class _GateOver(GateDecided):
    """There is no open workflow behind the gate any more."""

    def __init__(self) -> None:
        super().__init__("The gate is decided.", "Nothing is left to decide here.")


def _waits_for(state: GateState, person: Person) -> bool:
    """Whether somebody can vote now, for a place that is still missing."""
    possible = set(reducer.places_for(state, person.roles, datetime.now(UTC))) & set(state.waits_for)
    voted = any(person.id in vote.voices for vote in state.votes)
    return bool(possible) and not voted and person.id not in state.excluded
