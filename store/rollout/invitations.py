"""Who was invited to a program, and who of them has joined."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from store.tables import invitation


class Invitation(Message):
    """An invitation; `accepted_at` is None while the one invited has not joined."""

    participant: str
    invited_by: str
    invited_at: datetime
    accepted_at: datetime | None


_COLUMNS = [invitation.c[name] for name in Invitation.model_fields]


async def invite(connection: AsyncConnection, program: str, participants: Sequence[str], by: str, at: datetime) -> int:
    """Invite participants; who has been invited already stays so. How many were new."""
    rows = [{"program": program, "participant": each, "invited_by": by, "invited_at": at} for each in participants]
    # In one order for all, so that two lists with the same people in them wait for each other and never in a circle.
    rows.sort(key=lambda row: str(row["participant"]))
    written = await connection.execute(insert(invitation).on_conflict_do_nothing().returning(invitation.c.participant), rows)
    return len(written.all())


async def is_invited(connection: AsyncConnection, program: str, participant: str) -> bool:
    found = await connection.scalar(
        select(invitation.c.participant).where(invitation.c.program == program, invitation.c.participant == participant)
    )
    return found is not None


async def accept(connection: AsyncConnection, program: str, participant: str, at: datetime) -> None:
    """Note that who was invited has joined; nothing for who was not, or has joined before."""
    await connection.execute(
        update(invitation)
        .where(invitation.c.program == program, invitation.c.participant == participant, invitation.c.accepted_at.is_(None))
        .values(accepted_at=at)
    )


async def after(connection: AsyncConnection, program: str, participant: str, limit: int) -> Sequence[Invitation]:
    """The next `limit` invitations by reference, after this one."""
    rows = await connection.execute(
        select(*_COLUMNS)
        .where(invitation.c.program == program, invitation.c.participant > participant)
        .order_by(invitation.c.participant)
        .limit(limit)
    )
    return [Invitation.model_validate(dict(row)) for row in rows.mappings()]


async def counts(connection: AsyncConnection, program: str) -> tuple[int, int]:
    """How many were invited, and how many of them have joined."""
    row = (
        await connection.execute(
            select(func.count(), func.count(invitation.c.accepted_at)).where(invitation.c.program == program)
        )
    ).one()
    return row[0], row[1]
