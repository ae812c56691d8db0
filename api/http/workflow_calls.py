"""One way to ask a workflow: its refusals become problems with the codes that the workflow gave them."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar, overload

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.http.errors_server import ServiceUnavailable
from domain.errors import TenureError
from domain.refusals import Refused, refused

Result = TypeVar("Result")
WAIT_TIMEOUT = 25.0
"""Seconds that may be waited where no later answer is given; what is longer under way goes on, and a repetition finds it."""
LONG_WAIT = 600.0
"""The same where nobody holds the line: the caller has been answered 202 long since."""


async def in_time(answer: Awaitable[Result], what: str, *, wait_timeout: float = WAIT_TIMEOUT) -> Result:
    """What is waited for, if it comes in time. Raises ServiceUnavailable."""
    try:
        async with asyncio.timeout(wait_timeout):
            return await answer
    except TimeoutError as error:
        raise ServiceUnavailable(what) from error


# The SDK types the answer of an async update handler with a description as the handler's coroutine: hence two signatures.
@overload
async def asked(update: Awaitable[Coroutine[Any, Any, Result]], *, gone: TenureError, wait_timeout: float) -> Result: ...


@overload
async def asked(update: Awaitable[Result], *, gone: TenureError, wait_timeout: float) -> Result: ...


async def asked(update: Awaitable[Any], *, gone: TenureError, wait_timeout: float) -> Any:
    """The answer to an update.

    Raises Refused where the workflow refuses, `gone` where there is no such workflow any more, ServiceUnavailable where
    nobody answers in time.
    """
    try:
        return await in_time(update, "The workflow", wait_timeout=wait_timeout)
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if not isinstance(cause, ApplicationError):
            raise
        remedy = str(cause.details[0]) if cause.details else None
        raise refused(cause.type or Refused.code, cause.message, remedy) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise ServiceUnavailable("The workflow") from error
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise gone from error
        raise
