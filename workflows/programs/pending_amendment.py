"""An approved amendment on its way into force: it waits for its date beside all else, and can be called back before."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.programs.amendments import AmendmentActivities, Approval, Recall
    from domain.model import Message
    from domain.programs.lifecycle import Revision
    from workflows.details import instant
    from workflows.refusals import refusal
    from workflows.steps import do, do_in_bulk, remaining


class Approved(Message):
    """An amendment that is approved, the revision that it takes the place of, and from when on."""

    revision: Revision
    before: int
    effective_from: datetime


class RecallRequest(Message):
    """The wish that an approved amendment shall not take effect."""

    number: int
    requested_by: str
    reason: str


class TakingEffect:
    """What waits is the program's to carry from run to run: `changed` is told of it, `put_in_force` is done at its date.

    Events are rated by the date in the store. What is done here when it has come, is to say so everywhere else.
    """

    def __init__(
        self,
        waiting: Approved | None,
        changed: Callable[[Approved | None], None],
        put_in_force: Callable[[Approved], Awaitable[None]],
    ) -> None:
        self.waiting = waiting
        self._changed = changed
        self._put_in_force = put_in_force
        self._settling = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being done about it just now, which the end of a run must not cut off."""
        return self._settling.locked()

    @property
    def over(self) -> bool:
        """Whether its waiting has ended, in whichever way; `collect` takes that in."""
        return self._task is not None and self._task.done()

    @property
    def told(self) -> str:
        """What an operator reads of it."""
        if self.waiting is None:
            return ""
        revision = self.waiting.revision
        return (
            f"revision {revision.number} is approved and takes effect on {instant(self.waiting.effective_from)}; "
            f'to call it back: `tenure program recall {revision.program} {revision.number} --reason "…"`'
        )

    def start(self) -> None:
        """Wait for the date of what is waiting, where there is something: after its approval, and in each new run."""
        if self.waiting is not None:
            self._task = asyncio.create_task(self._wait(self.waiting))

    async def approve(self, approved: Approved) -> None:
        """Write down the date, have members told, and wait for it."""
        async with self._settling:
            what = f"Revision {approved.revision.number} takes effect on {instant(approved.effective_from)}"
            await do(AmendmentActivities.approve_amendment, _approval(approved), what)
            await self.announce(approved)
            self._set(approved)
        self.start()

    async def announce(self, approved: Approved) -> None:
        """Have members told what changes, and from when on: beforehand, or where it is promised to nobody, as it happens."""
        tell = f"Tell the members of revision {approved.revision.number}"
        await do_in_bulk(AmendmentActivities.announce_amendment, _approval(approved), tell)

    def refuse_recall(self, number: int) -> None:
        """Raise why the revision cannot be called back, where it cannot."""
        if self.waiting is None or self.waiting.revision.number != number:
            raise refusal(
                "nothing_to_recall",
                f"Revision {number} does not wait for the date on which it takes effect.",
                "See `tenure program revisions`: a revision can be called back while it is approved and not yet in force.",
            )
        if workflow.now() >= self.waiting.effective_from:
            raise _too_late(number)

    async def recall(self, request: RecallRequest) -> None:
        """Take the date back; refused once the amendment has rated an event."""
        async with self._settling:
            self.refuse_recall(request.number)
            assert self.waiting is not None
            if not await self._take_back(self.waiting, request.reason, request.requested_by):
                raise _too_late(request.number)

    async def end(self, why: str) -> None:
        """The program ends: what still waits does not take effect any more."""
        async with self._settling:
            if self.waiting is not None:
                await self._take_back(self.waiting, why, None)

    async def collect(self) -> None:
        """Take in that the waiting is over; raises what went wrong with it."""
        if self._task is not None:
            task, self._task = self._task, None
            await task

    async def _wait(self, approved: Approved) -> None:
        number = approved.revision.number
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.waiting is not approved,
                timeout=remaining(approved.effective_from),
                timeout_summary=f"Revision {number} takes effect on {instant(approved.effective_from)}",
            )
        async with self._settling:
            if self.waiting is approved:
                await self._put_in_force(approved)
                self._set(None)

    async def _take_back(self, approved: Approved, reason: str, by: str | None) -> bool:
        revision = approved.revision
        recall = Recall(
            program=revision.program,
            number=revision.number,
            effective_from=approved.effective_from,
            at=workflow.now(),
            reason=reason,
            by=by,
        )
        recalled = await do_in_bulk(AmendmentActivities.recall_amendment, recall, f"Call back revision {revision.number}")
        if recalled.done:
            self._set(None)
        return recalled.done

    def _set(self, approved: Approved | None) -> None:
        self.waiting = approved
        self._changed(approved)


def _approval(approved: Approved) -> Approval:
    return Approval(
        program=approved.revision.program,
        number=approved.revision.number,
        compared_with=approved.before,
        effective_from=approved.effective_from,
        at=workflow.now(),
    )


def _too_late(number: int) -> ApplicationError:
    return refusal(
        "recall_too_late",
        f"Revision {number} has taken effect.",
        "Hand in a further revision; `tenure program rollback` hands in an earlier one again.",
    )
