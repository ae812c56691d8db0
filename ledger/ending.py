"""Queries for the end of a program: members with points, pending earns, held points, points by type of event, payouts."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Value


class OpenPending(Value):
    """An earn that waits for its confirmation, by its key."""

    participant: str
    currency: str
    key: str


class Unsettled(Value):
    """Points held for redemptions under way, and points that wait for their confirmation, over all currencies."""

    held: int
    pending: int


class Holder(Value):
    """A member with points, and their number by currency."""

    participant: str
    points: dict[str, int]


class EventFigures(Value):
    """Figures of the events of one type: their number, the points they posted, and the points reversed since."""

    event: str
    currency: str
    events: int
    points: int
    taken_back: int


class Payout(Value):
    """A member's compensation for the remainder: an amount (`received`) of a `unit`, money or a partner's points."""

    transaction: int
    participant: str
    currency: str
    kind: str
    points: int
    received: str
    unit: str
    at: datetime


async def open_pending(connection: AsyncConnection, program: str, limit: int) -> list[OpenPending]:
    """Return the oldest pending earns, at most `limit`."""
    rows = await connection.execute(_PENDING, {"program": program, "limit": limit})
    return [OpenPending.model_validate(dict(row)) for row in rows.mappings()]


async def unsettled(connection: AsyncConnection, program: str) -> Unsettled:
    """Return the program's held and pending points."""
    row = (await connection.execute(_UNSETTLED, {"program": program})).mappings().one()
    return Unsettled.model_validate(dict(row))


async def holders(connection: AsyncConnection, program: str, after: str, limit: int) -> list[Holder]:
    """Return the next members with points, in the order of their references."""
    rows = await connection.execute(_HOLDERS, {"program": program, "after": after, "limit": limit})
    return [Holder.model_validate(dict(row)) for row in rows.mappings()]


async def by_event(connection: AsyncConnection, program: str) -> list[EventFigures]:
    """Return the figures of each type of event; events without points are counted too."""
    rows = await connection.execute(_BY_EVENT, {"program": program})
    return [EventFigures.model_validate(dict(row)) for row in rows.mappings()]


async def payouts(connection: AsyncConnection, program: str, after: int, limit: int) -> list[Payout]:
    """Return the next page of payouts, in the order of their transactions."""
    rows = await connection.execute(_PAYOUTS, {"program": program, "after": after, "limit": limit})
    return [Payout.model_validate(dict(row)) for row in rows.mappings()]


_PENDING = text(
    """
SELECT participant, currency, key
FROM ledger.pending JOIN ledger.account ON account.id = account_id JOIN ledger.txn ON txn.id = pending.txn_id
WHERE account.program = :program AND state = 'open' ORDER BY pending.txn_id LIMIT :limit
"""
)
_UNSETTLED = text(
    """
SELECT
    (SELECT CAST(coalesce(sum(held), 0) AS bigint) FROM ledger.account WHERE program = :program) AS held,
    (
        SELECT CAST(coalesce(sum(points), 0) AS bigint) FROM ledger.pending JOIN ledger.account ON account.id = account_id
        WHERE program = :program AND state = 'open'
    ) AS pending
"""
)
_HOLDERS = text(
    """
SELECT participant, jsonb_object_agg(currency, posted) AS points
FROM ledger.account
WHERE program = :program AND kind = 'participant' AND posted > 0 AND participant > :after COLLATE "C"
GROUP BY participant ORDER BY participant LIMIT :limit
"""
)
_BY_EVENT = text(
    """
WITH earned AS (
    SELECT txn.id, txn.details ->> 'event' AS event, account.currency,
        CASE
            WHEN pending.state IS NULL THEN txn.points WHEN pending.state = 'confirmed' THEN pending.points ELSE 0
        END AS points
    FROM ledger.txn JOIN ledger.account ON account.id = account_id LEFT JOIN ledger.pending ON pending.txn_id = txn.id
    WHERE txn.program = :program AND txn.kind = 'earn' AND outcome = 'posted' AND txn.details ? 'event'
),
reversed AS (
    SELECT reverses, sum(points) AS points FROM ledger.txn
    WHERE program = :program AND reverses IS NOT NULL AND outcome = 'posted' GROUP BY reverses
)
SELECT event, currency, count(*) AS events, CAST(coalesce(sum(earned.points), 0) AS bigint) AS points,
    CAST(coalesce(sum(reversed.points), 0) AS bigint) AS taken_back
FROM earned LEFT JOIN reversed ON reverses = earned.id
GROUP BY event, currency ORDER BY event, currency
"""
)
_PAYOUTS = text(
    """
SELECT txn.id AS transaction, participant, currency, txn.kind, points, txn.details ->> 'received' AS received,
    txn.details ->> 'unit' AS unit, effective_at AS at
FROM ledger.txn JOIN ledger.account ON account.id = account_id
WHERE txn.program = :program AND txn.kind IN ('cash_out', 'convert_out') AND txn.id > :after ORDER BY txn.id LIMIT :limit
"""
)
