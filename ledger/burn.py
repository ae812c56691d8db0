"""Burning: points leave a member's lots, the lot that expires first going first.

A burn takes two statements: the first locks the account, the second sees its lots as they are under the lock. A single
statement would see the lots as they were before it waited, and would spend the points that another burn has just taken.

The usual burn, by a member with enough points and no debt, runs only these two statements. If they find anything else (the burn
is a repetition, points are due, held, owed or missing), they change nothing, and the burn takes the long path.
"""

import json
import re
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql import bindparam

from ledger.accounts import Locked, SystemAccounts, lock
from ledger.driver import transaction
from ledger.errors import LedgerFault, too_few
from ledger.journal import answer_again, settled, sqlstate, write
from ledger.outflow import expire
from ledger.requests import Burn, PostingResult
from ledger.upkeep import bring_up_to_date


async def burn(engine: AsyncEngine, system: SystemAccounts, request: Burn) -> PostingResult:
    """Take the points, or store and return the refusal `insufficient_points`. Raises KeyConflict."""
    redemption = (await system.of(request.program, request.currency))["redemption"]
    usual = await _usual(engine, redemption, request)
    if usual is not None:
        return usual
    return await settled(engine, lambda connection: _burn(connection, redemption, request))


async def _usual(engine: AsyncEngine, redemption: int, request: Burn) -> PostingResult | None:
    """Post a burn that takes the short path. If anything prevents that, change nothing and return None."""
    try:
        async with transaction(engine) as driver:
            owner = (request.program, request.participant, request.currency)
            account = await driver.fetchrow(_LOCK_SOUND, *owner)
            if account is None:
                return None
            arguments = (
                account["id"],
                redemption,
                request.program,
                request.key,
                request.hash(),
                request.points,
                request.effective_at,
                json.dumps(request.details),
            )
            paid = await driver.fetchrow(_BURN_NUMBERED, *arguments)
            if paid is not None:
                _check(account["id"], paid["taken"], request)
    except DBAPIError as error:
        if sqlstate(error) is None and not error.connection_invalidated:
            raise
        return None
    return _answer(request, paid["txn_id"], paid["balance"], paid["recorded_at"]) if paid is not None else None


async def _burn(connection: AsyncConnection, redemption: int, request: Burn) -> PostingResult:
    # The long path: a repetition gets its stored answer; holds and debts are settled first; if the burn then fails, due points
    # expire, and it is tried once more; if it fails again, points are missing.
    account = await lock(connection, request)
    if account.stored is not None:
        return answer_again(account.stored, request.hash())
    if account.held or account.debt:
        account = await bring_up_to_date(connection, request.program, account, request.effective_at)
    paid = await _pay(connection, account, redemption, request)
    if paid is None and (expired := await expire(connection, account.id, request.effective_at)):
        account = account._replace(posted=account.posted - expired)
        paid = await _pay(connection, account, redemption, request)
    if paid is None:
        refused = too_few(request.points, account.posted - account.held)
        return await write(
            connection,
            request,
            kind="burn",
            account=account.id,
            outcome="refused",
            points=request.points,
            balance=account.posted,
            refusal=refused.code,
            detail=refused.detail,
        )
    _check(account.id, paid.taken, request)
    return _answer(request, paid.txn_id, paid.balance, paid.recorded_at)


def _check(account: int, taken: int, request: Burn) -> None:
    if taken != request.points:
        raise LedgerFault(f"The lots of account {account} gave {taken} points where {request.points} were asked for.")


def _answer(request: Burn, txn_id: int, balance: int, recorded_at: datetime) -> PostingResult:
    return PostingResult.model_construct(
        txn_id=txn_id,
        kind="burn",
        outcome="posted",
        points=request.points,
        balance=balance,
        effective_at=request.effective_at,
        recorded_at=recorded_at,
        details=request.details,
    )


async def _pay(connection: AsyncConnection, account: Locked, redemption: int, request: Burn) -> Row[Any] | None:
    """Post the burn. If points are missing, or some must expire first, write nothing and return None."""
    parameters = {
        "account": account.id,
        "redemption": redemption,
        "program": request.program,
        "key": request.key,
        "request_hash": request.hash(),
        "points": request.points,
        "at": request.effective_at,
        "details": request.details,
    }
    return (await connection.execute(_BURN, parameters)).one_or_none()


_LOCK_SOUND = """
SELECT id FROM ledger.account WHERE program = $1 AND participant = $2 AND currency = $3 AND held = 0 AND debt = 0 FOR UPDATE
"""
_BURN_STATEMENT = """
WITH paid AS (
    UPDATE ledger.account SET posted = posted - CAST(:points AS bigint), version = version + 1
    WHERE id = :account AND posted - held >= CAST(:points AS bigint)
        AND NOT EXISTS (
            SELECT FROM ledger.lot
            WHERE account_id = :account AND remaining > 0 AND remaining > held AND expires_at <= CAST(:at AS timestamptz)
        )
    RETURNING posted
),
queue AS MATERIALIZED (
    SELECT id, remaining - held AS free, sum(remaining - held) OVER (ORDER BY expires_at, id) - (remaining - held) AS ahead
    FROM ledger.lot WHERE account_id = :account AND remaining > 0 AND remaining > held
),
taken AS MATERIALIZED (
    SELECT id, CAST(least(free, CAST(:points AS bigint) - ahead) AS bigint) AS points
    FROM queue CROSS JOIN paid WHERE ahead < CAST(:points AS bigint)
),
lot AS (
    UPDATE ledger.lot SET remaining = remaining - taken.points FROM taken WHERE lot.id = taken.id
),
txn AS (
    INSERT INTO ledger.txn (program, key, request_hash, kind, account_id, points, balance, details, effective_at)
    SELECT
        CAST(:program AS text), CAST(:key AS text), CAST(:request_hash AS bytea), 'burn', CAST(:account AS bigint),
        CAST(:points AS bigint), posted, CAST(:details AS jsonb), CAST(:at AS timestamptz)
    FROM paid
    RETURNING id, balance, recorded_at
),
posting AS (
    INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount)
    SELECT id, CAST(:account AS bigint), CAST(:redemption AS bigint), CAST(:points AS bigint) FROM txn
),
moved AS (
    INSERT INTO ledger.lot_move (txn_id, lot_id, amount) SELECT txn.id, taken.id, points FROM txn CROSS JOIN taken
)
SELECT id AS txn_id, balance, recorded_at, (SELECT sum(points) FROM taken) AS taken FROM txn
"""
_BURN = text(_BURN_STATEMENT).bindparams(bindparam("details", type_=JSONB))
_PARAMETERS = ("account", "redemption", "program", "key", "request_hash", "points", "at", "details")
_BURN_NUMBERED = re.sub(r"(?<!:):(\w+)", lambda name: f"${_PARAMETERS.index(name[1]) + 1}", _BURN_STATEMENT)
