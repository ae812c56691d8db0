"""What people bought who were no members then: kept once by its key, for the comparison with the holdout."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from store.tables import outside_event


class OutsideEvent(Message):
    """One purchase of somebody who is no member, in units of the program's money; `fingerprint` tells it from another one."""

    key: str
    participant: str
    occurred_at: datetime
    amount: Decimal
    held_out: bool
    fingerprint: bytes


def fingerprint(participant: str, event: str) -> bytes:
    """What tells an event from another one under the same key: of its participant, and of the event's own fingerprint."""
    return hashlib.sha256(f"{participant}\n{event}".encode()).digest()


async def keep(connection: AsyncConnection, program: str, events: Sequence[OutsideEvent]) -> frozenset[str]:
    """Keep events; the keys of those that were new. What is there already, under the same key, stays as it is."""
    if not events:
        return frozenset()
    # In one order for all, so that two lists with the same keys in them wait for each other and never in a circle.
    rows = [{"program": program, **dict(event)} for event in sorted(events, key=lambda event: event.key)]
    written = await connection.scalars(insert(outside_event).on_conflict_do_nothing().returning(outside_event.c.key), rows)
    return frozenset(written)


async def stored(connection: AsyncConnection, program: str, keys: Sequence[str]) -> Mapping[str, OutsideEvent]:
    """Those of these keys under which something is kept."""
    columns = [outside_event.c[name] for name in OutsideEvent.model_fields]
    asked = bindparam("keys", list(keys), type_=ARRAY(Text))
    query = select(*columns).where(outside_event.c.program == program, outside_event.c.key == any_(asked))
    rows = (await connection.execute(query)).mappings()
    return {row["key"]: OutsideEvent.model_validate(dict(row)) for row in rows}
