"""The timing out of due holds, which frees their lots. One statement for one account or many."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.errors import LedgerFault
from ledger.requests import OWN_KEYS, Swept


async def time_out(connection: AsyncConnection, accounts: Sequence[int], at: datetime) -> Swept:
    """Time out the holds of the locked accounts that are due at the instant, which frees their lots. Raises LedgerFault."""
    row = (
        await connection.execute(_TIME_OUT, {"accounts": list(accounts), "at": at, "own_keys": f"{OWN_KEYS}time_out/"})
    ).one()
    if not row.points == row.freed == row.let_go:
        raise LedgerFault(f"Holds of {row.points} points time out, lots let go {row.freed}, accounts {row.let_go}.")
    return Swept(lots=row.lots, points=row.points, participants=row.participants)


_TIME_OUT = text(
    """
WITH due AS MATERIALIZED (
    SELECT hold.txn_id AS hold_id, hold.account_id, hold.points, nextval('ledger.txn_id_seq') AS ended_by
    FROM ledger.hold
    WHERE account_id = ANY(CAST(:accounts AS bigint[])) AND state = 'open' AND expires_at <= CAST(:at AS timestamptz)
),
ended AS (
    UPDATE ledger.hold SET state = 'timed_out', ended_by = due.ended_by FROM due WHERE txn_id = hold_id
),
part AS MATERIALIZED (
    SELECT lot_id, CAST(sum(amount) AS bigint) AS amount FROM ledger.hold_lot JOIN due USING (hold_id) GROUP BY lot_id
),
lot AS (
    UPDATE ledger.lot SET held = held - part.amount FROM part WHERE lot.id = lot_id RETURNING part.amount
),
account AS (
    UPDATE ledger.account SET held = held - mine.points, version = version + 1
    FROM (SELECT account_id, CAST(sum(points) AS bigint) AS points FROM due GROUP BY account_id) AS mine
    WHERE account.id = account_id RETURNING account.id, program, participant, posted, mine.points
),
txn AS (
    INSERT INTO ledger.txn (id, program, key, request_hash, kind, account_id, points, balance, concerns, effective_at)
    SELECT
        ended_by, program, :own_keys || hold_id, sha256(convert_to(:own_keys || hold_id, 'UTF8')),
        'time_out', account_id, due.points, posted, hold_id, CAST(:at AS timestamptz)
    FROM due JOIN account ON account.id = account_id
)
SELECT
    (SELECT count(*) FROM part) AS lots,
    (SELECT count(DISTINCT (program, participant)) FROM account) AS participants,
    (SELECT coalesce(sum(points), 0) FROM due) AS points,
    (SELECT coalesce(sum(amount), 0) FROM lot) AS freed,
    (SELECT coalesce(sum(points), 0) FROM account) AS let_go
"""
)
