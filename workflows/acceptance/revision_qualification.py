"""RevisionQualification takes a revision from concept to launch: gate, prototype, test phases, readiness, gate.

A minor amendment passes the launch gate alone. An amendment passes the gates of the revision in force, so that it cannot
weaken the gate that decides about it.
"""

from collections.abc import Mapping
from decimal import Decimal

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.acceptance.prototypes import PrototypeTask, QualificationActivities
    from activities.programs.amendments import Amendment, AmendmentActivities
    from activities.programs.programs import ProgramActivities
    from domain import ids
    from domain.acceptance.results import PhaseResult, PrototypeSummary, QualificationResult
    from domain.definition.gates import GatePolicy
    from domain.gates.result import GateResult
    from domain.gates.state import Subject
    from domain.model import Message
    from domain.programs.amendments import AmendmentClass
    from domain.programs.lifecycle import Revision, StageChange
    from domain.programs.stages import Stage
    from workflows.acceptance.launch_readiness import LaunchReadiness, ReadinessStart, check
    from workflows.acceptance.test_phase import PhaseStart, TestPhase
    from workflows.attributes import at_stage, of_program
    from workflows.details import instant, markdown
    from workflows.gates.decisions import ask
    from workflows.progress import report_progress
    from workflows.steps import do, signal_child


_WITHDRAWN = QualificationResult(outcome="withdrawn", why="the program ends")


class QualificationStart(Message):
    """A revision to qualify. An amendment does not change the program's stage: operation goes on meanwhile."""

    revision: Revision
    amendment: bool = False
    before: Revision | None = None
    """The revision in force, against which an amendment is classified."""


@workflow.defn
class RevisionQualification:
    """Ends with `approved`, with the outcome that keeps the revision from its launch, or with `withdrawn`."""

    @workflow.init
    def __init__(self, start: QualificationStart) -> None:
        self._revision = start.revision
        self._amendment = start.amendment
        self._weight: AmendmentClass | None = None
        self._withdrawn = False

    @workflow.run
    async def run(self, start: QualificationStart) -> QualificationResult:
        gates, launch = (start.before or self._revision).definition.gates, "the launch"
        figures: dict[str, Decimal] = {}
        if start.before is not None:
            await self._classify(start.before.number)
        if self._weight == "minor":
            what = markdown("Minor amendment: the launch gate alone decides", f"revision {self._revision.number}")
            await report_progress(self._revision.program, what)
        else:
            tried = await self._try(gates.strategy)
            if isinstance(tried, QualificationResult):
                return self._end(tried)
            figures = tried.figures
        if start.before is not None:
            impact = await do(
                AmendmentActivities.compute_impact,
                self._compared(start.before.number),
                f"What revision {self._revision.number} means for the members that exist",
            )
            if self._withdrawn:
                return self._end(_WITHDRAWN)
            figures, launch = figures | impact.figures, f"the launch of a {self._weight} amendment ({impact.told})"
        decided = await self._ask("launch", gates.launch, launch, figures)
        if self._weight != "minor" and decided.outcome == "approved" and decided.glass is None:
            # Wait for gaps that appeared while people decided; after a break-glass approval the launch waits for nothing.
            unready = await self._be_ready()
            return self._end(unready or _as_result(decided))
        return self._end(_as_result(decided))

    @workflow.signal(description="The revision is not wanted any more: withdraw the gate that is open, and end")
    def withdraw(self) -> None:
        self._withdrawn = True

    async def _try(self, policy: GatePolicy) -> QualificationResult | PrototypeSummary:
        """Concept, prototype, tests and readiness: return the prototype's figures, or the result if the revision fails."""
        await self._enter("strategy")
        concept = await self._ask("strategy", policy, "the concept")
        if concept.outcome != "approved":
            return _as_result(concept)

        await self._enter("prototype")
        prototype = await self._run_prototype()
        if not prototype.passed:
            return QualificationResult(outcome="failed", why=f"The prototype missed its criteria: {prototype.evidence}")

        await self._enter("acceptance_test")
        for number in range(len(self._revision.definition.test_phases)):
            phase = await self._test(number)
            if self._withdrawn:
                return _WITHDRAWN
            if not phase.passed:
                return QualificationResult(outcome="failed", why=f"Test phase {phase.phase} failed: {phase.evidence}")
        return await self._be_ready() or prototype

    async def _classify(self, compared_with: int) -> None:
        """Whether the amendment is minor or substantial."""
        summary = f"Weigh revision {self._revision.number} against revision {compared_with}"
        weighed = await do(AmendmentActivities.weigh_amendment, self._compared(compared_with), summary)
        self._weight = weighed.weight

    def _compared(self, before: int) -> Amendment:
        revision = self._revision
        return Amendment(
            program=revision.program,
            number=revision.number,
            compared_with=before,
            at=workflow.now(),
            declared=revision.declared,
        )

    async def _enter(self, stage: Stage) -> None:
        workflow.upsert_search_attributes(at_stage(stage, self._revision.number))
        what = markdown(
            stage.replace("_", " ").capitalize(), f"revision {self._revision.number}", f"since {instant(workflow.now())}"
        )
        await report_progress(self._revision.program, what, None if self._amendment else stage)
        if self._amendment:
            return
        change = StageChange(
            program=self._revision.program, stage=stage, at=workflow.now(), note=f"revision {self._revision.number}"
        )
        await do(ProgramActivities.change_stage, change, f"Stage: {stage.replace('_', ' ')}")

    async def _ask(self, gate: str, policy: GatePolicy, what: str, figures: Mapping[str, Decimal] | None = None) -> GateResult:
        subject = Subject(
            kind="revision",
            program=self._revision.program,
            revision=self._revision.number,
            title=f"{what} of {self._revision.definition.name}, revision {self._revision.number}",
            digest=self._revision.digest,
            figures=dict(figures or {}),
        )
        return await ask(
            gate,
            subject,
            policy,
            self._revision.definition,
            self._revision.editors,
            withdrawn=lambda: self._withdrawn,
        )

    async def _run_prototype(self) -> PrototypeSummary:
        revision = self._revision
        task = PrototypeTask(
            program=revision.program, revision=revision.number, definition=revision.definition, at=workflow.now()
        )
        log = revision.definition.prototype.transactions
        return await do(QualificationActivities.run_prototype, task, f"Simulate the program over the log {log}")

    async def _be_ready(self) -> QualificationResult | None:
        """Wait until everything is ready for the launch (None); if that fails, return how the qualification ends."""
        if not workflow.patched("readiness-before-launch"):
            return None
        revision, now = self._revision, workflow.now()
        checked = await check(revision)
        if checked.ready:
            return None
        reason = checked.summary
        if not checked.sends_back:
            definition = revision.definition
            until = definition.readiness.wait_at_most.after(now, definition.zone)
            child = await workflow.start_child_workflow(
                LaunchReadiness.run,
                ReadinessStart(revision=revision, look=checked, since=now, until=until),
                id=ids.readiness(revision.program, revision.number),
                static_summary=f"Readiness of {revision.program}, revision {revision.number}",
                search_attributes=of_program(revision.program, revision=revision.number, stage="acceptance_test"),
            )
            await workflow.wait_condition(lambda: child.done() or self._withdrawn)
            if not child.done():
                await signal_child(child, LaunchReadiness.withdraw)
            outcome = await child
            if self._withdrawn:
                return _WITHDRAWN
            if outcome.ready:
                return None
            reason = outcome.why
        return QualificationResult(outcome="failed", why=f"Not ready for the launch: {reason}")

    async def _test(self, number: int) -> PhaseResult:
        phase = self._revision.definition.test_phases[number]
        child = await workflow.start_child_workflow(
            TestPhase.run,
            PhaseStart(revision=self._revision, phase=number),
            id=ids.test_phase(self._revision.program, self._revision.number, phase.id),
            static_summary=f"Test phase {phase.id} of {self._revision.program}, revision {self._revision.number}",
            search_attributes=of_program(self._revision.program, revision=self._revision.number, stage="acceptance_test"),
        )
        await workflow.wait_condition(lambda: child.done() or self._withdrawn)
        if not child.done():
            await signal_child(child, TestPhase.withdraw)
        return await child

    def _end(self, result: QualificationResult) -> QualificationResult:
        result = result.model_copy(update={"weight": self._weight})
        workflow.set_current_details(
            markdown(
                f"Revision {self._revision.number}: {result.outcome.replace('_', ' ')}", result.why, instant(workflow.now())
            )
        )
        return result


def _as_result(gate: GateResult) -> QualificationResult:
    return QualificationResult(outcome=gate.outcome, why=gate.reasons or f"Gate {gate.id}: {gate.outcome.replace('_', ' ')}.")
