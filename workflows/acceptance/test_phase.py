"""TestPhase: one phase of a revision's acceptance test, its attempts, and the evidence of each attempt."""

from contextlib import suppress

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.acceptance.pilots import PilotActivities, PilotEnd, PilotTask
    from activities.acceptance.prototypes import PrototypePhaseTask, QualificationActivities, ScenarioTask, SignOffTask
    from domain.acceptance.results import PhaseResult
    from domain.definition.acceptance import PilotPhase, PrototypePhase, ScenarioPhase, SignOffPhase
    from domain.definition.acceptance import TestPhase as Phase
    from domain.definition.gates import GatePolicy
    from domain.gates.state import Subject
    from domain.model import Message
    from domain.programs.lifecycle import Revision
    from workflows.details import instant, markdown
    from workflows.gates.decisions import ask
    from workflows.progress import report_progress
    from workflows.steps import do, remaining

_MOST_OF_THE_EVIDENCE = 600
"""Characters of the evidence in the title of a gate; the store keeps all of it, and the gate shows it."""


class PhaseStart(Message):
    """A phase of a revision's acceptance test, by its place in the definition; `attempt` is the first one of this run."""

    revision: Revision
    phase: int
    attempt: int = 1


@workflow.defn
class TestPhase:
    """Scripted scenarios by the rules and on an isolated ledger, a simulation over a log, a pilot, or a sign-off by people.

    If the phase has a `retry` gate, people decide there about another attempt after a failure; else it fails at once.
    """

    __test__ = False  # a workflow, not a test class

    @workflow.init
    def __init__(self, start: PhaseStart) -> None:
        self._revision = start.revision
        self._phase: Phase = start.revision.definition.test_phases[start.phase]
        self._attempt = start.attempt
        self._withdrawn = False

    @workflow.run
    async def run(self, start: PhaseStart) -> PhaseResult:
        while True:
            result = await self._try()
            if result.passed or self._phase.retry is None or self._withdrawn:
                break
            refused = await self._ask_for_retry(self._phase.retry, result)
            if refused is not None:
                result = refused
                break
            self._attempt += 1
            if workflow.info().is_continue_as_new_suggested() and not self._withdrawn:
                workflow.continue_as_new(start.model_copy(update={"attempt": self._attempt}))
        workflow.set_current_details(markdown(f"{self._phase.id}: {'passed' if result.passed else 'failed'}", result.evidence))
        return result

    @workflow.signal(description="The revision is not wanted any more: withdraw the gate that is open")
    def withdraw(self) -> None:
        self._withdrawn = True

    async def _try(self) -> PhaseResult:
        phase = self._phase
        nth = f", attempt {self._attempt}" if self._attempt > 1 else ""
        await report_progress(
            self._revision.program, markdown(f"Testing: {phase.id} ({phase.kind}){nth}", f"since {instant(workflow.now())}")
        )
        if isinstance(phase, ScenarioPhase):
            return await self._run_scenarios(phase)
        if isinstance(phase, PrototypePhase):
            return await self._simulate(phase)
        if isinstance(phase, PilotPhase):
            return await self._pilot(phase)
        return await self._ask_for_sign_off(phase)

    async def _run_scenarios(self, phase: ScenarioPhase) -> PhaseResult:
        revision = self._revision
        task = ScenarioTask(
            program=revision.program,
            revision=revision.number,
            definition=revision.definition,
            phase=phase,
            attempt=self._attempt,
            at=workflow.now(),
        )
        summary = f"Run {len(phase.scenarios)} scenarios"
        if workflow.patched("scenarios-on-a-ledger"):
            return await do(QualificationActivities.rehearse_scenarios, task, f"{summary} by the rules and on a ledger")
        return await do(QualificationActivities.run_scenarios, task, summary)

    async def _simulate(self, phase: PrototypePhase) -> PhaseResult:
        task = PrototypePhaseTask(
            program=self._revision.program,
            revision=self._revision.number,
            definition=self._revision.definition,
            phase=phase,
            attempt=self._attempt,
            at=workflow.now(),
        )
        return await do(QualificationActivities.simulate_phase, task, f"Simulate the program over the log {phase.transactions}")

    async def _pilot(self, phase: PilotPhase) -> PhaseResult:
        """Let the cohort join, and judge its members' activity once the time is over or the revision is withdrawn."""
        revision, now = self._revision, workflow.now()
        task = PilotTask(
            program=revision.program,
            revision=revision.number,
            definition=revision.definition,
            phase=phase,
            attempt=self._attempt,
            at=now,
            due=phase.lasts.after(now, revision.definition.zone),
        )
        begun = await do(PilotActivities.begin_pilot, task, f"Open enrolment to the cohort {phase.cohort}")
        if begun.ended is not None or begun.since is None:
            return begun.ended or PhaseResult(phase=phase.id, attempt=self._attempt, passed=False, evidence="not begun")
        what = markdown(
            f"Pilot {phase.id} with the cohort {phase.cohort} ({begun.size})",
            f"since {instant(begun.since)}, until {instant(task.due)}; then its figures are judged",
            f"to act: enrol its members with `tenure member enrol {revision.program} MEMBER`; nobody else may join yet",
        )
        await report_progress(revision.program, what)
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._withdrawn, timeout=remaining(task.due), timeout_summary=f"The pilot lasts {phase.lasts}"
            )
        end = PilotEnd(task=task, since=begun.since, at=workflow.now(), withdrawn=self._withdrawn)
        return await do(PilotActivities.end_pilot, end, f"Judge the pilot with the cohort {phase.cohort}")

    async def _ask_for_sign_off(self, phase: SignOffPhase) -> PhaseResult:
        revision = self._revision
        gate = await ask(
            phase.id,
            self._subject(f"test phase {phase.id} of {revision.definition.name}, revision {revision.number}"),
            phase.gate,
            revision.definition,
            revision.editors,
            round_=self._attempt,
            withdrawn=lambda: self._withdrawn,
        )
        task = SignOffTask(
            program=revision.program,
            revision=revision.number,
            phase=phase.id,
            attempt=self._attempt,
            gate=gate.id,
            passed=gate.outcome == "approved",
            evidence=f"{gate.outcome.replace('_', ' ')} {gate.reasons}".strip(),
            at=workflow.now(),
        )
        return await do(QualificationActivities.keep_sign_off, task, f"Keep the sign-off: {task.evidence}")

    async def _ask_for_retry(self, policy: GatePolicy, failed: PhaseResult) -> PhaseResult | None:
        """None if people approve another attempt; else the result of the phase, with their reasons."""
        revision = self._revision
        title = (
            f"another attempt at test phase {self._phase.id} of {revision.definition.name}, revision {revision.number}; "
            f"attempt {self._attempt} failed: {failed.evidence[:_MOST_OF_THE_EVIDENCE]}"
        )
        gate = await ask(
            f"{self._phase.id}-retry",
            self._subject(title),
            policy,
            revision.definition,
            revision.editors,
            round_=self._attempt,
            withdrawn=lambda: self._withdrawn,
        )
        if gate.outcome == "approved":
            return None
        said = f"no other attempt: {gate.outcome.replace('_', ' ')} {gate.reasons}".strip()
        return failed.model_copy(update={"evidence": f"{failed.evidence}; {said}"})

    def _subject(self, title: str) -> Subject:
        revision = self._revision
        return Subject(kind="test", program=revision.program, revision=revision.number, title=title, digest=revision.digest)
