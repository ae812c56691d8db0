"""The offers to members who had fallen silent, and how each ended."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from store.tables import intervention, member


class Intervention(Message):
    """An offer to a member who had fallen silent; `outcome` is None while their answer is waited for."""

    id: str
    program: str
    participant: str
    points: int
    message: str
    delivered_at: datetime
    due: datetime
    outcome: str | None = None
    closed_at: datetime | None = None


async def open_intervention(connection: AsyncConnection, delivered: Intervention) -> None:
    """Keep an offer that was made; a repetition changes nothing."""
    written = await connection.execute(insert(intervention).values(delivered.model_dump()).on_conflict_do_nothing())
    if written.rowcount:
        await connection.execute(
            update(member)
            .where(
                member.c.program == delivered.program,
                member.c.participant == delivered.participant,
                member.c.status == "active",
            )
            .values(open_intervention=delivered.id)
        )


async def find_intervention(connection: AsyncConnection, intervention_id: str) -> Intervention | None:
    columns = [intervention.c[name] for name in Intervention.model_fields]
    row = (await connection.execute(select(*columns).where(intervention.c.id == intervention_id))).mappings().one_or_none()
    return Intervention.model_validate(dict(row)) if row is not None else None


async def close_intervention(connection: AsyncConnection, closing: Intervention, outcome: str, at: datetime) -> None:
    """Keep how an intervention ended; a repetition changes nothing."""
    await connection.execute(
        update(intervention)
        .where(intervention.c.id == closing.id, intervention.c.outcome.is_(None))
        .values(outcome=outcome, closed_at=at)
    )
    await connection.execute(
        update(member)
        .where(
            member.c.program == closing.program,
            member.c.participant == closing.participant,
            member.c.open_intervention == closing.id,
        )
        .values(open_intervention=None)
    )


async def counts(connection: AsyncConnection, program: str) -> dict[str, int]:
    """How many interventions there are by outcome; `open` ones are still waiting."""
    outcome = func.coalesce(intervention.c.outcome, "open")
    rows = await connection.execute(select(outcome, func.count()).where(intervention.c.program == program).group_by(outcome))
    return {row[0]: row[1] for row in rows}
