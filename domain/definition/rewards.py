"""Rewards and benefits in a definition: what points buy, who hands it out, and what a tier brings by itself."""

from typing import Annotated, Literal

from pydantic import Field

from domain.definition.values import Count, Length, Part, Points, Text
from domain.ids import Name
from domain.period import Period
from domain.window import Moment


class TillFulfilment(Part):
    """Whoever redeems gives the reward at once."""

    kind: Literal["till"]
    """`till`."""


class VoucherFulfilment(Part):
    """A code from the reward's stock."""

    kind: Literal["voucher_codes"]
    """`voucher_codes`."""


class HttpFulfilment(Part):
    """A service of the company's own, asked over HTTP at this address."""

    kind: Literal["http"]
    """`http`."""
    address: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)]
    """Where it is asked."""


Fulfilment = Annotated[TillFulfilment | VoucherFulfilment | HttpFulfilment, Field(discriminator="kind")]


class PerMember(Part):
    """How often one member may have a reward: more redemptions within the time are refused."""

    count: Count
    """So many times."""
    per: Length
    """Within the last so long, from when they were asked for."""


class Reward(Part):
    """What points buy, and who hands it out, within which time; after that the points are given back."""

    id: Name
    """The reward's short name."""
    name: Text
    """The name that members read."""
    points: Points
    """Its price."""
    from_tier: Name | None = None
    """The lowest tier whose members may have it."""
    stock: Count | None = None
    """How many there are in all, over every revision; what is not handed out goes back. Without it, any number."""
    per_member: PerMember | None = None
    """How often one member may have it."""
    from_: Moment | None = Field(default=None, alias="from")
    """The first day on which it can be redeemed."""
    until: Moment | None = None
    """The day from which on it can no longer be redeemed."""
    fulfilment: Fulfilment = TillFulfilment(kind="till")
    """Who hands it out."""
    fulfil_within: Length = Period.parse("PT1H")
    """How long that may take before the points are given back."""


class Benefit(Part):
    """What a member gets without asking: on joining, on coming into a tier, or on staying in it."""

    id: Name
    """The benefit's short name."""
    name: Text
    """What it is, as members read it."""
    on: Literal["joining", "tier", "renewal"] = "tier"
    """When it is given: on joining, on rising into one of the tiers, or each time such a tier is kept."""
    tiers: tuple[Name, ...] = ()
    """The tiers that bring it; none written means any."""
    points: Points | None = None
    """Points that it brings, given by themselves; they count towards no tier. Without any, it is noted with the member."""
