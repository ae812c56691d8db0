"""Prototypes: what a definition would cost on a log of purchases, and two of them side by side."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.auth.authorization import Caller, check_permission, check_sees, require
from api.auth.caller import Principal
from api.http.dependencies import Services, WithServices
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.read_retry import RetryReadRoute
from domain import ids
from domain.acceptance.comparison import Comparison, compare
from domain.acceptance.errors import PrototypeNotDone, PrototypeUnknown
from domain.acceptance.prototype import LogReading, PrototypeAnswer, PrototypeOrder, PrototypeResult, TierOfRun
from domain.acceptance.prototype import PrototypeRun as Run
from domain.definition.document import Definition, digest
from domain.definition.reading.file import read_definition
from domain.identity.person import Person
from domain.ids import Name, ProgramId
from domain.model import Value
from domain.programs.errors import DefinitionFaulty
from store.acceptance import transaction_logs
from store.errors import LogUnknown, ProgramUnknown, RevisionUnknown
from store.programs import programs
from workflows.acceptance.prototype_run import PrototypeRun
from workflows.attributes import of_program

router = APIRouter(prefix="/prototypes", tags=["prototypes"], route_class=RetryReadRoute)

_PROGRAM = "program"
"""What a prototype's workflow says in its memo: whose figures it has, and so to whom they may be shown."""
PrototypeId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class RevisionIn(Value):
    """A revision that was handed in."""

    program: ProgramId
    revision: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]


class PrototypeIn(Value):
    """What to simulate: a definition as YAML text, or a revision; over its own log unless another is named."""

    definition: Annotated[str, Field(min_length=1, max_length=1024 * 1024)] | RevisionIn
    log: Name | None = None


class Done(Value):
    """The prototype's figures, in total and month by month."""

    id: str
    state: Literal["done"] = "done"
    format: str
    program: str
    name: str
    definition_digest: str
    log: str
    log_digest: str
    money: str
    tiers: tuple[TierOfRun, ...]
    reading: LogReading | None
    result: PrototypeResult


class PrototypeBegun(Value):
    """A prototype that runs or has been run: ask for its figures under its id."""

    id: str
    definition: str
    log: str


class Running(Value):
    """The prototype is under way."""

    id: str
    state: Literal["running"] = "running"


class Unusable(Value):
    """The prototype could not be run over its log."""

    id: str
    state: Literal["unusable"] = "unusable"
    why: str


@router.post(
    "",
    status_code=202,
    response_model=PrototypeBegun,
    responses=together(
        links(202, show_prototype={"prototype": "$response.body#/id"}),
        raises(DefinitionFaulty, LogUnknown, ProgramUnknown, RevisionUnknown),
    ),
)
async def run_prototype(
    body: PrototypeIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("run a prototype"))],
    principal: Caller,
) -> JSONResponse:
    """Have a definition simulated over a log; ask for the figures at Location. The same two have the same id."""

    async def act() -> StoredResponse:
        definition = await _definition(services, body, principal)
        check_permission(principal, "run a prototype", definition.program)
        name = body.log or definition.prototype.transactions
        async with services.engine.connect() as connection:
            log = await transaction_logs.find(connection, name)
        workflow_id = ids.prototype(digest(definition), log.digest)
        await _begin(services, workflow_id, PrototypeOrder(definition=definition, log=name))
        prototype = workflow_id.rpartition("/")[2]
        begun = PrototypeBegun(id=prototype, definition=digest(definition), log=name)
        return StoredResponse(202, begun.model_dump(mode="json"), f"/prototypes/{prototype}")

    return await idempotent(request, services, person, key, act)


@router.get(
    "/{prototype}",
    dependencies=[Depends(require("read programs"))],
    responses=raises(PrototypeUnknown, PrototypeNotDone),
)
async def show_prototype(prototype: PrototypeId, services: WithServices, principal: Caller) -> Running | Unusable | Done:
    """A prototype: `running`, `unusable` with why, or `done` with its figures, in total and month by month."""
    answer = await _answer(services, prototype, principal)
    if answer is None:
        return Running(id=prototype)
    if answer.run is None:
        return Unusable(id=prototype, why=answer.why)
    return Done(id=prototype, **answer.run.model_dump(exclude={"members"}))


@router.get(
    "/{before}/comparison/{after}",
    dependencies=[Depends(require("read programs"))],
    responses=raises(PrototypeUnknown, PrototypeNotDone),
)
async def compare_prototypes(before: PrototypeId, after: PrototypeId, services: WithServices, principal: Caller) -> Comparison:
    """Two prototypes side by side; where both ran over one log, which members gain and lose, by their place in it."""
    first, second = await _done(services, before, principal), await _done(services, after, principal)
    return compare(first, second)


async def _definition(services: Services, body: PrototypeIn, principal: Principal) -> Definition:
    if isinstance(body.definition, RevisionIn):
        check_sees(principal, body.definition.program)
        async with services.engine.connect() as connection:
            await programs.find(connection, body.definition.program)
            return await programs.definition(connection, body.definition.program, body.definition.revision)
    found = read_definition(body.definition)
    if isinstance(found, Definition):
        return found
    raise DefinitionFaulty([fault.model_dump(mode="json") for fault in found])


async def _begin(services: Services, workflow_id: str, order: PrototypeOrder) -> None:
    try:
        await services.temporal.start_workflow(
            PrototypeRun.run,
            order,
            id=workflow_id,
            task_queue=ids.BULK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            static_summary=f"Prototype of {order.definition.program} over {order.log}",
            search_attributes=of_program(order.definition.program),
            memo={_PROGRAM: order.definition.program},
        )
    except WorkflowAlreadyStartedError:
        return  # it has been done, and is there to be read


async def _answer(services: Services, prototype: str, principal: Principal) -> PrototypeAnswer | None:
    """What came of a prototype, None while it runs. Raises PrototypeUnknown, PrototypeNotDone for one that was stopped.

    One of a program that may not be shown is as unknown as one that nobody has run.
    """
    handle: WorkflowHandle[Any, PrototypeAnswer] = services.temporal.get_workflow_handle_for(
        PrototypeRun.run, f"prototype/{prototype}"
    )
    try:
        described = await handle.describe()
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise PrototypeUnknown(prototype) from error
        raise
    check_sees(principal, str((await described.memo()).get(_PROGRAM, "")), PrototypeUnknown(prototype))
    status = described.status
    if status == WorkflowExecutionStatus.RUNNING:
        return None
    if status != WorkflowExecutionStatus.COMPLETED:
        raise PrototypeNotDone(prototype, "somebody has stopped it")
    return await handle.result()


async def _done(services: Services, prototype: str, principal: Principal) -> Run:
    answer = await _answer(services, prototype, principal)
    if answer is None:
        raise PrototypeNotDone(prototype, "it still runs")
    if answer.whole is None:
        raise PrototypeNotDone(prototype, answer.why)
    return answer.whole
