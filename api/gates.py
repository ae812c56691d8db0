"""Gates: what waits for a decision, and the decision itself. A GET never decides."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.errors import Refused
from api.once import Answer, Key, once
from api.people import Caller, may
from api.reading import ReadAgain
from api.services import Services, WithServices
from api.workflow_calls import asked
from domain import gates as rules
from domain import ids
from domain.definition import Role
from domain.gates import Decision, GateState, Person
from domain.model import CAN_BE_KEPT, Value
from store import gates
from workflows.approval_gate import ApprovalGate

router = APIRouter(prefix="/gates", tags=["gates"], route_class=ReadAgain)


class DecisionIn(Value):
    """An answer for exactly the subject that was read: its digest is part of the answer."""

    answer: rules.Answer
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    reason: Annotated[str, Field(max_length=2000), CAN_BE_KEPT] = ""
    role: Role | None = None


@router.get("", dependencies=[Depends(may("read programs"))])
async def list_gates(
    services: WithServices,
    asker: Caller,
    program: str | None = None,
    open: bool = True,
    mine: bool = False,
) -> list[dict[str, Any]]:
    """Gates of the programs that you may see, oldest first; `mine` leaves those that you can still vote at."""
    async with services.engine.connect() as connection:
        found = await gates.listed(connection, program, open_only=open or mine)
    seen = [state for state in found if asker.sees(state.subject.program)]
    return [
        state.model_dump(mode="json")
        for state in seen
        if not mine or _waits_for(state, asker.in_program(state.subject.program))
    ]


@router.post("/{gate:path}/decisions", status_code=201)
async def decide(
    gate: str,
    answer: DecisionIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(may("decide at a gate"))],
) -> JSONResponse:
    """Approve, request changes or reject."""
    decision = Decision(
        person=person, role=answer.role, answer=answer.answer, reason=answer.reason, digest=answer.digest, key=key
    )

    async def act() -> Answer:
        state = await _decided(services, gate, decision)
        return Answer(201, state.model_dump(mode="json"), f"/gates/{gate}")

    return await once(request, services, person, key, act)


@router.get("/{gate:path}", dependencies=[Depends(may("read programs"))])
async def show_gate(gate: str, services: WithServices) -> dict[str, Any]:
    """One gate: its subject with the digest to vote for, the policy, the votes."""
    async with services.engine.connect() as connection:
        return (await gates.find(connection, gate)).model_dump(mode="json")


async def _decided(services: Services, gate: str, decision: Decision) -> GateState:
    """Have the gate's workflow take the decision; a refused one goes into the audit trail too. Raises Refused, GateUnknown."""
    async with services.engine.connect() as connection:
        known = await gates.find(connection, gate)
    handle = services.temporal.get_workflow_handle_for(ApprovalGate.run, gate)
    update = handle.execute_update(ApprovalGate.decide, decision, id=ids.asked(decision.person.id, decision.key))
    try:
        return await asked(update, gone=_GateOver())
    except _GateOver:
        async with services.engine.connect() as connection:
            known = await gates.find(connection, gate)
            if await gates.has_counted(connection, gate, decision.person.id, decision.key):
                return known  # this very vote counted, but its answer was lost on the way
        refusal = rules.refuse(known, decision, datetime.now(UTC)) or rules.Refusal(
            code="gate_decided", detail="The gate is decided.", remedy="Nothing is left to decide here."
        )
        refused = Refused(refusal.code, refusal.detail, refusal.remedy)
    except Refused as error:
        refused = error
    async with services.engine.begin() as connection:
        await gates.record(connection, known, decision, decision.role, datetime.now(UTC), refusal=refused.code)
    raise refused


class _GateOver(Refused):
    """There is no open workflow behind the gate any more."""

    def __init__(self) -> None:
        super().__init__("gate_decided", "The gate is decided.", "Nothing is left to decide here.")


def _waits_for(state: GateState, person: Person) -> bool:
    roles = {rule.role for rule in state.policy.rules}
    voted = any(vote.person == person.id for vote in state.votes)
    return bool(roles & set(person.roles)) and not voted and person.id not in state.excluded
