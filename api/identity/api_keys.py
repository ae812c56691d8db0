"""API keys: made for machines, listed, revoked. Whoever manages them sees those that reach no further than they do."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import machine_keys
from api.auth.authorization import PERMISSIONS, Caller, check_sees, require
from api.auth.caller import MACHINE, Principal
from api.auth.credentials import Credentials
from api.http.dependencies import WithServices
from api.http.errors_identity import ApiKeyExpiry, ApiKeyUnknown, NotForMachines, RoleNotGranted
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from domain.audit.chain import EVERYWHERE, Action, Fact
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.ids import ProgramId
from domain.model import CAN_BE_KEPT, Value
from store.audit import trail
from store.errors import ProgramUnknown
from store.identity import api_keys
from store.identity.api_keys import ApiKeyRecord
from store.programs import programs

router = APIRouter(prefix="/api-keys", tags=["API keys"], route_class=RetryReadRoute)

LONGEST_DAYS = 366
"""A key that nobody makes anew is forgotten; so each has its end, after a year at most."""
OF_MACHINES: frozenset[Role] = frozenset({"member_service", "analyst"})
"""What shops, apps and reports need: whoever manages keys may give these, and any that they have themselves."""

Manager = Annotated[Person, Depends(require("manage API keys"))]
KeyId = Annotated[str, Path(max_length=100)]


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


class ApiKeyIn(Value):
    """A key to be made: what it is for, what whoever shows it may, and until when; without `programs`, in all of them."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), CAN_BE_KEPT]
    roles: Annotated[tuple[Role, ...], Field(min_length=1), AfterValidator(_each_once)]
    programs: Annotated[tuple[ProgramId, ...], Field(min_length=1, max_length=100), AfterValidator(_each_once)] | None = None
    expires_at: AwareDatetime


class ApiKeyMade(ApiKeyRecord):
    """A new key; `key` is what is to be shown to the API, and is told this once."""

    key: str | None = None


@router.post(
    "",
    status_code=201,
    response_model=ApiKeyMade,
    responses=together(
        links(201, show_key={"api_key": "$response.body#/id"}, revoke_key={"api_key": "$response.body#/id"}),
        raises(ApiKeyExpiry, RoleNotGranted, NotForMachines, ProgramUnknown),
    ),
)
async def make_key(
    body: ApiKeyIn, request: Request, services: WithServices, key: Key, person: Manager, principal: Caller
) -> JSONResponse:
    """Make an API key. `key` in the answer is shown this once: a repetition of the request gets the answer without it."""

    async def act() -> StoredResponse:
        now = datetime.now(UTC)
        _check_expiry(body.expires_at, now)
        async with services.engine.begin() as connection:
            await _check_grant(connection, principal, body)
            new = machine_keys.made()
            record = ApiKeyRecord(
                id=new.id,
                name=body.name,
                roles=body.roles,
                programs=body.programs,
                expires_at=body.expires_at.astimezone(UTC),
                created_by=person.id,
                created_at=now,
            )
            await api_keys.add(connection, record, new.digest)
            await trail.append(connection, _fact("api_key_made", record, person, now))
        return StoredResponse(201, record.model_dump(mode="json"), f"/api-keys/{new.id}", shown_once={"key": new.key})

    return await idempotent(request, services, person, key, act)


@router.get("", dependencies=[Depends(require("manage API keys"))])
async def list_keys(services: WithServices, principal: Caller, paged: Paged) -> Page[ApiKeyRecord]:
    """The API keys that reach no further than you do, newest first; their secrets are shown to nobody."""
    after = paged.after(datetime, str)
    async with services.engine.connect() as connection:
        found = await api_keys.listed(connection, after)
    mine = (record for record in found if _reaches(principal, record.programs))
    return paged.page(list(islice(mine, paged.one_more)), lambda record: (record.created_at, record.id))


@router.get("/{api_key}", dependencies=[Depends(require("manage API keys"))], responses=raises(ApiKeyUnknown))
async def show_key(api_key: KeyId, services: WithServices, principal: Caller) -> ApiKeyRecord:
    """One API key: what it may, until when, who made it, and on which day it was used last."""
    async with services.engine.connect() as connection:
        return await _found(connection, principal, api_key)


@router.post("/{api_key}/revocation", response_model=ApiKeyRecord, responses=raises(ApiKeyUnknown, NotForMachines))
async def revoke_key(
    api_key: KeyId, request: Request, services: WithServices, key: Key, person: Manager, principal: Caller
) -> JSONResponse:
    """End an API key for good: at once in this process of the API, in every other one within ten seconds."""

    async def act() -> StoredResponse:
        async with services.engine.begin() as connection:
            await _found(connection, principal, api_key)
            now = datetime.now(UTC)
            await api_keys.revoke(connection, api_key, person.id, now)
            record = await _found(connection, principal, api_key)
            await trail.append(connection, _fact("api_key_revoked", record, person, record.revoked_at or now))
        known: Credentials = request.app.state.credentials
        known.forget(f"{MACHINE}{api_key}")
        return StoredResponse(200, record.model_dump(mode="json"))

    return await idempotent(request, services, person, key, act)


def _fact(action: Action, record: ApiKeyRecord, person: Person, at: datetime) -> Fact:
    """What the audit trail keeps: in that of the one program that a key is for, else in that of no single one."""
    programs_of_key = record.programs or ()
    return Fact(
        program=programs_of_key[0] if len(programs_of_key) == 1 else EVERYWHERE,
        at=at,
        action=action,
        actor=person.id,
        about=f"{MACHINE}{record.id}",
        key=f"{action}/{record.id}",
        details=record.model_dump(mode="json", include={"name", "roles", "programs", "expires_at"}),
    )


def _check_expiry(at: datetime, now: datetime) -> None:
    if not now < at <= now + timedelta(days=LONGEST_DAYS):
        raise ApiKeyExpiry(LONGEST_DAYS)


async def _check_grant(connection: AsyncConnection, principal: Principal, body: ApiKeyIn) -> None:
    """Raise ProgramUnknown for a program that is not there for who asks, and RoleNotGranted for a role they cannot give."""
    for program in body.programs or ():
        check_sees(principal, program)
        await programs.find(connection, program)
    if _reaches(principal, body.programs):
        held = [set(principal.roles.of(program)) for program in body.programs or ()] or [set(principal.roles.everywhere)]
        mine = set.intersection(*held)
        not_mine = set(body.roles) - mine - OF_MACHINES
    else:
        not_mine = set(body.roles)
    if not_mine:
        raise RoleNotGranted(", ".join(sorted(not_mine)), ", ".join(sorted(OF_MACHINES)))


def _reaches(principal: Principal, programs_of_key: tuple[str, ...] | None) -> bool:
    """Whether somebody manages keys wherever the key is good."""
    managing = PERMISSIONS["manage API keys"]
    if not managing.isdisjoint(principal.roles.everywhere):
        return True
    return programs_of_key is not None and all(
        not managing.isdisjoint(principal.roles.of(program)) for program in programs_of_key
    )


async def _found(connection: AsyncConnection, principal: Principal, id_: str) -> ApiKeyRecord:
    """The key, if it is there for who asks. Raises ApiKeyUnknown."""
    record = await api_keys.find(connection, id_)
    if record is None or not _reaches(principal, record.programs):
        raise ApiKeyUnknown(id_)
    return record
