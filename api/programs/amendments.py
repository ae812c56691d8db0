"""Amendments as people see them: difference, impact on members, what members are told; one is called back, or rolled back."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.idempotency import ACCEPTED_LATER, Key, StoredResponse, idempotent
from api.http.openapi import raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import LONG_WAIT, asked
from api.programs.revisions import REFUSED, SUBMITTED, Declared, EffectiveFrom, Number, Submitted, handed_in
from domain import ids
from domain.definition.diff import Difference, Differences, differences
from domain.identity.person import Person
from domain.model import CAN_BE_KEPT, Value
from domain.programs import amendments
from domain.programs.amendment_impact import Impact, MemberImpact
from domain.programs.amendments import AmendmentClass
from domain.programs.errors import ImpactUnknown, NeverInForce, NothingToRestore, ProgramEnded
from domain.programs.errors_lifecycle import NothingToRecall, RecallTooLate
from store.errors import RevisionUnknown
from store.members import members
from store.programs import amendment_impacts, announcements, programs
from store.programs.announcements import NoticeRecord
from workflows.programs.lifecycle import ProgramLifecycle
from workflows.programs.pending_amendment import RecallRequest

router = APIRouter(prefix="/programs/{program}/revisions/{number}", tags=["programs"], route_class=RetryReadRoute)

Reviser = Annotated[Person, Depends(require("revise a program"))]


class RecallIn(Value):
    """Why it is done; members are not told the reason, the audit trail keeps it."""

    reason: Annotated[str, Field(min_length=1, max_length=2000), CAN_BE_KEPT]


class RecalledOut(Value):
    """An approved amendment that will not take effect."""

    program: str
    revision: int
    status: str = "withdrawn"


class DifferenceOut(Value):
    """Every difference between two revisions in words, the gravest first, and how much an amendment by it weighs.

    `compared_with` is null where there is nothing before it.
    """

    program: str
    revision: int
    compared_with: int | None
    weight: AmendmentClass | None
    differences: Sequence[Difference]


class ImpactOut(Impact):
    """An amendment's impact on the members that exist, with a sentence that says it."""

    told_in_words: str


class MemberImpactOut(MemberImpact):
    """The impact on one member, and the change of what their events bring."""

    points_changed_by: int


class AmendmentNotice(NoticeRecord):
    """What a member is to be told of an amendment; `changes` are in words, and the same for all."""

    changes: Sequence[str]


@router.get("/difference", dependencies=[Depends(require("read programs"))], responses=raises(RevisionUnknown))
async def show_difference(
    program: str,
    number: Number,
    services: WithServices,
    compared_with: Annotated[int | None, Query(alias="with", ge=1, le=2**31 - 1)] = None,
) -> DifferenceOut:
    """What a revision changes, in a product owner's words: against `with`, else against what members had when it was handed in.

    Before the launch that is the try before; a first revision differs from nothing.
    """
    async with services.engine.connect() as connection:
        record = await programs.find_revision(connection, await _known(connection, program), number)
        in_force = await programs.in_force_at(connection, program, record.submitted_at)
        before = compared_with or (in_force.number if in_force is not None else number - 1)
        found = await _differences(connection, program, before, number) if before else None
    if found is None:
        return DifferenceOut(program=program, revision=number, compared_with=None, weight=None, differences=())
    weight: AmendmentClass = "substantial" if found.mark == "substantial" else "minor"
    return DifferenceOut(program=program, revision=number, compared_with=before, weight=weight, differences=found.differences)


@router.get("/impact", dependencies=[Depends(require("read programs"))], responses=raises(RevisionUnknown, ImpactUnknown))
async def show_impact(program: str, number: Number, services: WithServices) -> ImpactOut:
    """What an amendment means for the members that existed when its launch gate opened: who moves tier, gains or loses."""
    async with services.engine.connect() as connection:
        found = await _impact(connection, program, number)
    return ImpactOut(**found.model_dump(), told_in_words=found.summary)


@router.get(
    "/impact/members", dependencies=[Depends(require("read members"))], responses=raises(RevisionUnknown, ImpactUnknown)
)
async def list_impact(program: str, number: Number, services: WithServices, paged: Paged) -> Page[MemberImpactOut]:
    """The members whom an amendment touches, by reference: those first who lose most points."""
    after = paged.after(int, str)
    async with services.engine.connect() as connection:
        await _impact(connection, program, number)
        found = await amendment_impacts.members(connection, program, number, after, paged.one_more)
    shown = [MemberImpactOut(**each.model_dump(), points_changed_by=each.points_change) for each in found]
    return paged.page(shown, lambda member: (member.points_changed_by, member.participant))


@router.get("/notices", dependencies=[Depends(require("read members"))], responses=raises(RevisionUnknown))
async def list_amendment_notices(program: str, number: Number, services: WithServices, paged: Paged) -> Page[AmendmentNotice]:
    """What members are to be told of an amendment, by reference, for whoever writes to them; each is written once.

    `amendment` says what changes and from when on, `amendment-recalled` that it will not.
    """
    (after,) = paged.after(int) or (0,)
    about = announcements.about_revision(number)
    async with services.engine.connect() as connection:
        await programs.find_revision(connection, await _known(connection, program), number)
        found = await announcements.notices(connection, program, about, after, paged.one_more)
        changes: Sequence[str] = ()
        if found and (before := found[0].told.get("compared_with")) is not None:
            differ = await _differences(connection, program, int(before), number)
            changes = [each.told for each in differ.differences if each.mark == differ.mark]
    shown = [AmendmentNotice(**each.model_dump(), changes=changes) for each in found]
    return paged.page(shown, lambda notice: (notice.id,))


@router.post(
    "/withdrawal",
    response_model=RecalledOut,
    responses=together(
        ACCEPTED_LATER,
        raises(RevisionUnknown, ProgramEnded, NothingToRecall, RecallTooLate),
    ),
)
async def recall_revision(
    program: str, number: Number, body: RecallIn, request: Request, services: WithServices, key: Key, person: Reviser
) -> JSONResponse:
    """Call back an amendment that is approved, before the date on which it takes effect; members who were told are told so."""

    async def act() -> StoredResponse:
        async with services.engine.connect() as connection:
            await programs.find_revision(connection, await _known(connection, program), number)
        recall = RecallRequest(number=number, requested_by=person.id, reason=body.reason)
        handle = services.temporal.get_workflow_handle_for(ProgramLifecycle.run, ids.lifecycle(program))
        update = handle.execute_update(ProgramLifecycle.recall_revision, recall, id=ids.asked(person.id, key))
        await asked(update, gone=ProgramEnded(program), wait_timeout=LONG_WAIT)
        return StoredResponse(200, RecalledOut(program=program, revision=number).model_dump(mode="json"))

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


@router.post(
    "/restoration",
    status_code=201,
    response_model=Submitted,
    responses=together(ACCEPTED_LATER, SUBMITTED, raises(RevisionUnknown, NeverInForce, NothingToRestore, *REFUSED)),
)
async def restore_revision(
    program: str,
    number: Number,
    request: Request,
    services: WithServices,
    key: Key,
    person: Reviser,
    effective_from: EffectiveFrom = None,
    weight: Declared = None,
) -> JSONResponse:
    """Roll back: hand an earlier revision's definition in again, as a further revision with its own gates and notice.

    Tiers that came meanwhile give way to those whose place they took, or that have the same rank; where neither is there, it is
    refused with what is missing.
    """

    async def act() -> StoredResponse:
        async with services.engine.connect() as connection:
            record = await programs.find(connection, program)
            earlier = await programs.find_revision(connection, program, number)
            if record.revision_in_force == number:
                raise NothingToRestore(program, number)
            if record.revision_in_force is None or earlier.status != "superseded":
                raise NeverInForce(program, number)
            old = await programs.definition(connection, program, number)
            in_force = await programs.definition(connection, program, record.revision_in_force)
            held = await members.tiers_held(connection, program)
        definition = amendments.restored(old, in_force, sorted(held))
        return await handed_in(services, person, key, definition, None, effective_from, weight, restores=number)

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


async def _known(connection: AsyncConnection, program: str) -> str:
    """The program's id, where there is one. Raises ProgramUnknown."""
    return (await programs.find(connection, program)).id


async def _impact(connection: AsyncConnection, program: str, number: int) -> Impact:
    await programs.find_revision(connection, await _known(connection, program), number)
    found = await amendment_impacts.find(connection, program, number)
    if found is None:
        raise ImpactUnknown(program, number)
    return found


async def _differences(connection: AsyncConnection, program: str, before: int, after: int) -> Differences:
    old = await programs.definition(connection, program, before)
    return differences(old, await programs.definition(connection, program, after))
