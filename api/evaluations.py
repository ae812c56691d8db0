"""The Schedule of a program's evaluations: see it, pause and resume it, have it act now, or as of instants that have passed."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from temporalio.client import ScheduleActionExecutionStartWorkflow, ScheduleDescription, ScheduleHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.errors import BackfillRefused, NotLaunched, NotScheduled, ProgramEnded
from api.once import Answer, Key, once
from api.people import may
from api.reading import ReadAgain
from api.services import Services, WithServices
from domain import ids, recurrence
from domain.definition import Definition
from domain.gates import Person
from domain.model import CAN_BE_KEPT, Value
from domain.stages import ENDED
from domain.window import Moment
from store import evidence, programs
from workflows.attributes import of_program
from workflows.program_evaluation import ProgramEvaluation

router = APIRouter(prefix="/programs/{program}/schedule", tags=["evaluations"], route_class=ReadAgain)

MOST_AT_ONCE = 120
"""Evaluations in one backfill: ten years of monthly ones."""
_NEXT = 5

Judge = Annotated[Person, Depends(may("evaluate a program"))]


class NoteIn(Value):
    """Why a Schedule is paused or resumed; it is shown with it."""

    reason: Annotated[str, Field(min_length=1, max_length=500), CAN_BE_KEPT]


class SpanIn(Value):
    """Which instants to evaluate as of: from this day (or instant) up to the end of that one (or that instant)."""

    since: Annotated[Moment, Field(alias="from")]
    to: Moment


@router.get("", dependencies=[Depends(may("read programs"))])
async def show(program: str, services: WithServices) -> dict[str, Any]:
    """How often the program is evaluated, whether that is paused and why, what it has done last, and when it acts next."""
    found = await _described(services, program)
    state, info = found.schedule.state, found.info
    return {
        "program": program,
        "every_seconds": int(found.schedule.spec.intervals[0].every.total_seconds()),
        "paused": state.paused,
        "note": state.note or "",
        "last": [
            {
                "due": action.scheduled_at.isoformat(),
                "started": action.started_at.isoformat(),
                "evaluation": _evaluation(action),
            }
            for action in info.recent_actions[-_NEXT:]
        ],
        "next": [] if state.paused else [at.isoformat() for at in info.next_action_times[:_NEXT]],
        "left_out": info.num_actions_missed_catchup_window + info.num_actions_skipped_overlap,
    }


@router.post("/pause")
async def pause(program: str, note: NoteIn, request: Request, services: WithServices, key: Key, person: Judge) -> JSONResponse:
    """Have nothing evaluated until it is resumed; what falls due meanwhile is left out, and can be made up by a backfill."""

    async def act() -> Answer:
        await _described(services, program)
        await _schedule(services, program).pause(note=f"paused by {person.id}: {note.reason}")
        return Answer(200, {"program": program, "paused": True})

    return await once(request, services, person, key, act)


@router.post("/resume")
async def resume(program: str, note: NoteIn, request: Request, services: WithServices, key: Key, person: Judge) -> JSONResponse:
    """Have the program evaluated on its Schedule again."""

    async def act() -> Answer:
        await _described(services, program)
        await _schedule(services, program).unpause(note=f"resumed by {person.id}: {note.reason}")
        return Answer(200, {"program": program, "paused": False})

    return await once(request, services, person, key, act)


@router.post("/trigger", status_code=202)
async def trigger(program: str, request: Request, services: WithServices, key: Key, person: Judge) -> JSONResponse:
    """Have the Schedule act now, as when it falls due; the answer does not wait for the verdict."""

    async def act() -> Answer:
        await _described(services, program)
        await _schedule(services, program).trigger()
        return Answer(202, {"program": program}, f"/programs/{program}/evaluations")

    return await once(request, services, person, key, act)


@router.post("/backfill", status_code=202)
async def backfill(
    program: str, span: SpanIn, request: Request, services: WithServices, key: Key, person: Judge
) -> JSONResponse:
    """Evaluate as of every instant of the span at which the Schedule falls due, by the definition in force then.

    Each has the id that the Schedule gives it, so that what was evaluated on its day is not evaluated again.
    """

    async def act() -> Answer:
        definition = await _launched(services, program)
        instants = await _instants(services, program, definition, span)
        begun = [at for at in instants if await _begin(services, program, at)]
        body = {
            "program": program,
            "begun": [ids.evaluation_at(program, at) for at in begun],
            "there_already": [ids.evaluation_at(program, at) for at in instants if at not in begun],
        }
        return Answer(202, body, f"/programs/{program}/evaluations")

    return await once(request, services, person, key, act)


async def _launched(services: Services, program: str) -> Definition:
    """The definition in force. Raises ProgramUnknown, ProgramEnded, NotLaunched."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        if record.stage in ENDED:
            raise ProgramEnded(program)
        if record.revision_in_force is None:
            raise NotLaunched(program)
        return await programs.definition(connection, program, record.revision_in_force)


async def _instants(services: Services, program: str, definition: Definition, span: SpanIn) -> list[datetime]:
    """The instants to evaluate as of. Raises BackfillRefused for a span that has none, too many, or some that cannot be."""
    since, until = span.since.at(definition.zone), span.to.at(definition.zone)
    if span.to.is_day:
        until = Moment(span.to.value + timedelta(days=1)).at(definition.zone) - timedelta(microseconds=1)
    async with services.engine.connect() as connection:
        launched = (await programs.find(connection, program)).launched_at
    assert launched is not None
    if since > until:
        raise BackfillRefused("to", f"{span.to} is before {span.since}", "Write the earlier of the two as `from`.")
    if since < launched:
        raise BackfillRefused(
            "from", f"The program was launched at {launched:%Y-%m-%d %H:%M:%S} UTC", "Begin at that instant or later."
        )
    if until > datetime.now(UTC):
        raise BackfillRefused("to", f"{span.to} has not passed yet", "End at an instant that has, or yesterday.")
    every = definition.evaluation.every
    many = recurrence.count_due(every, since, until)
    if many > MOST_AT_ONCE:
        raise BackfillRefused(
            "from", f"The span has {many:,} evaluations, and one backfill {MOST_AT_ONCE} at most", "Ask in parts."
        )
    if not many:
        raise BackfillRefused("from", f"No evaluation falls due in the span; one does every {every}", "Ask for a longer span.")
    return recurrence.due(every, since, until)


async def _begin(services: Services, program: str, at: datetime) -> bool:
    """Begin the evaluation as of an instant; False where it was begun before."""
    evaluation = ids.evaluation_at(program, at)
    async with services.engine.connect() as connection:
        if await evidence.find_evaluation(connection, evaluation) is not None:
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


def _evaluation(action: Any) -> str | None:
    started = action.action
    return started.workflow_id if isinstance(started, ScheduleActionExecutionStartWorkflow) else None
