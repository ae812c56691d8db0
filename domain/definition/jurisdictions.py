"""What the law of single places asks of a loyalty program at the least: data, each fact with where it is written.

A place that says nothing about something has None there, and then the definition's own figure holds: that is a default of ours
and no law. Of the places that a definition names, the strictest one holds.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from domain.period import Period

Jurisdiction = Literal["us-ny", "ca-on", "eu", "generic"]


class Floor(NamedTuple):
    """The least time that members must have to redeem before the program ends, and where that is written."""

    redeem_window: Period
    source: str


class Fact(NamedTuple):
    """Something that a place asks for, in words, and where it is written."""

    told: str
    source: str


class Profile(NamedTuple):
    """What a place asks for at the end of a program."""

    place: str
    redeeming: Floor | None = None
    """How long members can redeem at the least; None: no law that we know of says so."""
    erasure: Fact | None = None
    """Why members' data must not be kept for good; None: no law that we know of says so."""
    facts: tuple[Fact, ...] = ()
    """What else whoever ends a program there must know."""


PROFILES: dict[Jurisdiction, Profile] = {
    "us-ny": Profile(
        place="New York",
        redeeming=Floor(
            Period.parse("P90D"),
            "New York's rule for card-linked rewards asks 90 days to redeem from notice (General Business Law 520-e)",
        ),
        facts=(
            Fact(
                "holders are told of the end as soon as possible, and within 45 days of it",
                "General Business Law 520-e, subdivision 2",
            ),
        ),
    ),
    "ca-on": Profile(
        place="Ontario",
        facts=(
            Fact(
                "points do not lapse by time alone; that they end with the agreement, after notice, is excepted",
                "Consumer Protection Act, 2002, section 47.1, and Ontario Regulation 388/17",
            ),
        ),
    ),
    "eu": Profile(
        place="the European Union",
        erasure=Fact(
            "what is known about a member is erased once it is no longer needed, except for what the law asks to keep",
            "General Data Protection Regulation, Article 17(1)(a) and (3)(b)",
        ),
    ),
    "generic": Profile(place="no single place"),
}
"""By the short name that a definition writes. The 180 days that are the default everywhere are the practice of airlines."""


def floors(places: Iterable[Jurisdiction]) -> list[tuple[Jurisdiction, Floor]]:
    """The floors of these places, the strictest first."""
    found = [(place, floor) for place in places if (floor := PROFILES[place].redeeming) is not None]
    return sorted(found, key=lambda each: each[1].redeem_window.approximate(), reverse=True)


def earliest_end(places: Iterable[Jurisdiction], since: datetime, zone: ZoneInfo) -> datetime | None:
    """Before which instant redeeming cannot end if it began to be the only thing left at `since`; None: nothing says so."""
    return max((floor.redeem_window.after(since, zone) for _, floor in floors(places)), default=None)
