"""Amendments: class, effective date, affected members, grandfathered tiers, and rollback to an earlier revision."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from domain.definition.diff import differences
from domain.definition.document import Definition
from domain.definition.tiers import Qualification, Threshold, Tier
from domain.model import Message

AmendmentClass = Literal["minor", "substantial"]
"""A minor amendment passes the launch gate alone; a substantial one takes the whole way of a first revision."""
_Terms = tuple[object, ...]
"""The terms that are compared between two revisions."""


class Classification(Message):
    """The class of an amendment, and the reasons in sentences: its substantial differences, else all differences."""

    weight: AmendmentClass
    reasons: tuple[str, ...]


class GrandfatheredTier(NamedTuple):
    """The earlier revision under whose conditions a tier is held, and the tier's id there."""

    number: int
    definition: Definition
    tier: str


def classify(before: Definition, after: Definition) -> Classification:
    """Classify an amendment: substantial if it affects earning, holding, paying, redeeming, the agreement, deciders or the end.

    Names, texts, risks, KPIs and their thresholds, messages, tests and reminders are minor (`domain.definition.diff` has the
    list; fields that it does not name are substantial).
    """
    found = differences(before, after).differences
    grave = tuple(each.told for each in found if each.mark == "substantial")
    return Classification(weight="substantial" if grave else "minor", reasons=grave or tuple(each.told for each in found))


def takes_effect(in_force: Definition, weight: AmendmentClass, asked: datetime | None, approved_at: datetime) -> datetime:
    """The effective date of an amendment: as requested, but not before its approval and the end of the members' notice.

    The notice is that of the revision in force; minor amendments need none.
    """
    earliest = in_force.amendments.notice.after(approved_at, in_force.zone) if weight == "substantial" else approved_at
    return max(earliest, asked or earliest)


def grandfathered_under(course: Sequence[tuple[int, Definition]], tier_id: str) -> GrandfatheredTier | None:
    """The earlier revision under whose conditions a tier is held; None if it is the last one, which is the usual case.

    `course` are the revisions from the one under which the member came into the tier to the one in force, with their numbers.
    A revision that changes the conditions of the tier decides by its `transition` whether the holders get the new ones; any
    other revision changes nothing for them.
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
    return GrandfatheredTier(number, definition, held) if left else None


def _first_id(course: Sequence[tuple[int, Definition]], tier_id: str) -> str | None:
    """The tier's id in the first revision of the course: the highest of those that became it; None if there is none."""
    now = course[-1][1].current_tier(tier_id)
    for tier in reversed(course[0][1].tiers):
        named = tier.id
        for _, definition in course[1:]:
            named = definition.current_tier(named)
        if tier_id == tier.id or named == now:
            return tier.id
    return None


def restored(old: Definition, in_force: Definition, held: Iterable[str]) -> Definition:
    """An earlier revision's definition as a new revision: its tiers replace the tiers that were added meanwhile.

    An added tier is replaced by the tier that it replaced, or, if both definitions have as many tiers, by the one of the same
    rank. Any other one stays without a place (`without_place` names it).
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
    """With `grandfather`: the counters of a changed tier's old conditions that the amendment no longer has.

    A member who holds the tier under those conditions could never meet them again.
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
    """The tiers in `held` that the new revision neither has nor replaces: their holders would have no tier."""
    known = {tier.id for tier in after.tiers} | {old for tier in after.tiers for old in tier.replaces}
    return tuple(dict.fromkeys(tier for tier in held if tier not in known))


def asks_otherwise(before: Definition, after: Definition, tier_id: str) -> bool:
    """Whether the conditions or the validity of a tier differ between two revisions; the id may be of either one.

    Compared are the qualifications, with the definitions of their counters, and the validity of the tier.
    """
    old, new = _both(before, after, tier_id)
    return old is None or new is None or _to_hold(before, old) != _to_hold(after, new)


def untouched(before: Definition, after: Definition) -> frozenset[str]:
    """The tiers whose members need no review when the new revision comes into force.

    Their id and their conditions stay, and so do the conditions to reach every tier above them. There are none if milestones
    have changed, which may be reached already, or the terms of the offer to silent members.
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
            break  # a member below may have reached it
    return frozenset(kept)


def _both(before: Definition, after: Definition, tier_id: str) -> tuple[Tier | None, Tier | None]:
    """A tier in the old and in the new revision, by either of its ids."""
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
    """Qualifications with the definitions of their counters."""
    leaves = [leaf for qualification in asked if qualification for leaf in qualification.leaves()]
    counters = {leaf.counter for leaf in leaves if isinstance(leaf, Threshold)}
    return asked, tuple(_counting(definition, counter) for counter in sorted(counters)), definition.zone


def _counting(definition: Definition, counter_id: str) -> _Terms:
    """A counter's definition and its window."""
    counter = next((each for each in definition.counters if each.id == counter_id), None)
    return counter, (counter.window if counter else None) or definition.qualification_window


def currencies_dropped(definition: Definition, in_force: Definition) -> tuple[str, ...]:
    """The currencies of the revision in force that an amendment no longer has: points in them could not be used."""
    kept = {currency.code for currency in (definition.currency, *definition.other_currencies)}
    return tuple(each.code for each in (in_force.currency, *in_force.other_currencies) if each.code not in kept)
