"""Several requests at once, statement by statement, in an order that a seed decides."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from random import Random
from typing import Any

from asyncpg import Connection
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

_who: ContextVar[int | None] = ContextVar("who", default=None)
_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


class Interleaving:
    """Lets one of the tasks go on by one statement at a time; one that waits for a lock of another is left to wait."""

    def __init__(self, engine: AsyncEngine, watch: AsyncEngine, seed: int) -> None:
        self._engine, self._watch, self._random = engine, watch, Random(seed)
        self._ready: dict[int, asyncio.Event] = {}
        self.order: list[int] = []

    async def run(self, works: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
        """What the works answer, or raise."""

        def before_statement(*_: Any) -> None:
            await_only(self._turn())

        event.listen(self._engine.sync_engine, "before_cursor_execute", before_statement)
        straight = {name: getattr(Connection, name) for name in ("fetch", "fetchrow")}
        for name, method in straight.items():
            setattr(Connection, name, self._in_turn(method))
        try:
            tasks = [asyncio.create_task(self._as(number, work)) for number, work in enumerate(works)]
            await self._conduct(tasks)
            return await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            event.remove(self._engine.sync_engine, "before_cursor_execute", before_statement)
            for name, method in straight.items():
                setattr(Connection, name, method)

    def _in_turn(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """A method of the driver's connection that waits for its turn: for the statements that go straight to the driver."""

        async def waiting(*arguments: Any, **options: Any) -> Any:
            await self._turn()
            return await method(*arguments, **options)

        return waiting

    async def _as(self, number: int, work: Callable[[], Awaitable[Any]]) -> Any:
        _who.set(number)
        return await work()

    async def _turn(self) -> None:
        number = _who.get()
        if number is None:
            return
        gate = self._ready[number] = asyncio.Event()
        await gate.wait()

    async def _conduct(self, tasks: list[asyncio.Task[Any]]) -> None:
        async with self._watch.connect() as watching:
            connection = await watching.execution_options(isolation_level="AUTOCOMMIT")
            while not all(task.done() for task in tasks):
                running = sum(not task.done() for task in tasks) - len(self._ready)
                blocked = (await connection.execute(_WAITING)).scalar_one() if running else 0
                if running > blocked:
                    continue  # some statement is still on its way; asking the database was the wait
                if self._ready:
                    number = self._random.choice(sorted(self._ready))
                    self.order.append(number)
                    self._ready.pop(number).set()
                await asyncio.sleep(0)
