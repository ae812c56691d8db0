"""Members: enrol, look, leave."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.errors import (
    AgreementDiffers,
    EnrolmentClosed,
    MemberGone,
    NotInWave,
    TransactionUnknown,
)
from api.once import Answer, Key, once
from api.people import may
from api.reading import ReadAgain
from api.services import Services, WithServices
from api.transactions import told
from api.workflow_calls import asked
from domain import ids
from domain.gates import Person
from domain.ids import ParticipantId
from domain.lifecycle import Membership
from domain.model import CAN_BE_KEPT, Value
from domain.waves import is_open_to
from store import members, programs
from store.errors import MemberUnknown
from workflows.attributes import of_member
from workflows.member_lifecycle import Leaving, MemberLifecycle, MemberStart

router = APIRouter(prefix="/programs/{program}/members", tags=["members"], route_class=ReadAgain)


class EnrolmentIn(Value):
    """Who joins (a reference, never a name), and the version of the agreement that they accepted."""

    participant: ParticipantId
    agreement: Annotated[str, Field(min_length=1, max_length=200), CAN_BE_KEPT]


class DepartureIn(Value):
    """Why a member leaves, where they said."""

    why: Annotated[str, Field(max_length=2000), CAN_BE_KEPT] = ""


Service = Annotated[Person, Depends(may("serve members"))]


@router.post("", status_code=201)
async def enrol(
    program: str, joining: EnrolmentIn, request: Request, services: WithServices, key: Key, person: Service
) -> JSONResponse:
    """Enrol a member; who is one already gets the membership that is there."""

    async def act() -> Answer:
        await _check_enrolment(services, program, joining)
        start = WithStartWorkflowOperation(
            MemberLifecycle.run,
            MemberStart(program=program, participant=joining.participant, agreement=joining.agreement),
            id=ids.member(program, joining.participant),
            task_queue=ids.MEMBERS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            # Who has left is known from the store; a workflow that only refused somebody must not keep them out for ever.
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"Membership of {joining.participant} in {program}",
            search_attributes=of_member(program, joining.participant),
        )
        update = services.temporal.execute_update_with_start_workflow(
            MemberLifecycle.join, start_workflow_operation=start, id=ids.asked(person.id, key)
        )
        membership = await asked(update, gone=MemberGone(joining.participant))
        if membership.status != "active":
            raise MemberGone(joining.participant)
        return Answer(201, membership.model_dump(mode="json"), f"/programs/{program}/members/{joining.participant}")

    return await once(request, services, person, key, act)


@router.post("/{participant}/departure", status_code=200)
async def leave(
    program: str, participant: str, wish: DepartureIn, request: Request, services: WithServices, key: Key, person: Service
) -> JSONResponse:
    """Let a member leave; what is left of their points is forfeited, the ledger keeps its entries."""

    async def act() -> Answer:
        async with services.engine.connect() as connection:
            await members.find(connection, program, participant)
        handle = services.temporal.get_workflow_handle_for(MemberLifecycle.run, ids.member(program, participant))
        leaving = Leaving(at=datetime.now(UTC), why=wish.why)
        update = handle.execute_update(MemberLifecycle.leave, leaving, id=ids.asked(person.id, key))
        membership: Membership = await asked(update, gone=MemberGone(participant))
        return Answer(200, membership.model_dump(mode="json"))

    return await once(request, services, person, key, act)


@router.get("/{participant}", dependencies=[Depends(may("read members"))])
async def show_member(program: str, participant: str, services: WithServices) -> dict[str, Any]:
    """A member: tier, journey stage, and how they came there."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        record = await members.find(connection, program, participant)
        changes = await members.tier_changes(connection, program, participant)
    return record.model_dump(mode="json") | {"tier_changes": [change.model_dump(mode="json") for change in changes]}


@router.get("/{participant}/transactions/{number}", dependencies=[Depends(may("read members"))])
async def show_transaction(
    program: str, participant: str, number: Annotated[int, Path(ge=1, le=2**63 - 1)], services: WithServices
) -> dict[str, Any]:
    """One transaction of a member's points, as it was answered."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        await members.find(connection, program, participant)
    answer = await services.ledger.transaction(program, participant, number)
    if answer is None:
        raise TransactionUnknown(number, participant)
    return told(answer)


async def _check_enrolment(services: Services, program: str, joining: EnrolmentIn) -> None:
    """What can be refused without beginning a workflow; the member's own workflow checks again."""
    now = datetime.now(UTC)
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        in_force = await programs.in_force_at(connection, program, now)
        try:
            if (await members.find(connection, program, joining.participant)).status == "active":
                return
            raise MemberGone(joining.participant)
        except MemberUnknown:
            pass
    if in_force is None or (record.enrolment_until is not None and now >= record.enrolment_until):
        raise EnrolmentClosed(program)
    if joining.agreement != in_force.definition.agreement.version:
        raise AgreementDiffers(joining.agreement, in_force.definition.agreement.version)
    if not is_open_to(record.salt, joining.participant, record.open_buckets):
        raise NotInWave(joining.participant)
