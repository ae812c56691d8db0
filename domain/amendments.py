"""What an amendment means for who is a member: tiers that lose their place, and tiers whose members must be looked at."""

from collections.abc import Iterable
from typing import Any

from domain.definition import Definition, Qualification, Threshold, Tier


def without_place(after: Definition, held: Iterable[str]) -> tuple[str, ...]:
    """Those of the tiers that the new revision neither has nor replaces: it would leave their holders without one."""
    known = {tier.id for tier in after.tiers} | {old for tier in after.tiers for old in tier.replaces}
    return tuple(dict.fromkeys(tier for tier in held if tier not in known))


def asks_otherwise(before: Definition, after: Definition, tier_id: str) -> bool:
    """Whether the tier that a member holds asks for something else now, or lasts otherwise; the id may be of either revision.

    What is asked is the qualifications, with all that their counters are, and for how long the tier is valid.
    """
    new = _tier(after, after.current_tier(tier_id))
    old = _tier(before, tier_id) or _before(before, new)
    if new is None or old is None:
        return True
    return bool(_conditions(before, old) != _conditions(after, new))


def untouched(before: Definition, after: Definition) -> frozenset[str]:
    """The tiers at whose members nobody has to look when the new revision comes into force.

    Their id stays, they ask for the same, and so does every tier above them. None are left where milestones have changed, which
    may be reached already, or the terms on which a silent member gets an offer.
    """
    if before.milestones != after.milestones or before.retention != after.retention:
        return frozenset()
    if any(_counting(before, each.counter) != _counting(after, each.counter) for each in after.milestones):
        return frozenset()
    kept: set[str] = set()
    for tier in reversed(after.tiers):
        if asks_otherwise(before, after, tier.id):
            break  # whoever is below may have reached it
        if _tier(before, tier.id) is not None:
            kept.add(tier.id)
    return frozenset(kept)


def _tier(definition: Definition, tier_id: str) -> Tier | None:
    return next((tier for tier in definition.tiers if tier.id == tier_id), None)


def _before(before: Definition, new: Tier | None) -> Tier | None:
    """The tier of the revision before whose place this one has taken."""
    return next((tier for tier in before.tiers if new is not None and tier.id in new.replaces), None)


def _conditions(definition: Definition, tier: Tier) -> Any:
    asked = (tier.reach, tier.keep, tier.lifetime)
    counted = {
        leaf.counter: _counting(definition, leaf.counter)
        for qualification in asked
        if isinstance(qualification, Qualification)
        for leaf in qualification.leaves()
        if isinstance(leaf, Threshold)
    }
    ends = (tier.valid_for, tier.valid, definition.qualification_window if tier.valid is not None else None)
    return asked, counted, ends, definition.time_zone


def _counting(definition: Definition, counter_id: str) -> Any:
    """What a counter counts, and over what."""
    counter = next((each for each in definition.counters if each.id == counter_id), None)
    return counter, (counter.window if counter else None) or definition.qualification_window
