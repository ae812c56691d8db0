"""Delegations: who decides for me at gates while I am away, and for whom I decide."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.authorization import Caller, check_sees, require
from api.auth.caller import Principal
from api.http.dependencies import Services, WithServices
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from domain import ids
from domain.audit.chain import EVERYWHERE, Action, Fact
from domain.gates.delegations import Delegation, refuse
from domain.gates.errors import (
    DelegateUnknown,
    DelegationCircle,
    DelegationEndsBeforeItBegins,
    DelegationOfForeignRole,
    DelegationOfNothing,
    DelegationOver,
    DelegationToOneself,
)
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.model import CAN_BE_KEPT, Value
from domain.refusals import refused
from store.audit import trail
from store.errors import ProgramUnknown
from store.gates import delegations
from store.gates.delegations import DelegationUnknown
from store.programs import programs

router = APIRouter(prefix="/delegations", tags=["gates"])
Delegator = Annotated[Person, Depends(require("delegate"))]


class DelegationIn(Value):
    """To whom, until when; without roles all of one's own, without a program at the gates of all, without `since` from now."""

    to: Annotated[str, Field(min_length=1, max_length=200), CAN_BE_KEPT]
    roles: tuple[Role, ...] | None = None
    program: ids.ProgramId | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime


@router.get("")
async def list_delegations(services: WithServices, person: Delegator, paged: Paged) -> Page[Delegation]:
    """What I have given and been given, the latest first; what is over, too."""
    after = paged.after(datetime, str)
    async with services.engine.connect() as connection:
        found = await delegations.of(connection, person.id, after=after, limit=paged.one_more)
    return paged.page(found, lambda delegation: (delegation.since, delegation.id))


@router.post(
    "",
    status_code=201,
    response_model=Delegation,
    responses=together(
        links(201, show_delegation={"delegation": "$response.body#/id"}, end_delegation={"delegation": "$response.body#/id"}),
        raises(
            *(DelegationToOneself, DelegationEndsBeforeItBegins, DelegationOver, DelegationOfNothing),
            *(DelegationOfForeignRole, DelegationCircle, DelegateUnknown, ProgramUnknown),
        ),
    ),
)
async def give_delegation(
    body: DelegationIn, request: Request, services: WithServices, key: Key, person: Delegator, principal: Caller
) -> JSONResponse:
    """Have somebody decide for me at gates, for a dated span; they are left out wherever I am, and need a role there too."""

    async def act() -> StoredResponse:
        given = await _given(services, body, principal, key)
        return StoredResponse(201, given.model_dump(mode="json"), f"/delegations/{given.id}")

    return await idempotent(request, services, person, key, act)


@router.get("/{delegation}", responses=raises(DelegationUnknown))
async def show_delegation(delegation: str, services: WithServices, person: Delegator) -> Delegation:
    """One that I have given or been given."""
    async with services.engine.connect() as connection:
        return await _of(connection, delegation, person)


@router.post("/{delegation}/end", response_model=Delegation, responses=raises(DelegationUnknown))
async def end_delegation(
    delegation: str, request: Request, services: WithServices, key: Key, person: Delegator
) -> JSONResponse:
    """End it before its time, from either side; from now on nobody decides by it."""

    async def act() -> StoredResponse:
        now = datetime.now(UTC)
        async with services.engine.begin() as connection:
            await _of(connection, delegation, person)
            await delegations.end(connection, delegation, now)
            ended = await _of(connection, delegation, person)
            await trail.append(connection, _fact("delegation_ended", ended, person, ended.end))
        return StoredResponse(200, ended.model_dump(mode="json"))

    return await idempotent(request, services, person, key, act)


async def _given(services: Services, body: DelegationIn, principal: Principal, key: str) -> Delegation:
    """Write the delegation, and refused ones in the audit trail. Raises Refused, ProgramUnknown, DelegateUnknown."""
    now = datetime.now(UTC)
    person = Person(id=principal.id, roles=principal.roles.of(body.program) if body.program else principal.roles.everywhere)
    if body.program is not None:
        check_sees(principal, body.program)
    given = Delegation(
        id=ids.asked(person.id, key),
        giver=person.id,
        taker=body.to,
        roles=tuple(dict.fromkeys(body.roles if body.roles is not None else person.roles)),
        program=body.program,
        since=body.since or now,
        until=body.until,
    )
    async with services.engine.begin() as connection:
        if given.program is not None:
            await programs.find(connection, given.program)
        if not await delegations.is_known(connection, given.taker):
            raise DelegateUnknown(f"Nobody called {given.taker} has ever used this API.")
        await delegations.lock(connection)
        if (before := await delegations.find(connection, given.id)) is not None:
            return before  # this very wish was written, but its answer was lost on the way
        others: Sequence[Delegation] = await delegations.not_over(connection, now)
        refusal = refuse(given, person.roles, others, now)
        if refusal is None:
            await delegations.add(connection, given)
        await trail.append(connection, _fact("delegation_given", given, person, now, refusal.code if refusal else None))
    if refusal is not None:
        raise refused(refusal.code, refusal.detail, refusal.remedy)
    return given


async def _of(connection: AsyncConnection, delegation: str, person: Person) -> Delegation:
    """The delegation, for one of its two ends. Raises DelegationUnknown."""
    found = await delegations.find(connection, delegation)
    if found is None or person.id not in (found.giver, found.taker):
        raise DelegationUnknown(delegation)
    return found


def _fact(action: Action, given: Delegation, person: Person, at: datetime, refusal: str | None = None) -> Fact:
    return Fact(
        program=given.program or EVERYWHERE,
        at=at,
        action=action,
        actor=person.id,
        about=given.id,
        key=None if refusal else f"{action}/{given.id}",
        refusal=refusal,
        details=given.model_dump(mode="json", include={"giver", "taker", "roles", "since", "until"}),
    )
