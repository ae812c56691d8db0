"""Programs: start a lifecycle, hand in a revision, see where it stands, evaluate it, ask for its end."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api import etags
from api.definitions import BODY, definition_in
from api.errors import (
    Changed,
    CurrencyDropped,
    DefinitionFaulty,
    EvaluationUnknown,
    NotLaunched,
    ProgramDiffers,
    ProgramEnded,
    ProgramExists,
    Refused,
    TagInvalid,
    TierNotReplaced,
)
from api.etags import IfMatch, IfNoneMatch
from api.once import LATE, Answer, Key, RequestOut, once
from api.openapi import links, raises, together
from api.pages import Page, Paged
from api.people import may
from api.reading import ReadAgain
from api.services import Services, WithServices
from api.workflow_calls import UNHURRIED, asked, in_time
from domain import amendments, ids
from domain.definition import Definition, digest
from domain.gates import GateState, Person
from domain.kpis import Verdict
from domain.lifecycle import EndRequest, Revision, WaveOpening
from domain.model import CAN_BE_KEPT, Value
from domain.stages import ENDED, ProductStatus, Stage, product_status
from store import evidence, gates, members, programs, transaction_logs
from store.errors import LogUnknown, ProgramUnknown, RevisionUnknown
from store.evidence import EvaluationRecord
from store.programs import ProgramRecord, RevisionRecord
from workflows.attributes import of_program
from workflows.program_evaluation import ProgramEvaluation
from workflows.program_lifecycle import ProgramLifecycle, ProgramStart, RevisionSubmission

router = APIRouter(prefix="/programs", tags=["programs"], route_class=ReadAgain)


class EndIn(Value):
    """Why the program shall end."""

    reason: Annotated[str, Field(min_length=1, max_length=2000), CAN_BE_KEPT]


class Submitted(Value):
    """A revision that was handed in: its number, and the digest that is voted for at its gates."""

    program: str
    revision: int
    digest: str


class EndAsked(Value):
    """The end of a program was asked for; its wind-down gate decides."""

    program: str
    stage: Stage
    asked_for: Literal["end"] = "end"


class ProgramOut(ProgramRecord):
    """Where a program stands, with the product status that the trade gives to its stage."""

    product_status: ProductStatus


class ProgramDetails(ProgramOut):
    """Where a program stands: its revisions, its waves, and the gates that wait."""

    revisions: Sequence[RevisionRecord]
    waves: Sequence[WaveOpening]
    open_gates: Sequence[GateState]


class RevisionOut(RevisionRecord):
    """A revision with its document."""

    definition: Definition


_OF_PROGRAM = {"program": "$response.body#/program"}
_SUBMITTED = links(
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
    responses=together(LATE, _SUBMITTED, raises(DefinitionFaulty, LogUnknown, ProgramExists)),
)
async def start_program(
    request: Request, services: WithServices, key: Key, person: Annotated[Person, Depends(may("start a program"))]
) -> JSONResponse:
    """Start the lifecycle of a program with its first revision; the person who asks is its owner."""

    async def act() -> Answer:
        definition = await definition_in(request)
        async with services.engine.connect() as connection:
            await transaction_logs.require(connection, definition.prototype.transactions)
            # Temporal forgets a workflow some time after its end; the store does not.
            with suppress(ProgramUnknown):
                if (await programs.find(connection, definition.program)).stage in ENDED:
                    raise ProgramExists(definition.program)
        first = Revision(
            program=definition.program,
            number=1,
            digest=digest(definition),
            definition=definition,
            owner=person.id,
            submitted_by=person.id,
            submitted_at=datetime.now(UTC),
        )
        start = WithStartWorkflowOperation(
            ProgramLifecycle.run,
            ProgramStart(revision=first),
            id=ids.lifecycle(definition.program),
            task_queue=ids.PROGRAMS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"Life of the program {definition.name}",
            search_attributes=of_program(definition.program, owner=person.id, revision=1, stage="requirements"),
        )
        update = services.temporal.execute_update_with_start_workflow(
            ProgramLifecycle.begin, first.digest, start_workflow_operation=start, id=ids.asked(person.id, key)
        )
        try:
            number = await asked(update, gone=ProgramExists(definition.program), patience=UNHURRIED)
        except (WorkflowAlreadyStartedError, Refused) as error:
            raise ProgramExists(definition.program) from error  # the only reason why a lifecycle refuses to begin
        submitted = Submitted(program=definition.program, revision=number, digest=first.digest)
        return Answer(201, submitted.model_dump(mode="json"), f"/programs/{definition.program}")

    return await once(request, services, person, key, act, patience=services.patience)


@router.post(
    "/{program}/revisions",
    status_code=201,
    response_model=Submitted,
    openapi_extra=BODY,
    responses=together(
        LATE,
        _SUBMITTED,
        raises(
            *(
                DefinitionFaulty,
                LogUnknown,
                ProgramDiffers,
                ProgramEnded,
                TierNotReplaced,
                CurrencyDropped,
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


@router.post(
    "/{program}/end",
    status_code=202,
    response_model=EndAsked | RequestOut,
    responses=together(
        links(202, show_program={"program": "$request.path.program"}, list_gates={"program": "$request.path.program"}),
        raises(ProgramEnded, "end_requested", "revision_in_qualification"),
    ),
)
async def request_end(
    program: str,
    wish: EndIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(may("end a program"))],
) -> JSONResponse:
    """Ask for the end of a program; its wind-down gate decides."""

    async def act() -> Answer:
        async with services.engine.connect() as connection:
            await programs.find(connection, program)
        end = EndRequest(requested_by=person.id, reason=wish.reason, requested_at=datetime.now(UTC))
        handle = services.temporal.get_workflow_handle_for(ProgramLifecycle.run, ids.lifecycle(program))
        update = handle.execute_update(ProgramLifecycle.request_end, end, id=ids.asked(person.id, key))
        stage = await asked(update, gone=ProgramEnded(program), patience=UNHURRIED)
        return Answer(202, EndAsked(program=program, stage=stage).model_dump(mode="json"), f"/programs/{program}")

    return await once(request, services, person, key, act, patience=services.patience)


@router.post(
    "/{program}/evaluations",
    status_code=201,
    response_model=Verdict,
    responses=together(
        LATE,
        links(201, list_evaluations={"program": "$request.path.program"}),
        raises(ProgramEnded, NotLaunched),
    ),
)
async def evaluate_program(
    program: str,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(may("evaluate a program"))],
) -> JSONResponse:
    """Judge the program by its KPIs now, outside its Schedule."""

    async def act() -> Answer:
        async with services.engine.connect() as connection:
            record = await programs.find(connection, program)
            if record.stage in ENDED:
                raise ProgramEnded(program)
            if record.launched_at is None:
                raise NotLaunched(program)
        evaluation = ids.evaluation_on_demand(program, person.id, key)
        verdict = await _evaluated(services, program, person, evaluation)
        return Answer(201, verdict.model_dump(mode="json"), f"/programs/{program}/evaluations/{evaluation}")

    return await once(request, services, person, key, act, patience=services.patience)


async def _evaluated(services: Services, program: str, person: Person, evaluation: str) -> Verdict:
    """The verdict of the evaluation with this id, which is begun once. Raises ServiceUnavailable where it takes too long."""
    try:
        handle = await services.temporal.start_workflow(
            ProgramEvaluation.run,
            program,
            id=evaluation,
            task_queue=ids.PROGRAMS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            static_summary=f"Evaluation of {program}, asked for by {person.id}",
            search_attributes=of_program(program),
        )
    except WorkflowAlreadyStartedError:
        handle = services.temporal.get_workflow_handle_for(ProgramEvaluation.run, evaluation)
    return await in_time(handle.result(), "The evaluation", patience=UNHURRIED)


@router.get("", dependencies=[Depends(may("read programs"))])
async def list_programs(services: WithServices, paged: Paged) -> Page[ProgramOut]:
    """Every program with its stage, by id."""
    (after,) = paged.after(str) or ("",)
    async with services.engine.connect() as connection:
        found = [with_status(record) for record in await programs.listed(connection, after, paged.one_more)]
    return paged.page(found, lambda program: (program.id,))


@router.get("/{program}", dependencies=[Depends(may("read programs"))])
async def show_program(program: str, services: WithServices, response: Response) -> ProgramDetails:
    """Where a program stands: stage, revisions, waves, and the gates that wait. A new revision is held against its ETag."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        found = ProgramDetails(
            **with_status(record).model_dump(),
            revisions=await programs.revisions(connection, program),
            waves=await programs.waves(connection, program),
            open_gates=await gates.listed(connection, program, open_only=True),
        )
    response.headers["ETag"] = etags.of_state(found.revisions[-1].digest, found.model_dump(mode="json"))
    return found


@router.get("/{program}/revisions", dependencies=[Depends(may("read programs"))])
async def list_revisions(program: str, services: WithServices, paged: Paged) -> Page[RevisionRecord]:
    """The program's revisions by number, without their documents."""
    (after,) = paged.after(int) or (0,)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await programs.revisions(connection, program, after, paged.one_more)
    return paged.page(found, lambda revision: (revision.number,))


@router.get(
    "/{program}/revisions/{number}",
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


@router.get("/{program}/evaluations", dependencies=[Depends(may("read programs"))])
async def list_evaluations(program: str, services: WithServices, paged: Paged) -> Page[EvaluationRecord]:
    """The program's evaluations, newest first."""
    after = paged.after(datetime, str)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await evidence.evaluations(connection, program, after=after, latest=paged.one_more)
    return paged.page(found, lambda evaluation: (evaluation.at, evaluation.id))


@router.get(
    "/{program}/evaluations/{evaluation:path}",
    dependencies=[Depends(may("read programs"))],
    responses=raises(EvaluationUnknown),
)
async def show_evaluation(
    program: str, evaluation: Annotated[str, Path(max_length=1000), CAN_BE_KEPT], services: WithServices
) -> EvaluationRecord:
    """One evaluation: every KPI with its window, its figures and its consequence."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        record = await evidence.find_evaluation(connection, evaluation)
    if record is None or not evaluation.startswith(f"{ids.lifecycle(program)}/"):
        raise EvaluationUnknown(program, evaluation)
    return record


def with_status(record: ProgramRecord) -> ProgramOut:
    return ProgramOut(**record.model_dump(), product_status=product_status(record.stage))
