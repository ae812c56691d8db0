"""Amendments: how much one weighs, when it takes effect, whom it concerns, by whose conditions a tier is held, rolling back."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from domain.definition.diff import differences
from domain.definition.document import Definition
from domain.definition.tiers import Qualification, Threshold, Tier
from domain.model import Message

Weight = Literal["minor", "substantial"]
"""A minor amendment asks the launch gate alone; a substantial one goes the whole way of a first revision."""
_Terms = tuple[object, ...]
"""What is compared between two revisions."""


class Weighed(Message):
    """How much an amendment weighs, and why, in sentences: what is substantial about it, else all that differs."""

    weight: Weight
    reasons: tuple[str, ...]


class Judge(NamedTuple):
    """The earlier revision by whose conditions a tier is held, and the tier's id there."""

    number: int
    definition: Definition
    tier: str


def weight(before: Definition, after: Definition) -> Weighed:
    """Substantial is whatever changes what members earn, hold, pay or may redeem, what they agreed to, who decides, the end.

    Names, texts, risks, KPIs and their thresholds, messages, tests and reminders are minor (`domain.definition_diff` has the
    list; what it does not name is substantial).
    """
    found = differences(before, after).differences
    grave = tuple(each.told for each in found if each.mark == "substantial")
    return Weighed(weight="substantial" if grave else "minor", reasons=grave or tuple(each.told for each in found))


def takes_effect(in_force: Definition, weight: Weight, asked: datetime | None, approved_at: datetime) -> datetime:
    """From when on an amendment rates what happens: as asked, but not before its approval and the notice that members have.

    The notice is the one that the revision in force promises, and minor amendments need none.
    """
    earliest = in_force.amendments.notice.after(approved_at, in_force.zone) if weight == "substantial" else approved_at
    return max(earliest, asked or earliest)


def judged_by(course: Sequence[tuple[int, Definition]], tier_id: str) -> Judge | None:
    """By which earlier revision's conditions a tier is held; None where it is the last one's, as mostly.

    `course` are the revisions from the one under which the member came into the tier to the one in force, with their numbers.
    A revision that changes the conditions of the tier says by its `transition` whether its holders get the new ones; one that
    does not leaves all as it was.
    """
    if not any(definition.transition == "grandfather" for _, definition in course[1:]):
        return None
    held = _first_id(course, tier_id)
    if held is None or held == course[0][1].base_tier.id:
        return None
    judge, named, left = 0, held, False
    for place in range(1, len(course)):
        (_, before), (_, after) = course[place - 1 : place + 1]
        if asks_otherwise(before, after, named):
            left = after.transition == "grandfather"
            if not left:
                judge, held = place, after.current_tier(named)
        named = after.current_tier(named)
    number, definition = course[judge]
    return Judge(number, definition, held) if left else None


def _first_id(course: Sequence[tuple[int, Definition]], tier_id: str) -> str | None:
    """What a tier was called when the course began; the highest of those that became it, None where it is none of them."""
    now = course[-1][1].current_tier(tier_id)
    for tier in reversed(course[0][1].tiers):
        named = tier.id
        for _, definition in course[1:]:
            named = definition.current_tier(named)
        if tier_id == tier.id or named == now:
            return tier.id
    return None


def restored(old: Definition, in_force: Definition, held: Iterable[str]) -> Definition:
    """An earlier revision's definition as a further revision: tiers that came meanwhile give way to those that they stand for.

    That is the tier which they took the place of, or, where both definitions have as many tiers, the one of the same rank. What
    is neither stays without a place (`without_place` names it).
    """
    becomes: dict[str, list[str]] = {}
    for lost in without_place(old, (*(tier.id for tier in in_force.tiers), *held)):
        if (tier := _stands_for(old, in_force, lost)) is not None:
            becomes.setdefault(tier, []).append(lost)
    tiers = tuple(
        tier.model_copy(update={"replaces": (*tier.replaces, *becomes[tier.id])}) if tier.id in becomes else tier
        for tier in old.tiers
    )
    return old.model_copy(update={"tiers": tiers})


def _stands_for(old: Definition, in_force: Definition, lost: str) -> str | None:
    tier = _tier(in_force, lost)
    if tier is None:
        return None
    own = {old.current_tier(former) for former in tier.replaces} & {each.id for each in old.tiers}
    if own:
        return own.pop() if len(own) == 1 else None
    by_rank = old.tiers[in_force.tier_rank(lost)].id if len(old.tiers) == len(in_force.tiers) else None
    return by_rank if by_rank is not None and _tier(in_force, by_rank) is None else None


def counters_missed(before: Definition, after: Definition) -> tuple[str, ...]:
    """With `grandfather`: the counters that the old conditions of a changed tier ask for, and that the amendment no longer has.

    Whoever holds the tier by those conditions could never meet them again.
    """
    if after.transition != "grandfather":
        return ()
    missed = {
        leaf.counter
        for tier in before.tiers
        if asks_otherwise(before, after, tier.id)
        for each in (tier.reach, tier.keep, tier.lifetime)
        if each is not None
        for leaf in each.thresholds
        if all(counter.id != leaf.counter for counter in after.counters)
    }
    return tuple(sorted(missed))


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
