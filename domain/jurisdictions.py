"""What the law of single places asks of a loyalty program at the least."""

from typing import Literal, NamedTuple

from domain.period import Period

Jurisdiction = Literal["us-ny"]


class Floor(NamedTuple):
    """The least time that members must have to redeem before the program ends, and where that is written."""

    redeem_window: Period
    source: str


FLOORS: dict[Jurisdiction, Floor] = {
    "us-ny": Floor(Period.parse("P90D"), "New York's rule for card-linked rewards asks 90 days to redeem from notice"),
}
