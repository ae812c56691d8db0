"""Who is outside the program and compared with its members: who is held out, and what they and former members buy."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from store.tables import held_out, outside_event


class HeldOut(Message):
    """Somebody who would have joined, and is held out since then."""

    participant: str
    since: datetime


class ControlPurchase(Message):
    """A purchase outside the program, in units of its money; `fingerprint` tells it from another one under the same key."""

    key: str
    participant: str
    occurred_at: datetime
    amount: Decimal
    fingerprint: bytes


def fingerprint(participant: str, event: str) -> bytes:
    """The fingerprint of an event: of its participant, and of the event's own text."""
    return hashlib.sha256(f"{participant}\n{event}".encode()).digest()


async def hold_out(connection: AsyncConnection, program: str, participant: str, at: datetime) -> None:
    """Keep that somebody would have joined and is held out; whoever is already stays so since then."""
    row = {"program": program, "participant": participant, "since": at}
    await connection.execute(insert(held_out).values(row).on_conflict_do_nothing())


async def held_out_after(connection: AsyncConnection, program: str, after: str, limit: int) -> Sequence[HeldOut]:
    """The next of those who are held out, by reference."""
    rows = await connection.execute(
        select(held_out.c.participant, held_out.c.since)
        .where(held_out.c.program == program, held_out.c.participant > after)
        .order_by(held_out.c.participant)
        .limit(limit)
    )
    return [HeldOut.model_validate(dict(row)) for row in rows.mappings()]


async def held_out_since(connection: AsyncConnection, program: str, participants: Collection[str]) -> Mapping[str, datetime]:
    """Since when those of the participants who are held out are so."""
    asked = bindparam("participants", list(participants), type_=ARRAY(Text))
    query = select(held_out.c.participant, held_out.c.since).where(
        held_out.c.program == program, held_out.c.participant == any_(asked)
    )
    return {row.participant: row.since for row in await connection.execute(query)}


async def count_held_out(connection: AsyncConnection, program: str) -> int:
    """How many would have joined and are held out."""
    mine = held_out.c.program == program
    return int(await connection.scalar(select(func.count()).select_from(held_out).where(mine)) or 0)


async def keep(connection: AsyncConnection, program: str, events: Sequence[ControlPurchase]) -> frozenset[str]:
    """Keep events; the keys of those that were new. What is there already, under the same key, stays as it is."""
    if not events:
        return frozenset()
    # In one order for all, so that two lists with the same keys in them wait for each other and never in a circle.
    rows = [{"program": program, **dict(event)} for event in sorted(events, key=lambda event: event.key)]
    written = await connection.scalars(insert(outside_event).on_conflict_do_nothing().returning(outside_event.c.key), rows)
    return frozenset(written)


async def stored(connection: AsyncConnection, program: str, keys: Sequence[str]) -> Mapping[str, ControlPurchase]:
    """Those of these keys under which something is kept."""
    columns = [outside_event.c[name] for name in ControlPurchase.model_fields]
    asked = bindparam("keys", list(keys), type_=ARRAY(Text))
    query = select(*columns).where(outside_event.c.program == program, outside_event.c.key == any_(asked))
    rows = (await connection.execute(query)).mappings()
    return {row["key"]: ControlPurchase.model_validate(dict(row)) for row in rows}
