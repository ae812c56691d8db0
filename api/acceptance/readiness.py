"""Readiness before a launch: what the last look has found, what is missing and whose it is, and the signatures of staff."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.read_retry import RetryReadRoute
from domain import ids
from domain.acceptance.errors_readiness import AlreadySigned, ItemUnknown, NothingToSign, NotItsOwner, NotSigned
from domain.acceptance.readiness import Finding, Signature, item_of
from domain.audit.chain import Action, Fact
from domain.definition.document import Definition
from domain.definition.readiness import ReadinessItem
from domain.gates.errors import FourEyes
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.ids import Name
from domain.model import CAN_BE_KEPT, Value
from ledger import outbox
from store.acceptance import readiness
from store.audit import trail
from store.programs import programs
from store.programs.programs import RevisionRecord

router = APIRouter(prefix="/programs/{program}/readiness", tags=["gates"], route_class=RetryReadRoute)

Item = Annotated[Name, Path(description="The item's short name, as the definition has it.")]
Signer = Annotated[Person, Depends(require("sign readiness"))]
_SHOW = links(201, show_readiness={"program": "$request.path.program"})


class SignatureIn(Value):
    """What whoever signs, or takes a signature back, says to it."""

    note: Annotated[str, Field(max_length=500), CAN_BE_KEPT] = ""


class ItemOut(Value):
    """Something that people sign: what must be so, whose it is, and its signature (null: it is not signed)."""

    id: str
    name: str
    owner: Role
    signature: Signature | None


class ReadinessOut(Value):
    """How ready a revision is for its launch.

    `waits`: it is on its way there, so that signatures count. `checked_at`, `ready` and `findings` are those of the last look
    (null and empty before the first one, which comes once the tests have passed); `items` are as they are now.
    """

    program: str
    revision: int
    waits: bool
    checked_at: AwareDatetime | None
    ready: bool | None
    findings: Sequence[Finding]
    items: Sequence[ItemOut]


class _Subject(NamedTuple):
    """The latest revision of a program, and who has had a hand in it."""

    record: RevisionRecord
    definition: Definition
    editors: tuple[str, ...]


@router.get("", dependencies=[Depends(require("read programs"))])
async def show_readiness(program: str, services: WithServices) -> ReadinessOut:
    """How ready the latest revision is: everything that was looked at last, what is missing, whose it is, and what they do."""
    async with services.engine.connect() as connection:
        latest = await _latest(connection, program)
        check = await readiness.last_check(connection, program, latest.record.number)
        signed = await readiness.signatures(connection, program, latest.record.number)
    return ReadinessOut(
        program=program,
        revision=latest.record.number,
        waits=latest.record.status == "submitted",
        checked_at=check.at if check else None,
        ready=check.ready if check else None,
        findings=check.findings if check else (),
        items=[_item(each, signed.get(each.id)) for each in latest.definition.readiness.items],
    )


@router.post(
    "/{item}/signature",
    status_code=201,
    response_model=ItemOut,
    responses=together(_SHOW, raises(ItemUnknown, NothingToSign, NotItsOwner, AlreadySigned, FourEyes)),
)
async def sign_readiness(
    program: str, item: Item, said: SignatureIn, request: Request, services: WithServices, key: Key, person: Signer
) -> JSONResponse:
    """Sign that an item is so, for the revision on its way to the launch; whoever has had a hand in the revision cannot.

    Where the launch waits for it, it is looked at again at once.
    """

    async def act() -> StoredResponse:
        now = datetime.now(UTC)
        async with services.engine.begin() as connection:
            latest = await _latest(connection, program)
            wanted = _signable(latest, program, item, person)
            mine = Signature(item=item, person=person.id, note=said.note, at=now)
            counts = await readiness.sign(connection, program, latest.record.number, mine)
            if counts.person != person.id:
                raise AlreadySigned(item, counts.person, counts.at)
            if counts.at == now:  # signed by the same person before, it is as it was
                await _notify(connection, program, latest, "readiness_signed", item, person, key, said.note, now)
        return StoredResponse(201, _item(wanted, counts).model_dump(mode="json"), f"/programs/{program}/readiness")

    return await idempotent(request, services, person, key, act)


@router.post(
    "/{item}/signature/withdrawal",
    status_code=201,
    response_model=ItemOut,
    responses=together(_SHOW, raises(ItemUnknown, NothingToSign, NotItsOwner, NotSigned, FourEyes)),
)
async def unsign_readiness(
    program: str, item: Item, said: SignatureIn, request: Request, services: WithServices, key: Key, person: Signer
) -> JSONResponse:
    """Take the signature of an item back, one's own or a colleague's, because it is not so after all."""

    async def act() -> StoredResponse:
        now = datetime.now(UTC)
        async with services.engine.begin() as connection:
            latest = await _latest(connection, program)
            wanted = _signable(latest, program, item, person)
            if not await readiness.take_back(connection, program, latest.record.number, item, person.id, now):
                raise NotSigned(item)
            await _notify(connection, program, latest, "readiness_unsigned", item, person, key, said.note, now)
        return StoredResponse(201, _item(wanted, None).model_dump(mode="json"), f"/programs/{program}/readiness")

    return await idempotent(request, services, person, key, act)


async def nudge(connection: AsyncConnection, program: str) -> None:
    """Have whatever waits for the readiness of the program's latest revision look again, once the transaction is committed."""
    latest = await _latest(connection, program)
    await outbox.put(connection, [ids.readiness(program, latest.record.number)])


async def _latest(connection: AsyncConnection, program: str) -> _Subject:
    """The program's latest revision. Raises ProgramUnknown."""
    owner = (await programs.find(connection, program)).owner
    record = (await programs.revisions(connection, program))[-1]
    definition = await programs.definition(connection, program, record.number)
    return _Subject(record, definition, tuple(dict.fromkeys((owner, record.submitted_by))))


def _signable(latest: _Subject, program: str, item: str, person: Person) -> ReadinessItem:
    """The item, for somebody who may sign it. Raises NothingToSign, ItemUnknown, FourEyes, NotItsOwner."""
    if latest.record.status != "submitted":
        raise NothingToSign(program)
    found = item_of(latest.definition, item)
    if found is None:
        raise ItemUnknown(item, [each.id for each in latest.definition.readiness.items])
    if person.id in latest.editors:
        raise FourEyes(
            f"{person.id} owns, submitted or edited the revision, and so signs nothing of it.",
            f"Ask another person of {found.owner}.",
        )
    if found.owner not in person.roles:
        raise NotItsOwner(item, found.owner, person.id)
    return found


async def _notify(
    connection: AsyncConnection,
    program: str,
    latest: _Subject,
    action: Action,
    item: str,
    person: Person,
    key: str,
    note: str,
    at: datetime,
) -> None:
    """Have the launch look again, and write down who has signed what, or taken it back."""
    await outbox.put(connection, [ids.readiness(program, latest.record.number)])
    fact = Fact(
        program=program,
        at=at,
        action=action,
        actor=person.id,
        about=f"r{latest.record.number}",
        key=f"{action}/{ids.asked(person.id, key)}",
        details={"item": item, "note": note, "digest": latest.record.digest},
    )
    await trail.append(connection, fact)


def _item(item: ReadinessItem, signature: Signature | None) -> ItemOut:
    return ItemOut(id=item.id, name=item.name, owner=item.owner, signature=signature)
