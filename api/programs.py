"""Programs: start a lifecycle, hand in a revision, see where it stands, evaluate it, ask for its end."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.definitions import BODY, definition_in
from api.errors import CurrencyDropped, NotLaunched, ProgramDiffers, ProgramEnded, ProgramExists, Refused, TierNotReplaced
from api.once import Answer, Key, once
from api.people import Caller, check_may, may
from api.reading import ReadAgain
from api.services import Services, WithServices
from api.workflow_calls import asked, in_time
from domain import amendments, ids
from domain.definition import Definition, digest
from domain.gates import Person
from domain.kpis import Verdict
from domain.lifecycle import EndRequest, Revision
from domain.model import CAN_BE_KEPT, Value
from domain.stages import ENDED, product_status
from store import evidence, gates, members, programs, transaction_logs
from store.errors import ProgramUnknown
from workflows.attributes import of_program
from workflows.program_evaluation import ProgramEvaluation
from workflows.program_lifecycle import ProgramLifecycle, ProgramStart, RevisionSubmission

router = APIRouter(prefix="/programs", tags=["programs"], route_class=ReadAgain)


class EndIn(Value):
    """Why the program shall end."""

    reason: Annotated[str, Field(min_length=1, max_length=2000), CAN_BE_KEPT]


@router.post("", status_code=201, openapi_extra=BODY)
async def start_program(
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(may("start a program"))],
    asker: Caller,
) -> JSONResponse:
    """Start the lifecycle of a program with its first revision; the person who asks is its owner."""

    async def act() -> Answer:
        definition = await definition_in(request)
        check_may(asker, "start a program", definition.program)
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
            number = await asked(update, gone=ProgramExists(definition.program))
        except (WorkflowAlreadyStartedError, Refused) as error:
            raise ProgramExists(definition.program) from error  # the only reason why a lifecycle refuses to begin
        location = f"/programs/{definition.program}"
        return Answer(201, {"program": definition.program, "revision": number, "digest": first.digest}, location)

    return await once(request, services, person, key, act)


@router.post("/{program}/revisions", status_code=201, openapi_extra=BODY)
async def submit_revision(
    program: str,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(may("revise a program"))],
) -> JSONResponse:
    """Hand in a further revision: the next try before the launch, an amendment in operation."""

    async def act() -> Answer:
        definition = await definition_in(request)
        if definition.program != program:
            raise ProgramDiffers(program, definition.program)
        async with services.engine.connect() as connection:
            record = await programs.find(connection, program)
            await transaction_logs.require(connection, definition.prototype.transactions)
            await _check_nobody_is_left(connection, record, definition)
        submission = RevisionSubmission(definition=definition, digest=digest(definition), submitted_by=person.id)
        handle = services.temporal.get_workflow_handle_for(ProgramLifecycle.run, ids.lifecycle(program))
        update = handle.execute_update(ProgramLifecycle.submit_revision, submission, id=ids.asked(person.id, key))
        number = await asked(update, gone=ProgramEnded(program))
        return Answer(201, {"program": program, "revision": number, "digest": submission.digest}, f"/programs/{program}")

    return await once(request, services, person, key, act)


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


@router.post("/{program}/end", status_code=202)
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
        stage = await asked(update, gone=ProgramEnded(program))
        return Answer(202, {"program": program, "stage": stage, "asked_for": "end"}, f"/programs/{program}")

    return await once(request, services, person, key, act)


@router.post("/{program}/evaluations", status_code=201)
async def evaluate(
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
        verdict = await _evaluated(services, program, person, ids.evaluation_on_demand(program, person.id, key))
        return Answer(201, verdict.model_dump(mode="json"), f"/programs/{program}/evaluations")

    return await once(request, services, person, key, act)


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
    return await in_time(handle.result(), "The evaluation")


@router.get("", dependencies=[Depends(may("read programs"))])
async def list_programs(services: WithServices, asker: Caller) -> list[dict[str, Any]]:
    """Every program that you may see, with its stage."""
    async with services.engine.connect() as connection:
        return [_with_status(record) for record in await programs.listed(connection) if asker.sees(record.id)]


@router.get("/{program}", dependencies=[Depends(may("read programs"))])
async def show_program(program: str, services: WithServices) -> dict[str, Any]:
    """Where a program stands: stage, revisions, waves, and the gates that wait."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        return _with_status(record) | {
            "revisions": [item.model_dump(mode="json") for item in await programs.revisions(connection, program)],
            "waves": [item.model_dump(mode="json") for item in await programs.waves(connection, program)],
            "open_gates": [state.model_dump(mode="json") for state in await gates.listed(connection, program, open_only=True)],
        }


@router.get("/{program}/evaluations", dependencies=[Depends(may("read programs"))])
async def list_evaluations(program: str, services: WithServices) -> list[dict[str, Any]]:
    """The program's evaluations, newest first."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        return [record.model_dump(mode="json") for record in await evidence.evaluations(connection, program)]


def _with_status(record: programs.ProgramRecord) -> dict[str, Any]:
    return record.model_dump(mode="json") | {"product_status": product_status(record.stage)}
