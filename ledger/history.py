"""The ledger as of an instant: all that had taken effect by then, summed by month and currency in the program's time zone."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_MEMORY = text("SET LOCAL work_mem = '256MB'")


class ActiveMonth(NamedTuple):
    """The members active in a month; `new`: first activity; `reactivated`: no activity in the month before, but an earlier one.

    `stopped`: no activity in the month after, as known by the instant.
    """

    month: date
    active: int
    new: int
    reactivated: int
    stopped: int


class MonthOfPoints(NamedTuple):
    """A program's points of one currency in one month; `changed` is the change of the outstanding points."""

    month: date
    currency: str
    issued: int
    burned: int
    expired: int
    forfeited: int
    changed: int


class Lapsing(NamedTuple):
    """Points that expire in a month (None: never), and the number of members with them; `past`: due by the instant already."""

    month: date | None
    past: bool
    currency: str
    points: int
    members: int


class Nudge(NamedTuple):
    """A nudge that waits to be sent."""

    workflow_id: str
    created_at: datetime


async def last_activities(engine: AsyncEngine, program: str, as_of: datetime) -> dict[str, datetime]:
    """Return each member's last activity up to an instant; members without an activity are left out."""
    rows = await _read(engine, _LAST_ACTIVITIES, program=program, as_of=as_of)
    return {row.participant: row.at for row in rows}


async def active_months(engine: AsyncEngine, program: str, zone: str, as_of: datetime) -> list[ActiveMonth]:
    """Return the months with an active member, in order."""
    return [ActiveMonth(*row) for row in await _read(engine, _ACTIVE_MONTHS, program=program, zone=zone, as_of=as_of)]


async def months_of_points(engine: AsyncEngine, program: str, zone: str, as_of: datetime) -> list[MonthOfPoints]:
    """Return the months in which points moved, in order."""
    rows = await _read(engine, _MONTHS_OF_POINTS, program=program, zone=zone, as_of=as_of)
    return [MonthOfPoints(row.month, row.currency, *(int(figure) for figure in row[2:])) for row in rows]


async def lapsing(engine: AsyncEngine, program: str, zone: str, as_of: datetime) -> list[Lapsing]:
    """Return the points left in lots at an instant, by the month in which they expire, in order; points without expiry last.

    The expiries are the lots' present ones: earlier values (before a new activity, a new tier) are not kept.
    """
    rows = await _read(engine, _LAPSING, program=program, zone=zone, as_of=as_of)
    return [Lapsing(row.month, row.past, row.currency, int(row.points), row.members) for row in rows]


async def unsent(engine: AsyncEngine, program: str, before: datetime, as_of: datetime) -> list[Nudge]:
    """Return the nudges to a program and its members that were written by `before` and not sent by `as_of`; at most 100."""
    return [Nudge(*row) for row in await _read(engine, _UNSENT, program=program, before=before, as_of=as_of)]


async def _read(engine: AsyncEngine, statement: Any, **parameters: object) -> Sequence[Any]:
    async with engine.connect() as plain:
        connection: AsyncConnection = await plain.execution_options(postgresql_readonly=True)
        await connection.execute(_MEMORY)
        return (await connection.execute(statement, parameters)).all()


_LAST_ACTIVITIES = text(
    """
SELECT account.participant, max(active.at) AS at
FROM (
    SELECT account_id, max(effective_at) AS at FROM ledger.txn
    WHERE program = :program AND activity AND effective_at <= :as_of GROUP BY account_id
) AS active JOIN ledger.account ON account.id = active.account_id
GROUP BY account.participant
"""
)

# The rows are grouped by account first, which leaves few rows a month, then by member, who may have several accounts.
_ACTIVE_MONTHS = text(
    """
WITH by_account AS (
    SELECT account_id, date_trunc('month', effective_at AT TIME ZONE :zone) AS month FROM ledger.txn
    WHERE program = :program AND activity AND effective_at <= :as_of GROUP BY 1, 2
),
active AS (
    SELECT DISTINCT account.participant, month FROM by_account JOIN ledger.account ON account.id = account_id
),
in_order AS (
    SELECT month, lag(month) OVER in_turn AS before, lead(month) OVER in_turn AS after FROM active
    WINDOW in_turn AS (PARTITION BY participant ORDER BY month)
)
SELECT CAST(month AS date) AS month, count(*) AS active,
    count(*) FILTER (WHERE before IS NULL) AS new,
    count(*) FILTER (WHERE before < month - interval '1 month') AS reactivated,
    count(*) FILTER (WHERE after IS NULL OR after > month + interval '1 month') AS stopped
FROM in_order GROUP BY 1 ORDER BY 1
"""
)

_MONTHS_OF_POINTS = text(
    """
WITH own AS MATERIALIZED (
    SELECT id, kind, currency FROM ledger.account WHERE program = :program AND participant IN (
        '@issuance', '@redemption', '@breakage', '@forfeiture', '@clawback', '@loss', '@transfer', '@conversion',
        '@adjustment', '@cash_out'
    )
),
moved AS (
    SELECT date_trunc('month', txn.effective_at AT TIME ZONE :zone) AS month,
        CASE WHEN posting.credit_account = txn.account_id THEN posting.debit_account ELSE posting.credit_account END AS own_id,
        CASE WHEN posting.credit_account = txn.account_id THEN posting.amount ELSE -posting.amount END AS change
    FROM ledger.txn JOIN ledger.posting ON posting.txn_id = txn.id
    WHERE txn.program = :program AND txn.effective_at <= :as_of
),
summed AS (SELECT month, own_id, sum(change) AS change FROM moved GROUP BY 1, 2)
SELECT CAST(month AS date) AS month, currency,
    coalesce(sum(change) FILTER (WHERE kind = 'issuance'), 0) AS issued,
    coalesce(-sum(change) FILTER (WHERE kind = 'redemption'), 0) AS burned,
    coalesce(-sum(change) FILTER (WHERE kind = 'breakage'), 0) AS expired,
    coalesce(-sum(change) FILTER (WHERE kind = 'forfeiture'), 0) AS forfeited,
    coalesce(sum(change), 0) AS changed
FROM summed JOIN own ON own.id = own_id GROUP BY 1, 2 ORDER BY 1, 2
"""
)

_LAPSING = text(
    """
WITH known AS MATERIALIZED (
    SELECT id FROM ledger.txn WHERE program = :program AND effective_at <= :as_of
),
moved AS (
    SELECT lot_id, sum(lot_move.amount) AS amount FROM ledger.lot_move JOIN known ON known.id = lot_move.txn_id GROUP BY lot_id
),
remaining AS (
    SELECT lot.account_id, lot.expires_at,
        CASE WHEN known.id IS NULL THEN 0 ELSE lot.amount END - coalesce(moved.amount, 0) AS points
    FROM ledger.lot LEFT JOIN known ON known.id = lot.txn_id LEFT JOIN moved ON moved.lot_id = lot.id
)
SELECT CAST(date_trunc('month', expires_at AT TIME ZONE :zone) AS date) AS month, coalesce(expires_at <= :as_of, false) AS past,
    account.currency, sum(points) AS points, count(DISTINCT account.participant) AS members
FROM remaining JOIN ledger.account ON account.id = account_id
WHERE points <> 0 AND account.program = :program GROUP BY 1, 2, 3 ORDER BY past DESC, month, 3
"""
)

_UNSENT = text(
    """
SELECT workflow_id, created_at FROM ledger.outbox
WHERE (workflow_id = 'program/' || :program OR starts_with(workflow_id, 'program/' || :program || '/')
    OR starts_with(workflow_id, 'member/' || :program || '/'))
    AND created_at <= :before AND (sent_at IS NULL OR sent_at > :as_of)
ORDER BY created_at, id LIMIT 100
"""
)
