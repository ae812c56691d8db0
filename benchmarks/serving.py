"""The API as its own process for a benchmark, and a client for each person."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil

from benchmarks.http_server import SOCKET
from domain.identity.roles import Role
from runtime.identity.development_issuer import DevelopmentIssuer, key_file
from runtime.identity.keys import ensure_keys
from runtime.identity.signatures import VerificationKeys

_WAIT_TIMEOUT = 60


@dataclass(frozen=True)
class Serving:
    """The API's process, the keys that verify its decisions, and a client for each person."""

    process: psutil.Process
    keys: VerificationKeys
    clients: Mapping[str, httpx.AsyncClient]

    def client(self, person: str) -> httpx.AsyncClient:
        """Return the client that sends requests as this person, and keeps its connections."""
        return self.clients[person]


@asynccontextmanager
async def served(database: str, people: Mapping[str, Sequence[Role]], temporal: str = "") -> AsyncIterator[Serving]:
    """Run the API over a database and, if `temporal` is given, over a Temporal; it ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        file, verification = here / "people.json", here / "verification-keys.json"
        file.write_text(json.dumps([{"id": id_, "name": id_, "roles": list(roles)} for id_, roles in people.items()]))
        issuer = DevelopmentIssuer.new()
        key_file(file).write_text(issuer.private_key)
        ensure_keys(here / "signing-keys.json", verification, datetime.now(UTC))
        command = [sys.executable, "-m", "benchmarks.http_server", database, folder, temporal]
        server = await asyncio.create_subprocess_exec(*command)
        try:
            async with AsyncExitStack() as stack:
                clients = {}
                for id_, roles in people.items():
                    headers = {"Authorization": f"Bearer {issuer.token(id_, id_, roles, lifetime=3600)}"}
                    transport = httpx.AsyncHTTPTransport(uds=str(here / SOCKET), retries=0)
                    client = httpx.AsyncClient(
                        transport=transport, base_url="http://api", headers=headers, timeout=_WAIT_TIMEOUT
                    )
                    clients[id_] = await stack.enter_async_context(client)
                await _answers(clients[next(iter(clients))], server)
                yield Serving(psutil.Process(server.pid), VerificationKeys(verification), clients)
        finally:
            server.terminate()
            await server.wait()


async def _answers(client: httpx.AsyncClient, server: asyncio.subprocess.Process) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + _WAIT_TIMEOUT
    while True:
        try:
            await client.get("/health")
            return
        except httpx.TransportError:
            if server.returncode is not None or time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)
