"""NoticeDelivery: delivers one notice to one recipient, with the retries of its order."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.notices.delivery import NoticeActivities, Settling
    from domain.notices.gate_notices import Delivery, DeliveryRetries
    from workflows.details import markdown
    from workflows.steps import do, do_with_limits

_ONE_ATTEMPT = timedelta(seconds=45)


@workflow.defn
class NoticeDelivery:
    """One round: attempts until one succeeds or none is left; then the notice is `dead`, and can be replayed."""

    @workflow.run
    async def run(self, delivery: Delivery) -> str:
        workflow.set_current_details(
            markdown(f"To be delivered: {delivery.what}", f"see `tenure notice show {delivery.notice}`")
        )
        settling = Settling(notice=delivery.notice, round=delivery.round, state="delivered", at=workflow.now())
        try:
            await do_with_limits(
                NoticeActivities.send_notice,
                delivery,
                delivery.what,
                attempt=_ONE_ATTEMPT,
                retry=_policy(delivery.patience),
            )
        except ActivityError as error:
            reason = "The delivery was cancelled." if is_cancelled_exception(error) else str(error.cause or error)
            settling = settling.model_copy(update={"state": "dead", "why": reason})
        settling = settling.model_copy(update={"at": workflow.now()})
        await do(NoticeActivities.settle_notice, settling, f"The notice is {settling.state}")
        again = f"to send it again: `tenure notice replay {delivery.notice}`" if settling.state == "dead" else ""
        workflow.set_current_details(markdown(f"{settling.state.capitalize()}: {delivery.what}", settling.why, again))
        return settling.state


def _policy(retries: DeliveryRetries) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(seconds=retries.first_seconds),
        backoff_coefficient=retries.factor,
        maximum_interval=timedelta(seconds=retries.longest_seconds),
        maximum_attempts=retries.attempts,
    )
