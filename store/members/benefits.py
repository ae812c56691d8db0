"""Benefits that members were given: by joining, by a tier, by staying in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from store.tables import benefit_grant


class BenefitGrant(Message):
    """A benefit as it was given: its name then, the tier that the member had, and the points that it brought, if any."""

    benefit: str
    name: str
    occasion: Literal["joining", "tier", "renewal"]
    tier: str
    points: int | None
    at: datetime


_COLUMNS = [benefit_grant.c[name] for name in BenefitGrant.model_fields]


async def grant(connection: AsyncConnection, program: str, participant: str, grants: Sequence[BenefitGrant]) -> None:
    """Keep what a member was given; a repetition changes nothing."""
    rows = [{"program": program, "participant": participant, **each.model_dump()} for each in grants]
    if rows:
        await connection.execute(insert(benefit_grant).values(rows).on_conflict_do_nothing())


async def of_member(connection: AsyncConnection, program: str, participant: str) -> Sequence[BenefitGrant]:
    """What a member was given, oldest first."""
    rows = await connection.execute(
        select(*_COLUMNS)
        .where(benefit_grant.c.program == program, benefit_grant.c.participant == participant)
        .order_by(benefit_grant.c.at, benefit_grant.c.benefit)
    )
    return [BenefitGrant.model_validate(dict(row)) for row in rows.mappings()]
