"""Rewards and benefits in a definition: what members buy with points, its providers, and what they get without asking."""

from typing import Annotated, Literal

from pydantic import Field

from domain.definition.values import Count, Length, Part, Points, Text
from domain.ids import Name
from domain.period import Period
from domain.window import Moment


class TillFulfilment(Part):
    """The till that redeems hands out the reward at once."""

    kind: Literal["till"]
    """`till`."""


class VoucherFulfilment(Part):
    """A code from the reward's stock."""

    kind: Literal["voucher_codes"]
    """`voucher_codes`."""


class HttpFulfilment(Part):
    """A service of the company, called over HTTP at this address."""

    kind: Literal["http"]
    """`http`."""
    address: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)]
    """The address of the service."""


Fulfilment = Annotated[TillFulfilment | VoucherFulfilment | HttpFulfilment, Field(discriminator="kind")]


class PerMember(Part):
    """The most redemptions of a reward by one member in a time; further ones are refused."""

    count: Count
    """The number of redemptions."""
    per: Length
    """The time, back from the new redemption."""


class Reward(Part):
    """A reward that points buy, its provider, and the time to hand it out, after which the member gets the points back."""

    id: Name
    """The reward's short name."""
    name: Text
    """The name that members read."""
    points: Points
    """Its price."""
    from_tier: Name | None = None
    """The lowest tier whose members may redeem it."""
    stock: Count | None = None
    """The total number, over all revisions; a reward that is not handed out returns to stock. Without it, unlimited."""
    per_member: PerMember | None = None
    """The most redemptions by one member."""
    from_: Moment | None = Field(default=None, alias="from")
    """The first day on which it can be redeemed."""
    until: Moment | None = None
    """The day from which on it can no longer be redeemed."""
    fulfilment: Fulfilment = TillFulfilment(kind="till")
    """The provider."""
    fulfil_within: Length = Period.parse("PT1H")
    """The provider's time before the member gets the points back."""


class Benefit(Part):
    """Something that a member gets without asking: on joining, on rising into a tier, or on keeping it."""

    id: Name
    """The benefit's short name."""
    name: Text
    """The name that members read."""
    on: Literal["joining", "tier", "renewal"] = "tier"
    """When it is given: on joining, on rising into one of the tiers, or each time such a tier is kept."""
    tiers: tuple[Name, ...] = ()
    """The tiers that bring it; without any, all tiers."""
    points: Points | None = None
    """Points that the member gets; they count towards no tier. Without points, the benefit is noted with the member."""
