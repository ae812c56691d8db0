"""The Schedule of a program's evaluations: see it, pause and resume it, have it act now, or as of instants that have passed."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field
from temporalio.client import (
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionResult,
    ScheduleDescription,
    ScheduleHandle,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.auth.authorization import require
from api.http.dependencies import Services, WithServices
from api.http.idempotency import Key, RequestOut, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.rate_limits import Rates, rates_of
from api.http.read_retry import RetryReadRoute
from domain import ids
from domain.definition.document import Definition
from domain.evaluation.errors import BackfillRefused, NotScheduled
from domain.identity.person import Person
from domain.model import CAN_BE_KEPT, Value
from domain.period import Period
from domain.programs.errors import NotLaunched, ProgramEnded
from domain.recurrence import MeanGrid, Recurrence, Rule, stretches
from domain.window import Moment
from services.programs.availability import require_open
from store.evaluation import evaluations
from store.programs import programs
from workflows.attributes import of_program
from workflows.evaluation.program_evaluation import ProgramEvaluation

router = APIRouter(prefix="/programs/{program}/schedule", tags=["programs"], route_class=RetryReadRoute)

MOST_AT_ONCE = 120
"""Evaluations in one backfill: ten years of monthly ones."""
_NEXT = 5

Scheduler = Annotated[Person, Depends(require("schedule evaluations"))]
_LIST = links(202, list_evaluations={"program": "$request.path.program"})


class NoteIn(Value):
    """Why a Schedule is paused or resumed; it is shown with it."""

    reason: Annotated[str, Field(min_length=1, max_length=500), CAN_BE_KEPT]


class SpanIn(Value):
    """Which instants to evaluate as of: from this day (or instant) up to the end of that one (or that instant)."""

    since: Annotated[Moment, Field(alias="from")]
    to: Moment


class ScheduledEvaluation(Value):
    """An evaluation that the Schedule has begun: when it was due, and its id."""

    due: AwareDatetime
    started: AwareDatetime
    evaluation: str | None


class ScheduleOut(Value):
    """How often the program is evaluated, and when in that period; whether that is paused, and the reason given last.

    `last` and `next` say when the Schedule acts, up to five minutes after an evaluation falls due; its id has that instant.
    `every_seconds` is the period as exact time, a month being a twelfth of the mean year: for comparing, not for dates.

    `left_out` counts what fell due while nothing could act on it, or while the one before was still under way.
    """

    program: str
    every: Period
    every_seconds: int
    falls_due: str
    paused: bool
    note: str
    last: tuple[ScheduledEvaluation, ...]
    next: tuple[AwareDatetime, ...]
    left_out: int


class PauseOut(Value):
    """Whether the Schedule is paused now."""

    program: str
    paused: bool


class Triggered(Value):
    """The Schedule acts; its evaluation will stand in the list."""

    program: str


class Backfilled(Value):
    """The evaluations that were begun, and those of the span that had been made or begun before."""

    program: str
    begun: tuple[str, ...]
    there_already: tuple[str, ...]


@router.get("", dependencies=[Depends(require("read programs"))], responses=raises(NotScheduled))
async def show_schedule(program: str, services: WithServices) -> ScheduleOut:
    """How often the program is evaluated, whether that is paused and why, what it has done last, and when it acts next."""
    found = await _described(services, program)
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        if record.launched_at is None or record.revision_in_force is None:
            raise NotScheduled(program)
        definition = await programs.definition(connection, program, record.revision_in_force)
        calendar_since = await programs.calendar_since(connection, program)
        (_, first), *_ = (await programs.revisions_in_force(connection, program)).by_instant
    every = definition.evaluation.every
    calendar = Recurrence(every, record.launched_at, definition.zone, first.definition.zone)
    state, info = found.schedule.state, found.info
    return ScheduleOut(
        program=program,
        every=every,
        every_seconds=int(calendar.interval.total_seconds()),
        falls_due=(calendar if calendar_since else MeanGrid(every)).description,
        paused=state.paused,
        note=state.note or "",
        last=tuple(_to_response(each) for each in info.recent_actions[-_NEXT:]),
        next=() if state.paused else tuple(info.next_action_times[:_NEXT]),
        left_out=info.num_actions_missed_catchup_window + info.num_actions_skipped_overlap,
    )


@router.post("/pause", response_model=PauseOut, responses=raises(NotScheduled))
async def pause_schedule(
    program: str, note: NoteIn, request: Request, services: WithServices, key: Key, person: Scheduler
) -> JSONResponse:
    """Have nothing evaluated until it is resumed; what falls due meanwhile is left out, and can be made up by a backfill."""

    async def act() -> StoredResponse:
        await _described(services, program)
        await _schedule(services, program).pause(note=f"paused by {person.id}: {note.reason}")
        return StoredResponse(200, PauseOut(program=program, paused=True).model_dump(mode="json"))

    return await idempotent(request, services, person, key, act)


@router.post("/resume", response_model=PauseOut, responses=raises(NotScheduled))
async def resume_schedule(
    program: str, note: NoteIn, request: Request, services: WithServices, key: Key, person: Scheduler
) -> JSONResponse:
    """Have the program evaluated on its Schedule again."""

    async def act() -> StoredResponse:
        await _described(services, program)
        await _schedule(services, program).unpause(note=f"resumed by {person.id}: {note.reason}")
        return StoredResponse(200, PauseOut(program=program, paused=False).model_dump(mode="json"))

    return await idempotent(request, services, person, key, act)


@router.post("/trigger", status_code=202, response_model=Triggered, responses=together(_LIST, raises(NotScheduled)))
async def trigger_schedule(
    program: str,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("evaluate a program"))],
) -> JSONResponse:
    """Have the Schedule act now, as when it falls due: as of the beginning of this second. The answer does not wait for the
    verdict."""

    async def act() -> StoredResponse:
        await _described(services, program)
        await _schedule(services, program).trigger()
        return StoredResponse(202, Triggered(program=program).model_dump(mode="json"), f"/programs/{program}/evaluations")

    return await idempotent(request, services, person, key, act)


@router.post(
    "/backfill",
    status_code=202,
    response_model=Backfilled | RequestOut,
    responses=together(_LIST, raises(ProgramEnded, NotLaunched, BackfillRefused)),
)
async def backfill_schedule(
    program: str,
    span: SpanIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Scheduler,
    rates: Annotated[Rates, Depends(rates_of)],
) -> JSONResponse:
    """Evaluate as of every instant of the span at which the Schedule falls due, by the definition in force then.

    Each has the id that the Schedule gives it, so that what was evaluated on its day is not evaluated again. Each that falls
    due in the span counts as one that you have asked for.
    """

    async def act() -> StoredResponse:
        definition = await _launched(services, program)
        instants = await _instants(services, program, definition, span)
        await rates.spend("evaluations", person.id, len(instants))
        begun = [at for at in instants if await _begin(services, program, at)]
        backfilled = Backfilled(
            program=program,
            begun=tuple(ids.evaluation_at(program, at) for at in begun),
            there_already=tuple(ids.evaluation_at(program, at) for at in instants if at not in begun),
        )
        return StoredResponse(202, backfilled.model_dump(mode="json"), f"/programs/{program}/evaluations")

    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


async def _launched(services: Services, program: str) -> Definition:
    """The definition in force. Raises ProgramUnknown, ProgramEnded, NotLaunched."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        require_open(record, "evaluation", datetime.now(UTC))
        assert record.revision_in_force is not None
        return await programs.definition(connection, program, record.revision_in_force)


async def _instants(services: Services, program: str, definition: Definition, span: SpanIn) -> list[datetime]:
    """The instants to evaluate as of: all at which the Schedule fired in the span, by the definition and the grid of then.

    Raises BackfillRefused for a span that has none, too many, or some that cannot be.
    """
    since, until = span.since.at(definition.zone), span.to.end(definition.zone)
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        calendar_since = await programs.calendar_since(connection, program)
        revisions = await programs.revisions_in_force(connection, program)
    launched = record.launched_at
    assert launched is not None
    if since > until:
        raise BackfillRefused("to", f"{span.to} is before {span.since}", "Write the earlier of the two as `from`.")
    if since < launched:
        raise BackfillRefused(
            "from", f"The program was launched at {launched:%Y-%m-%d %H:%M:%S} UTC", "Begin at that instant or later."
        )
    if until > datetime.now(UTC):
        raise BackfillRefused("to", f"{span.to} has not passed yet", "End at an instant that has, or yesterday.")
    rules = [Rule(at, each.definition.evaluation.every, each.definition.zone) for at, each in revisions.by_instant]
    while_earned = min(until, record.earning_until or until)
    found = list(stretches(rules, launched, calendar_since, since, while_earned))
    many = sum(stretch.count() for stretch in found)
    if many > MOST_AT_ONCE:
        raise BackfillRefused(
            "from", f"The span has {many:,} evaluations, and one backfill {MOST_AT_ONCE} at most", "Ask in parts."
        )
    if not many:
        every = definition.evaluation.every
        raise BackfillRefused("from", f"No evaluation falls due in the span; one does every {every}", "Ask for a longer span.")
    return [at for stretch in found for at in stretch.instants()]


async def _begin(services: Services, program: str, at: datetime) -> bool:
    """Begin the evaluation as of an instant; False where it was begun before."""
    evaluation = ids.evaluation_at(program, at)
    async with services.engine.connect() as connection:
        if await evaluations.find_evaluation(connection, evaluation) is not None:
            return False  # Temporal forgets a workflow some time after its end; the store does not
    try:
        await services.temporal.start_workflow(
            ProgramEvaluation.run,
            args=[program, at],
            id=evaluation,
            task_queue=ids.PROGRAMS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            static_summary=f"Evaluation of {program} as of {at:%Y-%m-%d %H:%M:%S} UTC",
            search_attributes=of_program(program),
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


def _schedule(services: Services, program: str) -> ScheduleHandle:
    return services.temporal.get_schedule_handle(ids.evaluation_schedule(program))


async def _described(services: Services, program: str) -> ScheduleDescription:
    """The Schedule as it is. Raises ProgramUnknown; NotScheduled before the launch, and from the wind-down on."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
    try:
        return await _schedule(services, program).describe()
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise NotScheduled(program) from error
        raise


def _to_response(result: ScheduleActionResult) -> ScheduledEvaluation:
    begun = result.action
    return ScheduledEvaluation(
        due=result.scheduled_at,
        started=result.started_at,
        evaluation=begun.workflow_id if isinstance(begun, ScheduleActionExecutionStartWorkflow) else None,
    )
