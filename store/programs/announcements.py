"""What members, those invited and partners are to be told of amendments and of the end, for whoever writes to them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from store.tables import announcement

END = "end"
"""What is told of a program's end; what is told of an amendment is about its revision."""


ANNOUNCED, RECALLED = "amendment", "amendment-recalled"
"""What is told of an amendment: from when on it is in force; that it will not be."""


class NoticeRecord(Message):
    """Something to be told to somebody, by reference; the ids rise in the order of writing."""

    id: int
    audience: str
    recipient: str
    kind: str
    at: datetime
    told: dict[str, Any]


_COLUMNS = [announcement.c[name] for name in NoticeRecord.model_fields]


def of_amendment(number: int, compared_with: int | None, effective_from: datetime | None) -> dict[str, Any]:
    """What members are told of an amendment; what changes is told from the two revisions, once for all of them."""
    at = effective_from.isoformat() if effective_from is not None else None
    return {"revision": number, "compared_with": compared_with, "effective_from": at}


def about_revision(number: int) -> str:
    """What the notices of an amendment are about."""
    return f"r{number}"


async def record_announcements(
    connection: AsyncConnection,
    program_id: str,
    about: str,
    audience: str,
    kind: str,
    at: datetime,
    recipients: Mapping[str, Mapping[str, Any]],
) -> int:
    """Write what these recipients are to be told; who has been told of this kind already is left out. How many were new."""
    if not recipients:
        return 0
    written = await connection.execute(
        text(_RECORD).bindparams(bindparam("recipients", type_=ARRAY(Text)), bindparam("told", type_=ARRAY(Text))),
        {
            "program": program_id,
            "about": about,
            "audience": audience,
            "kind": kind,
            "at": at,
            "recipients": list(recipients),
            "told": [_json(each) for each in recipients.values()],
        },
    )
    return written.rowcount


async def record_member_announcements(
    connection: AsyncConnection, program_id: str, about: str, kind: str, at: datetime, details: Mapping[str, Any]
) -> int:
    """Write the same to every active member; how many were new. One statement, however many there are."""
    return await _record_from(connection, _RECORD_MEMBERS, program_id, about, kind, at, details)


async def record_invited_announcements(
    connection: AsyncConnection, program_id: str, about: str, kind: str, at: datetime, details: Mapping[str, Any]
) -> int:
    """Write the same to everybody who was invited and has not joined; how many were new."""
    return await _record_from(connection, _RECORD_INVITED, program_id, about, kind, at, details)


async def record_announcements_to_informed(
    connection: AsyncConnection, program_id: str, about: str, kind: str, at: datetime, details: Mapping[str, Any]
) -> int:
    """Write the same to every member who is still active and was told something about this before; how many were new."""
    return await _record_from(connection, _RECORD_INFORMED, program_id, about, kind, at, details)


async def notices(connection: AsyncConnection, program_id: str, about: str, after: int, limit: int) -> Sequence[NoticeRecord]:
    """The next notices about this, in the order in which they were written."""
    rows = await connection.execute(
        select(*_COLUMNS)
        .where(announcement.c.program == program_id, announcement.c.about == about, announcement.c.id > after)
        .order_by(announcement.c.id)
        .limit(limit)
    )
    return [NoticeRecord.model_validate(dict(row)) for row in rows.mappings()]


async def noticed(connection: AsyncConnection, program_id: str, about: str) -> dict[str, int]:
    """How many notices about this there are of each kind."""
    rows = await connection.execute(
        select(announcement.c.kind, func.count())
        .where(announcement.c.program == program_id, announcement.c.about == about)
        .group_by(announcement.c.kind)
        .order_by(announcement.c.kind)
    )
    return {row[0]: row[1] for row in rows}


async def _record_from(
    connection: AsyncConnection,
    statement: str,
    program_id: str,
    about: str,
    kind: str,
    at: datetime,
    details: Mapping[str, Any],
) -> int:
    asked = {"program": program_id, "about": about, "kind": kind, "at": at, "told": _json(details)}
    written = await connection.execute(text(statement), asked)
    return written.rowcount


def _json(details: Mapping[str, Any]) -> str:
    return json.dumps(details, default=str)


_RECORD = """
INSERT INTO store.announcement (program, about, audience, recipient, kind, at, told)
SELECT
    CAST(:program AS text), CAST(:about AS text), CAST(:audience AS text), recipient, CAST(:kind AS text),
    CAST(:at AS timestamptz), CAST(told AS jsonb)
FROM unnest(:recipients, :told) AS asked (recipient, told)
ON CONFLICT ON CONSTRAINT announcement_once DO NOTHING
"""
_RECORD_MEMBERS = """
INSERT INTO store.announcement (program, about, audience, recipient, kind, at, told)
SELECT program, CAST(:about AS text), 'member', participant,
    CAST(:kind AS text), CAST(:at AS timestamptz), CAST(:told AS jsonb)
FROM store.member WHERE program = :program AND status = 'active' ORDER BY participant
ON CONFLICT ON CONSTRAINT announcement_once DO NOTHING
"""
_RECORD_INVITED = """
INSERT INTO store.announcement (program, about, audience, recipient, kind, at, told)
SELECT program, CAST(:about AS text), 'invited', participant,
    CAST(:kind AS text), CAST(:at AS timestamptz), CAST(:told AS jsonb)
FROM store.invitation WHERE program = :program AND accepted_at IS NULL ORDER BY participant
ON CONFLICT ON CONSTRAINT announcement_once DO NOTHING
"""
_RECORD_INFORMED = """
INSERT INTO store.announcement (program, about, audience, recipient, kind, at, told)
SELECT program, CAST(:about AS text), 'member', participant,
    CAST(:kind AS text), CAST(:at AS timestamptz), CAST(:told AS jsonb)
FROM store.member WHERE program = :program AND status = 'active' AND EXISTS (
    SELECT FROM store.announcement AS before
    WHERE before.program = member.program AND before.about = :about AND before.audience = 'member'
        AND before.recipient = member.participant
) ORDER BY participant
ON CONFLICT ON CONSTRAINT announcement_once DO NOTHING
"""
