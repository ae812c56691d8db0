"""The embedded stack: starts, heals, stops all it started and nothing else, and says every fault in one sentence."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from runtime.settings import Settings
from worker.embedded.errors import PortTaken, ProgramFailed, ServiceUnreachable, StackAlreadyRuns
from worker.embedded.stack import Stack

pytestmark = pytest.mark.processes

SERVE = """
import asyncio, sys
from pathlib import Path
from runtime.settings import Settings
from worker.embedded import stack
asyncio.run(stack.serve(
    Settings(home=Path(sys.argv[1]), temporal_port=0, temporal_ui_port=0),
    lambda line: print(line, flush=True), lambda _: print("ready", flush=True), programs={}))
"""
"""The two servers under a supervisor of their own, as `tenure up` runs them."""


class Events:
    """What a stack has said, and a way to wait for more."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, line: str) -> None:
        self._said.put_nowait(line)

    async def until(self, text: str) -> str:
        async with asyncio.timeout(60):
            while text not in (line := await self._said.get()):
                pass
            return line


@pytest.fixture(autouse=True)
def nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about the embedded servers, whatever the environment of the tests says."""
    for name in list(os.environ):
        if name.startswith(("TENURE_", "TEMPORAL_")):
            monkeypatch.delenv(name)


def settings(home: Path, **more: object) -> Settings:
    return Settings(home=home, api_port=0, temporal_port=0, temporal_ui_port=0).model_copy(update=more)


@pytest.fixture
async def server_pids(tmp_path: Path) -> AsyncIterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """A supervisor in a process of its own, and the ids of its children."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(tmp_path / "home")], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as supervisor:
        assert supervisor.stdout is not None
        while "ready" not in (line := await asyncio.to_thread(supervisor.stdout.readline)):
            assert line, "the supervisor has ended"
        children = json.loads((tmp_path / "home" / "stack.json").read_text())["children"]
        yield supervisor, {name: child["pid"] for name, child in children.items()}
        supervisor.terminate()
        await asyncio.to_thread(supervisor.wait)


async def test_it_starts_heals_and_stops_the_servers_and_keeps_their_data(tmp_path: Path) -> None:
    events = Events()
    async with Stack(settings(tmp_path / "home"), events, programs={}) as stack:
        connection = await asyncpg.connect(stack.addresses.database)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        await connection.close()
        client = await Client.connect(stack.addresses.temporal)
        await client.start_workflow("Any", id="kept", task_queue="none")

        before = {name: stack.pid(name) for name in ("PostgreSQL", "Temporal")}
        for name in before:
            stack.kill(name)
            line = await events.until("started again")
            assert name in line
            assert "SIGKILL" in line
        assert stack.pid("PostgreSQL") != before["PostgreSQL"]
        assert stack.pid("Temporal") != before["Temporal"]

        connection = await asyncpg.connect(stack.addresses.database)
        assert await connection.fetchval("SELECT n FROM kept") == 7
        await connection.close()
        client = await Client.connect(stack.addresses.temporal)
        assert (await client.get_workflow_handle("kept").describe()).id == "kept"
        after = [stack.pid(name) for name in before]
    assert not any(map(_runs, after))

    async with Stack(settings(tmp_path / "home"), programs={}) as stack:
        client = await Client.connect(stack.addresses.temporal)
        assert (await client.get_workflow_handle("kept").describe()).id == "kept"


async def test_ctrl_c_stops_all_it_started_and_nothing_else(
    tmp_path: Path, server_pids: tuple[subprocess.Popen[str], dict[str, int]]
) -> None:
    supervisor, children = server_pids
    assert set(children) == {"PostgreSQL", "Temporal"}
    with subprocess.Popen(["sleep", "600"]) as bystander:
        supervisor.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(supervisor.wait, 60) == 0
        assert not any(map(_runs, children.values()))
        assert bystander.poll() is None
        bystander.kill()
    assert not (tmp_path / "home" / "stack.json").exists()


async def test_what_a_killed_supervisor_left_is_stopped_by_the_next_start(
    tmp_path: Path, server_pids: tuple[subprocess.Popen[str], dict[str, int]]
) -> None:
    supervisor, children = server_pids
    supervisor.kill()
    await asyncio.to_thread(supervisor.wait, 60)
    assert all(map(_runs, children.values()))

    said: list[str] = []
    async with Stack(settings(tmp_path / "home"), said.append, programs={}) as stack:
        assert not {stack.pid("PostgreSQL"), stack.pid("Temporal")} & set(children.values())
    assert sum("left running by a stack that was killed" in line for line in said) == 2
    assert not any(map(_runs, children.values()))


async def test_a_second_start_on_the_same_folder_is_refused_and_harms_nothing(
    tmp_path: Path, server_pids: tuple[subprocess.Popen[str], dict[str, int]]
) -> None:
    supervisor, children = server_pids
    with pytest.raises(StackAlreadyRuns, match=f"process {supervisor.pid}"):
        async with Stack(settings(tmp_path / "home"), programs={}):
            pass
    assert all(map(_runs, children.values()))
    assert (tmp_path / "home" / "stack.json").exists()


async def test_a_taken_port_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} .* TENURE_TEMPORAL_UI_PORT"):
            async with Stack(settings(tmp_path / "home", temporal_ui_port=port), programs={}):
                pass
    assert not (tmp_path / "home" / "postgres").exists()


async def test_a_program_that_keeps_dying_ends_the_stack_with_its_last_words(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ProgramFailed, match=r"worker ended 5 times within a minute.*Namespaces are one honking great idea"):
        async with Stack(settings(tmp_path / "home"), said.append, programs={"worker": "this"}) as stack:
            await stack.wait()
    assert sum(line.startswith("worker ended") for line in said) == 4
    assert [line for line in said if "has stopped" in line] == ["Temporal has stopped.", "PostgreSQL has stopped."]


async def test_servers_elsewhere_are_used_in_place_of_embedded_ones(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Stack(settings(tmp_path / "one"), programs={}) as first:
        monkeypatch.setenv("TEMPORAL_ADDRESS", first.addresses.temporal)
        async with Stack(settings(tmp_path / "two", database_url=database_url), programs={}) as second:
            assert second.addresses.database == database_url
            assert second.addresses.temporal == first.addresses.temporal
            assert second.environment["TENURE_DATABASE_URL"] == database_url
            assert second.environment["TEMPORAL_ADDRESS"] == first.addresses.temporal
            assert json.loads((tmp_path / "two" / "stack.json").read_text())["children"] == {}


async def test_servers_elsewhere_that_do_not_answer_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "postgresql://someone@127.0.0.1:1/tenure"
    with pytest.raises(ServiceUnreachable, match="PostgreSQL in TENURE_DATABASE_URL"):
        async with Stack(settings(tmp_path / "home", database_url=nowhere), programs={}):
            pass
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ServiceUnreachable, match="Temporal service"):
        async with Stack(settings(tmp_path / "home"), programs={}):
            pass


async def test_programs_on_the_embedded_temporal_hear_of_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "of another service")
    async with Stack(settings(tmp_path / "home"), programs={}) as stack:
        assert "TEMPORAL_API_KEY" not in stack.environment
        assert stack.environment["TEMPORAL_ADDRESS"] == stack.addresses.temporal
        assert stack.environment["TENURE_PEOPLE_FILE"] == str(tmp_path / "home" / "people.json")


@pytest.mark.parametrize("issuer", [None, "https://id.tenure.test"])
async def test_a_development_issuer_is_set_up_only_where_there_is_no_other_and_said_plainly(
    tmp_path: Path, issuer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENURE_TOKEN", "of who starts the stack")
    said: list[str] = []
    elsewhere = {"oidc_issuer": issuer, "oidc_audience": "tenure"} if issuer else {}
    async with Stack(settings(tmp_path / "home", **elsewhere), said.append, programs={}) as stack:
        assert stack.environment["TENURE_DEVELOPMENT_ISSUER"] == str(issuer is None)
        assert stack.environment.get("TENURE_OIDC_ISSUER") == issuer
        assert "TENURE_TOKEN" not in stack.environment
    written = {"people.json", "development-issuer.json"} & {file.name for file in (tmp_path / "home").iterdir()}
    assert bool(written) == (issuer is None) == any("ask as anybody" in line for line in said)


async def test_the_whole_stack_runs_heals_and_drains(tmp_path: Path) -> None:
    events = Events()
    async with Stack(settings(tmp_path / "home"), events) as stack, httpx.AsyncClient(base_url=stack.addresses.api) as api:
        assert (await api.get("/openapi.json")).status_code == 200
        client = await Client.connect(stack.addresses.temporal)
        await polled_by(client, stack.pid("worker"))

        stack.kill("worker")
        assert "worker ended (killed by SIGKILL)" in await events.until("started again")
        await polled_by(client, stack.pid("worker"))

        await stack.restart("worker")
        await polled_by(client, stack.pid("worker"))
        pids = [stack.pid(name) for name in ("api", "worker", "Temporal", "PostgreSQL")]
    assert [(await events.until("has stopped")).split()[0] for _ in pids] == ["api", "worker", "Temporal", "PostgreSQL"]
    assert not any(map(_runs, pids))
    assert (tmp_path / "home" / "logs" / "worker.log").read_text().count("drained") == 2


async def polled_by(client: Client, pid: int) -> None:
    """Wait until this process asks Temporal for work on the queue `programs`."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name="programs"),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    async with asyncio.timeout(60):
        while True:
            pollers = (await client.workflow_service.describe_task_queue(request)).pollers
            if any(poller.identity.startswith(f"{pid}@") for poller in pollers):
                return


def _runs(pid: int) -> bool:
    """Whether a process works on; one that has ended may stand in the list until somebody asks how it ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
