"""Revisions of a program: hand one in, held against what its author has read; list them, read one with its document."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api import etags
from api.definitions import BODY, definition_in
from api.errors import (
    Changed,
    CurrencyDropped,
    DefinitionFaulty,
    ProgramDiffers,
    ProgramEnded,
    TagInvalid,
    TierNotReplaced,
    WaveBegun,
)
from api.etags import IfMatch, IfNoneMatch
from api.once import LATE, Answer, Key, once
from api.openapi import links, raises, together
from api.pages import Page, Paged
from api.people import may
from api.reading import ReadAgain
from api.services import WithServices
from api.workflow_calls import UNHURRIED, asked
from domain import amendments, ids
from domain.definition import Definition, digest
from domain.gates import Person
from domain.model import Value
from domain.waves import changed_after_beginning
from store import members, programs, transaction_logs
from store.errors import LogUnknown, RevisionUnknown
from store.programs import RevisionRecord
from workflows.program_lifecycle import ProgramLifecycle, RevisionSubmission

router = APIRouter(prefix="/programs/{program}/revisions", tags=["programs"], route_class=ReadAgain)


class Submitted(Value):
    """A revision that was handed in: its number, and the digest that is voted for at its gates."""

    program: str
    revision: int
    digest: str


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


@router.post(
    "",
    status_code=201,
    response_model=Submitted,
    openapi_extra=BODY,
    responses=together(
        LATE,
        SUBMITTED,
        raises(
            *(
                DefinitionFaulty,
                LogUnknown,
                ProgramDiffers,
                ProgramEnded,
                TierNotReplaced,
                CurrencyDropped,
                WaveBegun,
                Changed,
                TagInvalid,
            ),
            *("program_ends", "revision_in_qualification", "revision_unchanged"),
        ),
    ),
)
async def submit_revision(
    program: str,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(may("revise a program"))],
    if_match: IfMatch = None,
) -> JSONResponse:
    """Hand in a further revision: the next try before the launch, an amendment in operation.

    With the ETag of the program, or of its latest revision, as If-Match it is taken only where nobody has handed in another one
    since.
    """

    async def act() -> Answer:
        definition = await definition_in(request)
        if definition.program != program:
            raise ProgramDiffers(program, definition.program)
        async with services.engine.connect() as connection:
            record = await programs.find(connection, program)
            latest = await programs.latest_digest(connection, program)
            await transaction_logs.require(connection, definition.prototype.transactions)
            await _check_nobody_is_left(connection, record, definition)
            await _check_waves(connection, record, definition)
        etags.check_unchanged(if_match, latest, "The program")
        submission = RevisionSubmission(
            definition=definition,
            digest=digest(definition),
            submitted_by=person.id,
            instead_of=latest if if_match is not None else None,
        )
        handle = services.temporal.get_workflow_handle_for(ProgramLifecycle.run, ids.lifecycle(program))
        update = handle.execute_update(ProgramLifecycle.submit_revision, submission, id=ids.asked(person.id, key))
        number = await asked(update, gone=ProgramEnded(program), patience=UNHURRIED)
        submitted = Submitted(program=program, revision=number, digest=submission.digest)
        return Answer(201, submitted.model_dump(mode="json"), f"/programs/{program}/revisions/{number}")

    return await once(request, services, person, key, act, patience=services.patience)


async def _check_nobody_is_left(connection: AsyncConnection, program: programs.ProgramRecord, definition: Definition) -> None:
    """Raise TierNotReplaced where a tier of the revision in force, or one that somebody still holds, would lose its place, and
    CurrencyDropped where a currency would.
    """
    if program.revision_in_force is None:
        return
    in_force = await programs.definition(connection, program.id, program.revision_in_force)
    held = [tier.id for tier in in_force.tiers] + sorted(await members.tiers_held(connection, program.id))
    if missing := amendments.without_place(definition, held):
        raise TierNotReplaced(missing)
    if dropped := amendments.currencies_dropped(definition, in_force):
        raise CurrencyDropped(dropped)


async def _check_waves(connection: AsyncConnection, program: programs.ProgramRecord, definition: Definition) -> None:
    """Raise WaveBegun where a wave that has begun would be changed while the program is rolled out, or ever its holdout."""
    if program.revision_in_force is None:
        return
    in_force = await programs.definition(connection, program.id, program.revision_in_force)
    begun = {each.wave for each in await programs.waves(connection, program.id)}
    changed = changed_after_beginning(in_force, definition, begun)
    if program.stage != "rollout":
        changed = tuple(each for each in changed if each == "holdout")
    if changed:
        raise WaveBegun(changed)


@router.get("", dependencies=[Depends(may("read programs"))])
async def list_revisions(program: str, services: WithServices, paged: Paged) -> Page[RevisionRecord]:
    """The program's revisions by number, without their documents."""
    (after,) = paged.after(int) or (0,)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await programs.revisions(connection, program, after, paged.one_more)
    return paged.page(found, lambda revision: (revision.number,))


@router.get(
    "/{number}",
    dependencies=[Depends(may("read programs"))],
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
