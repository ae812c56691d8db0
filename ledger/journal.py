"""One database transaction for each request; stored answers; the writing of transactions, refused ones too."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Row, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.errors import KeyConflict
from ledger.requests import PostingResult, Request
from ledger.tables import account, txn

Result = TypeVar("Result")

UNIQUE_VIOLATION, CHECK_VIOLATION = "23505", "23514"
_SERIALIZATION_FAILURE, _DEADLOCK = "40001", "40P01"
_ATTEMPTS = 5

ANSWER = [
    txn.c.id.label("txn_id"),
    *(txn.c[name] for name in PostingResult.model_fields if name in txn.c),
    txn.c.key,
    txn.c.request_hash,
]
"""The columns of a transaction from which its answer is made."""


class Recorded(NamedTuple):
    """A recorded transaction: its key, the currency of its account, and its answer."""

    key: str
    currency: str
    answer: PostingResult


def sqlstate(error: DBAPIError) -> str | None:
    """Return PostgreSQL's code of the error."""
    return getattr(error.orig, "sqlstate", None)


async def settled(engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Do the work in one database transaction; start again if another transaction broke it or the connection was lost.

    Nothing is done twice, since each request finds its own key. If the same request comes twice at once, the second to insert
    its key waits for the first, fails on the unique key, starts again and finds the stored answer.
    """

    async def transaction() -> Result:
        async with engine.begin() as connection:
            return await work(connection)

    return await persistently(transaction, and_on=frozenset({UNIQUE_VIOLATION}))


async def persistently(attempt: Callable[[], Awaitable[Result]], and_on: frozenset[str] = frozenset()) -> Result:
    """Repeat the attempt, up to five times, while another transaction, a lost connection or one of these codes breaks it."""
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
    """Return the stored transactions of these keys of a program, by key."""
    found = await connection.execute(select(*ANSWER).where(txn.c.program == program, txn.c.key.in_(keys)))
    return {row.key: row for row in found}


async def transaction(connection: AsyncConnection, program: str, participant: str, txn_id: int) -> Recorded | None:
    """Return a transaction of a member, or None."""
    mine = (account.c.program == program, account.c.participant == participant)
    columns = (*ANSWER, account.c.currency)
    query = select(*columns).join(account, account.c.id == txn.c.account_id).where(txn.c.id == txn_id, *mine)
    row = (await connection.execute(query)).one_or_none()
    return Recorded(row.key, row.currency, _answer(row, duplicate=False)) if row is not None else None


def check_same(row: Row[Any], request_hash: bytes) -> None:
    """Raise KeyConflict if the stored transaction belongs to another request."""
    if row.request_hash != request_hash:
        raise KeyConflict(row.key)


def answer_again(row: Row[Any], request_hash: bytes) -> PostingResult:
    """Return the stored answer to a repeated request. Raises KeyConflict if the key belongs to another request."""
    check_same(row, request_hash)
    return _answer(row, duplicate=True)


async def write(
    connection: AsyncConnection, request: Request, *, kind: str, account: int | None, **values: Any
) -> PostingResult:
    """Write the transaction of a request and return its answer; the keyword arguments are columns of `txn`."""
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


async def write_row(connection: AsyncConnection, row: dict[str, Any]) -> PostingResult:
    """Write a transaction, given by its columns, and return its answer."""
    return _answer((await connection.execute(insert(txn).values(row).returning(*ANSWER))).one(), duplicate=False)


async def find(connection: AsyncConnection, program: str, key: str, account_id: int) -> Row[Any] | None:
    """Return the posted transaction of an account with this key, or None."""
    mine = (txn.c.program == program, txn.c.key == key, txn.c.account_id == account_id, txn.c.outcome == "posted")
    return (await connection.execute(select(txn).where(*mine))).one_or_none()


def _answer(row: Row[Any], *, duplicate: bool) -> PostingResult:
    return PostingResult(
        **{name: value for name, value in row._mapping.items() if name in PostingResult.model_fields}, duplicate=duplicate
    )
