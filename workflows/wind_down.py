"""WindDown: the lawful end of a program, step by step, until its books are at zero."""

from contextlib import suppress
from datetime import datetime
from itertools import count

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.schedules import ScheduleActivities
    from activities.wind_down import Announcement, EndStep, WindDownActivities
    from domain.lifecycle import Revision
    from domain.model import Message
    from workflows.details import instant, told
    from workflows.progress import tell
    from workflows.steps import do, do_in_bulk, remaining


class WindDownResult(Message):
    """What the end left: points forfeited, memberships ended."""

    forfeited: int
    members: int


@workflow.defn
class WindDown:
    """Announcement, notice, redeem-only window, remainder, memberships, books."""

    @workflow.init
    def __init__(self, revision: Revision) -> None:
        self._program = revision.program
        self._definition = revision.definition
        self._look_again = False

    @workflow.run
    async def run(self, revision: Revision) -> WindDownResult:
        policy, zone = self._definition.wind_down, self._definition.zone
        announced = workflow.now()
        earning_ends = policy.notice.after(announced, zone)
        redeeming_ends = policy.redeem_window.after(earning_ends, zone)

        await self._announce(announced, earning_ends, redeeming_ends)
        await self._wait("Notice: members may still earn and redeem", earning_ends)
        await self._stop_schedules()
        await self._suspend_expiry()
        await self._wait("Redeem-only window: nothing is earned any more", redeeming_ends)
        await self._settle_holds()
        forfeited = await self._forfeit_remainder()
        members = await self._end_memberships()
        forfeited += await self._close_books()

        workflow.set_current_details(
            told("The program has ended", f"{forfeited} points forfeited, {members} memberships ended")
        )
        return WindDownResult(forfeited=forfeited, members=members)

    @workflow.signal(description="Look again at what the wind-down waits for: open holds, books that are not at zero")
    def nudge(self) -> None:
        self._look_again = True

    async def _announce(self, announced: datetime, earning_ends: datetime, redeeming_ends: datetime) -> None:
        announcement = Announcement(
            program=self._program, enrolment_until=announced, earning_until=earning_ends, redeeming_until=redeeming_ends
        )
        await do(WindDownActivities.announce_end, announcement, "Announce the end; enrolment closes")

    async def _wait(self, what: str, until: datetime) -> None:
        await tell(self._program, told(what, f"since {instant(workflow.now())}", f"until {instant(until)}"))
        await workflow.sleep(remaining(until), summary=f"{what}, until {instant(until)}"[:120])

    async def _stop_schedules(self) -> None:
        await do(ScheduleActivities.stop_schedules, self._program, "Stop the scheduled evaluations and sweeps")

    async def _suspend_expiry(self) -> None:
        await do_in_bulk(WindDownActivities.suspend_expiry, self._step("suspend-expiry"), "Points no longer lapse by age")

    async def _settle_holds(self) -> None:
        """A redemption under way is not cut off, and not waited for beyond its hold."""
        while True:
            holds = await do_in_bulk(WindDownActivities.settle_holds, self._step("settle-holds"), "Settle what is held")
            if holds.open_until is None:
                return
            what = told(
                "Redemptions under way are settled", f"the last of their holds times out at {instant(holds.open_until)}"
            )
            await tell(self._program, what)
            await self._until_nudged(holds.open_until)

    async def _forfeit_remainder(self) -> int:
        remainder = await do_in_bulk(
            WindDownActivities.forfeit_remainder, self._step("remainder"), "Forfeit what was not redeemed"
        )
        return remainder.points

    async def _end_memberships(self) -> int:
        await tell(self._program, told("Ending the memberships", f"since {instant(workflow.now())}"))
        ended = await do_in_bulk(WindDownActivities.end_memberships, self._step("end"), "End every membership")
        return ended.members

    async def _close_books(self) -> int:
        """The program does not close while the trial balance is not zero; the points that came late, and were forfeited too.

        An event that was on its way while its member's membership ended may have left points behind.
        """
        forfeited = 0
        for look in count(1):
            late = await do_in_bulk(
                WindDownActivities.forfeit_remainder, self._step(f"late/{look}"), "Forfeit what came while memberships ended"
            )
            forfeited += late.points
            balance = await do_in_bulk(WindDownActivities.trial_balance, self._program, "Trial balance")
            if balance.zero:
                break
            what = told("The books are not at zero", balance.told, "to act: correct the ledger, then send the signal `nudge`")
            await tell(self._program, what)
            await self._until_nudged()
        return forfeited

    async def _until_nudged(self, at_last: datetime | None = None) -> None:
        """Wait until something says that it is worth another look, or until that instant."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._look_again, timeout=remaining(at_last) if at_last else None, timeout_summary="Look again at last"
            )
        self._look_again = False

    def _step(self, step: str) -> EndStep:
        return EndStep(program=self._program, key=f"{workflow.info().workflow_id}/{step}", at=workflow.now())
