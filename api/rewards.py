"""What a program's points buy now: price, tier, dates, limits, and how many are left."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends

from api.people import may
from api.reading import ReadAgain
from api.services import WithServices
from domain import rewards
from domain.definition import Definition, Reward, VoucherFulfilment
from store import programs, redemptions

router = APIRouter(prefix="/programs/{program}/rewards", tags=["rewards"], route_class=ReadAgain)


@router.get("", dependencies=[Depends(may("read programs"))])
async def list_rewards(program: str, services: WithServices) -> list[dict[str, Any]]:
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
    return [_told(definition, each, taken.get(each.id, 0), codes.get(each.id, 0), now) for each in definition.rewards]


def _told(definition: Definition, reward: Reward, taken: int, codes: int, now: datetime) -> dict[str, Any]:
    written = reward.model_dump(
        mode="json", include={"id", "name", "points", "from_tier", "stock", "per_member", "from_", "until"}
    )
    of_codes = codes if isinstance(reward.fulfilment, VoucherFulfilment) else None
    left = rewards.left(reward, taken, of_codes)
    offered = rewards.not_offered(reward, now, definition.zone) is None
    return written | {
        "currency": definition.currency.code,
        "fulfilment": reward.fulfilment.kind,
        "taken": taken,
        "left": left,
        "offered": offered,
    }
