"""Rollout: opens the program to its members wave by wave."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.programs import ProgramActivities
    from domain.definition import Wave
    from domain.gates import Subject
    from domain.lifecycle import Revision, WaveOpening
    from domain.model import Message
    from workflows.decisions import ask
    from workflows.details import instant, told
    from workflows.progress import tell
    from workflows.steps import do, remaining


class RolloutResult(Message):
    """The waves that were opened, in their order, and why it went no further where it did not."""

    waves: tuple[str, ...]
    stopped: str = ""


@workflow.defn
class Rollout:
    """Each wave stays open at least its minimum time before the next; a wave's own gate is asked before it opens."""

    @workflow.init
    def __init__(self, revision: Revision) -> None:
        self._revision = revision
        self._opened: tuple[str, ...] = ()
        self._stop = ""
        self._paused = ""

    @workflow.run
    async def run(self, revision: Revision) -> RolloutResult:
        for wave in self._revision.definition.waves:
            if wave.gate is not None and not self._stop:
                await self._ask(wave)
            await self._wait_while_paused(wave)
            if self._stop:
                break
            await self._open(wave)
            await self._wait_minimum_time(wave)
        workflow.set_current_details(told("Rollout over", f"waves opened: {', '.join(self._opened)}", self._stop))
        return RolloutResult(waves=self._opened, stopped=self._stop)

    @workflow.signal(description="Open no further wave; those opened stay open")
    def stop(self, why: str) -> None:
        self._stop = self._stop or why

    @workflow.signal(description="Open no further wave until it is resumed")
    def pause(self, why: str) -> None:
        self._paused = why

    @workflow.signal(description="Go on opening waves")
    def resume(self) -> None:
        self._paused = ""

    async def _wait_while_paused(self, wave: Wave) -> None:
        """A wave whose time or whose gate comes meanwhile waits; those opened stay open."""
        if not self._paused or self._stop:
            return
        await tell(
            self._revision.program,
            told(f"Wave {wave.id} waits", self._paused, f"since {instant(workflow.now())}"),
        )
        await workflow.wait_condition(lambda: not self._paused or bool(self._stop))

    async def _ask(self, wave: Wave) -> None:
        assert wave.gate is not None
        subject = Subject(
            kind="wave",
            program=self._revision.program,
            revision=self._revision.number,
            title=f"wave {wave.id} ({wave.share} %) of {self._revision.definition.name}",
            digest=self._revision.digest,
        )
        gate = await ask(
            wave.id,
            subject,
            wave.gate,
            self._revision.definition,
            self._revision.editors,
            withdrawn=lambda: bool(self._stop),
        )
        if gate.outcome != "approved" and not self._stop:
            self._stop = f"Wave {wave.id} was not approved: {gate.outcome.replace('_', ' ')} {gate.reasons}".rstrip()

    async def _open(self, wave: Wave) -> None:
        opening = WaveOpening(
            program=self._revision.program, revision=self._revision.number, wave=wave.id, share=wave.share, at=workflow.now()
        )
        await do(ProgramActivities.open_wave, opening, f"Open wave {wave.id}: {wave.share} % of the members")
        self._opened = (*self._opened, wave.id)

    async def _wait_minimum_time(self, wave: Wave) -> None:
        until = wave.minimum_time.after(workflow.now(), self._revision.definition.zone)
        what = told(
            f"Wave {wave.id} is open to {wave.share} %", f"since {instant(workflow.now())}", f"at least until {instant(until)}"
        )
        await tell(self._revision.program, what)
        try:
            await workflow.wait_condition(
                lambda: bool(self._stop), timeout=remaining(until), timeout_summary=f"Minimum time of wave {wave.id}"
            )
        except TimeoutError:
            return
