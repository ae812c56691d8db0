"""MemberLifecycle: one member from joining to leaving, with tier reviews by timer and by nudge, and offers when silent."""

import asyncio
from datetime import datetime
from decimal import Decimal

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.members.members import Closing, Joining, MemberActivities, ReviewRequest
    from activities.refusals import in_words
    from domain import ids
    from domain.members.errors import MemberUnknown
    from domain.members.membership import MemberReview, Membership, OfferTerms
    from domain.message_names import END_MEMBERSHIP, NUDGE
    from domain.model import Message
    from domain.programs.stages import MemberStatus
    from workflows.attributes import of_member, tier_and_stage
    from workflows.details import instant, markdown
    from workflows.retention.retention_intervention import InterventionStart, RetentionIntervention
    from workflows.steps import do, remaining


class MemberState(Message):
    """The state that a member's workflow carries from run to run."""

    membership: Membership | None = None
    interventions: int = 0
    last_offer_at: datetime | None = None


class MemberStart(Message):
    """The participant and the program to join, with the version of the agreement and the fee that the participant accepted."""

    program: str
    participant: str
    agreement: str
    fee: Decimal | None = None
    state: MemberState = MemberState()


class Departure(Message):
    """A member's request to leave, with the reason if they gave one."""

    at: datetime
    why: str = ""


@workflow.defn
class MemberLifecycle:
    """Points are in the ledger: an ordinary earn does not reach this workflow. Timers, nudges and requests to leave do."""

    @workflow.init
    def __init__(self, start: MemberStart) -> None:
        self._program = start.program
        self._participant = start.participant
        self._agreement = start.agreement
        self._fee = start.fee
        self._state = start.state
        self._refusal: ApplicationError | None = None
        self._nudged = False
        self._changing = asyncio.Lock()

    @workflow.run
    async def run(self, start: MemberStart) -> Membership | None:
        if self._state.membership is None:
            await self._join()
        while self._active:
            review = await self._review()
            if review is None:
                break
            if review.offer is not None:
                await self._intervene(review.offer)
            await self._wait(review.look_again_at)
            if self._active and workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(start.model_copy(update={"state": self._state}))
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._refusal is not None:
            raise self._refusal  # fail the workflow, so that the member may try again once the reason is gone
        return self._state.membership

    @workflow.update(description="Join, or learn the membership that is there already")
    async def join(self) -> Membership:
        await workflow.wait_condition(lambda: self._state.membership is not None or self._refusal is not None)
        if self._refusal is not None:
            raise self._refusal
        return self._required_membership()

    @workflow.update(description="Leave by the member's own wish; what is left of the points is forfeited")
    async def leave(self, departure: Departure) -> Membership:
        return await self._close("left", departure.why or "the member left", departure.at)

    @workflow.update(name=END_MEMBERSHIP, description="End the membership because the program ends")
    async def end(self, at: datetime) -> Membership:
        return await self._close("ended", "the program ended", at)

    @workflow.signal(name=NUDGE, description="Something has changed: look at the member again")
    def nudge(self) -> None:
        self._nudged = True

    @workflow.query(description="The membership as this workflow last saw it")
    def membership(self) -> Membership | None:
        return self._state.membership

    @property
    def _active(self) -> bool:
        return self._state.membership is not None and self._state.membership.status == "active"

    async def _join(self) -> None:
        joining = Joining(
            program=self._program,
            participant=self._participant,
            agreement=self._agreement,
            at=workflow.now(),
            fee=self._fee,
        )
        try:
            self._see(await do(MemberActivities.establish_member, joining, f"Join {self._program}"))
        except ActivityError as error:
            if not isinstance(error.cause, ApplicationError):
                raise
            self._refusal = error.cause
            workflow.set_current_details(markdown("Not admitted", error.cause.message))

    async def _review(self) -> MemberReview | None:
        """Review the member; None if the member has left while another change was under way."""
        async with self._changing:
            if not self._active:
                return None
            self._nudged = False
            request = ReviewRequest(
                program=self._program, participant=self._participant, at=workflow.now(), last_offer_at=self._state.last_offer_at
            )
            review = await do(MemberActivities.review_member, request, "Review tier and activity")
            self._see(review.membership, review)
            return review

    async def _intervene(self, offer: OfferTerms) -> None:
        number = self._state.interventions + 1
        self._state = self._state.model_copy(update={"interventions": number, "last_offer_at": workflow.now()})
        due = datetime.fromtimestamp(workflow.now().timestamp() + offer.answer_within_seconds, tz=workflow.now().tzinfo)
        # It outlives this run: it measures its outcome even if the member leaves or this workflow continues as new.
        await workflow.start_child_workflow(
            RetentionIntervention.run,
            InterventionStart(program=self._program, participant=self._participant, offer=offer, due=due),
            id=ids.intervention(self._program, self._participant, number),
            parent_close_policy=ParentClosePolicy.ABANDON,
            static_summary=f"Offer {offer.points} points to a silent member",
            search_attributes=of_member(self._program, self._participant),
        )

    async def _wait(self, until: datetime | None) -> None:
        """Wait until the next review, a nudge, or the end; without a time, for the last two only."""
        try:
            await workflow.wait_condition(
                lambda: self._nudged or not self._active,
                timeout=remaining(until) if until is not None else None,
                timeout_summary="Next review of tier and activity",
            )
        except TimeoutError:
            return

    async def _close(self, status: MemberStatus, reason: str, at: datetime) -> Membership:
        async with self._changing:
            if not self._active:
                return self._required_membership()
            closing = Closing(program=self._program, participant=self._participant, status=status, why=reason, at=at)
            self._see(await do(MemberActivities.close_membership, closing, f"End the membership: {reason}"))
            return self._required_membership()

    def _required_membership(self) -> Membership:
        if self._state.membership is None:
            raise in_words(MemberUnknown, "This member has not joined yet.")
        return self._state.membership

    def _see(self, membership: Membership, review: MemberReview | None = None) -> None:
        before = self._state.membership
        self._state = self._state.model_copy(update={"membership": membership})
        if before is None or (before.tier, before.journey_stage) != (membership.tier, membership.journey_stage):
            workflow.upsert_search_attributes(tier_and_stage(membership.tier, membership.journey_stage))
        workflow.set_current_details(
            markdown(
                f"{membership.status.capitalize()}, tier {membership.tier}, {membership.journey_stage}",
                f"tier since {instant(membership.tier_since)}, until {instant(membership.tier_until)}",
                f"next look at {instant(review.look_again_at)}" if review else "",
                "silent; an offer was or will be made" if review and review.silent else "",
            )
        )
