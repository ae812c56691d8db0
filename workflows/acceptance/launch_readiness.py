"""LaunchReadiness: waits until a revision is ready for its launch; meanwhile it shows each gap and its owner."""

from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.acceptance.readiness import ReadinessActivities, ReadinessTask
    from domain.acceptance.readiness import Check
    from domain.message_names import NUDGE
    from domain.model import Message
    from domain.programs.lifecycle import Revision
    from workflows.details import instant, markdown
    from workflows.progress import report_progress
    from workflows.steps import do, remaining

_NOT_OFTENER = timedelta(seconds=1)
"""The shortest time between two checks, however short the definition's times are."""


class ReadinessStart(Message):
    """A revision that is not ready, the result of the last check, and the span for which the workflow waits."""

    revision: Revision
    look: Check
    since: datetime
    until: datetime


class ReadinessOutcome(Message):
    """Whether everything is ready; if not, why the workflow stopped waiting."""

    ready: bool
    why: str = ""


@workflow.defn
class LaunchReadiness:
    """Checks again at every nudge, such as a signature, and at intervals; ends when all is ready, or cannot become ready."""

    @workflow.init
    def __init__(self, start: ReadinessStart) -> None:
        self._start = start
        self._check = start.look
        self._summary = ""
        # A nudge that came while the run before was ending, or before this one began, would be lost with it.
        self._nudged = True
        self._withdrawn = False

    @workflow.run
    async def run(self, start: ReadinessStart) -> ReadinessOutcome:
        every = start.revision.definition.readiness.look_every
        while True:
            await self._report_progress()
            at = every.after(workflow.now(), start.revision.definition.zone)
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._nudged or self._withdrawn,
                    timeout=remaining(max(min(at, start.until), workflow.now() + _NOT_OFTENER)),
                    timeout_summary="Look again whether everything is ready",
                )
            if self._withdrawn:
                return self._end(ReadinessOutcome(ready=False, why="the program ends"))
            self._nudged = False
            self._check = await check(start.revision)
            if self._check.ready:
                return self._end(ReadinessOutcome(ready=True))
            if self._check.sends_back:
                return self._end(ReadinessOutcome(ready=False, why=self._check.summary))
            if workflow.now() >= start.until:
                return self._end(
                    ReadinessOutcome(ready=False, why=f"waited until {instant(start.until)}; {self._check.summary}")
                )
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(start.model_copy(update={"look": self._check}))

    @workflow.signal(name=NUDGE, description="Something may have become ready: look again")
    def nudge(self) -> None:
        self._nudged = True

    @workflow.signal(description="The revision is not wanted any more: wait no longer")
    def withdraw(self) -> None:
        self._withdrawn = True

    @workflow.query(description="What the last look has found")
    def found(self) -> Check:
        return self._check

    async def _report_progress(self) -> None:
        """Show the gaps; report them to the program's lifecycle only when they have changed."""
        missing = waits_for(self._start, self._check)
        if missing != self._summary:
            self._summary = missing
            await report_progress(self._start.revision.program, missing)

    def _end(self, outcome: ReadinessOutcome) -> ReadinessOutcome:
        workflow.set_current_details(
            markdown("Ready for the launch" if outcome.ready else "Not ready for the launch", outcome.why)
        )
        return outcome


def waits_for(start: ReadinessStart, check: Check) -> str:
    """Each gap with its owner and its remedy, and the span for which the workflow waits."""
    lines = [f"**{each.owner}**: {each.about}: {each.why}. {each.how}" for each in check.missing]
    return markdown(
        "Waiting until everything is ready for the launch",
        *lines,
        f"revision {check.revision}, since {instant(start.since)}, at most until {instant(start.until)}",
        f"see `tenure readiness show {check.program}`",
    )


async def check(revision: Revision) -> Check:
    """Check everything that must be ready, as of now."""
    task = ReadinessTask(program=revision.program, revision=revision.number, at=workflow.now())
    return await do(ReadinessActivities.check_readiness, task, "Look whether everything is ready for the launch")
