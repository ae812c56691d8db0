"""WaveInvitation: invites a wave's cohort, page by page, at the definition's rate."""

from datetime import datetime
from zoneinfo import ZoneInfo

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.rollout.rollout import InvitationPage, RolloutActivities
    from domain.definition.rollout import Pace
    from domain.model import Message
    from workflows.details import instant, markdown
    from workflows.steps import do, remaining


class InvitationState(Message):
    """The state from run to run: the last participant invited, the number invited, when the next page is due."""

    after: str = ""
    invited: int = 0
    next_page: datetime
    paused: bool = False


class InvitationStart(Message):
    """The wave, its cohort, the rate, and the start of the invitations."""

    program: str
    wave: str
    cohort: str
    pace: Pace
    time_zone: str
    since: datetime
    state: InvitationState | None = None


@workflow.defn
class WaveInvitation:
    """Returns the number of invitations: the whole cohort, or those before the signal `close`."""

    @workflow.init
    def __init__(self, start: InvitationStart) -> None:
        self._start = start
        self._zone = ZoneInfo(start.time_zone)
        self._state = start.state or InvitationState(next_page=start.since)
        self._closed = False

    @workflow.run
    async def run(self, start: InvitationStart) -> int:
        more = True
        while more and not self._closed:
            if self._state.paused:
                self._show()
                await workflow.wait_condition(lambda: self._closed or not self._state.paused)
                continue
            if workflow.now() < self._state.next_page:
                await self._wait()
                continue
            more = await self._invite()
            if more and not self._closed and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start.model_copy(update={"state": self._state}))
        self._show()
        return self._state.invited

    @workflow.signal(description="The rollout is paused: invite nobody until it is resumed")
    def pause(self) -> None:
        self._update(paused=True)

    @workflow.signal(description="The rollout goes on: invite further")
    def resume(self) -> None:
        self._update(paused=False)

    @workflow.signal(description="The rollout has ended: invite nobody else")
    def close(self) -> None:
        self._closed = True

    async def _invite(self) -> bool:
        start, state = self._start, self._state
        page = InvitationPage(
            program=start.program,
            wave=start.wave,
            cohort=start.cohort,
            after=state.after,
            count=start.pace.count,
            at=workflow.now(),
        )
        done = await do(RolloutActivities.invite_page, page, f"Invite {start.pace.count} of the cohort {start.cohort}")
        following = start.pace.every.after(page.at, self._zone)
        self._update(after=done.after, invited=self._state.invited + done.invited, next_page=following)
        self._show()
        return done.more

    async def _wait(self) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._closed or self._state.paused,
                timeout=remaining(self._state.next_page),
                timeout_summary=f"Next {self._start.pace.count} of the cohort {self._start.cohort}",
            )
        except TimeoutError:
            return

    def _update(self, **changes: object) -> None:
        self._state = self._state.model_copy(update=changes)

    def _show(self) -> None:
        state, pace = self._state, self._start.pace
        workflow.set_current_details(
            markdown(
                f"{state.invited} of the cohort {self._start.cohort} invited",
                f"wave {self._start.wave}, {pace.count} every {pace.every}",
                "paused" if state.paused else f"the next at {instant(state.next_page)}",
            )
        )
