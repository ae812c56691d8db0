"""The state of a membership, and the result of a member's review."""

from datetime import datetime
from decimal import Decimal

from domain.model import Message
from domain.programs.stages import JourneyStage, MemberStatus


class Membership(Message):
    """The state of a membership at one instant."""

    program: str
    participant: str
    status: MemberStatus
    tier: str
    tier_since: datetime
    tier_until: datetime | None
    joined_at: datetime
    agreement: str
    journey_stage: JourneyStage
    fee: Decimal | None = None
    """The fee for joining that the member accepted, in units of the program's money; None without one."""
    judged_by: int | None = None
    """The revision under whose conditions a grandfathered tier is held; None: the one in force."""
    wave: str | None = None
    """The wave in which they joined."""


class OfferTerms(Message):
    """The offer to a silent member, and the time to answer (an exact number of seconds)."""

    points: int
    message: str
    answer_within_seconds: float


class MemberReview(Message):
    """The result of a member's review, and when the next one is due."""

    membership: Membership
    silent: bool
    offer: OfferTerms | None
    """Set if the member is silent and an intervention is allowed now."""
    look_again_at: datetime | None
