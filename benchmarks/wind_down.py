"""The speed of a program's end: the database's part for many members, against bare set-based statements for the same rows.

The end of members' workflows is Temporal's part (an update and an activity for each), and is not measured here.
"""

import time
from collections.abc import Awaitable
from datetime import timedelta
from statistics import median
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.bench import BATCH, CURRENCY, START, Bench, running
from benchmarks.table import Row
from ledger.outflow import Settlement

MEMBERS = 100_000
ROUNDS = 3
_ENDS = START + timedelta(days=365)

# The least rows for a member whose one lot is forfeited, without locks, checks and idempotency.
_BARE = (
    """
CREATE TEMP TABLE leaving ON COMMIT DROP AS
SELECT lot.id AS lot_id, account_id, remaining AS points, nextval('ledger.txn_id_seq') AS txn_id
FROM ledger.lot JOIN ledger.account ON account.id = account_id WHERE program = :program AND remaining > 0
""",
    "UPDATE ledger.lot SET remaining = 0 FROM leaving WHERE lot.id = lot_id",
    "UPDATE ledger.account SET posted = posted - points, version = version + 1 FROM leaving WHERE account.id = account_id",
    """
INSERT INTO ledger.txn (id, program, key, request_hash, kind, account_id, points, balance, effective_at)
SELECT txn_id, :program, 'bare/' || txn_id, sha256(convert_to('bare/' || txn_id, 'UTF8')), 'forfeit', account_id, points, 0, :at
FROM leaving
""",
    """
INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount)
SELECT txn_id, account_id, opposite.id, points FROM leaving
JOIN ledger.account AS opposite ON opposite.program = :program AND opposite.participant = '@forfeiture'
""",
    "INSERT INTO ledger.lot_move (txn_id, lot_id, amount) SELECT txn_id, lot_id, points FROM leaving",
)


async def measure(members: int = MEMBERS) -> list[Row]:
    """Measure the end of programs with `members` members each, on its own server."""
    async with running() as bench:
        return await _measure(bench, members)


async def _measure(bench: Bench, members: int) -> list[Row]:
    ours: list[float] = []
    bare: list[float] = []
    paid: list[float] = []
    suspended: list[float] = []
    checked: list[float] = []
    for number in range(ROUNDS + 1):
        first, second, third = (f"end-{number}-{name}" for name in "abc")
        for program in (first, second, third):
            await _members_of(bench, program, members)
        async with bench.owner.connect() as connection:
            await connection.execute(text("ANALYZE"))
            seconds = await _timed(_bare(connection, third))
            await connection.rollback()
        stopped = await _timed(bench.ledger.stop_expiry(first, "stop", _ENDS))
        settled = await _timed(bench.ledger.settle_remainder(first, "rest", _ENDS))
        money = Settlement("USD", {CURRENCY: "0.0125"}, 2, half_up=True)
        cashed = await _timed(bench.ledger.settle_remainder(second, "rest", _ENDS, "cash_out", money))
        looked = await _timed(bench.ledger.check(first))
        if number > 0:  # the first round warms up caches and plans
            for speeds, took in ((bare, seconds), (suspended, stopped), (ours, settled), (paid, cashed), (checked, looked)):
                speeds.append(members / took)
    report = await bench.ledger.check()
    assert report.clean, report.drifts
    floor = median(bare)

    def row(name: str, speeds: list[float], limited_by: str, target: float | None = None) -> Row:
        ratio = median(speeds) / floor
        met = None if target is None else ratio >= target
        wanted = None if target is None else f"ratio >= {target}"
        value, unit = round(median(speeds)), "members per second"
        return Row("wind-down", name, value, unit, round(floor), round(ratio, 3), wanted, met, limited_by)

    many = f"{members:,} members"
    return [
        row(
            f"forfeiture of what is left, {many}",
            ours,
            "every account locked; its holds, debts, due lots looked at",
            0.5,
        ),
        row(f"cash-out of what is left, {many}", paid, "as above, and what each gets, rounded and written"),
        row(f"ordinary expiry suspended, {many}", suspended, "every account locked, every open lot written"),
        row(f"trial balance, {many}", checked, "reads all that was ever posted of all programs on this server"),
    ]


async def _timed(work: Awaitable[Any]) -> float:
    start = time.perf_counter()
    await work
    return time.perf_counter() - start


async def _members_of(bench: Bench, program: str, members: int) -> None:
    """Write new members of a program, each with one lot that expires after the program's end."""
    expires = _ENDS + timedelta(days=180)
    for start in range(0, members, BATCH):
        last = min(start + BATCH, members)
        await bench.ledger.earn_many(
            [bench.earn(f"m{number}", program=program, expires_at=expires, qualifying={}) for number in range(start, last)]
        )


async def _bare(connection: AsyncConnection, program: str) -> None:
    for statement in _BARE:
        names = {"program": program, "at": _ENDS}
        await connection.execute(text(statement), {name: value for name, value in names.items() if f":{name}" in statement})
