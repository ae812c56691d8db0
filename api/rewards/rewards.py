"""What a program's points buy now: price, tier, dates, limits, and how many are left."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.read_retry import RetryReadRoute
from domain.definition.document import Definition
from domain.definition.rewards import PerMember, Reward, VoucherFulfilment
from domain.definition.values import Part
from domain.rewards import availability
from domain.window import Moment
from store.programs import programs
from store.rewards import redemptions

router = APIRouter(prefix="/programs/{program}/rewards", tags=["rewards"], route_class=RetryReadRoute)


class RewardOut(Part):
    """A reward as its definition has it, and how many are taken and left now."""

    id: str
    name: str
    points: int
    from_tier: str | None
    stock: int | None
    per_member: PerMember | None
    from_: Annotated[Moment | None, Field(alias="from")]
    until: Moment | None
    currency: str
    fulfilment: Literal["till", "voucher_codes", "http"]
    taken: int
    left: int | None
    offered: bool


@router.get("", dependencies=[Depends(require("read programs"))])
async def list_rewards(program: str, services: WithServices) -> list[RewardOut]:
    """The rewards of the revision in force (of the first one before the launch), with how many are taken and left.

    `taken` are those given or held for a redemption under way. `left` is null where there are any number; where a reward is
    given out as codes, no more are left than there are codes.
    """
    now = datetime.now(UTC)
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        definition = await programs.definition(connection, program, record.revision_in_force or 1)
        taken = await redemptions.taken(connection, program)
        codes = await redemptions.free_codes_of(connection, program)
    return [_to_response(definition, each, taken.get(each.id, 0), codes.get(each.id, 0), now) for each in definition.rewards]


def _to_response(definition: Definition, reward: Reward, taken: int, codes: int, now: datetime) -> RewardOut:
    of_codes = codes if isinstance(reward.fulfilment, VoucherFulfilment) else None
    left = availability.left(reward, taken, of_codes)
    offered = availability.not_offered(reward, now, definition.zone) is None
    return RewardOut(
        id=reward.id,
        name=reward.name,
        points=reward.points,
        from_tier=reward.from_tier,
        stock=reward.stock,
        per_member=reward.per_member,
        from_=reward.from_,
        until=reward.until,
        currency=definition.currency.code,
        fulfilment=reward.fulfilment.kind,
        taken=taken,
        left=left,
        offered=offered,
    )
