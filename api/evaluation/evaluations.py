"""Evaluations of a program by its KPIs: have one made now, list them, read one."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.auth.authorization import require
from api.http.dependencies import Services, WithServices
from api.http.idempotency import ACCEPTED_LATER, Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import LONG_WAIT, in_time
from domain import ids
from domain.evaluation.errors import EvaluationUnknown
from domain.evaluation.kpis import Verdict
from domain.identity.person import Person
from domain.model import CAN_BE_KEPT
from domain.programs.errors import NotLaunched, ProgramEnded
from services.programs.availability import require_open
from store.evaluation import evaluations
from store.evaluation.evaluations import EvaluationRecord
from store.programs import programs
from workflows.attributes import of_program
from workflows.evaluation.program_evaluation import ProgramEvaluation

router = APIRouter(prefix="/programs/{program}/evaluations", tags=["programs"], route_class=RetryReadRoute)


@router.post(
    "",
    status_code=201,
    response_model=Verdict,
    responses=together(
        ACCEPTED_LATER,
        links(201, list_evaluations={"program": "$request.path.program"}),
        raises(ProgramEnded, NotLaunched),
    ),
)
async def evaluate_program(
    program: str,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("evaluate a program"))],
) -> JSONResponse:
    """Judge the program by its KPIs now, outside its Schedule."""

    async def act() -> StoredResponse:
        async with services.engine.connect() as connection:
            require_open(await programs.find(connection, program), "evaluation", datetime.now(UTC))
        evaluation = ids.evaluation_on_demand(program, person.id, key)
        verdict = await _evaluated(services, program, person, evaluation)
        return StoredResponse(201, verdict.model_dump(mode="json"), f"/programs/{program}/evaluations/{evaluation}")

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


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
    return await in_time(handle.result(), "The evaluation", wait_timeout=LONG_WAIT)


@router.get("", dependencies=[Depends(require("read programs"))])
async def list_evaluations(program: str, services: WithServices, paged: Paged) -> Page[EvaluationRecord]:
    """The program's evaluations, newest first."""
    after = paged.after(datetime, str)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await evaluations.listed(connection, program, after=after, latest=paged.one_more)
    return paged.page(found, lambda evaluation: (evaluation.at, evaluation.id))


@router.get(
    "/{evaluation:path}",
    dependencies=[Depends(require("read programs"))],
    responses=raises(EvaluationUnknown),
)
async def show_evaluation(
    program: str, evaluation: Annotated[str, Path(max_length=1000), CAN_BE_KEPT], services: WithServices
) -> EvaluationRecord:
    """One evaluation: every KPI with its window, its figures and its consequence."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        record = await evaluations.find_evaluation(connection, evaluation)
    if record is None or not evaluation.startswith(f"{ids.lifecycle(program)}/"):
        raise EvaluationUnknown(program, evaluation)
    return record
