"""Suspended expiry: while members cannot redeem, no lot expires; afterwards each lot's expiry is later by that time.

The table `suspended_expiry` keeps the expiry meanwhile, and the lot has none: every query sees that it does not expire.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accounts import lock_program
from ledger.journal import settled


async def suspend_expiry(engine: AsyncEngine, program: str, since: datetime) -> int:
    """Suspend the expiry of every open lot of the program from an instant on; return the number of lots that had an expiry.

    A repetition suspends the lots earned meanwhile, from the instant at which they were earned.
    """
    return await settled(engine, lambda connection: _apply(connection, _SUSPEND, program, since))


async def resume_expiry(engine: AsyncEngine, program: str, at: datetime) -> int:
    """Resume the expiry of suspended lots at an instant, later by the time of suspension; return the number of lots.

    A repetition finds none. A lot that has got another expiry meanwhile, as by a new tier, keeps it.
    """
    return await settled(engine, lambda connection: _apply(connection, _RESUME, program, at))


async def forget_suspended(engine: AsyncEngine, program: str) -> int:
    """Leave the suspended lots without an expiry for ever, since the program ends; return the number of lots."""
    async with engine.begin() as connection:
        return (await connection.execute(_FORGET, {"program": program})).rowcount


async def _apply(connection: AsyncConnection, statement: object, program: str, at: datetime) -> int:
    # Every change of points locks its account. With all accounts locked, no lot changes between the read and the write here.
    await lock_program(connection, program)
    return int(await connection.scalar(statement, {"program": program, "at": at}) or 0)  # type: ignore[call-overload]


_SUSPEND = text(
    """
WITH due AS MATERIALIZED (
    SELECT lot.id, lot.expires_at, greatest(lot.earned_at, CAST(:at AS timestamptz)) AS since
    FROM ledger.lot JOIN ledger.account ON account.id = lot.account_id
    WHERE account.program = :program AND remaining > 0 AND lot.expires_at > CAST(:at AS timestamptz)
),
kept AS (
    INSERT INTO ledger.suspended_expiry (lot_id, program, expires_at, since)
    SELECT id, :program, expires_at, since FROM due
    ON CONFLICT (lot_id) DO UPDATE SET expires_at = excluded.expires_at
),
still AS (
    UPDATE ledger.lot SET expires_at = NULL FROM due WHERE lot.id = due.id RETURNING lot.id
)
SELECT count(*) FROM still
"""
)
_RESUME = text(
    """
WITH back AS (
    DELETE FROM ledger.suspended_expiry WHERE program = :program RETURNING lot_id, expires_at, since
),
going AS (
    UPDATE ledger.lot SET expires_at = back.expires_at + greatest(CAST(:at AS timestamptz) - back.since, interval '0')
    FROM back WHERE lot.id = lot_id AND lot.expires_at IS NULL AND lot.remaining > 0 RETURNING lot.id
)
SELECT count(*) FROM going
"""
)
_FORGET = text("DELETE FROM ledger.suspended_expiry WHERE program = :program")
