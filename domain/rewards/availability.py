"""Whether a member can redeem a reward now: its dates, its stock, and the limit for one member."""

from datetime import datetime
from zoneinfo import ZoneInfo

from domain.definition import words
from domain.definition.rewards import Reward
from domain.rewards.errors import RewardLimitReached, RewardNotOffered, RewardOutOfStock

Unavailable = RewardNotOffered | RewardOutOfStock | RewardLimitReached
"""Why a reward cannot be redeemed."""


def not_offered(reward: Reward, at: datetime, zone: ZoneInfo) -> Unavailable | None:
    """Whether the instant is outside the reward's dates; `from` is its first day, `until` the first day after it."""
    if reward.from_ is not None and at < reward.from_.at(zone):
        return RewardNotOffered(f"The reward {reward.id!r} is offered from {reward.from_} on.")
    if reward.until is not None and at >= reward.until.at(zone):
        return RewardNotOffered(f"The reward {reward.id!r} was offered until {reward.until}.")
    return None


def out_of_stock(reward: Reward, taken: int) -> Unavailable | None:
    """Whether the stock is used up, given the number handed out or held."""
    if reward.stock is None or taken < reward.stock:
        return None
    return RewardOutOfStock(f"All {words.figure(reward.stock)} of the reward {reward.id!r} are taken.")


def limit_since(reward: Reward, at: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant after which a member's redemptions of the reward count against its limit; None without a limit."""
    return reward.per_member.per.before(at, zone) if reward.per_member is not None else None


def limit_reached(reward: Reward, had: int) -> Unavailable | None:
    """Whether a member has reached the reward's limit, given their redemptions since `limit_since`."""
    limit = reward.per_member
    if limit is None or had < limit.count:
        return None
    times = f"{words.figure(limit.count)} time{'s' * (limit.count != 1)}"
    return RewardLimitReached(f"A member may have the reward {reward.id!r} {times} within {words.period(limit.per)}.")


def left(reward: Reward, taken: int, codes: int | None = None) -> int | None:
    """The number left, by stock and by free voucher codes (None: no voucher reward); None: unlimited."""
    of_stock = None if reward.stock is None else max(0, reward.stock - taken)
    bounds = [bound for bound in (of_stock, codes) if bound is not None]
    return min(bounds, default=None)
