"""The outbox: nudges to workflows, written with what they tell of, claimed and sent by the relay at least once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.tables import outbox

CHANNEL = "tenure_outbox"
"""What the database notifies when something new waits."""


class Waiting(NamedTuple):
    """A nudge to send: to which workflow, by which signal."""

    id: int
    workflow_id: str
    signal: str
    created_at: datetime


async def put(connection: AsyncConnection, workflow_ids: Iterable[str], signal: str = "nudge") -> None:
    """Have these workflows signalled once the caller's transaction is committed."""
    rows = [{"workflow_id": workflow_id, "signal": signal} for workflow_id in workflow_ids]
    if rows:
        await connection.execute(insert(outbox), rows)


async def claim(connection: AsyncConnection, limit: int) -> list[Waiting]:
    """The oldest nudges that nobody else has claimed, locked until the caller's transaction ends.

    They are asked for by what is unsent and never by "after the last id": a lower id may be committed later.
    """
    columns = [outbox.c[name] for name in Waiting._fields]
    unsent = select(*columns).where(outbox.c.sent_at.is_(None)).order_by(outbox.c.id).limit(limit)
    return [Waiting(*row) for row in await connection.execute(unsent.with_for_update(skip_locked=True))]


async def mark_sent(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Note that these nudges were sent, or can never be (their workflow is gone)."""
    await connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(sent_at=func.now()))


async def clear_sent(connection: AsyncConnection, before: datetime) -> int:
    """Delete what was sent before the instant; how many."""
    return (await connection.execute(delete(outbox).where(outbox.c.sent_at < before))).rowcount
