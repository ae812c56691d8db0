"""Points that leave unspent: they expire when due, or are forfeited, paid out or converted. One statement for any accounts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import bindparam

from ledger.errors import LedgerFault
from ledger.requests import OWN_KEYS, Forfeit, Swept

OutflowKind = Literal["expire", "forfeit", "cash_out", "convert_out"]
_OPPOSITE: dict[OutflowKind, str] = {
    "expire": "@breakage",
    "forfeit": "@forfeiture",
    "cash_out": "@cash_out",
    "convert_out": "@conversion",
}


class Settlement(NamedTuple):
    """The value of a departing point in a `unit`, by currency; the sum is rounded once for each account.

    Money (`decimals` of its smallest unit) is rounded half up; another company's points (no decimals) are rounded down.
    """

    unit: str
    rates: dict[str, str]
    decimals: int
    half_up: bool


async def expire(connection: AsyncConnection, account: int, at: datetime) -> int:
    """Expire the locked account's points that are due at the instant; return how many."""
    return (await sweep_out(connection, "expire", [account], at)).points


async def sweep_out(
    connection: AsyncConnection,
    kind: OutflowKind,
    accounts: Sequence[int],
    at: datetime,
    request: Forfeit | None = None,
    settlement: Settlement | None = None,
) -> Swept:
    """Take from the locked accounts all points due at the instant (`expire`) or all points that no hold keeps (other kinds).

    Each account gets its own transaction; with a `request`, the one account's transaction carries its key. The transaction's
    details have the compensation for the points: `received`, in `unit`, at `rate`.

    Raises LedgerFault if lots, accounts, postings and moves do not change by the same sum.
    """
    row = (
        await connection.execute(
            _SWEEP_OUT,
            {
                "accounts": list(accounts),
                "kind": kind,
                "opposite": _OPPOSITE[kind],
                "at": at,
                "own_keys": f"{OWN_KEYS}{kind}/",
                "key": request.key if request else None,
                "request_hash": request.hash() if request else None,
                "details": request.details if request else {},
                "unit": settlement.unit if settlement else None,
                "rates": settlement.rates if settlement else {},
                "decimals": settlement.decimals if settlement else 0,
                "half_up": settlement.half_up if settlement else False,
            },
        )
    ).one()
    if not row.taken == row.paid == row.posted == row.moved:
        raise LedgerFault(f"To {kind}: lots {row.taken}, accounts {row.paid}, postings {row.posted}, moves {row.moved} points.")
    return Swept(lots=row.lots, points=row.taken, participants=row.participants)


# The key of a transaction without a request only has to be unique: the lots ensure that no point expires twice.
_SWEEP_OUT = text(
    """
WITH taken AS MATERIALIZED (
    SELECT id, account_id, remaining - held AS points
    FROM ledger.lot
    WHERE account_id = ANY(CAST(:accounts AS bigint[])) AND remaining > 0 AND remaining > held
        AND (CAST(:kind AS text) <> 'expire' OR expires_at <= CAST(:at AS timestamptz))
),
total AS MATERIALIZED (
    SELECT account_id, CAST(sum(points) AS bigint) AS points, nextval('ledger.txn_id_seq') AS txn_id
    FROM taken GROUP BY account_id
),
paid AS (
    UPDATE ledger.account SET posted = posted - points, version = version + 1 FROM total WHERE account.id = account_id
    RETURNING account_id, txn_id, points, posted, program, currency
),
lot AS (
    UPDATE ledger.lot SET remaining = remaining - points FROM taken WHERE lot.id = taken.id
),
txn AS (
    INSERT INTO ledger.txn (id, program, key, request_hash, kind, account_id, points, balance, details, effective_at)
    SELECT
        txn_id, program, coalesce(CAST(:key AS text), :own_keys || account_id || '/' || txn_id),
        coalesce(CAST(:request_hash AS bytea), sha256(convert_to(:own_keys || account_id || '/' || txn_id, 'UTF8'))),
        CAST(:kind AS text), account_id, points, posted,
        CASE WHEN CAST(:unit AS text) IS NULL THEN CAST(:details AS jsonb) ELSE CAST(:details AS jsonb) || jsonb_build_object(
            'unit', CAST(:unit AS text), 'rate', rate, 'received', CAST(
                CASE WHEN CAST(:half_up AS boolean) THEN round(points * CAST(rate AS numeric), CAST(:decimals AS integer))
                ELSE trunc(points * CAST(rate AS numeric)) END AS text)
        ) END,
        CAST(:at AS timestamptz)
    FROM paid CROSS JOIN LATERAL (SELECT CAST(:rates AS jsonb) ->> paid.currency AS rate) AS priced
),
posting AS (
    INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount)
    SELECT txn_id, account_id, opposite.id, points
    FROM paid JOIN ledger.account AS opposite ON opposite.program = paid.program AND opposite.currency = paid.currency
        AND opposite.participant = CAST(:opposite AS text)
    RETURNING amount
),
moved AS (
    INSERT INTO ledger.lot_move (txn_id, lot_id, amount)
    SELECT txn_id, taken.id, taken.points FROM taken JOIN total USING (account_id)
    RETURNING amount
)
SELECT
    (SELECT count(*) FROM taken) AS lots,
    (SELECT count(DISTINCT (program, participant)) FROM total JOIN ledger.account ON account.id = account_id) AS participants,
    (SELECT coalesce(sum(points), 0) FROM taken) AS taken,
    (SELECT coalesce(sum(points), 0) FROM paid) AS paid,
    (SELECT coalesce(sum(amount), 0) FROM posting) AS posted,
    (SELECT coalesce(sum(amount), 0) FROM moved) AS moved
"""
).bindparams(bindparam("details", type_=JSONB), bindparam("rates", type_=JSONB))
