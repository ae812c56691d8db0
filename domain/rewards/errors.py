"""The problems of redeeming points for rewards."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from domain.errors import TenureError

Refusal = Literal["insufficient_points", "reward_not_offered", "reward_out_of_stock", "reward_limit_reached"]
"""The codes that are kept of a redemption that was refused."""


class RedeemingClosed(TenureError):
    """The program is not launched yet, or its last day of redeeming is over."""

    code = "redeeming_closed"
    category = "conflict"
    title = "Nothing can be redeemed any more"

    def __init__(self, program: str) -> None:
        super().__init__(f"The redeem window of program {program!r} is over.", remedy="What was left has been forfeited.")


class RewardUnknown(TenureError):
    """The definition in force has no such reward."""

    code = "reward_unknown"
    category = "invalid"
    title = "There is no such reward"
    example = {"reward": "yacht", "known": ["sampler", "gift-card"]}

    def __init__(self, reward: str, known: list[str]) -> None:
        super().__init__(
            f"There is no reward {reward!r}.", remedy=f"The definition in force offers: {', '.join(known)}.", field="reward"
        )


class TierTooLow(TenureError):
    """Some rewards are offered from a tier on."""

    code = "tier_too_low"
    category = "conflict"
    title = "The reward is for a higher tier"

    def __init__(self, tier: str, needed: str) -> None:
        super().__init__(
            f"The reward is offered from tier {needed!r} on; the member is {tier!r}.", remedy="Choose another reward."
        )


class InsufficientPoints(TenureError):
    """The member has fewer points than it takes. The detail is the ledger's own sentence, kept with the refusal."""

    code: ClassVar[Refusal] = "insufficient_points"
    category = "conflict"
    title = "There are not enough points"
    example = {"detail": "500 points were asked for, and 120 are available."}

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail,
            remedy="Choose a cheaper reward; once there are more points, ask with a new Idempotency-Key.",
            field="reward",
        )


class RewardNotOffered(TenureError):
    """The reward has dates, and now is outside of them."""

    code: ClassVar[Refusal] = "reward_not_offered"
    category = "conflict"
    title = "The reward is not offered now"
    example = {"detail": "The reward 'sampler' is offered from 2026-04-01 on."}

    def __init__(self, detail: str) -> None:
        super().__init__(detail, remedy="Choose another reward; `tenure reward list` has the dates of each.", field="reward")


class RewardOutOfStock(TenureError):
    """The reward has a stock, and all of it is taken or held."""

    code: ClassVar[Refusal] = "reward_out_of_stock"
    category = "conflict"
    title = "None of the reward is left"
    example = {"detail": "All 200 of the reward 'sampler' are taken."}

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail,
            remedy="Choose another reward; one that is given back can be had again, with a new Idempotency-Key.",
            field="reward",
        )


class RewardLimitReached(TenureError):
    """A member may have the reward so many times within a period."""

    code: ClassVar[Refusal] = "reward_limit_reached"
    category = "conflict"
    title = "The member has had the reward as often as one may"
    example = {"detail": "A member may have the reward 'sampler' 2 times within a year."}

    def __init__(self, detail: str) -> None:
        super().__init__(detail, remedy="Choose another reward, or ask again later with a new Idempotency-Key.", field="reward")


class RewardNotHandedOut(TenureError):
    """The provider of the reward refused; the points are back."""

    code = "reward_not_handed_out"
    category = "conflict"
    title = "The reward could not be handed out"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason or 'The provider did not hand it out.'} The points are back.",
            remedy="Choose another reward, or try later with a new key.",
        )


class RedemptionUnknown(TenureError):
    """The member has no redemption of this id."""

    code = "redemption_unknown"
    category = "not_found"
    title = "There is no such redemption"

    def __init__(self, redemption: str) -> None:
        super().__init__(
            f"The member has no redemption {redemption!r}.", remedy="List the member's redemptions.", field="redemption"
        )


class NoSuchStock(TenureError):
    """Codes are kept only of a reward that is handed out as codes."""

    code = "no_such_stock"
    category = "conflict"
    title = "The reward has no stock of codes"

    def __init__(self, reward: str) -> None:
        super().__init__(
            f"The reward {reward!r} is not handed out as codes.",
            remedy="Give it `fulfilment: {kind: voucher_codes}` in a further revision.",
            field="reward",
        )


REFUSALS: Mapping[Refusal, type[InsufficientPoints | RewardNotOffered | RewardOutOfStock | RewardLimitReached]] = {
    kind.code: kind for kind in (InsufficientPoints, RewardNotOffered, RewardOutOfStock, RewardLimitReached)
}
"""The problem of each code that is kept of a redemption; each is made with the sentence that is kept beside the code."""
