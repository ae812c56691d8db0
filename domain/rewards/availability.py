"""Whether a member can have a reward now: its dates, its stock, and how often one member may have it."""

from datetime import datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from domain.definition import words
from domain.definition.rewards import Reward

Refusal = Literal["insufficient_points", "reward_not_offered", "reward_out_of_stock", "reward_limit_reached"]
"""Why a redemption is refused, as the code of the problem that it is answered with."""


class Unavailable(NamedTuple):
    """Why a reward cannot be had: the code of the problem, and a sentence."""

    refusal: Refusal
    why: str


def not_offered(reward: Reward, at: datetime, zone: ZoneInfo) -> Unavailable | None:
    """Whether the instant is outside the reward's dates; `from` is the first day of it, `until` the first one after it."""
    if reward.from_ is not None and at < reward.from_.at(zone):
        return Unavailable("reward_not_offered", f"The reward {reward.id!r} is offered from {reward.from_} on.")
    if reward.until is not None and at >= reward.until.at(zone):
        return Unavailable("reward_not_offered", f"The reward {reward.id!r} was offered until {reward.until}.")
    return None


def out_of_stock(reward: Reward, taken: int) -> Unavailable | None:
    """Whether all are gone, given how many have been given or are held."""
    if reward.stock is None or taken < reward.stock:
        return None
    return Unavailable("reward_out_of_stock", f"All {words.figure(reward.stock)} of the reward {reward.id!r} are taken.")


def limit_since(reward: Reward, at: datetime, zone: ZoneInfo) -> datetime | None:
    """After which instant a member's redemptions of the reward count against its limit; None where it has none."""
    return reward.per_member.per.before(at, zone) if reward.per_member is not None else None


def limit_reached(reward: Reward, had: int) -> Unavailable | None:
    """Whether a member has had the reward as often as one may, given how often since `limit_since`."""
    limit = reward.per_member
    if limit is None or had < limit.count:
        return None
    times = f"{words.figure(limit.count)} time{'s' * (limit.count != 1)}"
    return Unavailable(
        "reward_limit_reached", f"A member may have the reward {reward.id!r} {times} within {words.period(limit.per)}."
    )


def left(reward: Reward, taken: int, codes: int | None = None) -> int | None:
    """How many there still are, by stock and by free voucher codes (None: not given out as codes); None for any number."""
    of_stock = None if reward.stock is None else max(0, reward.stock - taken)
    bounds = [bound for bound in (of_stock, codes) if bound is not None]
    return min(bounds, default=None)
