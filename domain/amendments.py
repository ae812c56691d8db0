"""What an amendment means for who is a member: tiers that lose their place, and tiers whose members must be looked at."""

from collections.abc import Iterable

from domain.definition import Definition, Qualification, Threshold, Tier

_Terms = tuple[object, ...]
"""What is compared between two revisions."""


def without_place(after: Definition, held: Iterable[str]) -> tuple[str, ...]:
    """Those of the tiers that the new revision neither has nor replaces: it would leave their holders without one."""
    known = {tier.id for tier in after.tiers} | {old for tier in after.tiers for old in tier.replaces}
    return tuple(dict.fromkeys(tier for tier in held if tier not in known))


def asks_otherwise(before: Definition, after: Definition, tier_id: str) -> bool:
    """Whether the tier that a member holds asks for something else now, or lasts otherwise; the id may be of either revision.

    What is asked is the qualifications, with all that their counters are, and for how long the tier is valid.
    """
    old, new = _both(before, after, tier_id)
    return old is None or new is None or _to_hold(before, old) != _to_hold(after, new)


def untouched(before: Definition, after: Definition) -> frozenset[str]:
    """The tiers at whose members nobody has to look when the new revision comes into force.

    Their id stays, they ask for the same, and every tier above them is reached by the same. None are left where milestones have
    changed, which may be reached already, or the terms on which a silent member gets an offer.
    """
    if before.milestones != after.milestones or before.retention != after.retention:
        return frozenset()
    if any(_counting(before, each.counter) != _counting(after, each.counter) for each in after.milestones):
        return frozenset()
    kept: set[str] = set()
    for tier in reversed(after.tiers):
        if _tier(before, tier.id) is not None and not asks_otherwise(before, after, tier.id):
            kept.add(tier.id)
        old, new = _both(before, after, tier.id)
        if old is None or new is None or _to_reach(before, old) != _to_reach(after, new):
            break  # whoever is below may have reached it
    return frozenset(kept)


def _both(before: Definition, after: Definition, tier_id: str) -> tuple[Tier | None, Tier | None]:
    """A tier as it was and as it is, under whichever of its ids."""
    new = _tier(after, after.current_tier(tier_id))
    replaced = (_tier(before, old) for old in (new.replaces if new else ()))
    return _tier(before, tier_id) or next((tier for tier in replaced if tier is not None), None), new


def _tier(definition: Definition, tier_id: str) -> Tier | None:
    return next((tier for tier in definition.tiers if tier.id == tier_id), None)


def _to_hold(definition: Definition, tier: Tier) -> _Terms:
    ends = (tier.valid_for, tier.valid, definition.qualification_window if tier.valid is not None else None)
    return _terms(definition, (tier.reach, tier.keep, tier.lifetime)), ends


def _to_reach(definition: Definition, tier: Tier) -> _Terms:
    return _terms(definition, (tier.reach, tier.lifetime)), (tier.valid,)


def _terms(definition: Definition, asked: tuple[Qualification | None, ...]) -> _Terms:
    """Qualifications, with what their counters count."""
    leaves = [leaf for qualification in asked if qualification for leaf in qualification.leaves()]
    counters = {leaf.counter for leaf in leaves if isinstance(leaf, Threshold)}
    return asked, tuple(_counting(definition, counter) for counter in sorted(counters)), definition.zone


def _counting(definition: Definition, counter_id: str) -> _Terms:
    """What a counter counts, and over what."""
    counter = next((each for each in definition.counters if each.id == counter_id), None)
    return counter, (counter.window if counter else None) or definition.qualification_window


def currencies_dropped(definition: Definition, in_force: Definition) -> tuple[str, ...]:
    """The currencies of the revision in force that an amendment no longer has: points in them would be out of reach."""
    kept = {currency.code for currency in (definition.currency, *definition.other_currencies)}
    return tuple(each.code for each in (in_force.currency, *in_force.other_currencies) if each.code not in kept)
