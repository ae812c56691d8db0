"""Members: enrol, look, leave."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.idempotency import ACCEPTED_LATER, Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import LONG_WAIT, asked
from api.points.transactions import TransactionOut, to_response
from domain import ids
from domain.identity.person import Person
from domain.members.errors import (
    AgreementDiffers,
    AttributesNotAsked,
    EnrolmentClosed,
    FeeDiffers,
    HeldOut,
    MemberGone,
    NotInvited,
    NotInWave,
    RequirementNotMet,
    RolloutPaused,
    RolloutStopped,
    WaveFull,
)
from domain.members.membership import Membership
from domain.model import CAN_BE_KEPT, Value, formerly
from domain.points.errors import TransactionUnknown
from domain.programs.errors_holds import ProgramHalted, ProgramOnHold
from domain.programs.stages import MemberStatus
from services.members.enrolment import EnrolmentIn, check_enrolment
from store.members import benefits, members
from store.members.benefits import BenefitGrant
from store.members.members import MemberRecord, TierChange
from store.programs import programs
from workflows.attributes import of_member
from workflows.members.member_lifecycle import Departure, MemberLifecycle, MemberStart

router = APIRouter(prefix="/programs/{program}/members", tags=["members"], route_class=RetryReadRoute)


class DepartureIn(Value):
    """Why a member leaves, where they said."""

    reason: Annotated[str, Field(max_length=2000), CAN_BE_KEPT] = ""
    _old_name = formerly("why", "reason")


class MemberOut(MemberRecord):
    """A member: tier, journey stage, how they came there, and the benefits that they were given."""

    tier_changes: Sequence[TierChange]
    benefits: Sequence[BenefitGrant]


_OF_MEMBER = {"program": "$response.body#/program", "participant": "$response.body#/participant"}
_TO_MEMBER = links(
    201,
    show_member=_OF_MEMBER,
    show_balance=_OF_MEMBER,
    show_statement=_OF_MEMBER,
    post_event=_OF_MEMBER,
    redeem_reward=_OF_MEMBER,
    leave_program=_OF_MEMBER,
)
_NOT_JOINED = (
    *(EnrolmentClosed, ProgramOnHold, ProgramHalted, AgreementDiffers, NotInvited, NotInWave, AttributesNotAsked),
    *(RequirementNotMet, FeeDiffers, HeldOut, RolloutPaused, RolloutStopped, WaveFull, MemberGone),
)
Service = Annotated[Person, Depends(require("serve members"))]


@router.post(
    "",
    status_code=201,
    response_model=Membership,
    responses=together(ACCEPTED_LATER, _TO_MEMBER, raises(*_NOT_JOINED)),
)
async def enrol_member(
    program: str, joining: EnrolmentIn, request: Request, services: WithServices, key: Key, person: Service
) -> JSONResponse:
    """Enrol a member; who is one already gets the membership that is there."""

    async def act() -> StoredResponse:
        await check_enrolment(services.engine, program, joining)
        start = WithStartWorkflowOperation(
            MemberLifecycle.run,
            MemberStart(program=program, participant=joining.participant, agreement=joining.agreement, fee=joining.fee or None),
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
        membership = await asked(update, gone=MemberGone(joining.participant), wait_timeout=LONG_WAIT)
        if membership.status != "active":
            raise MemberGone(joining.participant)
        return StoredResponse(201, membership.model_dump(mode="json"), f"/programs/{program}/members/{joining.participant}")

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


@router.post(
    "/{participant}/departure",
    status_code=200,
    response_model=Membership,
    responses=together(ACCEPTED_LATER, raises(MemberGone)),
)
async def leave_program(
    program: str, participant: str, body: DepartureIn, request: Request, services: WithServices, key: Key, person: Service
) -> JSONResponse:
    """Let a member leave; what is left of their points is forfeited, the ledger keeps its entries."""

    async def act() -> StoredResponse:
        async with services.engine.connect() as connection:
            await members.find(connection, program, participant)
        handle = services.temporal.get_workflow_handle_for(MemberLifecycle.run, ids.member(program, participant))
        departure = Departure(at=datetime.now(UTC), why=body.reason)
        update = handle.execute_update(MemberLifecycle.leave, departure, id=ids.asked(person.id, key))
        membership: Membership = await asked(update, gone=MemberGone(participant), wait_timeout=LONG_WAIT)
        return StoredResponse(200, membership.model_dump(mode="json"))

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


@router.get("", dependencies=[Depends(require("read members"))])
async def list_members(
    program: str,
    services: WithServices,
    paged: Paged,
    tier: Annotated[str | None, Query(max_length=200), CAN_BE_KEPT] = None,
    status: MemberStatus | None = None,
) -> Page[MemberRecord]:
    """A program's members by reference, those who have left too; or those of one tier, or of one status."""
    (after,) = paged.after(str) or ("",)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await members.listed(connection, program, tier=tier, status=status, after=after, limit=paged.one_more)
    return paged.page(found, lambda member: (member.participant,))


@router.get("/{participant}", dependencies=[Depends(require("read members"))])
async def show_member(program: str, participant: str, services: WithServices) -> MemberOut:
    """A member: tier, journey stage, how they came there, and the benefits that they were given."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        record = await members.find(connection, program, participant)
        changes = await members.tier_changes(connection, program, participant)
        given = await benefits.of_member(connection, program, participant)
    return MemberOut(**record.model_dump(), tier_changes=changes, benefits=given)


@router.get(
    "/{participant}/transactions/{number}",
    dependencies=[Depends(require("read members"))],
    response_model=TransactionOut,
    response_model_exclude_unset=True,
    responses=raises(TransactionUnknown),
)
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
    return to_response(answer)
