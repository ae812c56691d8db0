"""Redemption: a member buys a reward: hold the points, order it from the provider, capture; or void the hold."""

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
    from workflows.details import instant, markdown
    from workflows.steps import do, do_with_limits

_ONE_ANSWER = timedelta(seconds=10)
_ASK_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30))
"""A slow or failing provider gets the order again, under the same id, until the reward's time is over."""


class RedemptionResult(Message):
    """How a redemption ended: `fulfilled` with a reference, or `voided` or `refused` with the reason."""

    state: str
    reference: str = ""
    why: str = ""
    available: int = 0


@workflow.defn
class Redemption:
    """While the hold lasts, nothing else can spend the points; at its end they are spent or back with the member."""

    @workflow.run
    async def run(self, order: RedemptionOrder) -> RedemptionResult:
        held = await do(RedemptionActivities.hold_points, order, f"Hold {order.reward.points} points")
        if not held.held:
            return RedemptionResult(state="refused", why=held.why or "There are not enough points.", available=held.available)
        workflow.set_current_details(
            markdown(f"{order.reward.points} points are held for {order.reward.name}", f"until {instant(order.hold_until)}")
        )
        fulfilment = await self._fulfil(order)
        return await self._settle(order, fulfilment)

    async def _fulfil(self, order: RedemptionOrder) -> Fulfilment:
        """The provider's answer in time; without a clear one, cancel the order until the cancellation is clear."""
        if isinstance(order.reward.fulfilment, TillFulfilment):
            return Fulfilment(outcome="delivered", reference=order.reward.id)
        within = max(_ONE_ANSWER, timedelta(seconds=order.fulfil_within_seconds))
        try:
            return await do_with_limits(
                RedemptionActivities.fulfil_reward,
                order,
                f"Have {order.reward.name} handed out",
                attempt=_ONE_ANSWER,
                retry=_ASK_AGAIN,
                altogether=within,
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
        workflow.set_current_details(markdown(settling.state.capitalize(), fulfilment.reference, fulfilment.why))
        return RedemptionResult(state=settling.state, reference=fulfilment.reference, why=fulfilment.why)
