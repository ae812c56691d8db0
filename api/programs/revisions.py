"""Revisions of a program: hand one in, held against what its author has read; list them, read one with its document."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.authorization import require
from api.definition.body import BODY, definition_in
from api.http import etags
from api.http.dependencies import Services, WithServices
from api.http.errors import TagInvalid
from api.http.etags import IfMatch, IfNoneMatch
from api.http.idempotency import ACCEPTED_LATER, Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import LONG_WAIT, asked
from domain import ids
from domain.definition.document import Definition, digest
from domain.errors_input import Changed
from domain.identity.person import Person
from domain.model import Value
from domain.programs import amendments
from domain.programs.amendments import AmendmentClass
from domain.programs.errors import (
    CounterDropped,
    CurrencyDropped,
    DefinitionFaulty,
    EffectiveDateFar,
    EffectiveDatePast,
    ProgramDiffers,
    ProgramEnded,
    TierNotReplaced,
    WaveBegun,
    WeightUnderstated,
)
from domain.programs.errors_lifecycle import (
    AmendmentWaits,
    NoDateBeforeLaunch,
    ProgramEnds,
    RevisionInQualification,
    RevisionUnchanged,
)
from domain.rollout.waves import changed_after_beginning
from domain.window import Moment
from store.acceptance import transaction_logs
from store.errors import LogUnknown, RevisionUnknown
from store.members import members
from store.programs import programs
from store.programs.programs import RevisionRecord
from workflows.programs.lifecycle import ProgramLifecycle
from workflows.programs.state import RevisionSubmission

router = APIRouter(prefix="/programs/{program}/revisions", tags=["programs"], route_class=RetryReadRoute)


class Submitted(Value):
    """A revision that was handed in: its number, and the digest that is voted for at its gates.

    `weight` is how much it weighs as an amendment, null before the launch.
    """

    program: str
    revision: int
    digest: str
    weight: AmendmentClass | None = None


class RevisionOut(RevisionRecord):
    """A revision with its document."""

    definition: Definition


_OF_PROGRAM = {"program": "$response.body#/program"}
SUBMITTED = links(
    201,
    show_program=_OF_PROGRAM,
    list_revisions=_OF_PROGRAM,
    show_revision=_OF_PROGRAM | {"number": "$response.body#/revision"},
    list_gates=_OF_PROGRAM,
)
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def _a_moment(written: str | None) -> str | None:
    """What can be read as a day or an instant, as it is written: in which zone a day begins, the program says."""
    return written if written is None else str(Moment.parse(written))


EffectiveFrom = Annotated[
    str | None,
    AfterValidator(_a_moment),
    Query(
        description="From when on an amendment shall be in force: a day of the program's time zone, or an instant. Without it, "
        "as soon as it is approved and members have had their notice; it is never earlier than that.",
    ),
]
Declared = Annotated[
    AmendmentClass | None,
    Query(
        description="How much the amendment weighs by who hands it in: a minor one may be declared substantial. A substantial "
        "one that is declared minor is refused, with what is substantial about it."
    ),
]
_FARTHEST = timedelta(days=5 * 366)
REFUSED = (
    *(ProgramDiffers, ProgramEnded, TierNotReplaced, CurrencyDropped, CounterDropped, LogUnknown, Changed, TagInvalid),
    *(EffectiveDatePast, EffectiveDateFar, WeightUnderstated),
    *(ProgramEnds, RevisionInQualification, RevisionUnchanged, AmendmentWaits, NoDateBeforeLaunch),
)
"""Why a revision is not taken, whichever way it comes."""


@router.post(
    "",
    status_code=201,
    response_model=Submitted,
    openapi_extra=BODY,
    responses=together(
        ACCEPTED_LATER,
        SUBMITTED,
        raises(DefinitionFaulty, *REFUSED),
    ),
)
async def submit_revision(
    program: str,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("revise a program"))],
    if_match: IfMatch = None,
    effective_from: EffectiveFrom = None,
    weight: Declared = None,
) -> JSONResponse:
    """Hand in a further revision: the next try before the launch, an amendment in operation.

    With the ETag of the program, or of its latest revision, as If-Match it is taken only where nobody has handed in another one
    since. A minor amendment asks the launch gate alone, a substantial one goes the whole way.
    """

    async def act() -> StoredResponse:
        definition = await definition_in(request)
        if definition.program != program:
            raise ProgramDiffers(program, definition.program)
        return await handed_in(services, person, key, definition, if_match, effective_from, weight)

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


async def handed_in(
    services: Services,
    person: Person,
    key: str,
    definition: Definition,
    if_match: str | None,
    effective_from: str | None,
    declared: AmendmentClass | None,
    *,
    restores: int | None = None,
) -> StoredResponse:
    """Have a program take a revision, under the key of who hands it in. Raises why it does not."""
    program = definition.program
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        latest = await programs.latest_digest(connection, program)
        await transaction_logs.require_all_of(connection, definition)
        in_force = await _in_force(connection, record)
        if in_force is not None:
            await _check_nobody_is_left(connection, program, definition, in_force)
            await _check_waves(connection, record, definition, in_force)
    zone = (in_force or definition).zone
    wanted_from = Moment.parse(effective_from).at(zone) if effective_from is not None else None
    if wanted_from is not None:
        _check_date(wanted_from, datetime.now(UTC))
    weighed = amendments.classify(in_force, definition) if in_force is not None else None
    if weighed is not None and declared == "minor" and weighed.weight == "substantial":
        raise WeightUnderstated(weighed.reasons)
    if record.stage == "rollout":  # what is launched anew goes the whole way, whatever it changes
        declared = "substantial"
    etags.check_unchanged(if_match, latest, "The program")
    submission = RevisionSubmission(
        definition=definition,
        digest=digest(definition),
        submitted_by=person.id,
        instead_of=latest if if_match is not None else None,
        wanted_from=wanted_from,
        declared=declared,
        restores=restores,
    )
    handle = services.temporal.get_workflow_handle_for(ProgramLifecycle.run, ids.lifecycle(program))
    update = handle.execute_update(ProgramLifecycle.submit_revision, submission, id=ids.asked(person.id, key))
    number = await asked(update, gone=ProgramEnded(program), wait_timeout=LONG_WAIT)
    weight = (declared or weighed.weight) if weighed is not None else None
    submitted = Submitted(program=program, revision=number, digest=submission.digest, weight=weight)
    return StoredResponse(201, submitted.model_dump(mode="json"), f"/programs/{program}/revisions/{number}")


def _check_date(wanted: datetime, now: datetime) -> None:
    """Raise EffectiveDatePast or EffectiveDateFar for a date that no amendment can have."""
    if wanted <= now:
        raise EffectiveDatePast(wanted)
    if wanted > now + _FARTHEST:
        raise EffectiveDateFar(wanted, now + _FARTHEST)


async def _in_force(connection: AsyncConnection, program: programs.ProgramRecord) -> Definition | None:
    if program.revision_in_force is None:
        return None
    return await programs.definition(connection, program.id, program.revision_in_force)


async def _check_nobody_is_left(
    connection: AsyncConnection, program: str, definition: Definition, in_force: Definition
) -> None:
    """Raise TierNotReplaced where a tier of the revision in force, or one that somebody still holds, would lose its place,
    CurrencyDropped where a currency would, and CounterDropped where members would be judged by what is not counted any more.
    """
    held = [tier.id for tier in in_force.tiers] + sorted(await members.tiers_held(connection, program))
    if missing := amendments.without_place(definition, held):
        raise TierNotReplaced(missing)
    if dropped := amendments.currencies_dropped(definition, in_force):
        raise CurrencyDropped(dropped)
    if missed := amendments.counters_missed(in_force, definition):
        raise CounterDropped(missed)


async def _check_waves(
    connection: AsyncConnection, program: programs.ProgramRecord, definition: Definition, in_force: Definition
) -> None:
    """Raise WaveBegun where a wave that has begun would be changed while the program is rolled out, or ever its holdout."""
    begun = {each.wave for each in await programs.waves(connection, program.id)}
    changed = changed_after_beginning(in_force, definition, begun)
    if program.stage != "rollout":
        changed = tuple(each for each in changed if each == "holdout")
    if changed:
        raise WaveBegun(changed)


@router.get("", dependencies=[Depends(require("read programs"))])
async def list_revisions(program: str, services: WithServices, paged: Paged) -> Page[RevisionRecord]:
    """The program's revisions by number, without their documents."""
    (after,) = paged.after(int) or (0,)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await programs.revisions(connection, program, after, paged.one_more)
    return paged.page(found, lambda revision: (revision.number,))


@router.get(
    "/{number}",
    dependencies=[Depends(require("read programs"))],
    response_model=RevisionOut,
    responses=together({304: {"description": "You have it already."}}, raises(RevisionUnknown, TagInvalid)),
)
async def show_revision(
    program: str, number: Number, services: WithServices, response: Response, if_none_match: IfNoneMatch = None
) -> RevisionOut | Response:
    """A revision with its document, as it was handed in. Its ETag is the digest; what it says of its status may change."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        record = await programs.find_revision(connection, program, number)
        tag = f"{record.digest}.{record.status}"
        if etags.has_it(if_none_match, tag):
            return etags.not_modified(tag)
        definition = await programs.definition(connection, program, number)
    response.headers["ETag"] = etags.quoted(tag)
    return RevisionOut(**record.model_dump(), definition=definition)
