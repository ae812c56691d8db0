"""`python -m tests.workflows.dying_worker [STEP:BEFORE|STEP:AFTER …]`: a whole worker that is killed in steps of its work.

It is a worker as it is hosted everywhere, but for this: when an activity STEP is to be done, it kills itself at once as
`kill -9` would, before the work, or after it and before anybody hears that it is done; the first of these deaths that comes is
written to its output. Without any it lives. And that the next worker need not wait long until what died is found out, its
workflows give their activities less time, and it keeps none of them in its memory.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from runtime.database import create_engine
from runtime.identity.signatures import VerificationKeys
from worker import hosting
from worker.heartbeats import Heartbeats
from workflows import steps


class _Dying(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, deaths: frozenset[str]) -> None:
        super().__init__(next)
        self._deaths = deaths

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        step = activity.info().activity_type
        self._die(f"{step}:BEFORE")
        try:
            return await super().execute_activity(input)
        finally:
            self._die(f"{step}:AFTER")

    def _die(self, death: str) -> None:
        if death in self._deaths:
            print(death, flush=True)  # noqa: T201
            os.kill(os.getpid(), signal.SIGKILL)


class _Deadly(Heartbeats):
    """Heartbeats as always, until a step comes."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Dying(super().intercept_activity(next), frozenset(sys.argv[1:]))


async def main() -> None:
    """Host every queue until killed."""
    hosting.Heartbeats = _Deadly  # type: ignore[attr-defined]
    steps._SHORT, steps._SILENT = timedelta(seconds=4), timedelta(seconds=6)
    address, database = os.environ["WORKER_TEMPORAL"], os.environ["WORKER_DATABASE"]
    keys = os.environ.get("WORKER_KEYS")
    engine = create_engine(database, pool_size=5)
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    known = VerificationKeys(Path(keys)) if keys else None
    async with hosting.hosted(client, engine, max_cached_workflows=0, keys=known):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
