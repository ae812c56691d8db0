"""Hold, halt, and go on: what of a program stands still, and who said so, since when and why.

A stop is written here at once, with its entry of the audit trail, and not asked of the program's workflow: it must take effect
though no worker runs. The workflow is told in the same transaction, by the outbox. To go on is asked of the workflow: first the
points get the time back that stood still, then the doors open (`activities/programs/holds.py`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field

from api.auth.authorization import Caller, require
from api.http.dependencies import Services, WithServices
from api.http.errors_access import NotAllowed
from api.http.idempotency import ACCEPTED_LATER, Key, RequestOut, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import LONG_WAIT, asked
from domain import ids
from domain.audit.chain import Action, Fact
from domain.gates.errors import FourEyes
from domain.identity.person import Person
from domain.message_names import LOOK_AT_HOLDS
from domain.model import CAN_BE_KEPT, Value
from domain.programs import holds as rules
from domain.programs.errors import ProgramEnded
from domain.programs.errors_holds import AlreadyHalted, AlreadyOnHold, NotOnHold
from domain.programs.hold_refusals import refuse_beginning, refuse_lifting
from domain.programs.holds import BY_DEFAULT, EVERYTHING, LIFTED_BY, Capability, Kind, Lifting, ProgramHold
from domain.refusals import Refused
from ledger import outbox
from services.programs.availability import require_open
from store.audit import trail
from store.programs import holds, programs
from workflows.programs.lifecycle import ProgramLifecycle

router = APIRouter(prefix="/programs/{program}", tags=["programs"], route_class=RetryReadRoute)


def _each_once(stops: tuple[Capability, ...]) -> tuple[Capability, ...]:
    return tuple(capability for capability in get_args(Capability) if capability in stops)


Reason = Annotated[str, Field(min_length=1, max_length=2000), CAN_BE_KEPT]


class HoldIn(Value):
    """Why a program is put on hold, and what that stops; unless told, joining and the opening of further waves."""

    reason: Reason
    stops: Annotated[tuple[Capability, ...], Field(min_length=1, max_length=20), AfterValidator(_each_once)] = BY_DEFAULT


class HaltIn(Value):
    """Why a program is halted."""

    reason: Reason


class ResumptionIn(Value):
    """Why a program goes on."""

    reason: Reason


class Resumed(Value):
    """What was lifted, and what still stands: the hold below a halt is lifted by a step of its own."""

    program: str
    lifted: ProgramHold
    standing: Sequence[ProgramHold]


_LEADS_ON = {"program": "$request.path.program"}


@router.post(
    "/holds",
    status_code=201,
    response_model=ProgramHold,
    responses=together(links(201, list_holds=_LEADS_ON, resume_program=_LEADS_ON), raises(ProgramEnded, AlreadyOnHold)),
)
async def hold_program(
    program: str,
    body: HoldIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("hold a program"))],
) -> JSONResponse:
    """Put a program on hold, whatever its stage: what the hold stops stands still until somebody lifts it.

    What happened before still counts, and redemptions under way are settled. Members are not approached meanwhile.
    """

    async def act() -> StoredResponse:
        return await _stop(services, program, "hold", body.stops, body.reason, person, key)

    return await idempotent(request, services, person, key, act)


@router.post(
    "/halt",
    status_code=201,
    response_model=ProgramHold,
    responses=together(links(201, list_holds=_LEADS_ON, resume_program=_LEADS_ON), raises(ProgramEnded, AlreadyHalted)),
)
async def halt_program(
    program: str,
    body: HaltIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("halt a program"))],
) -> JSONResponse:
    """Suspend a program for insolvency: from now on nobody joins, nothing is earned or redeemed, and no wave opens.

    It comes on top of a hold, where there is one. Finance or operations lift it, and never who owns the program.
    """

    async def act() -> StoredResponse:
        return await _stop(services, program, "suspended_insolvency", EVERYTHING, body.reason, person, key)

    return await idempotent(request, services, person, key, act)


@router.post(
    "/resumption",
    response_model=Resumed | RequestOut,
    responses=together(ACCEPTED_LATER, raises(ProgramEnded, NotAllowed, NotOnHold, FourEyes)),
)
async def resume_program(
    program: str,
    body: ResumptionIn,
    request: Request,
    services: WithServices,
    key: Key,
    principal: Caller,
    person: Annotated[Person, Depends(require("resume a program"))],
) -> JSONResponse:
    """Let a program go on: lift its halt, or where there is none its hold.

    What happened while it was stopped counts for nothing, now neither. Where nothing could be redeemed, points expire as much
    later as that took.
    """

    async def act() -> StoredResponse:
        async with services.engine.connect() as connection:
            record = await programs.find(connection, program)
            done = await holds.lifted_by_key(connection, program, ids.asked(person.id, key))
        if done is None:
            _raise(refuse_lifting(record.holds, program, person.id, record.owner))
            lifted = rules.next_lifted(record.holds)
            if lifted is not None and LIFTED_BY[lifted.kind].isdisjoint(principal.roles.of(program)):
                raise NotAllowed(person.id, f"lift a {lifted.what}", ", ".join(sorted(LIFTED_BY[lifted.kind])))
        lifting = Lifting(
            program=program, by=person.id, reason=body.reason, at=datetime.now(UTC), key=ids.asked(person.id, key)
        )
        handle = services.temporal.get_workflow_handle_for(ProgramLifecycle.run, ids.lifecycle(program))
        update = handle.execute_update(ProgramLifecycle.resume, lifting, id=f"resume/{lifting.key}")
        answer = await asked(update, gone=ProgramEnded(program), wait_timeout=LONG_WAIT)
        resumed = Resumed(program=program, lifted=answer.hold, standing=answer.standing)
        return StoredResponse(200, resumed.model_dump(mode="json"))

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


@router.get("/holds", dependencies=[Depends(require("read programs"))])
async def list_holds(program: str, services: WithServices, paged: Paged) -> Page[ProgramHold]:
    """What was stopped of a program, the first one first: by whom, why, since when, who lifted it (`until` null: it stands)."""
    (after,) = paged.after(int) or (0,)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await holds.of_program(connection, program, after, paged.one_more)
    return paged.page(found, lambda hold: (hold.id,))


async def _stop(
    services: Services, program: str, kind: Kind, stops: Sequence[Capability], reason: str, person: Person, key: str
) -> StoredResponse:
    """Write a stop, who said so, and the nudge for the lifecycle, all at once."""
    now, own_key = datetime.now(UTC), ids.asked(person.id, key)
    async with services.engine.begin() as connection:
        await holds.lock(connection, program)
        begun = await holds.begun_by_key(connection, program, own_key)
        if begun is None:
            record = await programs.find(connection, program)
            require_open(record, "changes", now)
            _raise(refuse_beginning(record.holds, kind, program))
            begun = await holds.begin(connection, program, kind, stops, reason, person.id, now, own_key)
            await outbox.put(connection, [ids.lifecycle(program)], LOOK_AT_HOLDS)
            action: Action = "held" if kind == "hold" else "halted"
            fact = Fact(
                program=program,
                at=now,
                action=action,
                actor=person.id,
                about=f"hold/{begun.id}",
                key=f"held/{begun.id}",
                details={"stops": stops, "reason": reason},
            )
            await trail.append(connection, fact)
    return StoredResponse(201, begun.model_dump(mode="json"), f"/programs/{program}/holds")


def _raise(refusal: Refused | None) -> None:
    if refusal is not None:
        raise refusal
