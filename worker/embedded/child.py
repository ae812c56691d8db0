"""One program as a child process in its own session, so that a terminal's Ctrl-C reaches only the supervisor."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from worker.embedded.errors import ProgramFailed

LOG_BYTES = 10 * 1024 * 1024
"""A larger log is set aside as `.1` at the program's next start."""


class Child:
    """A program that is started, watched, and stopped; its output goes to `log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        user: str | None = None,
        wait_timeout: float = 10,
        stop_signal: signal.Signals = signal.SIGTERM,
        on_spawn: Callable[[], None] = lambda: None,
    ) -> None:
        """`wait_timeout` is the number of seconds that the program may take to end after `stop_signal`; then it is killed.

        `on_spawn` is called as soon as the process exists, before it is ready.
        """
        self.name = name
        self.command = tuple(command)
        self.log = log
        self._environment = environment
        self._folder = folder
        self._user = user
        self._wait_timeout = wait_timeout
        self._stop_signal = stop_signal
        self._on_spawn = on_spawn
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0
        self.created = 0.0
        """When the process was created, in seconds since the epoch: together with the pid it identifies the process."""

    @property
    def pid(self) -> int:
        """The process id of the last start."""
        if self._process is None:
            raise ProgramFailed(f"{self.name} has not been started.", remedy="Start the stack first.")
        return self._process.pid

    @property
    def spawned(self) -> bool:
        return self._process is not None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the program; the caller waits until it is ready. Raises ProgramFailed."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    cwd=self._folder,
                    env=None if self._environment is None else dict(self._environment),
                    start_new_session=True,
                    user=self._user,
                    group=self._user,
                    extra_groups=[] if self._user else None,
                )
            except OSError as error:
                raise ProgramFailed(
                    f"{self.name} could not be started: {error}.", remedy=f"Check that {self.command[0]} may be executed."
                ) from error
        with contextlib.suppress(psutil.NoSuchProcess):
            self.created = psutil.Process(self._process.pid).create_time()
        self._on_spawn()

    async def wait(self) -> int:
        """Wait until the program ends; return its exit status, negative for a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Signal the program to end and wait for it; kill it after `wait_timeout`, and then any processes left in its group."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self._stop_signal)
        try:
            await asyncio.wait_for(self._process.wait(), self._wait_timeout)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End the program at once with SIGKILL, as a crash would."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def output(self) -> str:
        """Return the program's output since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def last_words(self) -> str:
        """Return the last line of the program's output, which usually says why it ended."""
        lines = [line.strip() for line in self.output().splitlines() if line.strip()]
        return lines[-1] if lines else "it wrote nothing"


def describe(status: int) -> str:
    """Describe an exit status, such as `killed by SIGKILL` or `status 1`."""
    if status >= 0:
        return f"status {status}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"
