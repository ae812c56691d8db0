"""The cost of the ledger: CPU of client and server together, against the least work of PostgreSQL for an earn.

The floor is pgbench, prepared, on one connection: one statement that inserts an entry and updates a balance. All operations are
measured in interleaved rounds, and the median counts.
"""

from statistics import median

from sqlalchemy import text

from benchmarks.bench import BATCH, CALLERS, LOTS, Bench, running
from benchmarks.table import Row

ROUNDS = 5


async def measure() -> list[Row]:
    """Measure the ledger on its own server."""
    async with running() as bench:
        return await _measure(bench)


async def _measure(bench: Bench) -> list[Row]:
    costs: dict[str, list[float]] = {}
    speeds: list[tuple[float, float]] = []
    for number in range(ROUNDS + 1):
        spenders = await bench.members_with_lots(300, LOTS)
        async with bench.owner.begin() as connection:
            await connection.execute(text("ANALYZE"))
        singles, followers = [bench.earn() for _ in range(2000)], [bench.following_earn() for _ in range(1000)]
        many, concurrent = [bench.earn() for _ in range(20 * BATCH)], [bench.earn() for _ in range(100 * CALLERS)]
        measured = {
            "floor": await bench.cost(bench.floor()),
            "nothing": await bench.cost(bench.ask_nothing()),
            "single": await bench.cost(bench.earn_singly(singles)),
            "following": await bench.cost(bench.earn_singly(followers)),
            "callers": await bench.cost(bench.earn_by_many_callers(concurrent)),
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
        row("floor: entry and balance by pgbench", floor, None, "PostgreSQL itself, and whether both processes share a core"),
        row(
            "SELECT 1 through the driver",
            cost["nothing"],
            None,
            "asyncio, asyncpg and waking the server: the least here",
            "µs CPU",
        ),
        row(
            "single earn",
            cost["single"],
            0.25,
            "waking the server (the row above) and its rows in five tables with nine indexes; a third is Python",
        ),
        row(
            "single earn with clock and watch",
            cost["following"],
            None,
            "as above; begin, lock and commit are three more round trips",
        ),
        row(
            f"earn by {CALLERS} callers at once",
            cost["callers"],
            0.7,
            "rows in five tables with nine indexes; half is Python: requests, hashes, tasks, answers",
        ),
        row(
            f"earn in batches of {BATCH}",
            cost["batch"],
            0.85,
            "rows in five tables with nine indexes; half is Python: reading requests, hashes, answers",
        ),
        row(
            f"burn over {LOTS} lots",
            cost["burn"],
            0.15,
            f"{LOTS} lots and {LOTS} moves to write, each lot in three indexes; begin, lock and commit",
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
