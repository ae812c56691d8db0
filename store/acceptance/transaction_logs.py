"""Transaction logs: real purchases that prototypes are run on."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.definition.acceptance import PrototypePhase
from domain.definition.document import Definition
from domain.model import Message
from store.errors import LogDiffers, LogUnknown
from store.tables import transaction_log, transaction_row

_PAGE = 5_000


class LogRow(NamedTuple):
    """One purchase of a log; the amount is in units of money."""

    customer: str
    at: datetime
    amount: Decimal


class LogRecord(Message):
    """A log that is kept: how many rows it has, and the SHA-256 of them."""

    name: str
    rows: int
    digest: str
    recorded_at: datetime


async def load(connection: AsyncConnection, name: str, rows: Sequence[LogRow]) -> int:
    """Keep a log whole; how many rows it has. The same rows under the same name change nothing, other rows raise LogDiffers."""
    digest = sha256("\n".join(f"{row.customer},{row.at.isoformat()},{row.amount}" for row in rows).encode()).hexdigest()
    written = await connection.execute(
        insert(transaction_log).values(name=name, digest=digest, rows=len(rows)).on_conflict_do_nothing()
    )
    if not written.rowcount:
        there = await connection.scalar(select(transaction_log.c.digest).where(transaction_log.c.name == name))
        if there != digest:
            raise LogDiffers(name)
        return len(rows)
    for start in range(0, len(rows), _PAGE):
        page = [
            {"log": name, "number": number, "customer": row.customer, "at": row.at, "amount": row.amount}
            for number, row in enumerate(rows[start : start + _PAGE], start)
        ]
        await connection.execute(insert(transaction_row), page)
    return len(rows)


async def find(connection: AsyncConnection, name: str) -> LogRecord:
    """A log by its name. Raises LogUnknown."""
    columns = [transaction_log.c[field] for field in LogRecord.model_fields]
    row = (await connection.execute(select(*columns).where(transaction_log.c.name == name))).mappings().one_or_none()
    if row is None:
        raise LogUnknown(name)
    return LogRecord.model_validate(dict(row))


async def listed(connection: AsyncConnection, after: str, limit: int) -> Sequence[LogRecord]:
    """Logs by name, from the one after `after` on."""
    columns = [transaction_log.c[field] for field in LogRecord.model_fields]
    rows = await connection.execute(
        select(*columns).where(transaction_log.c.name > after).order_by(transaction_log.c.name).limit(limit)
    )
    return [LogRecord.model_validate(dict(row)) for row in rows.mappings()]


async def require(connection: AsyncConnection, name: str, field: str = "prototype.transactions") -> None:
    """Raises LogUnknown where there is no log of this name; `field` is what names it."""
    if await connection.scalar(select(transaction_log.c.name).where(transaction_log.c.name == name)) is None:
        raise LogUnknown(name, field)


async def require_all_of(connection: AsyncConnection, definition: Definition) -> None:
    """Raises LogUnknown for the first log that the definition names and that was never loaded."""
    await require(connection, definition.prototype.transactions)
    for number, phase in enumerate(definition.test_phases):
        if isinstance(phase, PrototypePhase):
            await require(connection, phase.transactions, f"test_phases[{number}].transactions")


async def read(connection: AsyncConnection, name: str) -> Sequence[LogRow]:
    """The log's rows in the order of their instants. Raises LogUnknown."""
    await require(connection, name)
    rows = await connection.execute(
        select(transaction_row.c.customer, transaction_row.c.at, transaction_row.c.amount)
        .where(transaction_row.c.log == name)
        .order_by(transaction_row.c.at, transaction_row.c.number)
    )
    return [LogRow(*row) for row in rows]
