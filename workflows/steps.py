"""The one way in which a workflow calls an activity: with a time limit, a named retry policy, and a summary."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from activities.queues import queue_of
from domain.ids import BULK_QUEUE
from workflows.details import summary as short

Argument = TypeVar("Argument")
Result = TypeVar("Result")

PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=1)
)
"""Without limit: a database or a service that is down will return, and until then nothing is lost."""

A_FEW_TIMES = RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=2.0, maximum_attempts=3)
"""For work that is repeated later anyway: a failure is reported, and nothing waits for it."""

_SHORT = timedelta(seconds=10)
_HERE = timedelta(seconds=5)
"""A retry later than this waits in a timer, and keeps no workflow task open meanwhile."""
_A_WHILE = timedelta(minutes=1)
_LONG = timedelta(hours=1)
_SILENT = timedelta(seconds=15)
_INSTANT = timedelta(milliseconds=1)


async def do(activity: Callable[[Any, Argument], Awaitable[Result]], argument: Argument, summary: str) -> Result:
    """Run one activity on the queue that its class declares; the queue also decides how long the activity may take.

    A short activity is a few statements; a killed worker is detected after ten seconds. Bulk work lasts, on a queue of its own,
    so that people do not wait behind it. The worker sends its heartbeats (`worker/heartbeats.py`), so that another worker soon
    takes over from a killed one.
    """
    queue = queue_of(activity)
    in_bulk = queue == BULK_QUEUE
    return await workflow.execute_activity_method(
        activity,
        argument,
        task_queue=queue,
        start_to_close_timeout=_LONG if in_bulk else _SHORT,
        heartbeat_timeout=_SILENT if in_bulk else None,
        retry_policy=PATIENT,
        summary=short(summary),
    )


async def do_here(activity: Callable[[Any, Argument], Awaitable[Result]], argument: Argument, summary: str) -> Result:
    """Run one short activity in the workflow's own worker: for work that people wait for, and that must add little history."""
    return await workflow.execute_local_activity_method(
        activity,
        argument,
        start_to_close_timeout=_SHORT,
        retry_policy=PATIENT,
        local_retry_threshold=_HERE,
        summary=short(summary),
    )


async def do_with_limits(
    activity: Callable[[Any, Argument], Awaitable[Result]],
    argument: Argument,
    summary: str,
    *,
    attempt: timedelta,
    retry: RetryPolicy,
    altogether: timedelta | None = None,
) -> Result:
    """Run one activity with time limits of its own, for instance one that waits for another company's server.

    `attempt` limits one attempt, `altogether` all attempts and the waits between them. Raises ActivityError if the activity
    fails for good.
    """
    return await workflow.execute_activity_method(
        activity,
        argument,
        task_queue=queue_of(activity),
        start_to_close_timeout=attempt,
        schedule_to_close_timeout=altogether,
        retry_policy=retry,
        summary=short(summary),
    )


async def try_in_bulk(
    activity: Callable[[Any, Argument], Awaitable[Result]], argument: Argument, summary: str
) -> Result | ActivityError:
    """Run bulk work that may fail without harm: a few attempts within a minute; the last error is returned, not raised."""
    try:
        return await do_with_limits(activity, argument, summary, attempt=_A_WHILE, retry=A_FEW_TIMES, altogether=_A_WHILE)
    except ActivityError as error:
        return error


async def signal_child(child: workflow.ChildWorkflowHandle[Any, Any], signal: Callable[..., Any], *arguments: Any) -> None:
    """Signal a child workflow; a child that has ended is ignored."""
    try:
        await child.signal(signal, args=arguments)
    except ApplicationError:
        workflow.logger.info("nobody to tell: %s has ended", child.id)


def remaining(until: datetime) -> timedelta:
    """The time left until an instant: timers end with a run, deadlines do not."""
    return max(_INSTANT, until - workflow.now())
