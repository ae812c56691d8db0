"""The one way to write an operation: its transaction, its postings, and the changes of lots, held points and debt.

An earlier statement locks the account, and the lots are picked under that lock. Figures that do not add up are not written.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import insert, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import bindparam
from sqlalchemy.types import BigInteger

from domain.points.errors import BalanceLimit
from ledger.accounts import Locked
from ledger.errors import LedgerFault, Refused, too_few
from ledger.journal import write_row
from ledger.requests import MAX_POINTS, OWN_KEYS, PostingResult, Request
from ledger.tables import account, debt_move, lot, posting


class Picked(NamedTuple):
    """Points of a lot that are to leave it."""

    lot: int
    points: int
    earned_at: datetime
    expires_at: datetime | None


class Move(NamedTuple):
    """A change of a lot: points taken from it (negative: given back), points held in it (negative: released)."""

    lot: int
    taken: int = 0
    held: int = 0


class Side(NamedTuple):
    """A posting: points from the debit account to the credit account."""

    debit: int
    credit: int
    amount: int


class NewLot(NamedTuple):
    """Points that a member gets, and when they expire (None: never)."""

    points: int
    earned_at: datetime
    expires_at: datetime | None


class Origin(NamedTuple):
    """The origin of a transaction: a request, or (no key) the ledger itself."""

    program: str
    effective_at: datetime
    key: str | None = None
    request_hash: bytes | None = None
    details: dict[str, Any] = {}


def asked(request: Request, **details: Any) -> Origin:
    """Return the origin of a request's transaction, with further details added to the request's own."""
    return Origin(request.program, request.effective_at, request.key, request.hash(), request.details | details)


async def pick(
    connection: AsyncConnection, account_id: int, points: int, *, only: int | None = None, apart_from: int | None = None
) -> list[Picked]:
    """Pick up to `points` free points of the locked account's lots, the lot that expires first going first.

    `only` is the transaction whose lot alone may be used, `apart_from` the one whose lot must not be used.
    """
    if points == 0:
        return []
    parameters = {"account": account_id, "points": points, "only": only, "apart_from": apart_from}
    return [Picked(*row) for row in await connection.execute(_PICK, parameters)]


async def pick_exactly(connection: AsyncConnection, locked: Locked, points: int) -> list[Picked]:
    """Pick exactly `points` of a member's lots. Refuses `insufficient_points` if fewer are free. Raises LedgerFault."""
    available = locked.posted - locked.held
    if available < points:
        raise too_few(points, available)
    picked = await pick(connection, locked.id, points)
    if total(picked) != points:
        raise LedgerFault(f"The lots of account {locked.id} gave {total(picked)} points where {points} were asked for.")
    return picked


def total(picked: Sequence[Picked]) -> int:
    """Sum the picked points."""
    return sum(each.points for each in picked)


def moves_of(picked: Sequence[Picked]) -> list[Move]:
    """Return the moves that take the picked points from their lots."""
    return [Move(each.lot, taken=each.points) for each in picked]


def check_limit(posted: int, more: int, *, asked_for: int | None = None) -> None:
    """Refuse `balance_limit` if `more` points exceed the limit; `asked_for` are the request's points if they are not `more`."""
    if posted + more > MAX_POINTS:
        summary = f"The balance is {posted}, and {more} more would bring it above {MAX_POINTS}."
        raise Refused(BalanceLimit.code, summary, points=more if asked_for is None else asked_for)


async def enter(
    connection: AsyncConnection,
    account_id: int,
    origin: Origin,
    kind: str,
    points: int,
    *,
    sides: Sequence[Side] = (),
    moves: Sequence[Move] = (),
    lots: Sequence[NewLot] = (),
    debt: int = 0,
    reverses: int | None = None,
    concerns: int | None = None,
) -> PostingResult:
    """Write a transaction of a locked account, and return its answer.

    `debt` is the increase of the member's debt. Raises LedgerFault if the postings do not equal the change of lots and debt.
    """
    # First the account (its version makes the key where no request gives one), then the transaction (its id goes into all other
    # rows), then only those of postings, moves, lots and debt that the operation has.
    sides = [side for side in sides if side.amount]
    change = sum(side.amount * ((side.credit == account_id) - (side.debit == account_id)) for side in sides)
    in_lots = sum(new.points for new in lots) - sum(move.taken for move in moves)
    if change != in_lots - debt:
        raise LedgerFault(f"A {kind} on account {account_id} posts {change} points, lots change by {in_lots}, debt by {debt}.")
    after = (
        await connection.execute(
            update(account)
            .where(account.c.id == account_id)
            .values(
                posted=account.c.posted + change,
                held=account.c.held + sum(move.held for move in moves),
                debt=account.c.debt + debt,
                lowest_allowed=account.c.lowest_allowed - debt,
                version=account.c.version + 1,
            )
            .returning(account.c.posted, account.c.version)
        )
    ).one()
    key = origin.key or f"{OWN_KEYS}{kind}/{account_id}/{after.version}"
    answer = await write_row(
        connection,
        {
            "program": origin.program,
            "key": key,
            "request_hash": origin.request_hash or hashlib.sha256(key.encode()).digest(),
            "kind": kind,
            "account_id": account_id,
            "points": points,
            "balance": after.posted,
            "details": origin.details,
            "reverses": reverses,
            "concerns": concerns,
            "effective_at": origin.effective_at,
        },
    )
    txn_id = answer.txn_id
    if sides:
        names = ("debit_account", "credit_account", "amount")
        await connection.execute(
            insert(posting).values([dict(zip(names, side, strict=True)) | {"txn_id": txn_id} for side in sides])
        )
    if moves:
        await _move(connection, account_id, txn_id, moves)
    if lots:
        rows = [
            new._asdict() | {"account_id": account_id, "txn_id": txn_id, "amount": new.points, "remaining": new.points}
            for new in lots
        ]
        for row in rows:
            del row["points"]
        await connection.execute(insert(lot).values(rows))
    if debt:
        await connection.execute(insert(debt_move).values(txn_id=txn_id, amount=debt))
    return answer


async def _move(connection: AsyncConnection, account_id: int, txn_id: int, moves: Sequence[Move]) -> None:
    parameters = {
        "account": account_id,
        "txn": txn_id,
        "lots": [move.lot for move in moves],
        "taken": [move.taken for move in moves],
        "held": [move.held for move in moves],
    }
    moved = (await connection.execute(_MOVE, parameters)).scalar_one()
    if moved != len(moves):
        raise LedgerFault(f"Of {len(moves)} lots to be moved, account {account_id} has {moved}.")


_PICK = text(
    """
WITH queue AS (
    SELECT id, remaining - held AS free, sum(remaining - held) OVER in_turn - (remaining - held) AS ahead, earned_at, expires_at
    FROM ledger.lot
    WHERE account_id = :account AND remaining > 0 AND remaining > held
        AND (CAST(:only AS bigint) IS NULL OR txn_id = :only)
        AND (CAST(:apart_from AS bigint) IS NULL OR txn_id <> :apart_from)
    WINDOW in_turn AS (ORDER BY expires_at, id)
)
SELECT id, CAST(least(free, CAST(:points AS bigint) - ahead) AS bigint), earned_at, expires_at
FROM queue WHERE ahead < CAST(:points AS bigint) ORDER BY expires_at, id
"""
)
_MOVE = text(
    """
WITH asked AS (SELECT * FROM unnest(:lots, :taken, :held) AS asked (lot_id, taken, held)),
moved AS (
    UPDATE ledger.lot SET remaining = lot.remaining - asked.taken, held = lot.held + asked.held
    FROM asked WHERE lot.id = lot_id AND account_id = :account
    RETURNING lot_id, taken
),
noted AS (
    INSERT INTO ledger.lot_move (txn_id, lot_id, amount)
    SELECT CAST(:txn AS bigint), lot_id, taken FROM moved WHERE taken <> 0
)
SELECT count(*) FROM moved
"""
).bindparams(*(bindparam(name, type_=ARRAY(BigInteger)) for name in ("lots", "taken", "held")))
