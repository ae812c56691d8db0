"""The outbox: nudges to workflows, written in the transaction of their cause; the relay sends each at least once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.message_names import NUDGE
from ledger.tables import outbox

CHANNEL = "tenure_outbox"
"""The channel of the database's notification that new nudges wait."""


class Waiting(NamedTuple):
    """A nudge to send: the workflow and the signal."""

    id: int
    workflow_id: str
    signal: str
    created_at: datetime


async def put(connection: AsyncConnection, workflow_ids: Iterable[str], signal: str = NUDGE) -> None:
    """Enqueue signals to these workflows, to be sent once the caller's transaction is committed."""
    rows = [{"workflow_id": workflow_id, "signal": signal} for workflow_id in workflow_ids]
    if rows:
        await connection.execute(insert(outbox), rows)


async def claim(connection: AsyncConnection, limit: int) -> list[Waiting]:
    """Return the oldest nudges that no other relay has claimed, locked until the caller's transaction ends.

    The query filters by `sent_at` and not by "after the last id": a lower id may be committed later.
    """
    columns = [outbox.c[name] for name in Waiting._fields]
    unsent = select(*columns).where(outbox.c.sent_at.is_(None)).order_by(outbox.c.id).limit(limit)
    return [Waiting(*row) for row in await connection.execute(unsent.with_for_update(skip_locked=True))]


async def mark_sent(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Mark these nudges as sent, or as impossible to send (their workflow is gone)."""
    await connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(sent_at=func.now()))


async def clear_sent(connection: AsyncConnection, before: datetime) -> int:
    """Delete the nudges sent before the instant; return how many."""
    return (await connection.execute(delete(outbox).where(outbox.c.sent_at < before))).rowcount
