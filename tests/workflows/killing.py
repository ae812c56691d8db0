"""A worker that is killed again and again, and started again each time, until every death that was wanted has been died."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from tests.paths import ROOT

BEFORE, AFTER = "BEFORE", "AFTER"


def deaths(steps: Iterable[str], *whens: str) -> list[str]:
    """These activities' deaths, as `tests.workflows.dying_worker` is told them: at first both of each."""
    return [f"{step}:{when}" for step in steps for when in whens or (BEFORE, AFTER)]


class Killed:
    """A worker process that dies so: `left` are the deaths that have not come yet, `died` those that have, in their order."""

    def __init__(self, environment: WorkflowEnvironment, database: str, wanted: Iterable[str], keys: Path | None) -> None:
        self.left, self.died = list(wanted), list[str]()
        self._results = {"WORKER_TEMPORAL": environment.client.service_client.config.target_host, "WORKER_DATABASE": database}
        self._results |= {"PYTHONPATH": str(ROOT)} | ({"WORKER_KEYS": str(keys)} if keys else {})

    async def keep_alive(self) -> None:
        """Start a worker, and another one each time it has died as it was told; until cancelled."""
        while True:
            command = (sys.executable, "-m", "tests.workflows.dying_worker", *self.left)
            process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, env=os.environ | self._results, stdout=asyncio.subprocess.PIPE
            )
            try:
                assert process.stdout is not None
                said = (await process.stdout.read()).decode().split()
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            # Killed by somebody else, as by a machine without memory, it has said nothing: the next one takes its place.
            assert process.returncode == -signal.SIGKILL, f"a worker ended by itself, with {process.returncode}"
            self.left = [death for death in self.left if death not in said]
            self.died += said


@asynccontextmanager
async def killed(
    environment: WorkflowEnvironment, database: str, wanted: Iterable[str] = (), *, keys: Path | None = None
) -> AsyncIterator[Killed]:
    """Work is done in this block by workers that die so; a block whose workers cannot be kept alive fails."""
    worker = Killed(environment, database, wanted, keys)
    keeping, block = asyncio.create_task(worker.keep_alive()), asyncio.current_task()
    keeping.add_done_callback(lambda task: block.cancel() if block and not task.cancelled() else None)
    try:
        yield worker
    except asyncio.CancelledError:
        if keeping.done() and not keeping.cancelled():
            keeping.result()
        raise
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
