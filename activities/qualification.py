"""The evidence for a revision: its prototype over real transactions, and its scripted scenarios."""

import asyncio
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from domain.definition import Definition, ScenarioPhase
from domain.lifecycle import PhaseResult, PrototypeSummary
from domain.model import Message
from domain.prototype import PrototypeAnswer, PrototypeOrder, answer_of
from domain.scenarios import run_scenario
from insight.event_log import EventLog, of_purchases
from insight.prototype import Purchase, UnusableLog, run, simulate
from store import evidence, transaction_logs


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


class SignOffTask(Message):
    program: str
    revision: int
    phase: str
    gate: str
    passed: bool
    evidence: str
    at: datetime


class QualificationActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
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
        told = ", ".join(f"{criterion.figure} {criterion.value}" for criterion in result.criteria)
        return PrototypeSummary(passed=result.passed, transactions=result.transactions, evidence=told, figures=result.figures)

    @activity.defn
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
        """Run the phase's scripted members through the rules and keep what each ended with."""
        results = [run_scenario(task.definition, scenario) for scenario in task.phase.scenarios]
        passed = all(result.passed for result in results)
        await self._keep(
            task.program,
            evidence.TestRecord(
                revision=task.revision,
                phase=task.phase.id,
                kind="scenario",
                passed=passed,
                evidence={"scenarios": [result.model_dump(mode="json") for result in results]},
                at=task.at,
            ),
        )
        failed = [result for result in results if not result.passed]
        told = f"{len(results) - len(failed)} of {len(results)} scenarios passed"
        for result in failed:
            told += (
                f"; {result.name}: expected {result.expected_points} points and tier {result.expected_tier},"
                f" got {result.points} and {result.tier}"
            )
        return PhaseResult(phase=task.phase.id, passed=passed, evidence=told)

    @activity.defn
    async def keep_sign_off(self, task: SignOffTask) -> PhaseResult:
        """Keep what the people who test said at their gate."""
        await self._keep(
            task.program,
            evidence.TestRecord(
                revision=task.revision,
                phase=task.phase,
                kind="sign_off",
                passed=task.passed,
                evidence={"gate": task.gate, "said": task.evidence},
                at=task.at,
            ),
        )
        return PhaseResult(phase=task.phase, passed=task.passed, evidence=task.evidence)

    async def _keep(self, program: str, record: evidence.TestRecord) -> None:
        async with self._engine.begin() as connection:
            await evidence.keep_test(connection, program, record)
