"""The folder of the embedded stack: its marker, its lock, its state file, and the processes that an earlier stack left."""

import fcntl
import json
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from worker.embedded.errors import FolderForeign, FolderFull, StackAlreadyRuns

MARKER = "TENURE"
MARKER_TEXT = "The embedded stack of Tenure keeps its data here. To start anew, stop the stack and remove the whole folder.\n"
LEAST_FREE = 256 * 1024 * 1024
"""Bytes: with less space, a database would soon stop in the middle of its work."""
STOP_SIGNALS = {"PostgreSQL": signal.SIGINT}
"""SIGTERM would let PostgreSQL wait for its sessions."""

SAME_PROCESS = 2.0
"""Seconds by which the system's clock may have been adjusted since a process was created."""


class Home:
    """The folder, held by one stack at a time: the lock ends with the process that holds it, however that ends."""

    def __init__(self, folder: Path, *, least_free: int = LEAST_FREE) -> None:
        self.folder = folder.absolute()
        self.least_free = least_free
        self._lock: int | None = None

    @property
    def state_file(self) -> Path:
        return self.folder / "stack.json"

    def take(self) -> None:
        """Make the folder ours, or raise FolderForeign, FolderFull or StackAlreadyRuns."""
        try:
            self._mark()
            lock = os.open(self.folder / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderForeign(
                f"The folder {self.folder} cannot be used: {error.strerror or error}.",
                remedy="Choose another one with TENURE_HOME.",
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            state = self.read()
            where = f", at {state['api']}" if state.get("api") else ""
            raise StackAlreadyRuns(
                f"A stack already runs on {self.folder} (process {state.get('pid', 'unknown')}{where}).",
                remedy="Use that one, stop it with Ctrl-C, or give this one another folder (TENURE_HOME) and other ports.",
            ) from None
        self._lock = lock

    def release(self) -> None:
        """Let another stack take the folder."""
        if self._lock is not None:
            self.state_file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def read(self) -> dict[str, Any]:
        """Read the state that the stack on this folder last wrote; empty if there is none."""
        try:
            state = json.loads(self.state_file.read_text())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def write(self, state: dict[str, Any]) -> None:
        """Write the stack's state, with its processes, atomically."""
        new = self.state_file.with_suffix(".new")
        new.write_text(json.dumps(state, indent=2) + "\n")
        new.replace(self.state_file)

    def stop_leftovers(self) -> list[str]:
        """Stop the programs that a killed stack left running on this folder, servers last; return their names.

        A process is ours if both its id and the instant of its creation are in the state file.
        """
        stopped = []
        for name, child in self.read().get("children", {}).items():
            with suppress(psutil.Error):
                process = running_process(child)
                if process is None:
                    continue
                process.send_signal(STOP_SIGNALS.get(name, signal.SIGTERM))
                if not _gone(process, 30):
                    process.kill()
                    _gone(process, 10)
                stopped.append(name)
        return stopped

    def _mark(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise FolderForeign(f"{self.folder} is not a folder.", remedy="Choose another one with TENURE_HOME.")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        marker = self.folder / MARKER
        if not marker.exists() and any(self.folder.iterdir()):
            raise FolderForeign(
                f"The folder {self.folder} holds files, and they are not Tenure's.",
                remedy="Choose another folder with TENURE_HOME, or empty this one.",
            )
        free = shutil.disk_usage(self.folder).free
        if free < self.least_free:
            raise FolderFull(
                f"The disk of {self.folder} has {free // 2**20} MiB left, and {self.least_free // 2**20} MiB are needed.",
                remedy="Make space there, or choose another folder with TENURE_HOME.",
            )
        marker.write_text(MARKER_TEXT)


def running_process(written: object) -> psutil.Process | None:
    """Return the process that a stack recorded as `{"pid", "created"}`, if it still runs."""
    with suppress(psutil.Error, KeyError, TypeError):
        process = psutil.Process(written["pid"])  # type: ignore[index]
        same = abs(process.create_time() - written["created"]) <= SAME_PROCESS  # type: ignore[index]
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    return None


def _gone(process: psutil.Process, wait_timeout: float) -> bool:
    """Wait until a process that is not our child has ended; a zombie counts, since in a container nothing may reap it."""
    until = time.monotonic() + wait_timeout
    with suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
    return True
