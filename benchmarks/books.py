"""The cost of a program's books: a year of months over a large ledger, against the bare aggregate over the same tables.

`TENURE_BENCH_POSTINGS` is the number of postings (a million; ten million take some minutes and 6 GB of disk), ten for each
member: eight sales with a price, a bonus and a redemption; one member in a hundred also returns a sale. The owner's plain
statements write the rows as the ledger would.
"""

import os
import time
from datetime import UTC, datetime
from statistics import median

from sqlalchemy import text

from benchmarks.bench import Bench, running
from benchmarks.table import Row
from domain.definition.document import Definition, digest
from domain.definition.reading.file import read_definition
from domain.programs.lifecycle import Revision
from services.accounting.bookkeeping import Bookkeeping
from store.programs import programs
from tests.paths import EXAMPLES

POSTINGS = int(os.environ.get("TENURE_BENCH_POSTINGS", "1000000"))
ROUNDS = 5
_EACH = 10
_AT_ONCE = 500_000
_MOST = 3.0
_START = datetime(2025, 1, 2, tzinfo=UTC)
_LAST = "2025-12"


async def measure() -> list[Row]:
    """Measure twelve months of provisional books: CPU of client and server, and time by the clock."""
    async with running() as bench:
        program, currency = await _launch(bench)
        await _fill(bench, program, currency)
        books = Bookkeeping(bench.engine)
        now = datetime(2026, 2, 1, tzinfo=UTC)
        measured: dict[str, list[float]] = {"floor": [], "books": []}
        for number in range(ROUNDS + 1):
            begun = bench.cpu()
            async with bench.engine.connect() as connection:
                (await connection.execute(_FLOOR, {"program": program})).all()
            between = bench.cpu()
            found = (await books.read(program, _LAST, now)).of(currency)
            if number > 0:  # the first round warms up caches
                measured["floor"].append(between - begun)
                measured["books"].append(bench.cpu() - between)
        (total,) = await bench.ledger.totals(program)
        assert found is not None and found.standing.outstanding == total.outstanding
        started = time.perf_counter()
        await books.read(program, _LAST, now)
        seconds = time.perf_counter() - started
    floor, whole = median(measured["floor"]), median(measured["books"])
    ratio = whole / floor
    return [
        Row(
            "books",
            f"books of a year over {POSTINGS:,} postings",
            round(whole, 2),
            "seconds CPU",
            round(floor, 2),
            round(ratio, 2),
            f"ratio <= {_MOST}",
            ratio <= _MOST,
            "floor: points by currency and kind over the same tables; the price of each sale is read out of JSON and split",
        ),
        Row(
            "books",
            "the same by the clock",
            round(seconds, 2),
            "seconds",
            None,
            None,
            None,
            None,
            "the disk, and who else works",
        ),
    ]


async def _launch(bench: Bench) -> tuple[str, str]:
    """Put a program of the examples in force; return its id and the code of its points."""
    definition = read_definition((EXAMPLES / "cd-club.yaml").read_bytes())
    assert isinstance(definition, Definition)
    first = Revision(
        program=definition.program,
        number=1,
        digest=digest(definition),
        definition=definition,
        owner="bench",
        submitted_by="bench",
        submitted_at=_START,
    )
    async with bench.engine.begin() as connection:
        await programs.register(connection, first)
        await programs.put_in_force(connection, first.program, 1, _START)
    return definition.program, definition.currency.code


async def _fill(bench: Bench, program: str, currency: str) -> None:
    """Write members with ten postings each, up to POSTINGS."""
    async with bench.owner.begin() as connection:
        for kind in ("issuance", "redemption", "clawback"):
            await connection.execute(
                _SYSTEM, {"program": program, "participant": f"@{kind}", "currency": currency, "kind": kind}
            )
    for begin in range(0, POSTINGS, _AT_ONCE):
        members = min(_AT_ONCE, POSTINGS - begin) // _EACH
        values = {"program": program, "currency": currency, "from": begin, "members": members, "each": _EACH, "at": _START}
        async with bench.owner.begin() as connection:
            await connection.execute(_FILL, values)
    async with bench.owner.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))


_FLOOR = text(
    """
SELECT currency, txn.kind, count(*), sum(points)
FROM ledger.txn JOIN ledger.account ON account.id = account_id
WHERE txn.program = :program
GROUP BY currency, txn.kind
"""
)
_SYSTEM = text(
    "INSERT INTO ledger.account (program, participant, currency, kind) VALUES (:program, :participant, :currency, :kind)"
)
_FILL = text(
    """
WITH account AS (
    INSERT INTO ledger.account (program, participant, currency, version)
    SELECT :program, 'filled-' || (CAST(:from AS bigint) + number), :currency, :each
    FROM generate_series(1, CAST(:members AS bigint)) AS number
    RETURNING id, participant
),
txn AS (
    INSERT INTO ledger.txn (program, key, request_hash, kind, account_id, points, balance, activity, details, effective_at)
    SELECT :program, 'fill/' || id || '/' || nth, sha256(CAST(participant AS bytea)),
        CASE nth WHEN 9 THEN 'bonus' WHEN 10 THEN 'burn' ELSE 'earn' END, id, 40 + nth, 0, nth < 9,
        CASE WHEN nth < 9 THEN jsonb_build_object(
            'event', 'purchase', 'amount', CAST((id * 7 + nth * 131) % 9000 / 100.0 + 1 AS numeric(8, 2)) || '',
            'participant', participant, 'tier', 'member', 'revision', 1, 'rules', jsonb_build_array('purchase')
        ) ELSE '{}' END,
        CAST(:at AS timestamptz) + (id % 30 + nth * 33) * interval '1 day'
    FROM account CROSS JOIN generate_series(1, CAST(:each AS bigint)) AS nth
    RETURNING id, key, kind, account_id, points, effective_at
),
back AS (
    INSERT INTO ledger.txn (program, key, request_hash, kind, account_id, points, balance, reverses, effective_at)
    SELECT :program, 'back/' || id, sha256(CAST(key AS bytea)), 'clawback', account_id, 20, 0, id,
        effective_at + interval '9 days'
    FROM txn WHERE account_id % 100 = 0 AND key LIKE '%/3'
    RETURNING id, kind, account_id, points
),
debt AS (
    INSERT INTO ledger.debt_move (txn_id, amount) SELECT id, points FROM back
)
INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount)
SELECT posted.id,
    CASE WHEN posted.kind IN ('burn', 'clawback') THEN account_id ELSE system.id END,
    CASE WHEN posted.kind IN ('burn', 'clawback') THEN system.id ELSE account_id END, points
FROM (SELECT id, kind, account_id, points FROM txn UNION ALL SELECT * FROM back) AS posted
JOIN ledger.account AS system ON system.program = :program AND system.currency = :currency
    AND system.kind = CASE posted.kind WHEN 'burn' THEN 'redemption' WHEN 'clawback' THEN 'clawback' ELSE 'issuance' END
"""
)
