"""The evaluation of a program: its figures are gathered, judged by the definition, and kept."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.queues import ActivityGroup, bulk
from activities.refusals import in_words
from domain import ids
from domain.definition.document import Definition
from domain.definition.values import AGAINST_HOLDOUT, BY_ANSWERS, Consequence, Kpi
from domain.evaluation.figures import Figures
from domain.evaluation.kpis import Verdict, judge
from domain.ids import PROGRAMS_QUEUE
from domain.model import Message
from domain.programs.errors import NotLaunched
from insight.evaluation import holdout_comparison
from ledger import Ledger, outbox
from store.evaluation import evaluations
from store.members import members
from store.programs import programs
from store.retention import survey_answers

_LOOKED_BACK = 12
"""How many evaluations back a KPI's last value is looked for, where those in between had none."""


class EvaluationTask(Message):
    """An evaluation as of an instant; `id` is its workflow's."""

    id: str
    program: str
    at: datetime


class LatestVerdict(Message):
    """The newest evaluation's id, its consequence, and its figures in words."""

    id: str
    consequence: Consequence
    told: str


class EvaluationActivities(ActivityGroup):
    QUEUE = PROGRAMS_QUEUE

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    @activity.defn
    @bulk
    async def evaluate_program(self, task: EvaluationTask) -> Verdict:
        """Judge every KPI that the definition in force names, keep the verdict, and have the program's lifecycle look at it."""
        at = await self._as_of(task)
        definition = await definition_at(self._engine, task.program, at)
        found: dict[datetime, Figures] = {}  # rules that share a window share its figures
        figures: dict[Kpi, Figures] = {}
        for rule in definition.evaluation.kpis:
            since = rule.window.before(at, definition.zone)
            if since not in found:
                kpis = [each.kpi for each in definition.evaluation.kpis]
                found[since] = await figures_of(self._engine, self._ledger, task.program, definition, kpis, since, at)
            figures[rule.kpi] = found[since]
        async with self._engine.connect() as connection:
            before = await evaluations.verdicts_before(connection, task.program, at, _LOOKED_BACK)
        verdict = judge(definition, figures, at, before)
        record = evaluations.EvaluationRecord(id=task.id, consequence=verdict.consequence, verdict=verdict, at=at)
        async with self._engine.begin() as connection:
            if await evaluations.keep_evaluation(connection, task.program, record):
                await outbox.put(connection, [ids.lifecycle(task.program)])
        return verdict

    async def _as_of(self, task: EvaluationTask) -> datetime:
        """The task's instant; in the launch's own second the launch: a Schedule that is triggered counts in whole seconds."""
        async with self._engine.connect() as connection:
            launched_at = (await programs.find(connection, task.program)).launched_at
        in_its_second = launched_at is not None and launched_at.replace(microsecond=0) == task.at
        return launched_at if launched_at is not None and in_its_second else task.at

    @activity.defn
    async def latest_verdict(self, program: str) -> LatestVerdict:
        """What the newest evaluation said."""
        async with self._engine.connect() as connection:
            found = await evaluations.listed(connection, program, latest=1)
        if not found:
            return LatestVerdict(id="", consequence="continue", told="")
        verdict = found[0].verdict
        text = "; ".join(
            f"{result.kpi} {result.value if result.value is not None else result.status}: {result.consequence}"
            for result in verdict.results
        )
        return LatestVerdict(id=found[0].id, consequence=verdict.consequence, told=text)


async def definition_at(engine: AsyncEngine, program: str, at: datetime) -> Definition:
    """The definition by which a program is judged as of an instant. Raises ApplicationError before its launch."""
    async with engine.connect() as connection:
        in_force = await programs.in_force_at(connection, program, at)
    if in_force is None:
        raise in_words(NotLaunched, f"Program {program} has not been launched.")
    return in_force.definition


async def figures_of(
    engine: AsyncEngine,
    ledger: Ledger,
    program: str,
    definition: Definition,
    kpis: Collection[Kpi],
    since: datetime,
    until: datetime,
) -> Figures:
    """What happened in a program in (since, until]: what these KPIs are computed from, by the definition then in force.

    The comparison with the holdout is made where one of them needs it, and the definition has a holdout.
    """
    asked = not set(BY_ANSWERS).isdisjoint(kpis)
    async with engine.connect() as connection:
        presence = await members.presence(connection, program, since, until)
        answers = await survey_answers.counted(connection, program, since, until) if asked else None
    points = await ledger.window_figures(program, since, until, definition.currency.code)
    compared = definition.holdout is not None and not set(AGAINST_HOLDOUT).isdisjoint(kpis)
    experiment = await holdout_comparison.compare(engine, program, since, until) if compared else None
    return Figures.model_validate(presence | points.model_dump() | {"experiment": experiment, "answers": answers})
