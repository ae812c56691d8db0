"""Joining, partners and the plan of what is said to members, in a definition."""

from typing import Annotated, Literal

from pydantic import Field

from domain.definition.values import Amount, Condition, Length, Part, Points, Rate, Text
from domain.ids import Name
from domain.window import Moment


class Agreement(Part):
    """What a member accepts on joining; the version and the time of acceptance are kept."""

    version: Text
    """The version that a member names on joining."""
    address: Text | None = None
    """Where it can be read."""


class Joining(Part):
    """Who may join, and for what. Whoever is a member already is not asked again."""

    requires: tuple[Condition, ...] = ()
    """Conditions on attributes of the applicant, which whoever enrols them sends along; they are compared, and not kept."""
    fee: Amount | None = None
    """What joining costs, in units of money. Who enrols names it as accepted, and that is kept; to collect it is theirs."""
    invitation_only: bool = False
    """Whether only those may join who are on the program's list of invitations."""


class PointsTransfer(Part):
    """Points that cross between the program and a partner's own."""

    rate: Rate
    """How many points arrive for each that is given."""
    minimum: Points | None = None
    """The least that can be given at once."""


class Partner(Part):
    """A company that takes part. Kept and shown; its events come in like all others, and transfers are not carried out yet."""

    id: Name
    """The partner's short name."""
    name: Text
    """The partner's name."""
    agreement: Text | None = None
    """The contract with the partner, by its version or number; without one, nothing is launched."""
    agreement_from: Moment | None = None
    """The first day on which it is in force."""
    agreement_until: Moment | None = None
    """The day from which on it is no longer in force."""
    data_owner: Literal["program", "partner", "shared"] = "program"
    """Whose the data about members is."""
    events: tuple[Name, ...] = ()
    """The types of events that the partner sends."""
    transfer_in: PointsTransfer | None = None
    """The partner's points into the program's."""
    transfer_out: PointsTransfer | None = None
    """The program's points into the partner's."""


class Interaction(Part):
    """One message of the interaction plan. Kept and shown; only the offer under `retention` is sent by itself."""

    id: Name
    """The message's short name."""
    when: Literal["joined", "upgraded", "downgraded", "points_lapse_soon", "silent", "milestone"]
    """What it follows, or what it goes before."""
    after: Length | None = None
    """How long after it."""
    before: Length | None = None
    """With `points_lapse_soon`: how long before it."""
    channel: Annotated[str, Field(min_length=1, max_length=50)]
    """By which way it goes: mail, app, till."""
    message: Text
    """What it says."""
