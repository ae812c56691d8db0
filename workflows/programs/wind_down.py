"""WindDown: the lawful end of a program in ten steps, until its books are at zero."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import count

from temporalio import workflow
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.evaluation.schedules import ScheduleActivities
    from activities.programs.wind_down import Announcement, EndStep, Reminder, WindDownActivities
    from domain import ids
    from domain.message_names import NUDGE
    from domain.model import Message
    from domain.programs.lifecycle import Revision
    from domain.programs.wind_down import STEPS, TITLES, Dates, Due, Step, agenda, dates
    from workflows.attributes import of_program
    from workflows.details import instant, markdown
    from workflows.programs.personal_data_erasure import Erasure, PersonalDataErasure
    from workflows.progress import report_progress
    from workflows.steps import do, remaining


class WindDownResult(Message):
    """Memberships ended, points settled (forfeited, paid out or converted), and until when members' data is kept."""

    members: int
    settled: int = 0
    data_until: datetime | None = None


@workflow.defn
class WindDown:
    """Partners, announcement, late files, redeem-only time, last redemption, remainder, statements, books, closing."""

    @workflow.init
    def __init__(self, revision: Revision) -> None:
        self._program = revision.program
        self._definition = revision.definition
        self._look_again = False
        self._settled = 0

    @workflow.run
    async def run(self, revision: Revision) -> WindDownResult:
        planned = dates(self._definition, workflow.now())
        await self._announce(planned)
        await self._wait("announcement", "Notice: members may still earn and redeem", planned.earning_until)
        await self._stop_schedules()
        await self._suspend_expiry()
        for due in agenda(planned):
            await self._do_when_due(due, planned)
        await self._settle_holds()
        await self._settle_remainder()
        await self._state_partners()
        await self._end_books()
        members = await self._end_memberships()
        await self._settle_books("closing", count(1))
        data_until = await self._settle_personal_data()
        await do(WindDownActivities.report_end, self._step("closing", "report"), "Final report")
        if data_until is not None:
            await self._start_erasure(data_until)

        workflow.set_current_details(
            markdown(
                "The program has ended",
                f"{self._settled} points settled ({self._definition.wind_down.remainder.replace('_', ' ')})",
                f"{members} memberships ended",
                f"members' data is erased on {instant(data_until)}" if data_until else "members' data is kept",
            )
        )
        return WindDownResult(settled=self._settled, members=members, data_until=data_until)

    @workflow.signal(
        name=NUDGE, description="Look again at what the wind-down waits for: open holds, books that are not at zero"
    )
    def nudge(self) -> None:
        self._look_again = True

    async def _announce(self, planned: Dates) -> None:
        announcement = Announcement(program=self._program, dates=planned)
        await self._report_progress("partners", "telling them")
        await do(WindDownActivities.tell_partners, announcement, "Tell the partners; amendments are frozen")
        await do(WindDownActivities.announce_end, announcement, "Announce the end; enrolment closes")

    async def _wait(self, step: Step, what: str, until: datetime) -> None:
        await self._report_progress(step, what, f"since {instant(workflow.now())}", f"until {instant(until)}")
        await workflow.sleep(remaining(until), summary=f"{what}, until {instant(until)}"[:120])

    async def _stop_schedules(self) -> None:
        await do(ScheduleActivities.stop_schedules, self._program, "Stop the scheduled evaluations and sweeps")

    async def _suspend_expiry(self) -> None:
        step = self._step("redeeming", "suspend-expiry")
        await do(WindDownActivities.suspend_expiry, step, "Points no longer expire by age")

    async def _do_when_due(self, due: Due, planned: Dates) -> None:
        """Wait for the next action of the redeem-only time, and perform it."""
        late = workflow.now() < planned.late_until
        what = "Redeem-only window: nothing is earned any more" + ("; late files still count" if late else "")
        await self._wait("redeeming", what, due.at)
        if due.what == "late_files_end":
            await do(WindDownActivities.mature_pending, self._step("earning", "late-files"), "Late files are closed")
        elif due.what == "remind":
            reminder = Reminder(
                program=self._program, number=due.number, redeeming_until=planned.redeeming_until, at=workflow.now()
            )
            await do(WindDownActivities.remind, reminder, f"Reminder {due.number} to those who still have points")

    async def _settle_holds(self) -> None:
        """Wait for the redemptions under way, but for none beyond its hold."""
        while True:
            step = self._step("last_redemption", "settle-holds")
            holds = await do(WindDownActivities.settle_holds, step, "Settle what is held")
            if holds.open_until is None:
                return
            await self._report_progress(
                "last_redemption",
                "Redemptions under way are settled",
                f"the last of their holds times out at {instant(holds.open_until)}",
            )
            await self._until_nudged(holds.open_until)

    async def _settle_remainder(self) -> None:
        how = self._definition.wind_down.remainder.replace("_", " ")
        await self._report_progress("remainder", f"What is left of the points: {how}")
        step = self._step("remainder", "remainder")
        remainder = await do(WindDownActivities.settle_remainder, step, f"Settle what was not redeemed: {how}")
        self._settled += remainder.points

    async def _state_partners(self) -> None:
        step = self._step("statements", "statements")
        await do(WindDownActivities.state_partners, step, "Final statements of the partners")

    async def _end_memberships(self) -> int:
        await self._report_progress("closing", "Ending the memberships", f"since {instant(workflow.now())}")
        ended = await do(WindDownActivities.end_memberships, self._step("closing", "end"), "End every membership")
        return ended.members

    async def _end_books(self) -> None:
        """Release the remaining liability and deferred revenue once the trial balance is zero; points may come in between."""
        looks = count(1)
        while True:
            await self._settle_books("books", looks)
            step = self._step("books", "books/release")
            released = await do(WindDownActivities.release_liability, step, "Release the remaining liability")
            if released.ended:
                return

    async def _settle_books(self, step: Step, looks: Iterator[int]) -> None:
        """Settle points that came late, and wait until the trial balance is zero: the end goes on only then.

        A request under way at the end of redeeming or of a membership may have left points behind.
        """
        for look in looks:
            late = await do(
                WindDownActivities.settle_remainder,
                self._step(step, f"{step}/late/{look}", over=False),
                "Settle what came at the last moment",
            )
            self._settled += late.points
            balance = await do(
                WindDownActivities.trial_balance, self._step(step, f"{step}/{look}", over=False), "Trial balance"
            )
            if balance.zero:
                return
            await self._report_progress(
                step, "The books are not at zero", balance.told, "to act: correct the ledger, then send the signal `nudge`"
            )
            await self._until_nudged()

    async def _settle_personal_data(self) -> datetime | None:
        """Until when members' data is kept; None if no date erases it."""
        step = self._step("closing", "personal-data")
        kept = await do(WindDownActivities.settle_personal_data, step, "Until when members' data is kept")
        return kept.until

    async def _start_erasure(self, at: datetime) -> None:
        """Start the erasure of members' data at its date; the program's end does not wait for it."""
        await workflow.start_child_workflow(
            PersonalDataErasure.run,
            Erasure(program=self._program, at=at),
            id=ids.erasure(self._program),
            parent_close_policy=ParentClosePolicy.ABANDON,
            static_summary=f"Erasure of what is known about the members of {self._program}",
            search_attributes=of_program(self._program),
        )

    async def _report_progress(self, step: Step, what: str, *lines: str) -> None:
        """Show the number of the step, of ten, and its state."""
        number = STEPS.index(step) + 1
        await report_progress(self._program, markdown(what, f"step {number} of {len(STEPS)}: {TITLES[step]}", *lines))

    async def _until_nudged(self, at_last: datetime | None = None) -> None:
        """Wait for a nudge, or until that instant."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._look_again, timeout=remaining(at_last) if at_last else None, timeout_summary="Look again at last"
            )
        self._look_again = False

    def _step(self, step: Step, key: str, *, over: bool = True) -> EndStep:
        return EndStep(
            program=self._program, step=step, key=f"{workflow.info().workflow_id}/{key}", at=workflow.now(), over=over
        )
