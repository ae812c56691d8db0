"""Legal minimums for loyalty programs, by jurisdiction: data, each fact with its source.

None means that we know of no rule of that place; the definition's own figure then holds, which is our default and not a law.
Of the places that a definition names, the strictest one holds.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from domain.period import Period

Jurisdiction = Literal["us-ny", "ca-on", "eu", "generic"]


class Floor(NamedTuple):
    """The least time that members must have to redeem before the program ends, and its source."""

    redeem_window: Period
    source: str


class Fact(NamedTuple):
    """A requirement of a place, in words, and its source."""

    description: str
    source: str


class Profile(NamedTuple):
    """The requirements of a place at the end of a program."""

    place: str
    redeeming: Floor | None = None
    """The least time to redeem; None: we know of no law about it."""
    erasure: Fact | None = None
    """The rule that members' data must be erased; None: we know of no such law."""
    facts: tuple[Fact, ...] = ()
    """Other facts that matter for ending a program there."""


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
                "points do not expire by time alone; that they end with the agreement, after notice, is excepted",
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
"""By the short name in a definition. The default of 180 days everywhere follows the practice of airlines."""


def floors(places: Iterable[Jurisdiction]) -> list[tuple[Jurisdiction, Floor]]:
    """The floors of these places, the strictest first."""
    found = [(place, floor) for place in places if (floor := PROFILES[place].redeeming) is not None]
    return sorted(found, key=lambda each: each[1].redeem_window.approximate(), reverse=True)


def earliest_end(places: Iterable[Jurisdiction], since: datetime, zone: ZoneInfo) -> datetime | None:
    """The earliest end of a redeem-only time that began at `since`; None without a legal minimum."""
    return max((floor.redeem_window.after(since, zone) for _, floor in floors(places)), default=None)
