"""The embedded stack: it starts PostgreSQL, Temporal, the worker and the API on one machine, watches and stops them."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Protocol, Self

import asyncpg
import psutil
from pydantic import SecretStr
from sqlalchemy import make_url

from domain.model import Value
from runtime.identity.development_issuer import key_file
from runtime.identity.keys import ensure_keys
from runtime.settings import Settings
from runtime.temporal import connect
from store.migrate import migrate
from worker.embedded.child import Child, describe
from worker.embedded.errors import Interrupted, ProgramFailed, ServiceUnreachable, StackError
from worker.embedded.home import Home
from worker.embedded.people import ensure_issuer_key, ensure_people
from worker.embedded.ports import claim
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.temporal import EmbeddedTemporal, ensure_search_attributes

PROGRAMS: Mapping[str, str] = {"worker": "worker", "api": "api"}
"""The programs on top of the two servers: name -> Python module."""
DEATHS = 5
WITHIN = 60.0
"""The stack gives up after DEATHS deaths of one program within WITHIN seconds."""
API_WAIT_TIMEOUT = 60.0
ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""A program that listens on every address is reached on the loopback address."""
EXTERNAL_TEMPORAL = ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE")


class Addresses(Value):
    """The addresses of the stack's programs. `temporal_ui` is None if the Temporal service is elsewhere."""

    api: str
    temporal: str
    temporal_ui: str | None
    database: str


class _Kept(Protocol):
    """A program that the stack restarts when it dies."""

    child: Child | None

    async def start(self) -> object: ...

    async def stop(self) -> None: ...


class _Module:
    """One of our own programs."""

    def __init__(self, child: Child) -> None:
        self.child: Child | None = child
        self.start = child.start
        self.stop = child.stop


class Stack:
    """All programs on one machine, as an async context manager; `on_event` gets a line of text for each event.

    Entering starts all programs, or raises a StackError with a remedy. Leaving stops the started programs, and no others.
    SIGINT, SIGTERM and SIGHUP end the body of the `async with` and then raise Interrupted; a program that keeps dying does the
    same with ProgramFailed.
    """

    def __init__(
        self,
        settings: Settings,
        on_event: Callable[[str], None] = lambda _: None,
        *,
        programs: Mapping[str, str] = PROGRAMS,
    ) -> None:
        """A port of 0 in `settings` means any free one; `programs` are the modules to run on top of the two servers."""
        self.settings = settings
        self.home = Home(settings.home)
        self._on_event = on_event
        self._programs = programs
        self._kept: dict[str, _Kept] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._addresses: Addresses | None = None
        self._environment: dict[str, str] = {}
        self._owner: asyncio.Task[object] | None = None
        self._failure: StackError | None = None
        self._stopping = False
        self._created = psutil.Process().create_time()

    @property
    def addresses(self) -> Addresses:
        """The programs' addresses; known once the stack has started."""
        assert self._addresses is not None, "the addresses are known after the start"
        return self._addresses

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables by which a program finds this stack, such as a command line that a test starts."""
        return self._environment

    def pid(self, name: str) -> int:
        """Return the present process id of `worker`, `api`, `Temporal` or `PostgreSQL`."""
        return self._child(name).pid

    def kill(self, name: str) -> None:
        """Kill a program as a crash would; the stack starts it again, as after any crash."""
        self._child(name).kill()

    async def restart(self, name: str) -> None:
        """Stop a program properly and start it again."""
        await self._unwatch(name)
        await self._kept[name].stop()
        await self._start(name)

    async def wait(self) -> None:
        """Wait until a signal or a failure ends the stack."""
        await asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        self._install_signals(self._on_signal)
        try:
            await asyncio.to_thread(self.home.take)
            for name in await asyncio.to_thread(self.home.stop_leftovers):
                self._on_event(f"{name}: left running by a stack that was killed; stopped.")
            await self._start_all()
        except BaseException as error:
            await self._leave(error)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave(error)

    async def _leave(self, error: BaseException | None) -> None:
        """Stop everything, even if cancelled meanwhile; then raise the failure, if that ended the body."""
        # A cancellation of ours (a failure or a signal) is undone and its reason raised in its place; a cancellation by others
        # that came while programs were stopping is raised once they have stopped.
        self._stopping = True
        stopped = asyncio.create_task(self._stop_all())
        cancelled = error if isinstance(error, asyncio.CancelledError) else None
        while not stopped.done():
            try:
                await asyncio.shield(stopped)
            except asyncio.CancelledError as late:
                cancelled = late
        stopped.result()
        if self._failure and cancelled and self._owner:
            self._owner.uncancel()
            raise self._failure from None
        if cancelled and cancelled is not error:
            raise cancelled

    async def _start_all(self) -> None:
        # In this order: check the ports; start the servers that are not elsewhere, and reach those that are; migrate; make the
        # persons and keys that the settings do not name; write the state; start the programs on top. Servers, persons and keys
        # that the environment or the settings name are never started or made here.
        settings, home = self.settings, self.home.folder
        local_temporal = not any(os.environ.get(name) for name in EXTERNAL_TEMPORAL)
        wanted = {"the API": (settings.api_host, settings.api_port, "TENURE_API_PORT")} if "api" in self._programs else {}
        if local_temporal:
            wanted["Temporal"] = ("127.0.0.1", settings.temporal_port, "TENURE_TEMPORAL_PORT")
            wanted["Temporal's UI"] = ("127.0.0.1", settings.temporal_ui_port, "TENURE_TEMPORAL_UI_PORT")
        ports = claim(wanted)

        postgres = temporal = None
        if settings.database_url is None:
            postgres = EmbeddedPostgres(home / "postgres", log=home / "logs" / "postgres.log", on_spawn=self._write_state)
            self._kept["PostgreSQL"] = postgres
        if local_temporal:
            temporal = EmbeddedTemporal(
                home / "temporal" / "temporal.db",
                port=ports["Temporal"],
                ui_port=ports["Temporal's UI"],
                log=home / "logs" / "temporal.log",
                on_spawn=self._write_state,
            )
            self._kept["Temporal"] = temporal
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._kept:
                    group.create_task(self._start(name))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        if temporal is None:
            await _reach_temporal()
        if settings.database_url is not None:
            await _reach_database(settings.database_url)

        database = settings.database_url or (postgres.url if postgres else "")
        await migrate(database)
        people = settings.people.absolute()
        develops = settings.oidc_issuer is None
        if develops:
            if settings.people_file is None and ensure_people(people):
                self._on_event(f"Demo persons are in {people}.")
            ensure_issuer_key(people)
            self._on_event(
                f"The API takes tokens that are signed with {key_file(people)}: whoever can read it may ask as anybody. "
                "For development alone; set TENURE_OIDC_ISSUER for your own persons."
            )
        signing, verification = settings.signing_keys.absolute(), settings.verification_keys.absolute()
        if settings.signing_keys_file is None and ensure_keys(signing, verification, datetime.now(UTC)):
            self._on_event(f"The keys that sign decisions are in {signing}.")

        api_port = ports.get("the API", settings.api_port)
        reached = ANY_HOST.get(settings.api_host, settings.api_host)
        host = f"[{reached}]" if ":" in reached else reached
        self._addresses = Addresses(
            api=f"http://{host}:{api_port}",
            temporal=temporal.address if temporal else os.environ.get("TEMPORAL_ADDRESS", "as TEMPORAL_PROFILE says"),
            temporal_ui=temporal.ui if temporal else None,
            database=database,
        )
        self._environment = self._make_environment(
            settings.model_copy(
                update={
                    "home": home,
                    "database_url": database,
                    "api_port": api_port,
                    "api_url": self._addresses.api,
                    "people_file": people,
                    "signing_keys_file": signing,
                    "verification_keys_file": verification,
                    "development_issuer": develops,
                    "token": None,
                }
            ),
            temporal,
        )
        self._write_state()
        for name, module in self._programs.items():
            self._keep_program(name, module)
            await self._start(name)
        if "api" in self._programs:
            await self._reach_api(reached, api_port)

    def _make_environment(self, settings: Settings, temporal: EmbeddedTemporal | None) -> dict[str, str]:
        ours = {
            f"TENURE_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name in Settings.model_fields
            if (value := getattr(settings, name)) is not None
        }
        # The token belongs to the person who starts the stack; its programs do not get it.
        elsewhere = {name: value for name, value in os.environ.items() if name != "TENURE_TOKEN"}
        if temporal is None:
            return elsewhere | ours
        # No variable that names another Temporal service may reach a program that has to use the embedded one.
        elsewhere = {name: value for name, value in elsewhere.items() if not name.startswith("TEMPORAL_")}
        return (
            elsewhere
            | ours
            | {
                "TEMPORAL_ADDRESS": temporal.address,
                "TEMPORAL_NAMESPACE": temporal.namespace,
                "TEMPORAL_CONFIG_FILE": os.devnull,
            }
        )

    def _keep_program(self, name: str, module: str) -> None:
        self._kept[name] = _Module(
            Child(
                name,
                # -P: a folder named `worker` or `api` in the current directory is not ours.
                [sys.executable, "-P", "-m", module],
                log=self.home.folder / "logs" / f"{name}.log",
                environment=self._environment | {"PYTHONUNBUFFERED": "1"},
                wait_timeout=30,
                on_spawn=self._write_state,
            )
        )

    def _child(self, name: str) -> Child:
        child = self._kept[name].child
        assert child is not None, f"{name} has not been started"
        return child

    async def _start(self, name: str) -> None:
        started = monotonic()
        await self._kept[name].start()
        self._watchers[name] = asyncio.create_task(self._watch(name), name=f"watch {name}")
        self._on_event(f"{name} runs as process {self.pid(name)} ({monotonic() - started:.1f} s).")

    async def _watch(self, name: str) -> None:
        """Restart the program whenever it dies, and give up when it keeps dying."""
        deaths: deque[float] = deque(maxlen=DEATHS)
        while True:
            how = describe(await self._child(name).wait())
            while True:
                deaths.append(monotonic())
                if len(deaths) == DEATHS and deaths[-1] - deaths[0] < WITHIN:
                    self._give_up(name, how)
                    return
                if len(deaths) > 1:
                    await asyncio.sleep(2 ** len(deaths) / 16)  # a server that it needs may be restarting too
                try:
                    await self._kept[name].start()
                    break
                except StackError as error:
                    how = error.detail
            self._on_event(f"{name} ended ({how}); started again as process {self.pid(name)}.")

    def _give_up(self, name: str, how: str) -> None:
        child = self._child(name)
        self._fail(
            ProgramFailed(
                f"{name} ended {DEATHS} times within a minute, the last time with {how}: {child.last_words()}.",
                remedy=f"All it said is in {child.log}.",
            )
        )

    async def _unwatch(self, name: str) -> None:
        watcher = self._watchers.pop(name, None)
        if watcher:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)

    async def _reach_api(self, host: str, port: int) -> None:
        """Wait until the API takes connections."""
        try:
            async with asyncio.timeout(API_WAIT_TIMEOUT):
                while True:
                    try:
                        _, writer = await asyncio.open_connection(host, port)
                    except OSError:
                        await asyncio.sleep(0.05)
                    else:
                        writer.close()
                        return
        except TimeoutError:
            child = self._child("api")
            raise ProgramFailed(
                f"The API did not answer within {API_WAIT_TIMEOUT:.0f} seconds: {child.last_words()}.",
                remedy=f"All it said is in {child.log}.",
            ) from None

    async def _stop_all(self) -> None:
        """Stop the started programs: first the API, then the worker, then the servers that keep state."""
        for name in list(self._watchers):
            await self._unwatch(name)
        for name, kept in reversed(self._kept.items()):
            if kept.child is not None and kept.child.runs:
                await kept.stop()
                self._on_event(f"{name} has stopped.")
        self.home.release()
        self._install_signals(None)

    def _write_state(self) -> None:
        children = {
            name: {"pid": kept.child.pid, "created": kept.child.created}
            for name, kept in reversed(self._kept.items())
            if kept.child is not None and kept.child.spawned
        }
        addresses = self._addresses
        self.home.write(
            {
                "pid": os.getpid(),
                "created": self._created,
                "api": addresses.api if addresses else None,
                "temporal": addresses.temporal if addresses and "Temporal" in self._kept else None,
                "temporal_ui": addresses.temporal_ui if addresses else None,
                # The address of a database elsewhere may contain a password, which belongs in no file.
                "database": addresses.database if addresses and "PostgreSQL" in self._kept else None,
                "children": children,
            }
        )

    def _fail(self, failure: StackError) -> None:
        """End the body of the `async with`, which stops everything; `failure` is then raised."""
        if self._failure is None and not self._stopping:
            self._failure = failure
            assert self._owner is not None
            self._owner.cancel()

    def _on_signal(self, number: signal.Signals) -> None:
        if self._stopping or self._failure:
            self._on_event("Still stopping; all data is being written.")
        self._fail(Interrupted(f"Stopped by {number.name}.", remedy="`tenure up` goes on where this stopped."))

    def _install_signals(self, handler: Callable[[signal.Signals], None] | None) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            with suppress(ValueError, RuntimeError):  # only a main thread receives signals
                if handler:
                    loop.add_signal_handler(number, partial(handler, number))
                else:
                    loop.remove_signal_handler(number)


async def serve(
    settings: Settings,
    on_event: Callable[[str], None],
    on_ready: Callable[[Stack], None],
    *,
    programs: Mapping[str, str] = PROGRAMS,
) -> None:
    """Run the stack until SIGINT, SIGTERM or SIGHUP; call `on_ready` once everything runs. Raises StackError."""
    try:
        async with Stack(settings, on_event, programs=programs) as stack:
            on_ready(stack)
            await stack.wait()
    except Interrupted:
        return


async def _reach_database(url: str) -> None:
    """Check that the PostgreSQL elsewhere accepts us. Raises ServiceUnreachable."""
    try:
        connection = await asyncpg.connect(make_url(url).set(drivername="postgresql").render_as_string(False), timeout=15)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ServiceUnreachable(
            f"The PostgreSQL in TENURE_DATABASE_URL cannot be used: {str(error) or type(error).__name__}.",
            remedy="Check its address, user and password, or unset TENURE_DATABASE_URL to use the embedded one.",
        ) from error
    await connection.close()


async def _reach_temporal() -> None:
    """Check that the Temporal service elsewhere accepts us, and add our search attributes. Raises ServiceUnreachable."""
    try:
        client = await connect()
    except RuntimeError as error:
        raise ServiceUnreachable(
            f"The Temporal service that the environment names cannot be used: {error}.",
            remedy="Check TEMPORAL_ADDRESS, namespace and key, or unset TEMPORAL_ADDRESS to use the embedded one.",
        ) from error
    await ensure_search_attributes(client)
