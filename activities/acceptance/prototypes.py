"""The evidence for a revision: its prototype over real transactions, and its scripted scenarios."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.queues import ActivityGroup, bulk
from domain.acceptance.prototype import PrototypeAnswer, PrototypeOrder, answer_of
from domain.acceptance.results import PhaseResult, PrototypeSummary
from domain.acceptance.scenarios import ScenarioResult, run_scenario
from domain.definition.acceptance import Prototype, PrototypePhase, ScenarioPhase
from domain.definition.document import Definition
from domain.ids import PROGRAMS_QUEUE
from domain.model import Message
from insight.acceptance.event_log import EventLog, Purchase, UnusableLog, of_purchases
from insight.acceptance.rehearsed_member import rehearse
from insight.acceptance.simulation import run, simulate
from store.acceptance import evidence, transaction_logs
from store.errors import LogUnknown


class PrototypeTask(Message):
    program: str
    revision: int
    definition: Definition
    at: datetime


class ScenarioTask(Message):
    program: str
    revision: int
    definition: Definition
    phase: ScenarioPhase
    at: datetime
    attempt: int = 1


class PrototypePhaseTask(Message):
    program: str
    revision: int
    definition: Definition
    phase: PrototypePhase
    attempt: int
    at: datetime


class SignOffTask(Message):
    program: str
    revision: int
    phase: str
    attempt: int = 1
    gate: str
    passed: bool
    evidence: str
    at: datetime


class QualificationActivities(ActivityGroup):
    QUEUE = PROGRAMS_QUEUE

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    @bulk
    async def run_prototype(self, task: PrototypeTask) -> PrototypeSummary:
        """Simulate the definition over its transaction log, keep the figures, and say whether the criteria hold.

        A log that the program's rules cannot rate is a prototype that failed: to try it again would change nothing.
        """
        log = task.definition.prototype.transactions
        async with self._engine.connect() as connection:
            rows = await transaction_logs.read(connection, log)
        try:
            result = await asyncio.to_thread(simulate, task.definition, [Purchase(*row) for row in rows])
        except UnusableLog as error:
            return PrototypeSummary(passed=False, transactions=len(rows), evidence=f"the log {log} cannot be used: {error}")
        record = evidence.PrototypeRecord(
            revision=task.revision, log=log, passed=result.passed, result=result.model_dump(mode="json"), at=task.at
        )
        async with self._engine.begin() as connection:
            await evidence.keep_prototype(connection, task.program, record)
        text = ", ".join(f"{criterion.figure} {criterion.value}" for criterion in result.criteria)
        return PrototypeSummary(passed=result.passed, transactions=result.transactions, evidence=text, figures=result.figures)

    @activity.defn
    @bulk
    async def simulate_definition(self, order: PrototypeOrder) -> PrototypeAnswer:
        """Simulate a definition over a log because somebody wants to know; nothing is decided by it.

        A log that the program's rules cannot rate is an answer, too: to try it again would change nothing.
        """
        async with self._engine.connect() as connection:
            digest = (await transaction_logs.find(connection, order.log)).digest
            rows = await transaction_logs.read(connection, order.log)

        def simulated() -> PrototypeAnswer:
            log = of_purchases(order.definition, (Purchase(*row) for row in rows), order.log)
            return answer_of(run(order.definition, EventLog(log.frame, order.log, digest)))

        try:
            return await asyncio.to_thread(simulated)
        except UnusableLog as error:
            return PrototypeAnswer(why=f"the log {order.log} cannot be used: {error}")

    @activity.defn
    async def run_scenarios(self, task: ScenarioTask) -> PhaseResult:
        """Run the phase's scripted members through the rules alone, as runs do that began before there was a rehearsal."""
        return await self._judged(task, [run_scenario(task.definition, scenario) for scenario in task.phase.scenarios])

    @activity.defn
    @bulk
    async def rehearse_scenarios(self, task: ScenarioTask) -> PhaseResult:
        """Run the phase's scripted members through the rules and on an isolated ledger, and keep what each ended with."""
        return await self._judged(
            task, [await rehearse(self._engine, task.definition, scenario) for scenario in task.phase.scenarios]
        )

    @activity.defn
    @bulk
    async def simulate_phase(self, task: PrototypePhaseTask) -> PhaseResult:
        """Simulate the definition over the phase's own log, keep the figures, and say whether its criteria hold.

        A log that is not there, or that the rules cannot rate, is a phase that failed.
        """
        phase, before = task.phase, task.definition.prototype
        burn_share = phase.burn_share if phase.burn_share is not None else before.burn_share
        prototype = Prototype(transactions=phase.transactions, burn_share=burn_share, criteria=phase.criteria)
        definition = task.definition.model_copy(update={"prototype": prototype})
        try:
            async with self._engine.connect() as connection:
                rows = await transaction_logs.read(connection, phase.transactions)
            result = await asyncio.to_thread(simulate, definition, [Purchase(*row) for row in rows])
        except (LogUnknown, UnusableLog) as error:
            passed, text, kept = False, f"the log {phase.transactions} cannot be used: {error}", None
        else:
            passed, kept = result.passed, result.model_dump(mode="json")
            text = ", ".join(f"{criterion.figure} {criterion.value}" for criterion in result.criteria)
        record = evidence.TestRecord(
            revision=task.revision,
            phase=phase.id,
            attempt=task.attempt,
            kind="prototype",
            passed=passed,
            evidence={"log": phase.transactions, "said": text, "result": kept},
            at=task.at,
        )
        await self._keep(task.program, record)
        return PhaseResult(phase=phase.id, attempt=task.attempt, passed=passed, evidence=text)

    @activity.defn
    async def keep_sign_off(self, task: SignOffTask) -> PhaseResult:
        """Keep what the people who test said at their gate."""
        await self._keep(
            task.program,
            evidence.TestRecord(
                revision=task.revision,
                phase=task.phase,
                attempt=task.attempt,
                kind="sign_off",
                passed=task.passed,
                evidence={"gate": task.gate, "said": task.evidence},
                at=task.at,
            ),
        )
        return PhaseResult(phase=task.phase, attempt=task.attempt, passed=task.passed, evidence=task.evidence)

    async def _judged(self, task: ScenarioTask, results: Sequence[ScenarioResult]) -> PhaseResult:
        """Keep what each scripted member ended with; the phase has passed where all have."""
        failed = [result for result in results if not result.passed]
        record = evidence.TestRecord(
            revision=task.revision,
            phase=task.phase.id,
            attempt=task.attempt,
            kind="scenario",
            passed=not failed,
            evidence={"scenarios": [result.model_dump(mode="json") for result in results]},
            at=task.at,
        )
        await self._keep(task.program, record)
        text = "; ".join(
            [
                f"{len(results) - len(failed)} of {len(results)} scenarios passed",
                *(f"{result.name}: {', '.join(result.differs)}" for result in failed),
            ]
        )
        return PhaseResult(phase=task.phase.id, attempt=task.attempt, passed=not failed, evidence=text)

    async def _keep(self, program: str, record: evidence.TestRecord) -> None:
        async with self._engine.begin() as connection:
            await evidence.keep_test(connection, program, record)
