"""Partners in a definition: their agreement with the program, and transfers of points."""

from typing import Literal

from domain.definition.values import Part, Points, Rate, Text
from domain.ids import Name
from domain.window import Moment


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
