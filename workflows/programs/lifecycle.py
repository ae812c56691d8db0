"""ProgramLifecycle: a loyalty program from its first definition to its closing."""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.evaluation.evaluation import EvaluationActivities
    from activities.evaluation.schedules import ProgramSchedules, ScheduleActivities
    from activities.programs.amendments import Amended, AmendmentActivities
    from activities.programs.programs import InForce, ProgramActivities, RevisionSettled
    from activities.programs.wind_down import EndCase, WindDownActivities
    from activities.refusals import in_words, refusal
    from domain import ids
    from domain.acceptance.results import QualificationResult
    from domain.audit.chain import SYSTEM
    from domain.gates.state import Subject
    from domain.message_names import LOOK_AT_HOLDS, NUDGE, SHOW_PROGRESS
    from domain.programs import amendments, holds
    from domain.programs.errors import ProgramEnded, ProgramExists
    from domain.programs.errors_lifecycle import EndRequested, RevisionInQualification
    from domain.programs.holds import Capability, Lifted, Lifting, ProgramHold
    from domain.programs.lifecycle import EndRequest, Revision, StageChange
    from domain.programs.stages import ENDED, RevisionStatus, Stage
    from domain.rollout.state import RolloutAction, RolloutStart
    from workflows.acceptance.revision_qualification import QualificationStart, RevisionQualification
    from workflows.attributes import at_stage, of_program
    from workflows.details import instant, markdown
    from workflows.gates.decisions import ask
    from workflows.programs import holds as holding
    from workflows.programs import refusals
    from workflows.programs.pending_amendment import PendingAmendment, RecallRequest, ScheduledAmendment
    from workflows.programs.state import ProgramResult, ProgramStart, ProgramState, RevisionSubmission
    from workflows.programs.wind_down import WindDown
    from workflows.progress import Progress
    from workflows.rollout.rollout import Rollout, RolloutResult
    from workflows.steps import do, signal_child


_STATUS: dict[str, RevisionStatus] = {
    "changes_requested": "changes_requested",
    "rejected": "rejected",
    "failed": "failed",
    "expired": "changes_requested",
    "unsatisfiable": "changes_requested",
    "withdrawn": "withdrawn",
}


@workflow.defn
class ProgramLifecycle:
    """Requirements, qualification of a revision, rollout, operation with evaluations and amendments, wind-down, closed."""

    @workflow.init
    def __init__(self, start: ProgramStart) -> None:
        self._state = start.state or ProgramState(latest=start.revision, submitted=start.revision)
        self._program = start.revision.program
        self._owner = start.revision.owner
        self._registered = start.state is not None
        self._begun = self._registered
        self._qualifying = False
        self._amending = False
        self._effect = PendingAmendment(self._state.approved, self._see_waiting, self._take_effect)
        # A nudge that came while the previous run was ending would be lost with that run.
        self._look_again = start.state is not None
        self._progress = ""
        self._submitting = asyncio.Lock()
        self._holding = asyncio.Lock()
        self._rollout: workflow.ChildWorkflowHandle[Rollout, RolloutResult] | None = None

    @workflow.run
    async def run(self, start: ProgramStart) -> ProgramResult:
        if not self._registered:
            await self._register()
        if self._state.in_force is None:
            refused = await self._qualify_until_approved()
            if refused is not None:
                return refused
            await self._launch()
        await self._operate(start)
        assert self._state.in_force is not None
        await self._wind_down(self._state.in_force)
        return await self._close("closed", self._state.end.reason if self._state.end else "")

    # Messages

    @workflow.update(description="Wait until the program is registered; the first call starts it")
    async def begin(self, digest: str) -> int:
        self._begun = True
        await workflow.wait_condition(lambda: self._registered)
        return self._state.latest.number

    @begin.validator
    def refuse_second_start(self, digest: str) -> None:
        if self._begun or self._registered or digest != self._state.latest.digest:
            raise refusal(ProgramExists(self._program))

    @workflow.update(description="Hand in a new revision: the next try before the launch, an amendment in operation")
    async def submit_revision(self, submission: RevisionSubmission) -> int:
        async with self._submitting:
            self._refuse_revision(submission)
            revision = Revision(
                program=self._program,
                number=self._state.latest.number + 1,
                digest=submission.digest,
                definition=submission.definition,
                owner=self._owner,
                submitted_by=submission.submitted_by,
                submitted_at=workflow.now(),
                wanted_from=submission.wanted_from,
                declared=submission.declared,
                restores=submission.restores,
            )
            await do(ProgramActivities.add_revision, revision, f"Keep revision {revision.number}")
            self._update(latest=revision, submitted=revision)
            return revision.number

    @submit_revision.validator
    def refuse_submission(self, submission: RevisionSubmission) -> None:
        self._refuse_revision(submission)
        refusals.of_definition(self._state, submission.definition)

    @workflow.update(description="Call back an amendment that is approved, before the date on which it takes effect")
    async def recall_revision(self, request: RecallRequest) -> int:
        await self._effect.recall(request)
        self._update(recalled=request.number)
        self._report_progress(
            f"In operation; revision {request.number} was called back by {request.requested_by}", request.reason
        )
        return request.number

    @recall_revision.validator
    def refuse_recall(self, request: RecallRequest) -> None:
        self._effect.refuse_recall(request.number)

    @workflow.update(description="Ask for the end of the program; a gate decides")
    async def request_end(self, request: EndRequest) -> Stage:
        self._update(end=request)
        return self._state.stage

    @request_end.validator
    def refuse_end(self, request: EndRequest) -> None:
        if self._state.end is not None:
            raise refusal(EndRequested("The end of the program has been asked for already."))
        if self._before_launch and (self._qualifying or self._state.submitted is not None or self._submitting.locked()):
            raise refusal(
                RevisionInQualification(
                    f"Revision {self._state.latest.number} is being qualified, and nothing is launched that could end.",
                    "Have the revision rejected at its gate, or wait for its outcome.",
                )
            )

    @workflow.update(description="Let the program go on: lift its halt, or where there is none its hold")
    async def resume(self, lifting: Lifting) -> Lifted:
        async with self._holding:
            lifted = await holding.lift(lifting)
            await self._obey(lifted.standing)
            return lifted

    @resume.validator
    def refuse_resumption(self, lifting: Lifting) -> None:
        if self._state.stage in ENDED:
            raise in_words(
                ProgramEnded, f"The lifecycle of program {self._program!r} has ended.", "Nothing can be changed in it."
            )

    @workflow.signal(name=LOOK_AT_HOLDS, description="Something has been stopped: look again what stands")
    async def look_at_holds(self) -> None:
        # The handler reads here, so that a hold is seen in every stage; `continue_as_new` waits for all handlers.
        async with self._holding:
            await self._obey(await holding.active(self._program))

    @workflow.signal(name=SHOW_PROGRESS, description="A part of the program's life says what it is at")
    def show_progress(self, progress: Progress) -> None:
        if progress.wave is not None and progress.wave not in self._state.begun_waves:
            self._update(begun_waves=(*self._state.begun_waves, progress.wave))
        if progress.stage is not None:
            self._update(stage=progress.stage)
            workflow.upsert_search_attributes(at_stage(progress.stage, self._state.latest.number))
        self._progress = f"{progress.told}\n\nin workflow `{progress.workflow}`"
        self._show()

    @workflow.signal(name=NUDGE, description="There is a new evaluation: look at its verdict")
    def nudge(self) -> None:
        self._look_again = True

    @workflow.query(description="Stage, revisions, and what has been asked for")
    def state(self) -> ProgramState:
        return self._state

    # The process

    async def _register(self) -> None:
        workflow.upsert_search_attributes(at_stage("requirements", self._state.latest.number))
        self._show()
        await do(ProgramActivities.register_program, self._state.latest, f"Register the program {self._program}")
        self._registered = True

    async def _qualify_until_approved(self) -> ProgramResult | None:
        """Qualify one revision after another until one is approved (None), or the program is rejected or withdrawn."""
        while True:
            await workflow.wait_condition(lambda: self._state.submitted is not None or self._state.end is not None)
            if self._state.submitted is None:
                return await self._give_up("withdrawn by the owner")
            result = await self._qualify(amendment=False)
            if result.outcome == "approved":
                return None
            if result.outcome == "rejected":
                return await self._give_up(result.why)
            await self._enter("development", f"revision {self._state.latest.number}: {result.why}")
            self._report_progress(
                f"Waiting for a new revision: {result.why}", f"to act: `tenure program revise {self._program} FILE`"
            )

    async def _qualify(self, *, amendment: bool) -> QualificationResult:
        revision = self._state.latest
        self._qualifying = True
        self._update(submitted=None)
        child = await workflow.start_child_workflow(
            RevisionQualification.run,
            QualificationStart(revision=revision, amendment=amendment, before=self._state.in_force if amendment else None),
            id=ids.qualification(self._program, revision.number),
            static_summary=f"Qualification of {self._program}, revision {revision.number}",
            search_attributes=of_program(self._program, owner=self._owner, revision=revision.number),
        )
        while not child.done():
            await workflow.wait_condition(lambda: child.done() or self._end_wanted)
            if self._end_wanted and await self._decide_end():
                await signal_child(child, RevisionQualification.withdraw)
                break
        result = await child
        if self._state.end_approved:
            result = QualificationResult(outcome="withdrawn", why="the program ends")
        self._qualifying = False
        if result.outcome != "approved":
            status = _STATUS[result.outcome]
            settled = RevisionSettled(program=self._program, number=revision.number, status=status, at=workflow.now())
            await do(ProgramActivities.settle_revision, settled, f"Revision {revision.number}: {result.outcome}")
        return result

    async def _launch(self) -> None:
        await self._put_in_force()
        await self._start_schedules()
        await self._enter("rollout", f"revision {self._state.latest.number}")
        begun: tuple[str, ...] = ()
        result = await self._roll_out(begun)
        while result.halted and not self._state.end_approved:
            begun = tuple(dict.fromkeys((*begun, *result.waves)))
            if await self._revise_halted(result.stopped):
                result = await self._roll_out(begun)

    async def _revise_halted(self, reason: str) -> bool:
        """After a stopped rollout, wait for the owner: a further revision, fully qualified (True: in force), or the end."""
        program = self._program
        self._report_progress(
            "The rollout is stopped: nobody joins, and nothing is earned; what was issued is honoured",
            reason,
            f"waiting for {self._owner}: `tenure program revise {program} FILE`, or `tenure program end {program} --reason …`",
        )
        await workflow.wait_condition(lambda: self._end_wanted or self._state.submitted is not None)
        if self._end_wanted:
            await self._decide_end()
            return False
        if (await self._qualify(amendment=True)).outcome != "approved":
            return False
        await self._put_in_force()
        await self._start_schedules()
        return True

    async def _roll_out(self, begun: tuple[str, ...]) -> RolloutResult:
        while self._stopped("rollout"):
            await workflow.wait_condition(lambda: not self._stopped("rollout") or self._end_wanted)
            if self._end_wanted and await self._decide_end():
                return RolloutResult(waves=())
        rollout = self._rollout = await workflow.start_child_workflow(
            Rollout.run,
            RolloutStart(**dict(self._state.latest), begun=begun),
            id=ids.rollout(self._program, self._state.latest.number),
            static_summary=f"Rollout of {self._program}, revision {self._state.latest.number}",
            search_attributes=of_program(self._program, owner=self._owner, revision=self._state.latest.number, stage="rollout"),
        )
        if self._stopped("rollout"):  # a hold came while the rollout was being started
            await self._tell_rollout()
        while not rollout.done():
            await workflow.wait_condition(lambda: rollout.done() or self._end_wanted)
            if self._end_wanted and await self._decide_end():
                await signal_child(rollout, Rollout.stop, "the program ends")
        result = await rollout
        self._rollout = None
        return result

    async def _operate(self, start: ProgramStart) -> None:
        if not self._state.end_approved:
            if self._state.stage != "operation":
                await self._enter("operation")
            self._report_progress("In operation")
        self._effect.start()
        while not self._state.end_approved:
            await workflow.wait_condition(
                lambda: (
                    self._end_wanted
                    or self._look_again
                    or self._state.submitted is not None
                    or self._effect.over
                    or (workflow.info().is_continue_as_new_suggested() and not self._effect.busy)
                )
            )
            if self._effect.over:
                await self._effect.collect()
            elif self._end_wanted:
                await self._decide_end()
            elif self._state.submitted is not None:
                await self._amend()
            elif self._look_again:
                await self._consider_verdict()
            else:
                await workflow.wait_condition(lambda: workflow.all_handlers_finished() and not self._effect.busy)
                workflow.continue_as_new(start.model_copy(update={"state": self._state}))
        await self._effect.end("the program ends")

    async def _amend(self) -> None:
        """Process a revision of a program in operation; meanwhile the program accepts no other."""
        self._amending = True
        try:
            await self._amend_alone()
        finally:
            self._amending = False

    async def _amend_alone(self) -> None:
        """Qualify an amendment, substantial or minor; it takes effect at its approval, or on the requested or promised date."""
        before = self._state.in_force
        self._update(amendment_wanted="")
        result = await self._qualify(amendment=True)
        if result.outcome == "approved" and before is not None and result.weight is not None:
            wanted, now = self._state.latest.wanted_from, workflow.now()
            effective = amendments.takes_effect(before.definition, result.weight, wanted, now)
            if effective > now:
                await self._effect.approve(
                    ScheduledAmendment(revision=self._state.latest, before=before.number, effective_from=effective)
                )
                self._report_progress(f"In operation; revision {self._state.latest.number} is approved", result.why)
                return
        if result.outcome == "approved":
            await self._put_in_force()
            if before is not None and result.weight == "substantial" and workflow.patched("amendment-at-once-is-told"):
                scheduled = ScheduledAmendment(revision=self._state.latest, before=before.number, effective_from=workflow.now())
                await self._effect.announce(scheduled)
            if not workflow.patched("schedules-change-in-place"):  # in place, a paused Schedule stays paused
                await do(ScheduleActivities.stop_schedules, self._program, "Stop the Schedules of the revision before")
            await self._start_schedules()
        self._report_progress(
            f"In operation; revision {self._state.latest.number}: {result.outcome.replace('_', ' ')}", result.why
        )
        if result.outcome == "approved" and before is not None and workflow.patched("amendment-nudges-members"):
            await self._nudge_concerned(before.number)

    async def _consider_verdict(self) -> None:
        """Act on the newest verdict: a proposal opens a gate; no program ends by itself."""
        self._look_again = False
        verdict = await do(EvaluationActivities.latest_verdict, self._program, "Look at the newest verdict")
        if verdict.id == self._state.considered:
            return
        self._update(considered=verdict.id)
        self._report_progress(
            f"In operation; the newest evaluation says: {verdict.consequence.replace('_', ' ')}", verdict.told
        )
        if verdict.consequence == "propose_end" and self._state.end is None:
            self._update(end=EndRequest(requested_by="evaluation", reason=verdict.told, requested_at=workflow.now()))
        if verdict.consequence == "propose_amendment" and workflow.patched("amendment-proposal-opens-a-gate"):
            await self._propose_amendment(verdict.told)

    async def _propose_amendment(self, reason: str) -> None:
        """Let the approvers of the strategy gate decide whether the owner is asked for an amendment.

        Nothing is proposed if a revision has been submitted: that revision passes the same gate anyway.
        """
        revision = self._state.in_force or self._state.latest
        if self._end_wanted or self._state.submitted is not None or self._state.amendment_wanted or self._effect.waiting:
            return
        self._update(amendment_gates=self._state.amendment_gates + 1)
        subject = Subject(
            kind="amendment",
            program=self._program,
            revision=revision.number,
            title=f"that {revision.definition.name} be amended: {reason}",
            digest=revision.digest,
        )
        gate = await ask(
            "amendment",
            subject,
            revision.definition.gates.strategy,
            revision.definition,
            (self._owner,),
            round_=self._state.amendment_gates,
            withdrawn=lambda: self._end_wanted or self._state.submitted is not None,
        )
        if gate.outcome == "approved":
            self._update(amendment_wanted=reason)
            self._report_progress(
                f"{self._owner} is asked to amend the program", reason, f"to act: `tenure program revise {self._program} FILE`"
            )
        else:
            self._report_progress(
                f"In operation; an amendment was proposed: {gate.outcome.replace('_', ' ')}", reason, gate.reasons
            )

    def _refuse_revision(self, submission: RevisionSubmission) -> None:
        """Raise the reason why the program accepts no revision now, or not this one."""
        on_its_way = self._qualifying or self._amending or self._state.submitted is not None
        refusals.of_revision(self._state, submission, on_its_way=on_its_way, waiting=self._effect.waiting)

    @property
    def _before_launch(self) -> bool:
        return self._state.before_launch

    @property
    def _end_wanted(self) -> bool:
        return self._state.end is not None and not self._state.end_approved

    async def _decide_end(self) -> bool:
        """Open the gate of the end; without an approval the request is closed and the program goes on."""
        request, revision = self._state.end, self._state.in_force or self._state.latest
        if request is None:
            return False
        self._update(end_gates=self._state.end_gates + 1)
        subject = Subject(
            kind="end",
            program=self._program,
            revision=revision.number,
            title=f"the end of {revision.definition.name}: {request.reason}{await self._impact_of(request)}",
            digest=revision.digest,
        )
        excluded = tuple(dict.fromkeys((self._owner, request.requested_by)))
        gate = await ask(
            "wind-down",
            subject,
            revision.definition.gates.wind_down,
            revision.definition,
            excluded,
            round_=self._state.end_gates,
        )
        approved = gate.outcome == "approved"
        self._update(end_approved=approved, end=request if approved else None)
        self._report_progress(f"The end was {gate.outcome.replace('_', ' ')}", gate.reasons)
        return approved

    async def _impact_of(self, request: EndRequest) -> str:
        """The impact of the end, for the people who decide about it."""
        if not workflow.patched("end-is-weighed"):
            return ""
        case = EndCase(program=self._program, reason=request.reason, requested_by=request.requested_by, at=workflow.now())
        weighed = await do(WindDownActivities.weigh_end, case, "Weigh the end: members, points, liability, partners")
        return f" ({weighed.told})"

    async def _give_up(self, reason: str) -> ProgramResult:
        """Reject a program that was not launched; if a pilot has brought members, the program winds down first."""
        if workflow.patched("pilot-members-have-an-end"):
            piloted = await do(ProgramActivities.piloted, self._program, "Whether a pilot has brought members")
            if piloted is not None:
                end = EndRequest(requested_by=self._owner, reason=reason, requested_at=workflow.now())
                self._update(end=end, end_approved=True)
                await self._impact_of(end)
                await self._wind_down(piloted)
        return await self._close("rejected", reason)

    async def _wind_down(self, revision: Revision) -> None:
        await self._enter("wind_down", self._state.end.reason if self._state.end else "")
        await workflow.execute_child_workflow(
            WindDown.run,
            revision,
            id=ids.wind_down(self._program),
            static_summary=f"Wind-down of {self._program}",
            search_attributes=of_program(self._program, owner=self._owner, revision=revision.number, stage="wind_down"),
        )

    # Holds

    async def _obey(self, active: tuple[ProgramHold, ...]) -> None:
        """Show the active holds, and pause or resume the rollout accordingly."""
        before = self._stopped("rollout")
        self._update(holds=active)
        self._show()
        if before != self._stopped("rollout"):
            await self._tell_rollout()

    async def _tell_rollout(self) -> None:
        """Pause or resume the rollout by the program's holds; no other code does."""
        if self._rollout is None or self._rollout.done():
            return
        if self._stopped("rollout"):
            stop = next(hold for hold in self._state.holds if "rollout" in hold.stops)
            act = RolloutAction(by=stop.begun_by, why=stop.reason, key=f"hold/{stop.id}")
            await signal_child(self._rollout, Rollout.pause_with_program, act)
        else:
            act = RolloutAction(by=SYSTEM, why="the program goes on", key=f"going-on/{workflow.now().isoformat()}")
            await signal_child(self._rollout, Rollout.resume_with_program, act)

    def _stopped(self, capability: Capability) -> bool:
        return any(capability in hold.stops for hold in self._state.holds)

    # Steps

    async def _enter(self, stage: Stage, note: str = "") -> None:
        self._update(stage=stage)
        workflow.upsert_search_attributes(at_stage(stage, self._state.latest.number))
        change = StageChange(program=self._program, stage=stage, at=workflow.now(), note=note)
        await do(ProgramActivities.change_stage, change, f"Stage: {stage.replace('_', ' ')}")

    async def _close(self, stage: Stage, reason: str) -> ProgramResult:
        await self._enter(stage, reason)
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._report_progress(f"The program is {stage}", reason)
        return ProgramResult(stage=stage, why=reason)

    async def _put_in_force(self) -> None:
        revision = self._state.latest
        in_force = InForce(program=self._program, number=revision.number, at=workflow.now())
        await do(ProgramActivities.put_in_force, in_force, f"Revision {revision.number} is in force")
        self._update(in_force=revision)

    async def _take_effect(self, scheduled: ScheduledAmendment) -> None:
        """Put an amendment into force at its date: events are rated by it already, and now everything else follows."""
        revision = scheduled.revision
        in_force = InForce(program=self._program, number=revision.number, at=scheduled.effective_from)
        await do(ProgramActivities.put_in_force, in_force, f"Revision {revision.number} is in force")
        self._update(in_force=revision)
        await self._start_schedules()
        await self._nudge_concerned(scheduled.before)
        self._report_progress(f"In operation; revision {revision.number} has taken effect")

    def _see_waiting(self, scheduled: ScheduledAmendment | None) -> None:
        self._update(approved=scheduled)
        self._show()

    async def _nudge_concerned(self, before: int) -> None:
        """Nudge the members whose tier has new conditions, so that a transition at once takes effect at once."""
        after = self._state.latest.number
        amended = Amended(program=self._program, before=before, after=after)
        await do(AmendmentActivities.nudge_concerned, amended, f"Have the members looked at whom revision {after} concerns")

    async def _start_schedules(self) -> None:
        every, wanted = self._state.latest.definition.evaluation.every, ProgramSchedules(program=self._program)
        await do(ScheduleActivities.start_schedules, wanted, f"Evaluate every {every}, sweep due points")

    def _update(self, **changes: object) -> None:
        self._state = self._state.model_copy(update=changes)

    def _report_progress(self, what: str, *lines: str) -> None:
        self._progress = markdown(what, *lines, f"since {instant(workflow.now())}")
        self._show()

    def _show(self) -> None:
        state = self._state
        workflow.set_current_details(
            "\n\n".join(
                [
                    f"## {state.latest.definition.name}: {state.stage.replace('_', ' ')}",
                    *([on_hold] if (on_hold := holds.banner(state.holds, self._program)) else []),
                    f"owner {self._owner}; revision {state.latest.number} (digest `{state.latest.digest[:12]}`)",
                    *([self._effect.summary] if self._effect.summary else []),
                    self._progress,
                ]
            )
        )
