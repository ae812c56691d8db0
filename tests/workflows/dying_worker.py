"""`python -m tests.workflows.dying_worker STEP BEFORE|AFTER`: a whole worker that is killed in one step of its work.

It is a worker as it is hosted everywhere, but for this: when the activity STEP is to be done, it kills itself at once as
`kill -9` would, before the work, or after it and before anybody hears that it is done. Without a STEP it lives.
"""

import asyncio
import os
import signal
import sys
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from runtime.database import create_engine
from worker import hosting
from worker.heartbeats import Heartbeats


class _Dying(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, step: str, when: str) -> None:
        super().__init__(next)
        self._step = step
        self._when = when

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        mine = activity.info().activity_type == self._step
        if mine and self._when == "BEFORE":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await super().execute_activity(input)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


class _Deadly(Heartbeats):
    """Heartbeats as always, until the step comes."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        beating = super().intercept_activity(next)
        return _Dying(beating, *sys.argv[1:]) if len(sys.argv) > 1 else beating


async def main() -> None:
    """Host every queue until killed."""
    hosting.Heartbeats = _Deadly  # type: ignore[attr-defined]
    address, database = os.environ["WORKER_TEMPORAL"], os.environ["WORKER_DATABASE"]
    engine = create_engine(database, pool_size=5)
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with hosting.hosted(client, engine, max_cached_workflows=50):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
