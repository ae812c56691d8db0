"""An approved amendment that waits for its effective date, beside everything else; until then it can be recalled."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.programs.amendments import AmendmentActivities, Approval, Recall
    from activities.refusals import refusal
    from domain.model import Message
    from domain.programs.errors_lifecycle import NothingToRecall, RecallTooLate
    from domain.programs.lifecycle import Revision
    from workflows.details import instant
    from workflows.steps import do, remaining


class ScheduledAmendment(Message):
    """An approved amendment, the revision that it replaces, and its effective date."""

    revision: Revision
    before: int
    effective_from: datetime


class RecallRequest(Message):
    """A request that an approved amendment not take effect."""

    number: int
    requested_by: str
    reason: str


class PendingAmendment:
    """The program carries the waiting amendment from run to run: `changed` gets it, `put_in_force` is called at its date.

    Events are rated by the date in the store; at that date this class makes everything else follow.
    """

    def __init__(
        self,
        waiting: ScheduledAmendment | None,
        changed: Callable[[ScheduledAmendment | None], None],
        put_in_force: Callable[[ScheduledAmendment], Awaitable[None]],
    ) -> None:
        self.waiting = waiting
        self._changed = changed
        self._put_in_force = put_in_force
        self._settling = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether an operation is under way, which the end of a run must not interrupt."""
        return self._settling.locked()

    @property
    def over(self) -> bool:
        """Whether the wait has ended, in whichever way; `collect` returns its error, if any."""
        return self._task is not None and self._task.done()

    @property
    def summary(self) -> str:
        """The line that an operator reads; empty without a waiting amendment."""
        if self.waiting is None:
            return ""
        revision = self.waiting.revision
        return (
            f"revision {revision.number} is approved and takes effect on {instant(self.waiting.effective_from)}; "
            f'to call it back: `tenure program recall {revision.program} {revision.number} --reason "…"`'
        )

    def start(self) -> None:
        """Start to wait for the date of the waiting amendment, if there is one: after its approval, and in each new run."""
        if self.waiting is not None:
            self._task = asyncio.create_task(self._wait(self.waiting))

    async def approve(self, scheduled: ScheduledAmendment) -> None:
        """Store the date, announce the amendment to the members, and wait for the date."""
        async with self._settling:
            what = f"Revision {scheduled.revision.number} takes effect on {instant(scheduled.effective_from)}"
            await do(AmendmentActivities.approve_amendment, _approval(scheduled), what)
            await self.announce(scheduled)
            self._set(scheduled)
        self.start()

    async def announce(self, scheduled: ScheduledAmendment) -> None:
        """Announce to the members what changes and when: in advance, or, if no notice is promised, as it takes effect."""
        summary = f"Tell the members of revision {scheduled.revision.number}"
        await do(AmendmentActivities.announce_amendment, _approval(scheduled), summary)

    def refuse_recall(self, number: int) -> None:
        """Raise the reason if the revision cannot be recalled."""
        if self.waiting is None or self.waiting.revision.number != number:
            raise refusal(NothingToRecall(f"Revision {number} does not wait for the date on which it takes effect."))
        if workflow.now() >= self.waiting.effective_from:
            raise _too_late(number)

    async def recall(self, request: RecallRequest) -> None:
        """Remove the date; refused once the amendment has rated an event."""
        async with self._settling:
            self.refuse_recall(request.number)
            assert self.waiting is not None
            if not await self._take_back(self.waiting, request.reason, request.requested_by):
                raise _too_late(request.number)

    async def end(self, cause: str) -> None:
        """Recall the waiting amendment, because the program ends."""
        async with self._settling:
            if self.waiting is not None:
                await self._take_back(self.waiting, cause, None)

    async def collect(self) -> None:
        """Await the finished wait; raises the error that it failed with."""
        if self._task is not None:
            task, self._task = self._task, None
            await task

    async def _wait(self, scheduled: ScheduledAmendment) -> None:
        number = scheduled.revision.number
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.waiting is not scheduled,
                timeout=remaining(scheduled.effective_from),
                timeout_summary=f"Revision {number} takes effect on {instant(scheduled.effective_from)}",
            )
        async with self._settling:
            if self.waiting is scheduled:
                await self._put_in_force(scheduled)
                self._set(None)

    async def _take_back(self, scheduled: ScheduledAmendment, reason: str, by: str | None) -> bool:
        revision = scheduled.revision
        recall = Recall(
            program=revision.program,
            number=revision.number,
            effective_from=scheduled.effective_from,
            at=workflow.now(),
            reason=reason,
            by=by,
        )
        recalled = await do(AmendmentActivities.recall_amendment, recall, f"Call back revision {revision.number}")
        if recalled.done:
            self._set(None)
        return recalled.done

    def _set(self, scheduled: ScheduledAmendment | None) -> None:
        self.waiting = scheduled
        self._changed(scheduled)


def _approval(scheduled: ScheduledAmendment) -> Approval:
    return Approval(
        program=scheduled.revision.program,
        number=scheduled.revision.number,
        compared_with=scheduled.before,
        effective_from=scheduled.effective_from,
        at=workflow.now(),
    )


def _too_late(number: int) -> ApplicationError:
    return refusal(RecallTooLate(f"Revision {number} has taken effect."))
