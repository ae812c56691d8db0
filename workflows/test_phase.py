"""TestPhase: one phase of a revision's acceptance test, and the evidence it leaves."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.qualification import QualificationActivities, ScenarioTask, SignOffTask
    from domain.definition import ScenarioPhase, SignOffPhase
    from domain.gates import Subject
    from domain.lifecycle import PhaseResult, Revision
    from domain.model import Message
    from workflows.decisions import ask
    from workflows.details import instant, told
    from workflows.progress import tell
    from workflows.steps import do


class PhaseStart(Message):
    """A phase of a revision's acceptance test, by its place in the definition."""

    revision: Revision
    phase: int


@workflow.defn
class TestPhase:
    """Scripted scenarios run against the rules alone; a sign-off asks people at a gate."""

    __test__ = False  # a workflow, not a test class

    @workflow.init
    def __init__(self, start: PhaseStart) -> None:
        self._withdrawn = False

    @workflow.run
    async def run(self, start: PhaseStart) -> PhaseResult:
        phase = start.revision.definition.test_phases[start.phase]
        await tell(start.revision.program, told(f"Testing: {phase.id} ({phase.kind})", f"since {instant(workflow.now())}"))
        if isinstance(phase, ScenarioPhase):
            result = await self._run_scenarios(start.revision, phase)
        else:
            result = await self._ask_for_sign_off(start.revision, phase)
        workflow.set_current_details(told(f"{phase.id}: {'passed' if result.passed else 'failed'}", result.evidence))
        return result

    @workflow.signal(description="The revision is not wanted any more: withdraw the gate that is open")
    def withdraw(self) -> None:
        self._withdrawn = True

    async def _run_scenarios(self, revision: Revision, phase: ScenarioPhase) -> PhaseResult:
        task = ScenarioTask(
            program=revision.program, revision=revision.number, definition=revision.definition, phase=phase, at=workflow.now()
        )
        return await do(QualificationActivities.run_scenarios, task, f"Run {len(phase.scenarios)} scenarios")

    async def _ask_for_sign_off(self, revision: Revision, phase: SignOffPhase) -> PhaseResult:
        subject = Subject(
            kind="test",
            program=revision.program,
            revision=revision.number,
            title=f"test phase {phase.id} of {revision.definition.name}, revision {revision.number}",
            digest=revision.digest,
        )
        gate = await ask(
            phase.id, subject, phase.gate, revision.definition, revision.editors, withdrawn=lambda: self._withdrawn
        )
        task = SignOffTask(
            program=revision.program,
            revision=revision.number,
            phase=phase.id,
            gate=gate.id,
            passed=gate.outcome == "approved",
            evidence=f"{gate.outcome.replace('_', ' ')} {gate.reasons}".strip(),
            at=workflow.now(),
        )
        return await do(QualificationActivities.keep_sign_off, task, f"Keep the sign-off: {task.evidence}")
