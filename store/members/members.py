"""Members: who is in a program, and at which tier."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text, and_, any_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.members.errors import MemberUnknown
from domain.members.membership import Membership
from domain.members.tiers import TierStatus
from domain.model import Message
from domain.programs.stages import JourneyStage, MemberStatus
from store.errors import PersonalDataErased
from store.tables import member, tier_change
from store.tables import program as programs


class MemberRecord(Membership):
    """A membership, with what the store alone needs to know of it."""

    open_intervention: str | None
    left_at: datetime | None

    @property
    def tier_status(self) -> TierStatus:
        return TierStatus(tier=self.tier, since=self.tier_since, until=self.tier_until)


class TierChange(Message):
    change: str
    from_tier: str | None
    to_tier: str
    at: datetime


_COLUMNS = [member.c[name] for name in MemberRecord.model_fields]


async def establish(connection: AsyncConnection, joining: Membership) -> None:
    """Write a new member; a repetition changes nothing."""
    written = await connection.execute(insert(member).values(joining.model_dump()).on_conflict_do_nothing())
    if written.rowcount:
        await connection.execute(
            insert(tier_change).values(
                program=joining.program,
                participant=joining.participant,
                change="joined",
                to_tier=joining.tier,
                at=joining.joined_at,
            )
        )


async def find(connection: AsyncConnection, program: str, participant: str) -> MemberRecord:
    """The member by their reference. Raises MemberUnknown, and PersonalDataErased some time after the program's end."""
    query = select(*_COLUMNS).where(_is_member(program, participant))
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        erased_at = await connection.scalar(select(programs.c.data_erased_at).where(programs.c.id == program))
        if erased_at is not None:
            raise PersonalDataErased(program, erased_at)
        raise MemberUnknown(program, participant)
    return MemberRecord.model_validate(dict(row))


async def find_many(connection: AsyncConnection, program: str, participants: Collection[str]) -> dict[str, MemberRecord]:
    """Those of the participants who are members, by reference; one query, however many are asked for."""
    asked = bindparam("participants", list(participants), type_=ARRAY(Text))
    query = select(*_COLUMNS).where(member.c.program == program, member.c.participant == any_(asked))
    rows = (await connection.execute(query)).mappings()
    return {row["participant"]: MemberRecord.model_validate(dict(row)) for row in rows}


async def listed(
    connection: AsyncConnection,
    program: str,
    *,
    tier: str | None = None,
    status: MemberStatus | None = None,
    after: str = "",
    limit: int | None = None,
) -> Sequence[MemberRecord]:
    """A program's members by reference, from the one after `after` on: all, or those of a tier, of a status."""
    query = select(*_COLUMNS).where(member.c.program == program, member.c.participant > after)
    if tier is not None:
        query = query.where(member.c.tier == tier)
    if status is not None:
        query = query.where(member.c.status == status)
    rows = await connection.execute(query.order_by(member.c.participant).limit(limit))
    return [MemberRecord.model_validate(dict(row)) for row in rows.mappings()]


async def move(connection: AsyncConnection, before: MemberRecord, tier_status: TierStatus, change: str, at: datetime) -> None:
    """Give a member another standing, and keep the change; nothing where their standing is no longer as it was `before`."""
    as_before = (
        member.c.status == "active",
        member.c.tier == before.tier,
        member.c.tier_since == before.tier_since,
        member.c.tier_until.is_not_distinct_from(before.tier_until),
    )
    moved = await connection.execute(
        update(member)
        .where(_is_member(before.program, before.participant), *as_before)
        .values(tier=tier_status.tier, tier_since=tier_status.since, tier_until=tier_status.until)
    )
    if not moved.rowcount:
        return
    await connection.execute(
        insert(tier_change).values(
            program=before.program,
            participant=before.participant,
            change=change,
            from_tier=before.tier,
            to_tier=tier_status.tier,
            at=at,
        )
    )


async def set_judged_by(connection: AsyncConnection, program: str, participant: str, revision: int | None) -> None:
    """Write by which revision's conditions a member holds their tier; None: by those of the one in force."""
    await connection.execute(update(member).where(_is_member(program, participant)).values(judged_by=revision))


async def set_journey_stage(connection: AsyncConnection, program: str, participant: str, stage: JourneyStage) -> None:
    """Write where an active member is on their journey."""
    active = (_is_member(program, participant), member.c.status == "active")
    await connection.execute(update(member).where(*active).values(journey_stage=stage))


async def close(connection: AsyncConnection, program: str, participant: str, status: MemberStatus, at: datetime) -> None:
    """End a membership; a repetition changes nothing."""
    await connection.execute(
        update(member)
        .where(_is_member(program, participant), member.c.status == "active")
        .values(status=status, left_at=at, journey_stage="gone", open_intervention=None)
    )


async def active_after(connection: AsyncConnection, program: str, after: str, limit: int) -> Sequence[str]:
    """The next `limit` active members by reference, for work that goes through all of them page by page."""
    found = await connection.scalars(
        select(member.c.participant)
        .where(member.c.program == program, member.c.status == "active", member.c.participant > after)
        .order_by(member.c.participant)
        .limit(limit)
    )
    return list(found)


async def active_outside(
    connection: AsyncConnection, program: str, tiers: Collection[str], after: str, limit: int
) -> Sequence[str]:
    """The same of those active members who hold none of these tiers."""
    found = await connection.scalars(
        select(member.c.participant)
        .where(
            member.c.program == program,
            member.c.status == "active",
            member.c.tier.not_in(tiers),
            member.c.participant > after,
        )
        .order_by(member.c.participant)
        .limit(limit)
    )
    return list(found)


async def records_outside(
    connection: AsyncConnection, program: str, tiers: Collection[str], after: str, limit: int
) -> Sequence[MemberRecord]:
    """The next of those active members who hold none of these tiers, whole, by reference."""
    rows = await connection.execute(
        select(*_COLUMNS)
        .where(
            member.c.program == program,
            member.c.status == "active",
            member.c.tier.not_in(tiers),
            member.c.participant > after,
        )
        .order_by(member.c.participant)
        .limit(limit)
    )
    return [MemberRecord.model_validate(dict(row)) for row in rows.mappings()]


async def tiers_held(connection: AsyncConnection, program: str) -> frozenset[str]:
    """Every tier that an active member holds, those of earlier revisions too."""
    found = await connection.scalars(
        select(member.c.tier).where(member.c.program == program, member.c.status == "active").distinct()
    )
    return frozenset(found)


async def tier_changes(connection: AsyncConnection, program: str, participant: str) -> Sequence[TierChange]:
    columns = [tier_change.c[name] for name in TierChange.model_fields]
    rows = await connection.execute(
        select(*columns)
        .where(tier_change.c.program == program, tier_change.c.participant == participant)
        .order_by(tier_change.c.id)
    )
    return [TierChange.model_validate(dict(row)) for row in rows.mappings()]


async def stays_of(
    connection: AsyncConnection, program: str, participants: Collection[str]
) -> dict[str, list[tuple[str, datetime]]]:
    """When each of these members came into which tier, in order; one query, however many are asked for."""
    asked = bindparam("participants", list(participants), type_=ARRAY(Text))
    rows = await connection.execute(
        select(tier_change.c.participant, tier_change.c.to_tier, tier_change.c.at)
        .where(tier_change.c.program == program, tier_change.c.participant == any_(asked))
        .order_by(tier_change.c.id)
    )
    found: dict[str, list[tuple[str, datetime]]] = {}
    for participant, to_tier, at in rows:
        found.setdefault(participant, []).append((to_tier, at))
    return found


async def counts(connection: AsyncConnection, program: str) -> dict[str, dict[str, int]]:
    """How many members there are by status, by tier and by journey stage (the last two of active and ended ones)."""
    rows = await connection.execute(
        select(member.c.status, member.c.tier, member.c.journey_stage, func.count())
        .where(member.c.program == program)
        .group_by(member.c.status, member.c.tier, member.c.journey_stage)
    )
    result: dict[str, dict[str, int]] = {"status": {}, "tier": {}, "journey_stage": {}}
    for status, tier, stage, number in rows:
        for kind, value in (("status", status), ("tier", tier), ("journey_stage", stage)):
            result[kind][value] = result[kind].get(value, 0) + number
    return result


async def movement(connection: AsyncConnection, program: str) -> dict[str, int]:
    """How often each kind of tier change happened."""
    rows = await connection.execute(
        select(tier_change.c.change, func.count()).where(tier_change.c.program == program).group_by(tier_change.c.change)
    )
    return {row[0]: row[1] for row in rows}


async def presence(connection: AsyncConnection, program: str, since: datetime, until: datetime) -> dict[str, int]:
    """Members at the start and at the end of (since, until], and who joined and left in between.

    `lost` are those who were there at the start, and left; `left` has those too who came in between.
    """
    joined_before = member.c.joined_at <= since
    still_there = or_(member.c.left_at.is_(None), member.c.left_at > since)
    left = and_(member.c.left_at > since, member.c.left_at <= until)
    row = (
        await connection.execute(
            select(
                func.count().filter(and_(joined_before, still_there)).label("members_at_start"),
                func.count().filter(and_(member.c.joined_at > since, member.c.joined_at <= until)).label("joined"),
                func.count().filter(left).label("left"),
                func.count().filter(and_(left, joined_before)).label("lost"),
                func.count()
                .filter(and_(member.c.joined_at <= until, or_(member.c.left_at.is_(None), member.c.left_at > until)))
                .label("members_at_end"),
            ).where(member.c.program == program)
        )
    ).mappings()
    return dict(row.one())


def _is_member(program: str, participant: str) -> Any:
    return (member.c.program == program) & (member.c.participant == participant)
