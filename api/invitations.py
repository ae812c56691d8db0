"""Invitations: who may join a program that only invited ones may join."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api.errors import ProgramEnded
from api.once import Answer, Key, once
from api.people import may
from api.reading import ReadAgain
from api.services import WithServices
from domain.gates import Person
from domain.ids import ParticipantId
from domain.model import CAN_BE_KEPT, Value
from domain.stages import ENDED
from store import invitations, programs

router = APIRouter(prefix="/programs/{program}/invitations", tags=["members"], route_class=ReadAgain)

_AT_ONCE = 10_000
_PAGE = 1000


class InvitationsIn(Value):
    """Who is invited: references, never names."""

    participants: Annotated[tuple[ParticipantId, ...], Field(min_length=1, max_length=_AT_ONCE)]


@router.post("", status_code=201)
async def invite(
    program: str,
    invited: InvitationsIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(may("invite members"))],
) -> JSONResponse:
    """Invite participants, before the launch too; those who are invited already stay so.

    `needed` says whether joining asks for an invitation at all, by the revision in force (by the first one before the launch).
    """

    async def act() -> Answer:
        participants = list(dict.fromkeys(invited.participants))
        async with services.engine.begin() as connection:
            record = await programs.find(connection, program)
            if record.stage in ENDED:
                raise ProgramEnded(program)
            definition = await programs.definition(connection, program, record.revision_in_force or 1)
            added = await invitations.invite(connection, program, participants, person.id, datetime.now(UTC))
            total, accepted = await invitations.counts(connection, program)
        body = {
            "program": program,
            "added": added,
            "invited": total,
            "accepted": accepted,
            "needed": definition.joining.invitation_only,
        }
        return Answer(201, body, f"/programs/{program}/invitations")

    return await once(request, services, person, key, act)


@router.get("", dependencies=[Depends(may("read members"))])
async def list_invitations(
    program: str, services: WithServices, after: Annotated[str, Query(max_length=100), CAN_BE_KEPT] = ""
) -> dict[str, Any]:
    """How many were invited and have joined, and up to a thousand invitations by reference, after the one named."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        total, accepted = await invitations.counts(connection, program)
        page = await invitations.after(connection, program, after, _PAGE)
    return {"invited": total, "accepted": accepted, "invitations": [each.model_dump(mode="json") for each in page]}
