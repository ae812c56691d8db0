"""Joining, partners and the interaction plan in a definition."""

from typing import Annotated, Literal

from pydantic import Field

from domain.definition.values import Amount, Condition, Length, Part, Points, Rate, Text
from domain.ids import Name
from domain.window import Moment


class Agreement(Part):
    """The agreement that a member accepts on joining; the version and the time of acceptance are kept."""

    version: Text
    """The version that a member names on joining."""
    address: Text | None = None
    """The address of its text."""


class Joining(Part):
    """The conditions and the fee for joining. Existing members are not checked again."""

    requires: tuple[Condition, ...] = ()
    """Conditions on the applicant's attributes, which the enrolment request carries; they are compared, and not kept."""
    fee: Amount | None = None
    """The fee, in units of money. The enrolment request names it as accepted, which is kept; its sender collects it."""
    invitation_only: bool = False
    """Whether only participants on the program's list of invitations may join."""


class PointsTransfer(Part):
    """A transfer of points between the program and a partner's program."""

    rate: Rate
    """The points that arrive for each point given."""
    minimum: Points | None = None
    """The least number of points in one transfer."""


class Partner(Part):
    """A company that takes part. Kept and shown; its events are sent like all others, and transfers are not carried out yet."""

    id: Name
    """The partner's short name."""
    name: Text
    """The partner's name."""
    agreement: Text | None = None
    """The contract with the partner, by its version or number; without it, no launch."""
    agreement_from: Moment | None = None
    """The first day of the agreement."""
    agreement_until: Moment | None = None
    """The day from which on the agreement is no longer in force."""
    data_owner: Literal["program", "partner", "shared"] = "program"
    """The owner of the data about members."""
    events: tuple[Name, ...] = ()
    """The types of events that the partner sends."""
    transfer_in: PointsTransfer | None = None
    """The partner's points into the program's."""
    transfer_out: PointsTransfer | None = None
    """The program's points into the partner's."""


class Interaction(Part):
    """One message of the interaction plan. Kept and shown; only the offer under `retention` is sent automatically."""

    id: Name
    """The message's short name."""
    when: Literal["joined", "upgraded", "downgraded", "points_lapse_soon", "silent", "milestone"]
    """The occasion that the message follows or precedes."""
    after: Length | None = None
    """The time after the occasion."""
    before: Length | None = None
    """With `points_lapse_soon`: the time before the points expire."""
    channel: Annotated[str, Field(min_length=1, max_length=50)]
    """The way of sending: mail, app, till."""
    message: Text
    """The text."""
