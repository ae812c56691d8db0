"""The statement of a member's account: opening balance, entries with reasons, closing balance; also as of a past instant."""

from datetime import datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.model import Value


class StatementEntry(Value):
    """One transaction: its change of the balance (`points`) and of the held points (`held`), and the balance after it.

    `reason` is that of an adjustment, or any that the caller gave in `details`. `reverses` is the transaction that this one
    takes back, `concerns` the one that it follows up.
    """

    txn_id: int
    key: str
    kind: str
    reason: str | None
    details: dict[str, JsonValue]
    points: int
    held: int
    balance: int
    reverses: int | None
    concerns: int | None
    effective_at: datetime
    recorded_at: datetime


class StatementLot(Value):
    """The points left in a lot, the held ones among them, and when they expire (None: never).

    Below zero: points were spent as of an instant before they were earned.
    """

    lot: int
    amount: int
    remaining: int
    held: int
    earned_at: datetime
    expires_at: datetime | None


class StatementHold(Value):
    """Points reserved for a redemption under way."""

    key: str
    points: int
    effective_at: datetime
    expires_at: datetime


class Statement(Value):
    """opening + all entries' points = closing = points left in all lots - owed. Held points are part of the closing balance.

    The window is (since, until], by effective instant, of the transactions recorded by `as_of` (None: no bound). Events without
    points and refused requests are no entries. `pending` points are no part of any balance until they are confirmed.
    """

    program: str
    participant: str
    currency: str
    since: datetime | None
    until: datetime | None
    as_of: datetime | None
    opening: int
    entries: tuple[StatementEntry, ...]
    closing: int
    held: int
    pending: int
    owed: int
    lots: tuple[StatementLot, ...]
    holds: tuple[StatementHold, ...]


async def statement(
    engine: AsyncEngine,
    program: str,
    participant: str,
    currency: str,
    since: datetime | None,
    until: datetime | None,
    as_of: datetime | None = None,
) -> Statement:
    """Return the statement of one account for (since, until], as known at `as_of`, from one snapshot of the database.

    The expiries are the lots' present ones: earlier values (before a suspension, a new tier) are not kept. Points that were due
    by the end but not yet swept are included, as in the balance.
    """
    asked = {"program": program, "participant": participant, "currency": currency}
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        account = await connection.scalar(_ACCOUNT, asked)
        bounds = {"account": account, "until": until, "as_of": as_of}
        sums = (await connection.execute(_SUMS, bounds | {"since": since})).one()
        entries = [_entry(row) for row in (await connection.execute(_ENTRIES, bounds | {"since": since})).mappings()]
        lots = [StatementLot(**row) for row in (await connection.execute(_LOTS, bounds)).mappings()]
        holds = [StatementHold(**row) for row in (await connection.execute(_HOLDS, bounds)).mappings()]
    return Statement(
        program=program,
        participant=participant,
        currency=currency,
        since=since,
        until=until,
        as_of=as_of,
        opening=int(sums.opening),
        entries=tuple(entries),
        closing=int(sums.closing),
        held=sum(hold.points for hold in holds),
        pending=int(sums.pending),
        owed=int(sums.owed),
        lots=tuple(lots),
        holds=tuple(holds),
    )


def _entry(row: Any) -> StatementEntry:
    reason = row["details"].get("reason")
    return StatementEntry(**row, reason=reason if isinstance(reason, str) else None)


_ACCOUNT = text(
    "SELECT id FROM ledger.account WHERE program = :program AND participant = :participant AND currency = :currency"
)

# An earn has a lot (or waits for its confirmation), and a lot is open or was used by another transaction. So an index over the
# transactions other than earns finds the whole account, and the hot path of the ledger, the earn, maintains no index.
#
# `known` are the transactions that count, each with its change of the balance: the points of its new lot, or else the moves of
# lots and debt. The ledger's check proves that this equals its postings.
_KNOWN = """
WITH other AS MATERIALIZED (
    SELECT id, kind, concerns FROM ledger.txn WHERE account_id = CAST(:account AS bigint) AND kind NOT IN ('earn', 'bonus')
),
own_lot AS MATERIALIZED (
    SELECT id, txn_id FROM ledger.lot WHERE account_id = CAST(:account AS bigint) AND remaining > 0
    UNION
    SELECT lot.id, lot.txn_id
    FROM other JOIN ledger.lot_move ON lot_move.txn_id = other.id JOIN ledger.lot ON lot.id = lot_id
),
own AS MATERIALIZED (
    SELECT id FROM other
    UNION SELECT txn_id FROM own_lot
    UNION SELECT txn_id FROM ledger.pending WHERE account_id = CAST(:account AS bigint) AND state = 'open'
    UNION SELECT concerns FROM other WHERE kind IN ('confirm', 'cancel')
),
known AS MATERIALIZED (
    SELECT id, key, kind, details, reverses, concerns, effective_at, recorded_at, CASE
        WHEN kind IN ('earn', 'bonus', 'confirm', 'transfer_in', 'convert_in')
            OR kind = 'adjustment' AND CAST(details ->> 'change' AS bigint) > 0 THEN points
        ELSE CAST(
            -coalesce((SELECT sum(amount) FROM ledger.lot_move WHERE txn_id = txn.id), 0)
            - coalesce((SELECT amount FROM ledger.debt_move WHERE txn_id = txn.id), 0) AS bigint)
        END AS points
    FROM own JOIN ledger.txn USING (id)
    WHERE outcome = 'posted'
        AND effective_at <= coalesce(CAST(:until AS timestamptz), 'infinity')
        AND recorded_at <= coalesce(CAST(:as_of AS timestamptz), 'infinity')
)
"""

_SUMS = text(
    f"""{_KNOWN}SELECT
    coalesce(sum(points) FILTER (WHERE effective_at <= CAST(:since AS timestamptz)), 0) AS opening,
    coalesce(sum(points), 0) AS closing,
    (SELECT coalesce(sum(amount), 0) FROM known JOIN ledger.debt_move ON txn_id = id) AS owed,
    (
        SELECT coalesce(sum(pending.points), 0) FROM known JOIN ledger.pending ON txn_id = id
        WHERE NOT EXISTS (SELECT FROM known AS ended WHERE ended.id = ended_by)
    ) AS pending
FROM known
"""  # noqa: S608
)

_ENTRIES = text(
    f"""{_KNOWN}, entry AS (
    SELECT
        known.id AS txn_id, key, kind, details, known.points, CAST(sum(known.points) OVER in_order AS bigint) AS balance,
        CASE WHEN known.id = hold.txn_id THEN hold.points ELSE -coalesce(hold.points, 0) END AS held,
        reverses, concerns, effective_at, recorded_at
    FROM known LEFT JOIN ledger.hold
        ON hold.txn_id = CASE WHEN kind = 'hold' THEN id WHEN kind IN ('capture', 'void', 'time_out') THEN concerns END
    WINDOW in_order AS (ORDER BY effective_at, id)
)
SELECT * FROM entry WHERE effective_at > coalesce(CAST(:since AS timestamptz), '-infinity') ORDER BY effective_at, txn_id
"""  # noqa: S608
)

_LOTS = text(
    f"""{_KNOWN}, moved AS (
    SELECT lot_id, sum(amount) AS amount FROM known JOIN ledger.lot_move ON txn_id = known.id GROUP BY lot_id
),
kept AS (
    SELECT lot_id, sum(amount) AS amount
    FROM known JOIN ledger.hold ON txn_id = known.id JOIN ledger.hold_lot ON hold_id = txn_id
    WHERE NOT EXISTS (SELECT FROM known AS ended WHERE ended.id = ended_by) GROUP BY lot_id
),
figure AS (
    SELECT lot.id, lot.amount, lot.earned_at, lot.expires_at, CAST(coalesce(kept.amount, 0) AS bigint) AS held,
        CAST(CASE WHEN known.id IS NULL THEN 0 ELSE lot.amount END - coalesce(moved.amount, 0) AS bigint) AS remaining
    FROM own_lot JOIN ledger.lot USING (id) LEFT JOIN known ON known.id = lot.txn_id
    LEFT JOIN moved ON moved.lot_id = lot.id LEFT JOIN kept ON kept.lot_id = lot.id
)
SELECT id AS lot, amount, remaining, held, earned_at, expires_at FROM figure WHERE remaining <> 0 ORDER BY expires_at, id
"""  # noqa: S608
)

_HOLDS = text(
    f"""{_KNOWN}SELECT key, hold.points, effective_at, expires_at FROM known JOIN ledger.hold ON txn_id = id
WHERE NOT EXISTS (SELECT FROM known AS ended WHERE ended.id = ended_by) ORDER BY effective_at, id
"""  # noqa: S608
)
