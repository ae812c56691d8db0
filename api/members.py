"""Members: enrol, post an event, leave."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.errors import (
    AgreementDiffers,
    EarningClosed,
    EnrolmentClosed,
    EventTypeUnknown,
    InvalidRequest,
    MemberGone,
    NotInWave,
    OutOfTime,
)
from api.once import Answer, Key, once
from api.people import may
from api.reading import ReadAgain
from api.services import Services, WithServices
from api.transactions import first_answer, own_key, posted
from api.workflow_calls import asked
from domain import earning, expiry, ids, tiers
from domain.definition import Amount
from domain.gates import Person
from domain.ids import Name, ParticipantId
from domain.lifecycle import Membership
from domain.model import CAN_BE_KEPT, Value
from domain.waves import is_open_to
from ledger import MAX_POINTS, Earn
from ledger import Answer as LedgerAnswer
from store import members, programs
from store.errors import MemberUnknown
from workflows.attributes import of_member
from workflows.member_lifecycle import Leaving, MemberLifecycle, MemberStart

router = APIRouter(prefix="/programs/{program}/members", tags=["members"], route_class=ReadAgain)

_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours the clock of a shop may run."""


class EnrolmentIn(Value):
    """Who joins (a reference, never a name), and the version of the agreement that they accepted."""

    participant: ParticipantId
    agreement: Annotated[str, Field(min_length=1, max_length=200), CAN_BE_KEPT]


class EventIn(Value):
    """What happened: its type, when (with a time zone), and the amount in units of the program's money."""

    type: Name
    occurred_at: AwareDatetime
    amount: Amount = Decimal(0)


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


@router.post("/{participant}/events", status_code=201)
async def post_event(
    program: str, participant: str, event: EventIn, services: WithServices, key: Key, person: Service
) -> JSONResponse:
    """Post an activity of a member; it is rated by the revision in force when it happened, and paid once."""
    ledger_key, fingerprint = ids.event(person.id, key), event.model_dump_json()

    async def post() -> LedgerAnswer:
        return await services.ledger.earn(await _rated(services, program, participant, event, ledger_key, fingerprint))

    with own_key(key):
        answer = await first_answer(post, lambda: services.ledger.answered(Earn, program, participant, ledger_key, fingerprint))
    return posted(program, participant, answer)


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


async def _rated(services: Services, program: str, participant: str, event: EventIn, key: str, fingerprint: str) -> Earn:
    """What an event brings, by the revision in force when it happened. Raises the reason why it cannot be posted."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        member = await members.find(connection, program, participant)
        _check_time(event.occurred_at, member, datetime.now(UTC))
        in_force = await programs.in_force_at(connection, program, event.occurred_at)
    if member.status != "active":
        raise MemberGone(participant)
    if in_force is None or (record.earning_until is not None and event.occurred_at >= record.earning_until):
        raise EarningClosed(program)
    definition = in_force.definition
    known = sorted({rule.event for rule in definition.earning})
    if event.type not in known:
        raise EventTypeUnknown(event.type, known)
    try:
        rating = earning.rate(definition, member.tier, earning.Event(type=event.type, amount=event.amount))
    except ValueError as error:
        raise InvalidRequest([{"field": "amount", "problem": str(error)}]) from error
    if max((rating.points, *rating.qualifying.values())) > MAX_POINTS:
        raise InvalidRequest(
            [{"field": "amount", "problem": f"the event would bring {rating.points} points, over {MAX_POINTS}"}]
        )
    gap = expiry.clock_stands_within(definition)
    return Earn(
        program=program,
        participant=participant,
        currency=definition.currency.code,
        key=key,
        fingerprint=fingerprint,
        kind="earn",
        points=rating.points,
        effective_at=event.occurred_at,
        expires_at=expiry.lot_expiry(definition, member.tier, event.occurred_at),
        qualifying=rating.qualifying,
        details={
            "event": event.type,
            "amount": str(event.amount),
            "participant": participant,
            "tier": member.tier,
            "revision": in_force.number,
            "rules": list(rating.rules),
        },
        clock_stands_within=gap.approximate() if gap is not None else None,
        renew_lots=expiry.renews_lots(definition),
        watches=tiers.watches(definition, member.tier, event.occurred_at),
        nudge=_nudged_by_activity(member),
        nudge_on_watch=ids.member(program, participant),
    )


def _nudged_by_activity(member: members.MemberRecord) -> tuple[str, ...]:
    """Which workflows any activity of the member concerns: an offer that waits for it, and, where it is news, the member's."""
    offer = (member.open_intervention,) if member.open_intervention else ()
    news = () if member.journey_stage == "using" else (ids.member(member.program, member.participant),)
    return offer + news


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


def _check_time(occurred_at: datetime, member: members.MemberRecord, now: datetime) -> None:
    if occurred_at > now + _CLOCKS_DIFFER:
        raise OutOfTime(
            f"{occurred_at.isoformat()} has not come yet.", remedy="Post an event once it has happened.", field="occurred_at"
        )
    if occurred_at < member.joined_at:
        raise OutOfTime(
            f"{occurred_at.isoformat()} is before the member joined ({member.joined_at.isoformat()}).",
            remedy="Only what happens from joining on counts.",
            field="occurred_at",
        )
