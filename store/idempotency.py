"""Answered requests: a repeated Idempotency-Key gets the answer that the first one got."""

from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from store.tables import request

_IN_FLIGHT_SECONDS = 60
"""A request unanswered for longer died with its process; what it began is idempotent, so that it may be begun again."""


class Answered(Message):
    """What is known of a key: the fingerprint of its request, and the answer where there is one."""

    fingerprint: str
    status: int | None
    answer: Any
    location: str | None
    abandoned: bool


async def begin(connection: AsyncConnection, person: str, key: str, fingerprint: str) -> Answered | None:
    """Take the key for a new request (None), or learn what it was used for before."""
    written = await connection.execute(
        insert(request).values(person=person, key=key, fingerprint=fingerprint).on_conflict_do_nothing()
    )
    if written.rowcount:
        return None
    found = await find(connection, person, key)
    assert found is not None
    return found


async def find(connection: AsyncConnection, person: str, key: str) -> Answered | None:
    """What is known of a person's key; None for one that they have not used, or that was given back."""
    age = func.clock_timestamp() - request.c.recorded_at
    row = (
        (
            await connection.execute(
                select(
                    request.c.fingerprint,
                    request.c.status,
                    request.c.answer,
                    request.c.location,
                    (age > text(f"interval '{_IN_FLIGHT_SECONDS} seconds'")).label("abandoned"),
                ).where(request.c.person == person, request.c.key == key)
            )
        )
        .mappings()
        .one_or_none()
    )
    return Answered.model_validate(dict(row)) if row is not None else None


async def answer(connection: AsyncConnection, person: str, key: str, status: int, body: Any, location: str | None) -> None:
    """Keep the answer that the caller is about to get."""
    await connection.execute(
        update(request)
        .where(request.c.person == person, request.c.key == key)
        .values(status=status, answer=body, location=location)
    )


async def release(connection: AsyncConnection, person: str, key: str) -> None:
    """Nobody knows whether the request had its effect: it may be sent again at once, and no other one may have its key."""
    await connection.execute(
        update(request)
        .where(request.c.person == person, request.c.key == key, request.c.status.is_(None))
        .values(recorded_at=func.to_timestamp(0))
    )


async def forget(connection: AsyncConnection, person: str, key: str) -> None:
    """Give the key back: the request failed without effect, and may be tried again with it."""
    await connection.execute(
        request.delete().where(request.c.person == person, request.c.key == key, request.c.status.is_(None))
    )
