"""RetentionIntervention: makes an offer to a silent member, and measures whether they come back."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.retention.interventions import Delivery, Measuring, RetentionActivities
    from domain.members.membership import OfferTerms
    from domain.message_names import NUDGE
    from domain.model import Message
    from workflows.details import instant, markdown
    from workflows.steps import do, remaining


class InterventionStart(Message):
    program: str
    participant: str
    offer: OfferTerms
    due: datetime
    """The end of the time to answer."""


class InterventionResult(Message):
    outcome: str


@workflow.defn
class RetentionIntervention:
    """Deliver, wait for the answer, measure; ends as soon as the member is active again."""

    @workflow.init
    def __init__(self, start: InterventionStart) -> None:
        self._start = start
        self._look_again = False

    @workflow.run
    async def run(self, start: InterventionStart) -> InterventionResult:
        outcome = None if await self._deliver() else "not_delivered"
        while outcome is None:
            over = await self._wait_for_answer()
            outcome = await self._measure(final=over)
        workflow.set_current_details(markdown(f"Outcome: {outcome}", instant(workflow.now())))
        return InterventionResult(outcome=outcome)

    @workflow.signal(name=NUDGE, description="The member was active: look again whether the goal is met")
    def nudge(self) -> None:
        self._look_again = True

    async def _deliver(self) -> bool:
        start = self._start
        delivery = Delivery(
            id=workflow.info().workflow_id,
            program=start.program,
            participant=start.participant,
            points=start.offer.points,
            message=start.offer.message,
            at=workflow.now(),
            due=start.due,
        )
        made = await do(RetentionActivities.deliver_offer, delivery, f"Offer {start.offer.points} points")
        if not made.delivered:
            return False
        workflow.set_current_details(
            markdown(
                f"Offered {start.offer.points} points",
                f"waiting for the member since {instant(workflow.now())}, until {instant(start.due)}",
            )
        )
        return True

    async def _wait_for_answer(self) -> bool:
        """True once the time to answer is over."""
        try:
            await workflow.wait_condition(
                lambda: self._look_again, timeout=remaining(self._start.due), timeout_summary="The time to answer the offer"
            )
        except TimeoutError:
            return True
        self._look_again = False
        return workflow.now() >= self._start.due

    async def _measure(self, *, final: bool) -> str | None:
        measuring = Measuring(
            id=workflow.info().workflow_id,
            program=self._start.program,
            participant=self._start.participant,
            at=workflow.now(),
            final=final,
        )
        measured = await do(RetentionActivities.measure_intervention, measuring, "Has the member come back?")
        return measured.outcome
