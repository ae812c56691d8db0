"""Rollout: opens the program to its members wave by wave, watched by its guardrails."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.programs.programs import ProgramActivities
    from activities.refusals import refusal
    from activities.rollout.rollout import RolloutActivities, RolloutBegun, RolloutChange, WaveCount
    from domain import ids
    from domain.audit.chain import SYSTEM, Action
    from domain.definition.rollout import Wave
    from domain.gates.errors import FourEyes
    from domain.gates.state import Subject
    from domain.message_names import GUARDRAIL_SAID, NUDGE
    from domain.model import Message
    from domain.rollout import guardrails
    from domain.rollout.errors import RolloutIsPaused, RolloutNotHeld, RolloutNotPaused, RolloutOver
    from domain.rollout.openings import WaveOpening
    from domain.rollout.state import (
        EMPTY_COHORT,
        MINIMUM_SAMPLE,
        ActionRecord,
        GuardrailSaid,
        RolloutAction,
        RolloutBlocker,
        RolloutStart,
        RolloutState,
        without,
    )
    from workflows.attributes import of_program
    from workflows.details import instant, markdown
    from workflows.gates.decisions import ask
    from workflows.progress import report_progress
    from workflows.rollout.guardrail_watch import GuardrailWatch, WatchStart
    from workflows.rollout.wave_invitation import InvitationStart, WaveInvitation
    from workflows.steps import do, remaining, signal_child

Watch = workflow.ChildWorkflowHandle[Any, int]


class RolloutResult(Message):
    """The opened waves, in their order, and why the rollout stopped, if it did.

    `halted`: a guardrail or a person stopped it; nobody joins and nothing is earned until the owner decides.
    """

    waves: tuple[str, ...]
    stopped: str = ""
    halted: bool = False


@workflow.defn
class Rollout:
    """Each wave has its gate, opening, invitations, minimum time and minimum sample; guardrails are checked meanwhile.

    Waves that an earlier rollout has begun open at once, and the last of them gets its whole time again: members stay members.
    """

    @workflow.init
    def __init__(self, start: RolloutStart) -> None:
        self._revision = start
        self._opened: tuple[str, ...] = ()
        self._stop = ""
        self._state = RolloutState()
        self._wave: Wave | None = None
        self._watches: dict[str, Watch] = {}
        self._inviting: Watch | None = None
        self._sample_waived = False
        self._look_again = False
        self._lost = timedelta()
        """The total time of all pauses."""
        self._keeping = asyncio.Lock()

    @workflow.run
    async def run(self, start: RolloutStart) -> RolloutResult:
        if start.begun:
            begun = RolloutBegun(program=start.program, at=workflow.now())
            await do(RolloutActivities.begin_anew, begun, "People join and earn again")
        for wave in start.definition.waves:
            if wave.gate is not None and wave.id not in start.begun and not self._stop:
                await self._ask(wave)
            await self._wait_for_leave()
            await self._stop_watching()
            await self._wait_for_leave()  # a check that was under way may have failed
            if self._stop:
                break
            await self._open(wave)
            if wave.id not in start.begun[:-1]:
                await self._let_run(wave)
        return await self._end()

    # Messages

    @workflow.update(
        description="Open no further wave and let nobody new join, until it is resumed; members keep all they have"
    )
    async def pause(self, act: RolloutAction) -> RolloutState:
        return await self._pause(act)

    @pause.validator
    def refuse_pause(self, act: RolloutAction) -> None:
        self._refuse_over()
        if self._state.paused is not None:
            raise refusal(
                RolloutIsPaused(
                    f"The rollout has been paused since {instant(self._state.paused.at)} by {self._state.paused.by}."
                )
            )

    @workflow.update(description="Go on after a pause")
    async def resume(self, act: RolloutAction) -> RolloutState:
        return await self._resume(act)

    @resume.validator
    def refuse_resume(self, act: RolloutAction) -> None:
        self._refuse_over()
        if self._state.paused is None:
            raise refusal(RolloutNotPaused("Nobody has paused the rollout."))

    @workflow.update(description="Let the rollout go on although a guardrail or too small a sample holds it; not by editors")
    async def release(self, act: RolloutAction) -> RolloutState:
        held = self._state.holds
        self._sample_waived = self._sample_waived or any(hold.what == MINIMUM_SAMPLE for hold in held)
        self._change(holds=())
        for hold in held:
            if (watch := self._watches.get(hold.what)) is not None:
                await signal_child(watch, GuardrailWatch.begin_anew)
        await self._keep("rollout_released", act, held=[hold.what for hold in held])
        return self._state

    @release.validator
    def refuse_release(self, act: RolloutAction) -> None:
        self._refuse_over()
        if not self._state.holds:
            raise refusal(RolloutNotHeld("Nothing holds the rollout."))
        if act.by in self._revision.editors:
            raise refusal(
                FourEyes(
                    f"{act.by} owns, submitted or edited the revision, and so cannot release its rollout.",
                    "Ask another person of operations.",
                )
            )

    @workflow.update(description="Stop the rollout: nobody joins and nothing is earned any more; what was issued is honoured")
    async def abort(self, act: RolloutAction) -> RolloutState:
        await self._halt(act)
        return self._state

    @abort.validator
    def refuse_abort(self, act: RolloutAction) -> None:
        self._refuse_over()

    @workflow.signal(description="The program as a whole is on hold: the same as a pause, which its own end alone ends")
    async def pause_with_program(self, act: RolloutAction) -> None:
        if self._state.paused_with_program is None and not self._stop:
            await self._pause(act, with_program=True)

    @workflow.signal(description="The program goes on")
    async def resume_with_program(self, act: RolloutAction) -> None:
        if self._state.paused_with_program is not None and not self._stop:
            await self._resume(act, with_program=True)

    @workflow.signal(description="Open no further wave; those opened stay open")
    def stop(self, reason: str) -> None:
        self._stop = self._stop or reason

    @workflow.signal(
        name=GUARDRAIL_SAID, description="The verdict of a guardrail has changed, or its source fails, or answers again"
    )
    async def guardrail_said(self, said: GuardrailSaid) -> None:
        if self._stop:
            return
        guardrail = next((each for each in self._revision.definition.guardrails if each.id == said.guardrail), None)
        if guardrail is None:
            return
        follows = guardrails.halts(guardrail, said.verdict)
        noted = RolloutBlocker(what=said.guardrail, wave=said.wave, why=said.told, since=workflow.now())
        key = f"{said.wave}/{said.guardrail}/{said.look.number}"
        if said.look.status == "source_failed":
            await self._note(warnings=(*without(self._state.warnings, said.guardrail), noted))
        elif follows == "stop":
            await self._halt(RolloutAction(by=SYSTEM, why=said.told, key=key))
        elif follows == "hold":
            await self._hold(noted, key)
        else:
            warned = (noted,) if follows == "warn" else ()
            await self._note(warnings=(*without(self._state.warnings, said.guardrail), *warned))

    @workflow.signal(name=NUDGE, description="So many have joined as the wave needs: count them")
    def nudge(self) -> None:
        self._look_again = True

    @workflow.query(description="Who has paused or stopped the rollout and why, and what holds it")
    def state(self) -> RolloutState:
        return self._state

    # The process

    async def _ask(self, wave: Wave) -> None:
        assert wave.gate is not None
        subject = Subject(
            kind="wave",
            program=self._revision.program,
            revision=self._revision.number,
            title=f"wave {wave.id} ({wave.audience}) of {self._revision.definition.name}",
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

    async def _wait_for_leave(self) -> None:
        """Wait until nothing blocks or pauses the rollout, or it is stopped."""
        await workflow.wait_condition(lambda: bool(self._stop) or self._state.may_go_on)

    async def _open(self, wave: Wave) -> None:
        if wave.cohort is None:
            summary = f"Open wave {wave.id}: {wave.audience} of the members"
            await do(ProgramActivities.open_wave, self._opening(wave), summary)
        elif not await self._open_to_cohort(wave):
            return
        self._wave = wave
        self._sample_waived = False
        self._opened = (*self._opened, wave.id)

    async def _open_to_cohort(self, wave: Wave) -> bool:
        """Open a wave to its cohort; an empty cohort blocks the rollout until it is filled and a person releases it."""
        while not self._stop:
            opening = self._opening(wave)
            if await do(RolloutActivities.open_cohort_wave, opening, f"Open wave {wave.id}: {wave.audience}"):
                return True
            reason = f"nobody is in the cohort {wave.cohort}: `tenure cohort add {self._revision.program} {wave.cohort} …`"
            await self._hold(
                RolloutBlocker(what=EMPTY_COHORT, wave=wave.id, why=reason, since=workflow.now()), f"{wave.id}/{opening.at}"
            )
            await self._wait_for_leave()
        return False

    def _opening(self, wave: Wave) -> WaveOpening:
        return WaveOpening(
            program=self._revision.program,
            revision=self._revision.number,
            wave=wave.id,
            share=wave.share,
            cohort=wave.cohort,
            at=workflow.now(),
        )

    async def _let_run(self, wave: Wave) -> None:
        if self._stop or self._wave is not wave:
            return
        await self._watch(wave)
        await self._invite(wave)
        await self._wait_minimum_time(wave)
        if self._inviting is not None:
            await workflow.wait_condition(lambda: bool(self._stop) or self._inviting is None or self._inviting.done())
        if wave.minimum_sample is not None:
            await self._wait_minimum_sample(wave, wave.minimum_sample)

    async def _wait_minimum_time(self, wave: Wave) -> None:
        opened, lost = workflow.now(), self._lost
        until = wave.minimum_time.after(opened, self._revision.definition.zone)
        what = markdown(
            f"Wave {wave.id} is open to {wave.audience}", f"since {instant(opened)}", f"at least until {instant(until)}"
        )
        await report_progress(self._revision.program, what, wave=wave.id)
        due = until
        while not self._stop:
            try:
                await workflow.wait_condition(
                    lambda: bool(self._stop) or self._state.is_paused,
                    timeout=remaining(due),
                    timeout_summary=f"Minimum time of wave {wave.id}",
                )
            except TimeoutError:
                return
            await workflow.wait_condition(lambda: bool(self._stop) or not self._state.is_paused)
            due = until + (self._lost - lost)

    async def _wait_minimum_sample(self, wave: Wave, needed: int) -> None:
        """Wait until enough members have joined in the wave (the last one causes a nudge), or a person releases the rollout."""
        count = WaveCount(program=self._revision.program, wave=wave.id)
        while not self._stop and not self._sample_waived:
            self._look_again = False
            joined = await do(RolloutActivities.count_joined, count, f"Count who has joined in wave {wave.id}")
            if joined >= needed:
                break
            reason = f"{joined} of the {needed} members that it needs have joined in wave {wave.id}"
            hold = RolloutBlocker(what=MINIMUM_SAMPLE, wave=wave.id, why=reason, since=workflow.now())
            await self._hold(hold, f"{wave.id}/{MINIMUM_SAMPLE}")
            await workflow.wait_condition(lambda: bool(self._stop) or self._sample_waived or self._look_again)
        if not self._stop and any(hold.what == MINIMUM_SAMPLE for hold in self._state.holds):
            await self._note(holds=without(self._state.holds, MINIMUM_SAMPLE))

    async def _end(self) -> RolloutResult:
        await self._stop_watching()
        if not self._stop:
            await self._wait_for_leave()
        if self._inviting is not None:
            await signal_child(self._inviting, WaveInvitation.close)
            await self._inviting
        await workflow.wait_condition(workflow.all_handlers_finished)
        halted = self._state.stopped is not None
        if not halted and not self._state.may_go_on:  # the program ends despite pauses and blockers
            await self._note(paused=None, paused_with_program=None, holds=())
        workflow.set_current_details(markdown("Rollout over", f"waves opened: {', '.join(self._opened)}", self._stop))
        return RolloutResult(waves=self._opened, stopped=self._stop, halted=halted)

    # The parts of a wave

    async def _watch(self, wave: Wave) -> None:
        """Start the check of every guardrail while the wave is open, the gate of the next one included."""
        revision, rollout = self._revision, workflow.info().workflow_id
        for guardrail in revision.definition.guardrails:
            self._watches[guardrail.id] = await workflow.start_child_workflow(
                GuardrailWatch.run,
                WatchStart(
                    program=revision.program,
                    revision=revision.number,
                    wave=wave.id,
                    guardrail=guardrail,
                    time_zone=revision.definition.time_zone,
                    rollout=rollout,
                    since=workflow.now(),
                ),
                id=ids.guardrail(rollout, wave.id, guardrail.id),
                static_summary=f"Guardrail {guardrail.id} of wave {wave.id} of {revision.program}",
                search_attributes=of_program(revision.program, revision=revision.number, stage="rollout"),
            )

    async def _stop_watching(self) -> None:
        """End every watch; a check under way reports its result before."""
        watches, self._watches = self._watches, {}
        for watch in watches.values():
            await signal_child(watch, GuardrailWatch.close)
        for watch in watches.values():
            await watch
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def _invite(self, wave: Wave) -> None:
        if wave.invitations is None or wave.cohort is None:
            return
        rollout = workflow.info().workflow_id
        self._inviting = await workflow.start_child_workflow(
            WaveInvitation.run,
            InvitationStart(
                program=self._revision.program,
                wave=wave.id,
                cohort=wave.cohort,
                pace=wave.invitations,
                time_zone=self._revision.definition.time_zone,
                since=workflow.now(),
            ),
            id=ids.invitations(rollout, wave.id),
            static_summary=f"Invitation of the cohort {wave.cohort} to wave {wave.id} of {self._revision.program}",
            search_attributes=of_program(self._revision.program, revision=self._revision.number, stage="rollout"),
        )
        if self._state.is_paused:
            await signal_child(self._inviting, WaveInvitation.pause)

    # Actions of people and guardrails

    async def _pause(self, act: RolloutAction, *, with_program: bool = False) -> RolloutState:
        action = ActionRecord(by=act.by, why=act.why, at=workflow.now())
        self._change(**{_field(with_program): action})
        await self._tell_inviting(WaveInvitation.pause)
        await self._keep("rollout_paused", act, with_program=with_program)
        return self._state

    async def _resume(self, act: RolloutAction, *, with_program: bool = False) -> RolloutState:
        since = min(action.at for action in (self._state.paused, self._state.paused_with_program) if action is not None)
        self._change(**{_field(with_program): None})
        if not self._state.is_paused:
            self._lost += workflow.now() - since
            await self._tell_inviting(WaveInvitation.resume)
        await self._keep("rollout_resumed", act, with_program=with_program)
        return self._state

    async def _tell_inviting(self, what: Callable[..., Any]) -> None:
        if self._inviting is not None and not self._inviting.done():
            await signal_child(self._inviting, what)

    async def _hold(self, hold: RolloutBlocker, key: str) -> None:
        if any(each.what == hold.what for each in self._state.holds):
            return
        self._change(holds=(*self._state.holds, hold), warnings=without(self._state.warnings, hold.what))
        await self._keep("rollout_held", RolloutAction(by=SYSTEM, why=hold.why, key=key), held=[hold.what])

    async def _note(self, **changes: object) -> None:
        """Store and show a change that is nobody's action."""
        self._change(**changes)
        await self._keep(None, RolloutAction(by=SYSTEM, why="", key=""))

    async def _halt(self, act: RolloutAction) -> None:
        """Stop joining and earning; then the run ends, and the program's owner decides how to go on."""
        self._stop = f"stopped by {act.by}: {act.why}"
        self._change(
            stopped=ActionRecord(by=act.by, why=act.why, at=workflow.now()), paused=None, paused_with_program=None, holds=()
        )
        await self._keep("rollout_stopped", act)

    def _change(self, **changes: object) -> None:
        self._state = self._state.model_copy(update=changes)

    async def _keep(self, action: Action | None, act: RolloutAction, **details: object) -> None:
        """Store the state and the action, one after the other, so that the newest state is written last."""
        async with self._keeping:
            change = RolloutChange(
                program=self._revision.program,
                revision=self._revision.number,
                state=self._state,
                at=workflow.now(),
                action=action,
                by=act.by,
                key=act.key,
                details={"reason": act.why} | details,
            )
            done = action.removeprefix("rollout_").capitalize() if action is not None else "Keep where the rollout stands"
            await do(RolloutActivities.keep_rollout, change, f"{done}: {act.why}" if act.why else done)
        await report_progress(self._revision.program, self._describe())

    def _describe(self) -> str:
        state, program = self._state, self._revision.program
        actions = {"paused": state.paused, "on hold with the program": state.paused_with_program, "stopped": state.stopped}
        acts = {
            "paused": f"`tenure {'rollout' if state.paused is not None else 'program'} resume {program} --reason …`",
            "held": f"`tenure rollout release {program} --reason …`, not by the owner, or `tenure rollout abort {program} …`",
        }
        return markdown(
            f"Rollout {state.status}" + (f", wave {self._wave.id}" if self._wave is not None else ""),
            *(
                f"{what} by {action.by} on {instant(action.at)}: {action.why}"
                for what, action in actions.items()
                if action is not None
            ),
            *(f"held by {hold.what} since {instant(hold.since)}: {hold.why}" for hold in state.holds),
            *(f"warning since {instant(each.since)}: {each.why}" for each in state.warnings),
            f"to act: {acts[state.status]}" if state.status in acts else "",
        )

    def _refuse_over(self) -> None:
        if self._stop:
            raise refusal(RolloutOver(f"The rollout is over: {self._stop}."))


def _field(with_program: bool) -> str:
    return "paused_with_program" if with_program else "paused"
