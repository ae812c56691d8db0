"""Invitations: who may join a program that only invited ones may join."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from domain.identity.person import Person
from domain.ids import ParticipantId
from domain.model import Value
from domain.programs.errors import ProgramEnded
from services.programs.availability import require_open
from store.programs import programs
from store.rollout import invitations
from store.rollout.invitations import Invitation

router = APIRouter(prefix="/programs/{program}/invitations", tags=["members"], route_class=RetryReadRoute)

_AT_ONCE = 10_000


class InvitationsIn(Value):
    """Who is invited: references, never names."""

    participants: Annotated[tuple[ParticipantId, ...], Field(min_length=1, max_length=_AT_ONCE)]


class Invited(Value):
    """How many are invited and have joined; `needed`: whether joining asks for an invitation at all."""

    program: str
    added: int
    invited: int
    accepted: int
    needed: bool


class InvitationPage(Page[Invitation]):
    """Invitations by reference, and how many there are in all and are accepted."""

    invited: int
    accepted: int


@router.post(
    "",
    status_code=201,
    response_model=Invited,
    responses=together(links(201, list_invitations={"program": "$response.body#/program"}), raises(ProgramEnded)),
)
async def invite_members(
    program: str,
    invited: InvitationsIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("invite members"))],
) -> JSONResponse:
    """Invite participants, before the launch too; those who are invited already stay so.

    `needed` says whether joining asks for an invitation at all, by the revision in force (by the first one before the launch).
    """

    async def act() -> StoredResponse:
        participants, now = list(dict.fromkeys(invited.participants)), datetime.now(UTC)
        async with services.engine.begin() as connection:
            record = await programs.find(connection, program)
            require_open(record, "changes", now)
            definition = await programs.definition(connection, program, record.revision_in_force or 1)
            added = await invitations.invite(connection, program, participants, person.id, now)
            total, accepted = await invitations.counts(connection, program)
        body = Invited(
            program=program,
            added=added,
            invited=total,
            accepted=accepted,
            needed=definition.joining.invitation_only,
        )
        return StoredResponse(201, body.model_dump(mode="json"), f"/programs/{program}/invitations")

    return await idempotent(request, services, person, key, act)


@router.get("", dependencies=[Depends(require("read members"))])
async def list_invitations(program: str, services: WithServices, paged: Paged) -> InvitationPage:
    """How many were invited and have joined, and the invitations by reference."""
    (after,) = paged.after(str) or ("",)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        total, accepted = await invitations.counts(connection, program)
        found = await invitations.after(connection, program, after, paged.one_more)
    items, following = paged.cut(found, lambda invitation: (invitation.participant,))
    return InvitationPage(items=items, next=following, invited=total, accepted=accepted)
