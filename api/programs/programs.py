"""Programs: start a lifecycle, see where it stands, ask for its end."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.auth.authorization import Caller, check_permission, require
from api.definition.body import BODY, definition_in
from api.http import etags
from api.http.dependencies import WithServices
from api.http.idempotency import ACCEPTED_LATER, Key, RequestOut, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import LONG_WAIT, asked
from api.programs.revisions import SUBMITTED, Submitted
from domain import ids
from domain.audit.chain import Fact
from domain.definition.document import digest
from domain.gates.state import GateState
from domain.identity.person import Person
from domain.model import CAN_BE_KEPT, Value
from domain.programs.errors import DefinitionFaulty, ProgramEnded, ProgramExists
from domain.programs.errors_lifecycle import EndRequested, RevisionInQualification
from domain.programs.lifecycle import EndRequest, Revision
from domain.programs.stages import ENDED, ProductStatus, Stage, product_status
from domain.refusals import Refused
from domain.rollout.openings import WaveOpening
from domain.rollout.state import RolloutStatus
from store.acceptance import transaction_logs
from store.audit import trail
from store.errors import LogUnknown, ProgramUnknown
from store.gates import gates
from store.programs import programs
from store.programs.programs import ProgramRecord, RevisionRecord
from store.rollout import rollouts
from workflows.attributes import of_program
from workflows.programs.lifecycle import ProgramLifecycle
from workflows.programs.state import ProgramStart

router = APIRouter(prefix="/programs", tags=["programs"], route_class=RetryReadRoute)


class EndIn(Value):
    """Why the program shall end."""

    reason: Annotated[str, Field(min_length=1, max_length=2000), CAN_BE_KEPT]


class EndAsked(Value):
    """The end of a program was asked for; its wind-down gate decides."""

    program: str
    stage: Stage
    asked_for: Literal["end"] = "end"


class ProgramOut(ProgramRecord):
    """Where a program stands, with the product status that the trade gives to its stage."""

    product_status: ProductStatus


class ProgramDetails(ProgramOut):
    """Where a program stands: its revisions, its waves, and the gates that wait.

    `rollout` is how the rollout stands, as long as there is one under way.
    """

    revisions: Sequence[RevisionRecord]
    rollout: RolloutStatus | None
    waves: Sequence[WaveOpening]
    open_gates: Sequence[GateState]


@router.post(
    "",
    status_code=201,
    response_model=Submitted,
    openapi_extra=BODY,
    responses=together(ACCEPTED_LATER, SUBMITTED, raises(DefinitionFaulty, LogUnknown, ProgramExists)),
)
async def start_program(
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("start a program"))],
    principal: Caller,
) -> JSONResponse:
    """Start the lifecycle of a program with its first revision; the person who asks is its owner."""

    async def act() -> StoredResponse:
        definition = await definition_in(request)
        check_permission(principal, "start a program", definition.program)
        async with services.engine.connect() as connection:
            await transaction_logs.require_all_of(connection, definition)
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
            number = await asked(update, gone=ProgramExists(definition.program), wait_timeout=LONG_WAIT)
        except (WorkflowAlreadyStartedError, Refused) as error:
            raise ProgramExists(definition.program) from error  # the only reason why a lifecycle refuses to begin
        submitted = Submitted(program=definition.program, revision=number, digest=first.digest)
        return StoredResponse(201, submitted.model_dump(mode="json"), f"/programs/{definition.program}")

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


@router.post(
    "/{program}/end",
    status_code=202,
    response_model=EndAsked | RequestOut,
    responses=together(
        links(202, show_program={"program": "$request.path.program"}, list_gates={"program": "$request.path.program"}),
        raises(ProgramEnded, EndRequested, RevisionInQualification),
    ),
)
async def request_end(
    program: str,
    body: EndIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("end a program"))],
) -> JSONResponse:
    """Ask for the end of a program; its wind-down gate decides."""

    async def act() -> StoredResponse:
        async with services.engine.connect() as connection:
            await programs.find(connection, program)
        end = EndRequest(requested_by=person.id, reason=body.reason, requested_at=datetime.now(UTC))
        handle = services.temporal.get_workflow_handle_for(ProgramLifecycle.run, ids.lifecycle(program))
        update = handle.execute_update(ProgramLifecycle.request_end, end, id=ids.asked(person.id, key))
        stage = await asked(update, gone=ProgramEnded(program), wait_timeout=LONG_WAIT)
        fact = Fact(
            program=program,
            at=end.requested_at,
            action="end_asked",
            actor=person.id,
            key=f"end_asked/{ids.asked(person.id, key)}",
            details={"reason": body.reason},
        )
        async with services.engine.begin() as connection:
            await trail.append(connection, fact)
        return StoredResponse(202, EndAsked(program=program, stage=stage).model_dump(mode="json"), f"/programs/{program}")

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


@router.get("", dependencies=[Depends(require("read programs"))])
async def list_programs(services: WithServices, paged: Paged, principal: Caller) -> Page[ProgramOut]:
    """Every program that you may see with its stage, by id."""
    (after,) = paged.after(str) or ("",)
    async with services.engine.connect() as connection:
        records = await programs.listed(connection, after, paged.one_more, among=principal.programs)
    return paged.page([with_status(record) for record in records], lambda program: (program.id,))


@router.get("/{program}", dependencies=[Depends(require("read programs"))])
async def show_program(program: str, services: WithServices, response: Response) -> ProgramDetails:
    """Where a program stands: stage, revisions, waves, and the gates that wait. A new revision is held against its ETag."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        found = ProgramDetails(
            **with_status(record).model_dump(),
            revisions=await programs.revisions(connection, program),
            rollout=await _rollout(connection, record),
            waves=await programs.waves(connection, program),
            open_gates=await gates.listed(connection, program, open_only=True),
        )
    response.headers["ETag"] = etags.of_state(found.revisions[-1].digest, found.model_dump(mode="json"))
    return found


async def _rollout(connection: AsyncConnection, record: ProgramRecord) -> RolloutStatus | None:
    if record.stage != "rollout":
        return None
    kept = await rollouts.listed(connection, record.id)
    return next((each.state.status for each in kept if each.revision == record.revision_in_force), "running")


def with_status(record: ProgramRecord) -> ProgramOut:
    return ProgramOut(**record.model_dump(), product_status=product_status(record.stage))
