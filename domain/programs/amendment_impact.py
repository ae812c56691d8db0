"""The impact of an amendment on existing members: moves between tiers, points gained and lost. Pure."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.definition.document import Definition
from domain.definition.earning import EarningRule
from domain.model import Message
from domain.money import in_units
from domain.period import Period

_TOLD = 5
"""The most moves in the sentence, which must stay readable as a title."""
LOOKED_BACK = Period.parse("P12M")
"""The time back from the amendment whose events are rated by both revisions."""


class Move(Message):
    """The number of members who move from one tier to another, each with the id of its own revision."""

    from_tier: str
    to_tier: str
    members: int


class Impact(Message):
    """An amendment's impact, as of an instant, compared with the revision in force.

    Points are those of the last year's events by both revisions; events whose rules do not change bring the same, and are not
    counted.
    """

    revision: int
    compared_with: int
    at: datetime
    since: datetime
    """The instant from which events were rated by both."""
    transition: Literal["keep_until_end", "grandfather", "at_once"]
    members: int
    """The number of active members."""
    moves: tuple[Move, ...] = ()
    """The moves as soon as the amendment is in force, under its transition."""
    without_transition: tuple[Move, ...] = ()
    """The same if everybody were reviewed by the new conditions alone, with their activity so far."""
    members_up: int = 0
    members_down: int = 0
    events: int = 0
    unrated: int = 0
    """Events that one of the two revisions cannot rate; they are not counted."""
    points_before: int = 0
    points_after: int = 0
    members_gaining: int = 0
    members_losing: int = 0
    points_gained: int = 0
    points_lost: int = 0
    money: str
    value_before: Decimal
    """The value of a point, in units of money."""
    value_after: Decimal
    outstanding: int = 0
    value_change: Decimal = Decimal(0)
    """The increase in value of all outstanding points (negative: decrease), in units of money."""

    @property
    def figures(self) -> dict[str, Decimal]:
        """The figures by which a gate's policy may approve without people (`domain.definition.amendments.ImpactFigure`)."""
        return {
            "members_up": Decimal(self.members_up),
            "members_down": Decimal(self.members_down),
            "members_gaining": Decimal(self.members_gaining),
            "members_losing": Decimal(self.members_losing),
            "points_gained": Decimal(self.points_gained),
            "points_lost": Decimal(self.points_lost),
        }

    @property
    def summary(self) -> str:
        """The impact in a sentence, for the gate."""
        parts = [_counted(self.members, "member")]
        most = sorted(self.moves, key=lambda each: -each.members)
        parts += [f"{each.members:,} from {each.from_tier} to {each.to_tier}" for each in most[:_TOLD]] or ["nobody moves tier"]
        if more := sum(each.members for each in most[_TOLD:]):
            parts.append(f"{more:,} between other tiers")
        short = sum(each.members for each in self.without_transition) - sum(each.members for each in self.moves)
        if short > 0:
            parts.append(f"{short:,} more would, were it not for the transition {self.transition.replace('_', ' ')}")
        if self.members_gaining or self.members_losing:
            parts.append(
                f"by the last year's events {self.members_gaining:,} gain {self.points_gained:,} points, "
                f"{self.members_losing:,} lose {self.points_lost:,}"
            )
        else:
            parts.append("nobody gains or loses points by the last year's events")
        if self.value_change:
            change = in_units(self.money, abs(self.value_change))
            parts.append(f"what is outstanding is worth {change:,} {self.money} {'more' if self.value_change > 0 else 'less'}")
        return "; ".join(parts)


class MemberImpact(Message):
    """The impact of an amendment on one member.

    `tier_after` is their tier as soon as it is in force; `tier_by_rules` the tier by its conditions alone, without transition.
    """

    participant: str
    tier_before: str | None = None
    tier_after: str | None = None
    tier_by_rules: str | None = None
    """The three are None if the amendment does not affect their tier."""
    points_before: int = 0
    points_after: int = 0
    value_change: Decimal = Decimal(0)
    """The increase in value of their points, in units of money."""

    @property
    def points_change(self) -> int:
        return self.points_after - self.points_before


def events_touched(before: Definition, after: Definition) -> frozenset[str]:
    """The types of events whose rating can differ between the two definitions: those whose rules differ."""
    types = {rule.event for rule in (*before.earning, *after.earning)}
    # The ids of tiers matter, too: a rate is found by the member's tier.
    if before.money != after.money or [tier.replaces for tier in before.tiers] != [tier.replaces for tier in after.tiers]:
        return frozenset(types)
    anew = (before.qualification_window, before.zone) != (after.qualification_window, after.zone)
    return frozenset(each for each in types if _rules(before, each) != _rules(after, each) or (anew and _capped(after, each)))


def is_plain(definition: Definition, event_type: str) -> bool:
    """Whether the rating of such an event depends on the event and the member's tier alone: no cap over a time, no dates."""
    rules = _rules(definition, event_type)
    return not _capped(definition, event_type) and all(rule.from_ is None and rule.until is None for rule in rules)


def numbers(definition: Definition) -> frozenset[str]:
    """The attributes that the definition's rules and counters use as numbers."""
    found = {rule.per for rule in definition.earning} | {each.attribute for each in definition.counters if each.attribute}
    conditions = [each for rule in definition.earning for each in rule.when]
    conditions += [each for counter in definition.counters for each in counter.when]
    bounded = (each for each in conditions if (each.at_least, each.at_most, each.above, each.below) != (None,) * 4)
    return frozenset(found) | {each.attribute for each in bounded}


def ranked(definition: Definition, tier: str) -> int:
    """The rank of a tier of this revision or of an earlier one; 0 for one without a replacement."""
    named = definition.current_tier(tier)
    return next((rank for rank, each in enumerate(definition.tiers) if each.id == named), 0)


def _rules(definition: Definition, event_type: str) -> Sequence[EarningRule]:
    return [rule for rule in definition.earning if rule.event == event_type]


def _capped(definition: Definition, event_type: str) -> bool:
    return any(rule.cap is not None and rule.cap.per != "event" for rule in definition.earning if rule.event == event_type)


def _counted(many: int, noun: str) -> str:
    return f"{many:,} {noun}{'s' * (many != 1)}"
