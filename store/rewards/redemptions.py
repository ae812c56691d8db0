"""Redemptions and the stock that they draw on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import and_, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from domain.rewards.errors import Refusal
from store.tables import redemption, voucher_code

State = Literal["held", "fulfilled", "voided", "refused"]


class RedemptionRecord(Message):
    """What became of a redemption: what was handed out (`reference`), or why nothing was; `refusal` is the problem's code."""

    id: str
    program: str
    participant: str
    reward: str
    points: int
    state: State
    reference: str | None = None
    why: str = ""
    refusal: Refusal | None = None
    asked_at: datetime
    settled_at: datetime | None = None


_COLUMNS = [redemption.c[name] for name in RedemptionRecord.model_fields]
# Written out, so that it is plain to the database that the partial index on it serves.
_IS_TAKEN = text("redemption.state IN ('held', 'fulfilled')")


async def keep(connection: AsyncConnection, record: RedemptionRecord) -> None:
    """Write a redemption as it begins, or as it was settled; one that is settled stays as it is."""
    values = record.model_dump(mode="python")
    await connection.execute(insert(redemption).values(values).on_conflict_do_nothing())
    await connection.execute(
        update(redemption).where(redemption.c.id == record.id, redemption.c.settled_at.is_(None)).values(values)
    )


async def find(connection: AsyncConnection, redemption_id: str) -> RedemptionRecord | None:
    row = (await connection.execute(select(*_COLUMNS).where(redemption.c.id == redemption_id))).mappings().one_or_none()
    return RedemptionRecord.model_validate(dict(row)) if row is not None else None


async def of_member(
    connection: AsyncConnection,
    program: str,
    participant: str,
    after: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> Sequence[RedemptionRecord]:
    """A member's redemptions, newest first; `after` is the instant and the id of the one before."""
    query = select(*_COLUMNS).where(redemption.c.program == program, redemption.c.participant == participant)
    if after is not None:
        at, id_ = after
        query = query.where(or_(redemption.c.asked_at < at, and_(redemption.c.asked_at == at, redemption.c.id > id_)))
    rows = await connection.execute(query.order_by(redemption.c.asked_at.desc(), redemption.c.id).limit(limit))
    return [RedemptionRecord.model_validate(dict(row)) for row in rows.mappings()]


async def counts(connection: AsyncConnection, program: str) -> dict[str, dict[str, int]]:
    """How many redemptions there are by reward and state."""
    rows = await connection.execute(
        select(redemption.c.reward, redemption.c.state, func.count())
        .where(redemption.c.program == program)
        .group_by(redemption.c.reward, redemption.c.state)
    )
    result: dict[str, dict[str, int]] = {}
    for reward, state, number in rows:
        result.setdefault(reward, {})[state] = number
    return result


async def lock(connection: AsyncConnection, program: str, reward: str, participant: str = "") -> None:
    """Have others wait who ask for the same reward (or, with a participant, for the same member's) until this is committed."""
    name = "/".join(("reward", program, reward, participant))
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def taken(connection: AsyncConnection, program: str, reward: str | None = None) -> dict[str, int]:
    """How many of each reward (or of this one) are given or held: what was refused or voided has gone back."""
    chosen = (redemption.c.reward == reward,) if reward is not None else ()
    rows = await connection.execute(
        select(redemption.c.reward, func.count())
        .where(redemption.c.program == program, _IS_TAKEN, *chosen)
        .group_by(redemption.c.reward)
    )
    return {row[0]: row[1] for row in rows}


async def taken_by(connection: AsyncConnection, program: str, reward: str, participant: str, since: datetime) -> int:
    """How often a member has been given a reward, or holds it, by what they asked for after an instant."""
    number = await connection.scalar(
        select(func.count()).where(
            redemption.c.program == program,
            redemption.c.participant == participant,
            redemption.c.reward == reward,
            redemption.c.asked_at > since,
            _IS_TAKEN,
        )
    )
    return int(number or 0)


async def stock(connection: AsyncConnection, program: str, reward: str, codes: Sequence[str]) -> int:
    """Add codes to a reward's stock; those that are there already stay. How many were new."""
    if not codes:
        return 0
    rows = [{"program": program, "reward": reward, "code": code} for code in codes]
    written = await connection.execute(
        insert(voucher_code).values(rows).on_conflict_do_nothing().returning(voucher_code.c.code)
    )
    return len(written.all())


async def take_code(connection: AsyncConnection, program: str, reward: str, redemption_id: str) -> str | None:
    """A code for this redemption: the one that it has already, else a free one, else None. No two redemptions get the same."""
    taken: str | None = await connection.scalar(select(voucher_code.c.code).where(voucher_code.c.redemption == redemption_id))
    if taken is not None:
        return taken
    free: str | None = await connection.scalar(
        select(voucher_code.c.code)
        .where(voucher_code.c.program == program, voucher_code.c.reward == reward, voucher_code.c.redemption.is_(None))
        .order_by(voucher_code.c.code)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if free is not None:
        await connection.execute(
            update(voucher_code)
            .where(voucher_code.c.program == program, voucher_code.c.reward == reward, voucher_code.c.code == free)
            .values(redemption=redemption_id)
        )
    return free


async def return_code(connection: AsyncConnection, redemption_id: str) -> None:
    """Give a redemption's code back to the stock."""
    await connection.execute(update(voucher_code).where(voucher_code.c.redemption == redemption_id).values(redemption=None))


async def free_codes_of(connection: AsyncConnection, program: str) -> dict[str, int]:
    """How many codes are left of each reward that has any."""
    rows = await connection.execute(
        select(voucher_code.c.reward, func.count())
        .where(voucher_code.c.program == program, voucher_code.c.redemption.is_(None))
        .group_by(voucher_code.c.reward)
    )
    return {row[0]: row[1] for row in rows}


async def free_codes(connection: AsyncConnection, program: str, reward: str) -> int:
    """How many codes of a reward are left."""
    number = await connection.scalar(
        select(func.count()).where(
            voucher_code.c.program == program, voucher_code.c.reward == reward, voucher_code.c.redemption.is_(None)
        )
    )
    return int(number or 0)
