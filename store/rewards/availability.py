"""Whether a member can have a reward: its dates, its stock and its limit, against the redemptions that there are."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.definition.rewards import Reward
from domain.rewards import availability
from domain.rewards.availability import Unavailable
from store.rewards import redemptions


async def unavailable(
    connection: AsyncConnection, program: str, participant: str, reward: Reward, at: datetime, zone: ZoneInfo
) -> Unavailable | None:
    """Why the member cannot have the reward at this instant, or None.

    It stays true for as long as the caller's transaction holds the locks of `redemptions.lock`.
    """
    found = availability.not_offered(reward, at, zone)
    since = availability.limit_since(reward, at, zone)
    if found is None and since is not None:
        had = await redemptions.taken_by(connection, program, reward.id, participant, since)
        found = availability.limit_reached(reward, had)
    if found is None and reward.stock is not None:
        taken = await redemptions.taken(connection, program, reward.id)
        found = availability.out_of_stock(reward, taken.get(reward.id, 0))
    return found
