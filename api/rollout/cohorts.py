"""Cohorts: named lists of a program's participants, handed in page by page, for waves and pilots."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from api.auth.authorization import require
from api.http.dependencies import Services, WithServices
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.problems import of_shape
from api.http.read_retry import RetryReadRoute
from domain import ids
from domain.audit.chain import Fact
from domain.errors_input import InvalidRequest
from domain.identity.person import Person
from domain.ids import Name, ParticipantId
from domain.model import Value
from domain.programs.errors import ProgramEnded
from services.programs.availability import require_open
from store.audit import trail
from store.errors import CohortBegun, CohortsOverlap, CohortUnknown
from store.programs import programs
from store.rollout import cohorts
from store.rollout.cohorts import CohortRecord

router = APIRouter(prefix="/programs/{program}/cohorts", tags=["cohorts"], route_class=RetryReadRoute)

_AT_ONCE = 10_000
_FAULTS_SHOWN = 50
_COLUMN = "participant"
CohortName = Annotated[Name, Path(description="The cohort's name, as a wave or a pilot of the definition names it.")]
Gatherer = Annotated[Person, Depends(require("gather cohorts"))]


class ParticipantsIn(Value):
    """Who is put into a cohort, or taken out of it: references, never names."""

    participants: Annotated[tuple[ParticipantId, ...], Field(min_length=1, max_length=_AT_ONCE)]


class CohortChanged(Value):
    """What became of a cohort: how many came and went now, and how many are in it."""

    program: str
    cohort: str
    added: int
    removed: int
    size: int


class CohortParticipant(Value):
    """Somebody in a cohort, by reference."""

    participant: str


class CohortPage(Page[CohortParticipant]):
    """A cohort with those in it, by reference, page by page."""

    name: str
    size: int
    created_by: str
    created_at: AwareDatetime
    begun_at: AwareDatetime | None
    begun_by: str | None


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"From 1 to {_AT_ONCE:,} references; as CSV, a header line `{_COLUMN}` and then one per line.",
        "content": {
            "application/json": {"schema": ParticipantsIn.model_json_schema()},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}
_PARTICIPANT: TypeAdapter[str] = TypeAdapter(ParticipantId)


_TO_COHORT = links(201, show_cohort={"program": "$response.body#/program", "cohort": "$response.body#/cohort"})


@router.post(
    "/{cohort}",
    status_code=201,
    response_model=CohortChanged,
    openapi_extra=_BODY,
    responses=together(_TO_COHORT, raises(ProgramEnded, CohortBegun, CohortsOverlap)),
)
async def add_to_cohort(
    program: str, cohort: CohortName, request: Request, services: WithServices, key: Key, person: Gatherer
) -> JSONResponse:
    """Put participants into a cohort, which is made where it is not there; a long list comes in several requests.

    Who is in it already stays. Nobody is put into it where somebody is in another cohort of the program, or where a wave or a
    pilot has begun with it.
    """

    async def act() -> StoredResponse:
        return await _change(request, services, program, cohort, person, key, add=True)

    return await idempotent(request, services, person, key, act)


@router.post(
    "/{cohort}/removal",
    status_code=201,
    response_model=CohortChanged,
    openapi_extra=_BODY,
    responses=together(_TO_COHORT, raises(ProgramEnded, CohortBegun, CohortUnknown)),
)
async def remove_from_cohort(
    program: str, cohort: CohortName, request: Request, services: WithServices, key: Key, person: Gatherer
) -> JSONResponse:
    """Take participants out of a cohort with which no wave and no pilot has begun; who is not in it is passed over."""

    async def act() -> StoredResponse:
        return await _change(request, services, program, cohort, person, key, add=False)

    return await idempotent(request, services, person, key, act)


@router.get("", dependencies=[Depends(require("read programs"))])
async def list_cohorts(program: str, services: WithServices, paged: Paged) -> Page[CohortRecord]:
    """The program's cohorts by name: how many are in each, and which wave or pilot has begun with it."""
    (after,) = paged.after(str) or ("",)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await cohorts.listed(connection, program, after, paged.one_more)
    return paged.page(found, lambda cohort: (cohort.name,))


@router.get("/{cohort}", dependencies=[Depends(require("read members"))], responses=raises(CohortUnknown))
async def show_cohort(program: str, cohort: CohortName, services: WithServices, paged: Paged) -> CohortPage:
    """A cohort with those in it, by reference."""
    (after,) = paged.after(str) or ("",)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        record = await cohorts.find(connection, program, cohort)
        found = await cohorts.participants_after(connection, program, cohort, after, paged.one_more)
    items, following = paged.cut([CohortParticipant(participant=each) for each in found], lambda each: (each.participant,))
    return CohortPage(items=items, next=following, **record.model_dump())


async def _change(
    request: Request, services: Services, program: str, cohort: str, person: Person, key: str, *, add: bool
) -> StoredResponse:
    participants = list(dict.fromkeys(await _participants_in(request)))
    now, added, removed = datetime.now(UTC), 0, 0
    async with services.engine.begin() as connection:
        require_open(await programs.find(connection, program), "changes", now)
        if add:
            added = await cohorts.add(connection, program, cohort, participants, person.id, now)
        else:
            removed = await cohorts.remove(connection, program, cohort, participants)
        size = (await cohorts.find(connection, program, cohort)).size
        body = CohortChanged(program=program, cohort=cohort, added=added, removed=removed, size=size)
        fact = Fact(
            program=program,
            at=now,
            action="cohort_changed",
            actor=person.id,
            about=cohort,
            key=f"cohort_changed/{ids.asked(person.id, key)}",
            details={"added": added, "removed": removed, "size": size},
        )
        await trail.append(connection, fact)
    return StoredResponse(201, body.model_dump(mode="json"), f"/programs/{program}/cohorts/{cohort}")


async def _participants_in(request: Request) -> Sequence[str]:
    """The references of a body, as JSON or as CSV. Raises InvalidRequest with every one that is none."""
    body = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/csv":
        return _from_csv(body)
    try:
        return ParticipantsIn.model_validate_json(body).participants
    except ValidationError as error:
        raise of_shape(error.errors(include_url=False, include_input=False)) from error


def _from_csv(body: bytes) -> Sequence[str]:
    found: list[str] = []
    faults: list[dict[str, object]] = []
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))
        if (header := next(lines, [])) != [_COLUMN]:
            text = f"the header must be {_COLUMN}, not {','.join(header)[:100]!r}"
            raise InvalidRequest([{"field": "line 1", "problem": text}])
        for line in lines:
            if not line:
                continue
            try:
                (reference,) = line
                found.append(_PARTICIPANT.validate_python(reference.strip()))
            except ValueError:
                problem = (
                    "this is no reference: letters, digits and any of _ . : -, up to 63, beginning with one of the first two"
                )
                faults.append({"field": f"line {lines.line_num}", "problem": problem})
                if len(faults) == _FAULTS_SHOWN:
                    break
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest([{"field": "body", "problem": "the body is not CSV as UTF-8 text"}]) from error
    if not found and not faults:
        faults.append({"field": "body", "problem": "the list has no participants"})
    if len(found) > _AT_ONCE:
        problem = f"there are {len(found):,}, and at most {_AT_ONCE:,} may come at once; send them in several requests"
        faults.append({"field": "body", "problem": problem})
    if faults:
        raise InvalidRequest(faults)
    return found
