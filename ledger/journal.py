"""One database transaction for each request; the answers that requests already got; the answers that refuse."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Row, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.errors import KeyConflict
from ledger.requests import Answer, Request
from ledger.tables import account, txn

Result = TypeVar("Result")

UNIQUE_VIOLATION, CHECK_VIOLATION = "23505", "23514"
_SERIALIZATION_FAILURE, _DEADLOCK = "40001", "40P01"
_ATTEMPTS = 5

ANSWER = [
    txn.c.id.label("txn_id"),
    *(txn.c[name] for name in Answer.model_fields if name in txn.c),
    txn.c.key,
    txn.c.request_hash,
]
"""The columns of a transaction that make its answer."""


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's code of the error."""
    return getattr(error.orig, "sqlstate", None)


async def settled(engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Do the work in one database transaction, again from the start if another one came in its way or the connection was lost.

    Nothing is done twice, since each request finds its own key. The same request sent twice at once is such a case: the second
    to insert its key waits for the first, fails on the unique key, and finds the stored answer when it starts again.
    """

    async def transaction() -> Result:
        async with engine.begin() as connection:
            return await work(connection)

    return await persistently(transaction, and_on=frozenset({UNIQUE_VIOLATION}))


async def persistently(attempt: Callable[[], Awaitable[Result]], and_on: frozenset[str] = frozenset()) -> Result:
    """Make attempts until one is not broken off by another transaction or a lost connection, nor by an error of these codes."""
    number = 1
    while True:
        try:
            return await attempt()
        except DBAPIError as error:
            again = sqlstate(error) in {_SERIALIZATION_FAILURE, _DEADLOCK} | and_on
            if not (again or error.connection_invalidated) or number == _ATTEMPTS:
                raise
        number += 1


async def stored(connection: AsyncConnection, program: str, keys: Sequence[str]) -> dict[str, Row[Any]]:
    """The transactions that these keys of a program already have."""
    found = await connection.execute(select(*ANSWER).where(txn.c.program == program, txn.c.key.in_(keys)))
    return {row.key: row for row in found}


async def transaction(connection: AsyncConnection, program: str, participant: str, txn_id: int) -> Answer | None:
    """One transaction of a member."""
    mine = (account.c.program == program, account.c.participant == participant)
    query = select(*ANSWER).join(account, account.c.id == txn.c.account_id).where(txn.c.id == txn_id, *mine)
    row = (await connection.execute(query)).one_or_none()
    return _answer(row, duplicate=False) if row is not None else None


class Entered(NamedTuple):
    """By what later requests name a transaction: its key and its currency; what it was, and when it took effect."""

    key: str
    currency: str
    kind: str
    effective_at: datetime


async def entered(connection: AsyncConnection, program: str, participant: str, txn_id: int) -> Entered | None:
    """How one transaction of a member is named."""
    mine = (account.c.program == program, account.c.participant == participant)
    columns = (txn.c.key, account.c.currency, txn.c.kind, txn.c.effective_at)
    query = select(*columns).join(account, account.c.id == txn.c.account_id).where(txn.c.id == txn_id, *mine)
    row = (await connection.execute(query)).one_or_none()
    return Entered(*row) if row is not None else None


def check_same(row: Row[Any], request_hash: bytes) -> None:
    """Raise KeyConflict if the stored transaction was that of another request."""
    if row.request_hash != request_hash:
        raise KeyConflict(row.key)


def answer_again(row: Row[Any], request_hash: bytes) -> Answer:
    """The answer of a request that came before. Raises KeyConflict if it was another request that had this key."""
    check_same(row, request_hash)
    return _answer(row, duplicate=True)


async def write(connection: AsyncConnection, request: Request, *, kind: str, account: int | None, **values: Any) -> Answer:
    """Write the transaction of a request, with its answer; the keyword arguments are columns of `txn`."""
    row = {
        "program": request.program,
        "key": request.key,
        "request_hash": request.hash(),
        "kind": kind,
        "account_id": account,
        "details": request.details,
        "effective_at": request.effective_at,
    }
    return await write_row(connection, row | values)


async def write_row(connection: AsyncConnection, row: dict[str, Any]) -> Answer:
    """Write a transaction, given by its columns; its answer."""
    return _answer((await connection.execute(insert(txn).values(row).returning(*ANSWER))).one(), duplicate=False)


async def find(connection: AsyncConnection, program: str, key: str, account_id: int) -> Row[Any] | None:
    """The posted transaction of an account that has this key."""
    mine = (txn.c.program == program, txn.c.key == key, txn.c.account_id == account_id, txn.c.outcome == "posted")
    return (await connection.execute(select(txn).where(*mine))).one_or_none()


def _answer(row: Row[Any], *, duplicate: bool) -> Answer:
    return Answer(**{name: value for name, value in row._mapping.items() if name in Answer.model_fields}, duplicate=duplicate)
