"""GuardrailWatch: checks one guardrail at intervals while one wave of a rollout is open."""

from datetime import datetime
from zoneinfo import ZoneInfo

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.rollout.rollout import CheckFailed, CheckRequest, GuardrailActivities
    from domain.definition.rollout import Guardrail
    from domain.message_names import GUARDRAIL_SAID
    from domain.model import Message
    from domain.rollout import guardrails
    from domain.rollout.guardrails import Check, GuardrailState
    from domain.rollout.state import GuardrailSaid
    from workflows.details import instant, markdown
    from workflows.steps import do, remaining, try_in_bulk


class WatchState(Message):
    """The state that a watch carries from run to run: the number of checks, their result, and when the next one is due."""

    looks: int = 0
    standing: GuardrailState = GuardrailState()
    next_look: datetime


class WatchStart(Message):
    """The guardrail, its wave, the rollout that it guards, and the start of the watch."""

    program: str
    revision: int
    wave: str
    guardrail: Guardrail
    time_zone: str
    rollout: str
    since: datetime
    state: WatchState | None = None


@workflow.defn
class GuardrailWatch:
    """A workflow of its own: it goes on while the rollout waits at a gate, and many checks make no history long."""

    @workflow.init
    def __init__(self, start: WatchStart) -> None:
        self._start = start
        self._zone = ZoneInfo(start.time_zone)
        first = start.guardrail.initial_delay or start.guardrail.every
        self._state = start.state or WatchState(next_look=first.after(start.since, self._zone))
        self._closed = False
        self._released = False
        self._last: Check | None = None

    @workflow.run
    async def run(self, start: WatchStart) -> int:
        """Return the number of checks."""
        self._show()
        while not self._closed:
            try:
                await workflow.wait_condition(
                    lambda: self._closed or self._released,
                    timeout=remaining(self._state.next_look),
                    timeout_summary=f"Look {self._state.looks + 1} at {start.guardrail.id}",
                )
            except TimeoutError:
                await self._check()
            if self._released:
                self._released = False
                self._update(standing=guardrails.released(self._state.standing))
            self._show()
            if not self._closed and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start.model_copy(update={"state": self._state}))
        return self._state.looks

    @workflow.signal(description="The next wave opens, or the rollout is over: look no more")
    def close(self) -> None:
        self._closed = True

    @workflow.signal(description="A person has released the rollout: what was seen until now counts no more")
    def begin_anew(self) -> None:
        self._released = True

    @workflow.query(description="Where the guardrail stands, and when the next look is due")
    def state(self) -> WatchState:
        return self._state

    async def _check(self) -> None:
        start, guardrail = self._start, self._start.guardrail
        asked = CheckRequest(
            program=start.program,
            revision=start.revision,
            wave=start.wave,
            guardrail=guardrail,
            number=self._state.looks + 1,
            at=workflow.now(),
        )
        check = await try_in_bulk(GuardrailActivities.look_at_guardrail, asked, f"Look {asked.number} at {guardrail.kpi}")
        if isinstance(check, ActivityError):
            failed = CheckFailed(look=asked, told=f"The figures could not be read: {str(check.cause or check)[:500]}")
            check = await do(GuardrailActivities.keep_failed_look, failed, f"Look {asked.number}: the source failed")
        before = self._state.standing
        guardrail_state = guardrails.after(guardrail, before, check)
        self._last = check
        self._update(looks=asked.number, standing=guardrail_state, next_look=self._following(asked.at))
        failing, failed_before = guardrail_state.source_failures > 0, before.source_failures > 0
        if guardrail_state.verdict != before.verdict or failing != failed_before:
            await self._say(check)

    def _following(self, at: datetime) -> datetime:
        """When the next check is due; checks that fell due during this one are skipped."""
        following = self._start.guardrail.every.after(self._state.next_look, self._zone)
        return following if following > at else self._start.guardrail.every.after(at, self._zone)

    async def _say(self, check: Check) -> None:
        start = self._start
        said = GuardrailSaid(
            guardrail=start.guardrail.id,
            wave=start.wave,
            verdict=self._state.standing.verdict,
            look=check,
            told=self._describe(check),
        )
        rollout = workflow.get_external_workflow_handle(start.rollout)
        try:
            await rollout.signal(GUARDRAIL_SAID, said)
        except ApplicationError:
            workflow.logger.info("nobody to tell: %s has ended", start.rollout)

    def _describe(self, check: Check) -> str:
        guardrail = self._start.guardrail
        bounds = {"at least": guardrail.at_least, "at most": guardrail.at_most}
        within = " and ".join(f"{words} {bound}" for words, bound in bounds.items() if bound is not None)
        if check.status == "source_failed":
            times = self._state.standing.source_failures
            return f"guardrail {guardrail.id}: {guardrail.kpi} could not be told, {times} time(s) in a row: {check.told}"
        found = f"{check.value}" if check.value is not None else f"without enough data ({check.told})"
        return f"guardrail {guardrail.id}: {guardrail.kpi} is {found}, must be {within}"

    def _update(self, **changes: object) -> None:
        self._state = self._state.model_copy(update=changes)

    def _show(self) -> None:
        state, guardrail = self._state, self._start.guardrail
        failures = state.standing.looks.count("failing")
        workflow.set_current_details(
            markdown(
                f"Guardrail {guardrail.id} of wave {self._start.wave}: {state.standing.verdict.replace('_', ' ')}",
                f"{guardrail.kpi} over {guardrail.window}, every {guardrail.every}; on failure: {guardrail.on_failure}",
                f"{failures} of the last {len(state.standing.looks)} looks failed, {guardrail.failures} make it fail",
                self._describe(self._last) if self._last is not None else "",
                f"{state.looks} looks since {instant(self._start.since)}, the next {instant(state.next_look)}",
            )
        )
