"""The pilot of a revision: enrolment opens to its cohort, and closes with the figures that it has come to."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.evaluation.evaluation import figures_of
from activities.queues import ActivityGroup, bulk
from domain.acceptance.pilots import judge_pilot
from domain.acceptance.results import PhaseResult
from domain.definition.acceptance import PilotPhase
from domain.definition.document import Definition
from domain.ids import PROGRAMS_QUEUE
from domain.model import Message
from ledger import Ledger
from store.acceptance import evidence, pilots
from store.acceptance.pilots import PilotRecord
from store.errors import CohortUnknown
from store.programs import programs
from store.rollout import cohorts


class PilotTask(Message):
    """An attempt at a pilot, from its beginning until it is due."""

    program: str
    revision: int
    definition: Definition
    phase: PilotPhase
    attempt: int
    at: datetime
    due: datetime


class PilotBegun(Message):
    """Since when the revision is piloted, over all attempts, and with how many in the cohort; or how it ended at once."""

    since: datetime | None = None
    size: int = 0
    ended: PhaseResult | None = None


class PilotEnd(Message):
    """The end of an attempt at a pilot that began `since`; `withdrawn`: nobody wants its revision any more."""

    task: PilotTask
    since: datetime
    at: datetime
    withdrawn: bool = False


class PilotActivities(ActivityGroup):
    QUEUE = PROGRAMS_QUEUE

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    @activity.defn
    async def begin_pilot(self, task: PilotTask) -> PilotBegun:
        """Open enrolment to the cohort, which changes no more; without one the pilot fails, in operation it is passed over."""
        phase = task.phase
        async with self._engine.begin() as connection:
            if (await programs.find(connection, task.program)).revision_in_force is not None:
                text = "not run: the program is in operation, and its members' events are rated by the revision in force"
                return PilotBegun(ended=await _keep(connection, task, passed=True, said=text, at=task.at))
            try:
                by = f"pilot {phase.id} of revision {task.revision}"
                cohort = await cohorts.begin(connection, task.program, phase.cohort, by, task.at)
            except CohortUnknown as error:
                text = f"not run: {error.detail} Gather it: `tenure cohort add {task.program} {phase.cohort} --file FILE`."
                return PilotBegun(ended=await _keep(connection, task, passed=False, said=text, at=task.at))
            record = PilotRecord(
                program=task.program,
                revision=task.revision,
                phase=phase.id,
                attempt=task.attempt,
                cohort=phase.cohort,
                opened_at=task.at,
                due=task.due,
            )
            return PilotBegun(since=await pilots.begin(connection, record), size=cohort.size)

    @activity.defn
    @bulk
    async def end_pilot(self, end: PilotEnd) -> PhaseResult:
        """Judge the pilot over all of its time, keep its figures, and close enrolment; who has joined stays."""
        task, definition = end.task, end.task.definition
        kpis = [criterion.kpi for criterion in task.phase.criteria]
        figures = await figures_of(self._engine, self._ledger, task.program, definition, kpis, end.since, end.at)
        verdict = judge_pilot(definition, task.phase, figures, end.since, end.at)
        passed = verdict.passed and not end.withdrawn
        said = "withdrawn; " * end.withdrawn + ("immature: " * verdict.immature + verdict.summary)
        async with self._engine.begin() as connection:
            await pilots.end(connection, task.program, task.revision, end.at, passed=passed)
            return await _keep(connection, task, passed=passed, said=said, at=end.at, result=verdict.model_dump(mode="json"))


async def _keep(
    connection: AsyncConnection,
    task: PilotTask,
    *,
    passed: bool,
    said: str,
    at: datetime,
    result: dict[str, Any] | None = None,
) -> PhaseResult:
    """Keep how an attempt ended."""
    record = evidence.TestRecord(
        revision=task.revision,
        phase=task.phase.id,
        attempt=task.attempt,
        kind="pilot",
        passed=passed,
        evidence={"cohort": task.phase.cohort, "said": said, "result": result},
        at=at,
    )
    await evidence.keep_test(connection, task.program, record)
    return PhaseResult(phase=task.phase.id, attempt=task.attempt, passed=passed, evidence=said)
