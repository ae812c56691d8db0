"""The one way in which a workflow has something done: with a time limit, a named retry policy, and words for the operator."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from domain.ids import BULK_QUEUE
from workflows.details import summary as short

Argument = TypeVar("Argument")
Result = TypeVar("Result")

PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=1)
)
"""For ever: a database or a service that is down will be back, and until then nothing is lost."""

A_FEW_TIMES = RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=2.0, maximum_attempts=3)
"""For what is looked at again later anyway: what does not answer now is told, and not waited for."""

_SHORT = timedelta(seconds=10)
_HERE = timedelta(seconds=5)
"""What is tried again later than that waits in a timer, and keeps no workflow task open meanwhile."""
_A_WHILE = timedelta(minutes=1)
_LONG = timedelta(hours=1)
_SILENT = timedelta(seconds=15)
_INSTANT = timedelta(milliseconds=1)


async def do(activity: Callable[[Any, Argument], Awaitable[Result]], argument: Argument, summary: str) -> Result:
    """One short activity: a few statements; a worker that was killed is found out after ten seconds."""
    return await workflow.execute_activity_method(
        activity, argument, start_to_close_timeout=_SHORT, retry_policy=PATIENT, summary=short(summary)
    )


async def do_here(activity: Callable[[Any, Argument], Awaitable[Result]], argument: Argument, summary: str) -> Result:
    """One short activity in the worker that runs the workflow: for what people wait for, and what must leave little history."""
    return await workflow.execute_local_activity_method(
        activity,
        argument,
        start_to_close_timeout=_SHORT,
        retry_policy=PATIENT,
        local_retry_threshold=_HERE,
        summary=short(summary),
    )


async def do_in_bulk(activity: Callable[[Any, Argument], Awaitable[Result]], argument: Argument, summary: str) -> Result:
    """Work on many rows or members, on the queue that keeps it out of the way of people who wait.

    The worker beats for it (`worker/heartbeats.py`), so that one whose worker was killed is soon tried elsewhere.
    """
    return await workflow.execute_activity_method(
        activity,
        argument,
        task_queue=BULK_QUEUE,
        start_to_close_timeout=_LONG,
        heartbeat_timeout=_SILENT,
        retry_policy=PATIENT,
        summary=short(summary),
    )


async def try_in_bulk(
    activity: Callable[[Any, Argument], Awaitable[Result]], argument: Argument, summary: str
) -> Result | ActivityError:
    """The same for what may fail without harm: tried a few times within a minute, then what went wrong is the answer."""
    try:
        return await workflow.execute_activity_method(
            activity,
            argument,
            task_queue=BULK_QUEUE,
            start_to_close_timeout=_A_WHILE,
            schedule_to_close_timeout=_A_WHILE,
            retry_policy=A_FEW_TIMES,
            summary=short(summary),
        )
    except ActivityError as error:
        return error


async def signal_child(child: workflow.ChildWorkflowHandle[Any, Any], signal: Callable[..., Any], *arguments: Any) -> None:
    """Tell a child something; one that has ended meanwhile needs it no more."""
    try:
        await child.signal(signal, args=arguments)
    except ApplicationError:
        workflow.logger.info("nobody to tell: %s has ended", child.id)


def remaining(until: datetime) -> timedelta:
    """How long it still is until an absolute instant; timers die with a run, deadlines do not."""
    return max(_INSTANT, until - workflow.now())
