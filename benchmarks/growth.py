"""The cost of operations in a large ledger against a small one: CPU at a hundred thousand postings and at many more.

`TENURE_BENCH_POSTINGS` is the larger number (a million; ten million take some minutes and 8 GB of disk). The owner's plain
statements write the rows as the ledger would.
"""

import os
import time
from statistics import median

from sqlalchemy import text

from benchmarks.bench import BATCH, CURRENCY, LOTS, MEMBERS, PROGRAM, START, Bench, running
from benchmarks.table import Row

ROUNDS = 5
SMALL = 100_000
LARGE = int(os.environ.get("TENURE_BENCH_POSTINGS", "1000000"))
_EACH = 10
"""Postings of one member among the many."""
_AT_ONCE = 500_000
_MOST = 1.3


async def measure() -> list[Row]:
    """Measure the cost of each operation in the small ledger and in the large one."""
    async with running() as bench:
        await fill(bench, SMALL)
        small = await _costs(bench)
        await fill(bench, LARGE)
        large = await _costs(bench)
        started = time.perf_counter()
        report = await bench.ledger.check()
        seconds = time.perf_counter() - started
        assert report.clean, report.drifts
    rows = [
        Row(
            "ledger",
            f"{name} at {LARGE:,} postings",
            round(cost, 1),
            "µs CPU",
            round(small[name], 1),
            round(cost / small[name], 2),
            f"ratio <= {_MOST}",
            cost / small[name] <= _MOST,
            f"floor: the same at {SMALL:,} postings; deeper indexes, and pages that no cache holds",
        )
        for name, cost in large.items()
    ]
    checked = f"check of {report.postings:,} postings"
    return [*rows, Row("ledger", checked, round(seconds, 2), "seconds", None, None, None, None, "one pass over every table")]


async def _costs(bench: Bench) -> dict[str, float]:
    """Return the median cost of each operation, over interleaved rounds."""
    costs: dict[str, list[float]] = {}
    for number in range(ROUNDS + 1):
        spenders = await bench.members_with_lots(100, LOTS)
        singles, many = [bench.earn() for _ in range(1000)], [bench.earn() for _ in range(10 * BATCH)]
        measured = {
            "single earn": await bench.cost(bench.earn_singly(singles)),
            f"earn in batches of {BATCH}": await bench.cost(bench.earn_in_batches(many)),
            "balance": await bench.cost(_balances(bench)),
            f"burn over {LOTS} lots": await bench.cost(bench.burn_all(spenders)),
        }
        if number > 0:  # the first round warms up caches and plans
            for name, cost in measured.items():
                costs.setdefault(name, []).append(cost)
    return {name: median(several) for name, several in costs.items()}


async def _balances(bench: Bench) -> int:
    read = 300
    for number in range(read):
        await bench.ledger.balance(PROGRAM, f"m{number * 37 % MEMBERS}", CURRENCY)
    return read


async def fill(bench: Bench, postings: int) -> None:
    """Write members with ten earns each, until the ledger has `postings` postings."""
    async with bench.owner.begin() as connection:
        there: int = (await connection.execute(text("SELECT count(*) FROM ledger.posting"))).scalar_one()
    for start in range(there, postings, _AT_ONCE):
        members = min(_AT_ONCE, postings - start) // _EACH
        async with bench.owner.begin() as connection:
            await connection.execute(
                text(_FILL),
                {"program": PROGRAM, "currency": CURRENCY, "from": start, "members": members, "each": _EACH, "at": START},
            )
    async with bench.owner.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))


_FILL = """
WITH account AS (
    INSERT INTO ledger.account (program, participant, currency, posted, version, last_activity_at)
    SELECT :program, 'filled-' || (CAST(:from AS bigint) + number), :currency, CAST(:each AS bigint) * 10, :each, :at
    FROM generate_series(1, CAST(:members AS bigint)) AS number
    RETURNING id, participant
),
txn AS (
    INSERT INTO ledger.txn (program, key, request_hash, kind, account_id, points, balance, activity, details, effective_at)
    SELECT :program, 'fill/' || id || '/' || nth, sha256(CAST(participant AS bytea)), 'earn', id, 10, nth * 10, true,
        CAST('{"type": "purchase"}' AS jsonb), CAST(:at AS timestamptz) + nth * interval '1 hour'
    FROM account CROSS JOIN generate_series(1, CAST(:each AS bigint)) AS nth
    RETURNING id, account_id, effective_at
),
posting AS (
    INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount)
    SELECT id, (SELECT id FROM ledger.account WHERE program = :program AND participant = '@issuance'), account_id, 10 FROM txn
),
lot AS (
    INSERT INTO ledger.lot (account_id, txn_id, amount, remaining, earned_at, expires_at)
    SELECT account_id, id, 10, 10, effective_at, effective_at + interval '180 days' FROM txn
)
INSERT INTO ledger.qualification (program, participant, counter, amount, effective_at, txn_id)
SELECT :program, participant, 'stars', 10, effective_at, txn.id FROM txn JOIN account ON account.id = account_id
"""
