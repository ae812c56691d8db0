"""Notices as they are kept: posted with what they tell of, handed to their delivery, settled, and sent again on demand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import CursorResult, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import TenureError
from domain.model import Message
from domain.notices.gate_notices import (
    Channel,
    GateNotice,
    NoticeKind,
    Routing,
    every_role,
    notice_id,
    payload,
    payload_of_test,
    written,
    written_test,
)
from store.tables import notice as table

State = Literal["waiting", "delivered", "dead"]


class NoticeUnknown(TenureError):
    """No notice of this id was posted, or it was delivered so long ago that it is cleared away."""

    code = "notice_unknown"
    category = "not_found"
    title = "There is no such notice"

    def __init__(self, notice: str) -> None:
        super().__init__(
            f"There is no notice {notice!r}.", remedy="List the notices and take an id from there.", field="notice"
        )


class NoticeNotDead(TenureError):
    """A notice is tried until it is delivered or given up; what is given up can be sent again."""

    code = "notice_not_dead"
    category = "conflict"
    title = "Only what could not be delivered is sent again"

    def __init__(self, notice: str, state: str) -> None:
        super().__init__(
            f"The notice {notice!r} is {state}.",
            remedy="Wait for its delivery." if state == "waiting" else "Nothing is left to do: it has been delivered.",
            field="notice",
        )


class NoticeRecord(Message):
    """A notice to one recipient; `attempts` counts those of all rounds, `last_error` is the last one's, and stays."""

    number: int
    id: str
    program: str | None
    gate: str | None
    kind: NoticeKind
    channel: Channel
    recipient: str
    subject: str
    body: str
    state: State
    round: int
    attempts: int
    last_error: str | None
    created_at: datetime
    settled_at: datetime | None


_COLUMNS = [table.c[name] for name in NoticeRecord.model_fields]
# Written out, so that it is plain to the database that the partial index on it serves.
_TO_BE_STARTED = text("notice.state = 'waiting' AND notice.started_at IS NULL")


async def post(connection: AsyncConnection, notice: GateNotice, routing: Routing) -> None:
    """Have something told of a gate once the caller's transaction is committed; posted again, it changes nothing."""
    program = notice.state.subject.program
    words = written(notice, routing.public_url)
    as_json = payload(notice, words, routing.public_url)
    rows = [
        {
            "id": notice_id(notice.state.id, notice.kind, notice.number, channel, recipient),
            "program": program,
            "gate": notice.state.id,
            "kind": notice.kind,
            "channel": channel,
            "recipient": recipient,
            "subject": words.subject,
            "body": as_json if channel == "webhook" else words.body,
            "created_at": notice.at,
        }
        for channel, recipient in routing.of(notice.roles, program)
    ]
    await _insert(connection, rows)


async def post_test(connection: AsyncConnection, key: str, at: datetime, routing: Routing) -> list[str]:
    """Have a test told by every channel to every recipient, once for each `key`; the ids of the notices."""
    words = written_test(at)
    rows = [
        {
            "id": notice_id(key, "test", 1, channel, recipient),
            "kind": "test",
            "channel": channel,
            "recipient": recipient,
            "subject": words.subject,
            "body": payload_of_test(at, words) if channel == "webhook" else words.body,
            "created_at": at,
        }
        for channel, recipient in routing.of(every_role(), None)
    ]
    await _insert(connection, rows)
    return [str(row["id"]) for row in rows]


async def _insert(connection: AsyncConnection, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        await connection.execute(insert(table).values(rows).on_conflict_do_nothing(index_elements=["id"]))


async def claim(connection: AsyncConnection, limit: int) -> list[NoticeRecord]:
    """The oldest notices whose delivery has not been started, locked until the caller's transaction ends."""
    waiting = select(*_COLUMNS).where(_TO_BE_STARTED).order_by(table.c.number).limit(limit)
    return _records(await connection.execute(waiting.with_for_update(skip_locked=True)))


async def mark_started(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Note that these notices' deliveries run."""
    await connection.execute(update(table).where(table.c.id.in_(ids)).values(started_at=func.now()))


async def begin_attempt(connection: AsyncConnection, notice: str, round_: int) -> NoticeRecord | None:
    """Count an attempt; the notice, or None where this round of it waits no more."""
    begun = (
        update(table)
        .where(table.c.id == notice, table.c.round == round_, table.c.state == "waiting")
        .values(attempts=table.c.attempts + 1)
        .returning(*_COLUMNS)
    )
    return next(iter(_records(await connection.execute(begun))), None)


async def note_error(connection: AsyncConnection, notice: str, round_: int, error: str) -> None:
    """Keep why the last attempt failed."""
    await connection.execute(update(table).where(table.c.id == notice, table.c.round == round_).values(last_error=error))


async def settle(
    connection: AsyncConnection, notice: str, round_: int, state: Literal["delivered", "dead"], at: datetime, error: str = ""
) -> None:
    """Note how a round ended, with `error` where no attempt has left one; one that is settled stays so."""
    waits = (table.c.id == notice) & (table.c.round == round_) & (table.c.state == "waiting")
    last_error = func.coalesce(table.c.last_error, error or None)
    await connection.execute(update(table).where(waits).values(state=state, settled_at=at, last_error=last_error))


async def replay(connection: AsyncConnection, notice: str) -> NoticeRecord:
    """Have a dead notice delivered after all, in a further round. Raises NoticeUnknown, NoticeNotDead."""
    again = {"state": "waiting", "round": table.c.round + 1, "started_at": None, "settled_at": None}
    is_dead = (table.c.id == notice) & (table.c.state == "dead")
    changed = _records(await connection.execute(update(table).where(is_dead).values(again).returning(*_COLUMNS)))
    if not changed:
        raise NoticeNotDead(notice, (await find(connection, notice)).state)
    return changed[0]


async def find(connection: AsyncConnection, notice: str) -> NoticeRecord:
    """The notice by its id. Raises NoticeUnknown."""
    found = _records(await connection.execute(select(*_COLUMNS).where(table.c.id == notice)))
    if not found:
        raise NoticeUnknown(notice)
    return found[0]


async def listed(
    connection: AsyncConnection, *, state: State | None, program: str | None, before: int | None, limit: int
) -> Sequence[NoticeRecord]:
    """Notices, the newest first: in one state or in any, of one program or of all, those with a lower number than `before`."""
    query = select(*_COLUMNS).order_by(table.c.number.desc()).limit(limit)
    if state is not None:
        query = query.where(table.c.state == state)
    if program is not None:
        query = query.where(table.c.program == program)
    if before is not None:
        query = query.where(table.c.number < before)
    return _records(await connection.execute(query))


async def clear_delivered(connection: AsyncConnection, before: datetime) -> int:
    """Delete what was delivered before the instant, addresses included; how many."""
    gone = delete(table).where(table.c.state == "delivered", table.c.settled_at < before)
    return (await connection.execute(gone)).rowcount


def _records(rows: CursorResult[Any]) -> list[NoticeRecord]:
    return [NoticeRecord.model_validate(dict(row)) for row in rows.mappings()]
