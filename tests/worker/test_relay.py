"""The relay: what the database has committed reaches its workflow, at least once, and nothing else is lost with it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from ledger import outbox
from ledger.tables import outbox as table
from worker.relay import relay, send_waiting


@workflow.defn
class Nudged:
    """Waits for so many nudges."""

    @workflow.init
    def __init__(self, wanted: int) -> None:
        self._nudges = 0

    @workflow.run
    async def run(self, wanted: int) -> int:
        await workflow.wait_condition(lambda: self._nudges >= wanted)
        return self._nudges

    @workflow.signal
    def nudge(self) -> None:
        self._nudges += 1


async def test_what_is_committed_becomes_a_signal_while_the_relay_listens(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment
) -> None:
    async with _worker(temporal_env.client):
        handle = await temporal_env.client.start_workflow(Nudged.run, 1, id="relay/listens", task_queue="relay")
        relaying = asyncio.create_task(relay(engine, temporal_env.client))
        async with engine.begin() as connection:
            await outbox.put(connection, ["relay/listens"])
        assert await handle.result() == 1
        relaying.cancel()


async def test_what_is_not_committed_is_never_sent(engine: AsyncEngine, temporal_env: WorkflowEnvironment) -> None:
    async with engine.connect() as connection:
        await outbox.put(connection, ["relay/never"])
        assert await send_waiting(engine, temporal_env.client) == 0
        await connection.rollback()
    assert await send_waiting(engine, temporal_env.client) == 0


async def test_a_nudge_to_a_workflow_that_is_gone_does_not_keep_the_others_waiting(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment
) -> None:
    async with _worker(temporal_env.client):
        handle = await temporal_env.client.start_workflow(Nudged.run, 1, id="relay/there", task_queue="relay")
        async with engine.begin() as connection:
            await outbox.put(connection, ["relay/gone", "relay/there"])
        assert await send_waiting(engine, temporal_env.client) == 2
        assert await handle.result() == 1
    assert await _unsent(engine) == []


async def test_a_nudge_that_temporal_will_never_take_does_not_keep_the_others_waiting(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment
) -> None:
    async with _worker(temporal_env.client):
        handle = await temporal_env.client.start_workflow(Nudged.run, 1, id="relay/fine", task_queue="relay")
        async with engine.begin() as connection:
            await outbox.put(connection, ["relay/" + "long" * 1000, "relay/fine"])
        assert await send_waiting(engine, temporal_env.client) == 2
        assert await handle.result() == 1
    assert await _unsent(engine) == []


async def test_while_temporal_cannot_be_reached_nothing_is_marked_as_sent(engine: AsyncEngine) -> None:
    nowhere = await Client.connect("127.0.0.1:1", lazy=True)
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        await outbox.put(connection, ["relay/later"])
    with pytest.raises((RPCError, RuntimeError)):
        await send_waiting(engine, nowhere)
    assert await _unsent(engine) == ["relay/later"]


async def test_two_relays_at_once_lose_nothing(engine: AsyncEngine, temporal_env: WorkflowEnvironment) -> None:
    async with _worker(temporal_env.client):
        names = [f"relay/two/{number}" for number in range(40)]
        handles = [await temporal_env.client.start_workflow(Nudged.run, 1, id=name, task_queue="relay") for name in names]
        async with engine.begin() as connection:
            await outbox.put(connection, names)
        sent = await asyncio.gather(*(send_waiting(engine, temporal_env.client) for _ in range(4)))
        assert sum(sent) == len(names)
        assert await asyncio.gather(*(handle.result() for handle in handles)) == [1] * len(names)


def _worker(client: Client) -> Worker:
    return Worker(
        client,
        task_queue="relay",
        workflows=[Nudged],
        workflow_runner=UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=timedelta(seconds=1),
    )


async def _unsent(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list(await connection.scalars(select(table.c.workflow_id).where(table.c.sent_at.is_(None))))
