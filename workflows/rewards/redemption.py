"""Redemption: a member's points become a reward: hold, have it handed out, capture; or void, and the points are back."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.rewards.providers import Fulfilment
    from activities.rewards.redemption import RedemptionActivities, Settling
    from domain.definition.rewards import TillFulfilment
    from domain.model import Message
    from domain.rewards.redemption import RedemptionOrder
    from workflows.details import instant, told
    from workflows.steps import do

_ONE_ANSWER = timedelta(seconds=10)
_ASK_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30))
"""A provider that is slow or failing is asked again, under the same id, until the time of the reward is over."""


class RedemptionResult(Message):
    """How a redemption ended: `fulfilled` with a reference, `voided` or `refused` with why."""

    state: str
    reference: str = ""
    why: str = ""
    available: int = 0


@workflow.defn
class Redemption:
    """Between the hold and its end nothing else can spend the points, and however it ends, they are spent or back."""

    @workflow.run
    async def run(self, order: RedemptionOrder) -> RedemptionResult:
        held = await do(RedemptionActivities.hold_points, order, f"Hold {order.reward.points} points")
        if not held.held:
            return RedemptionResult(state="refused", why=held.why or "There are not enough points.", available=held.available)
        workflow.set_current_details(
            told(f"{order.reward.points} points are held for {order.reward.name}", f"until {instant(order.hold_until)}")
        )
        fulfilment = await self._fulfil(order)
        return await self._settle(order, fulfilment)

    async def _fulfil(self, order: RedemptionOrder) -> Fulfilment:
        """What the provider says in time; where it stays unclear, the order is cancelled until that is clear."""
        if isinstance(order.reward.fulfilment, TillFulfilment):
            return Fulfilment(outcome="delivered", reference=order.reward.id)
        within = max(_ONE_ANSWER, timedelta(seconds=order.fulfil_within_seconds))
        try:
            return await workflow.execute_activity_method(
                RedemptionActivities.fulfil_reward,
                order,
                start_to_close_timeout=_ONE_ANSWER,
                schedule_to_close_timeout=within,
                retry_policy=_ASK_AGAIN,
                summary=f"Have {order.reward.name} handed out",
            )
        except ActivityError:
            return await do(RedemptionActivities.cancel_reward, order, "The provider stayed unclear: cancel the order")

    async def _settle(self, order: RedemptionOrder, fulfilment: Fulfilment) -> RedemptionResult:
        delivered = fulfilment.outcome == "delivered"
        settling = Settling(
            order=order,
            state="fulfilled" if delivered else "voided",
            reference=fulfilment.reference,
            why=fulfilment.why,
            at=workflow.now(),
        )
        await do(
            RedemptionActivities.settle_redemption, settling, "Capture the points" if delivered else "Give the points back"
        )
        workflow.set_current_details(told(settling.state.capitalize(), fulfilment.reference, fulfilment.why))
        return RedemptionResult(state=settling.state, reference=fulfilment.reference, why=fulfilment.why)
