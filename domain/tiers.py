"""Tiers: where a member stands, and when they rise, keep their tier or fall."""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from domain.definition import Definition, Qualification, Threshold, Tier
from domain.model import Value
from domain.money import smallest_units
from domain.period import Period


class Standing(Value):
    """A member's tier, since when they hold it, and until when it is valid (None: without end)."""

    tier: str
    since: AwareDatetime
    until: AwareDatetime | None


class Review(Value):
    """The outcome of a look at a member's tier: the standing from now on, and how it came about."""

    standing: Standing
    change: Literal["none", "upgrade", "renewal", "downgrade"]


class Watch(Value):
    """A figure worth a review: the counter's sum after `since` reaches `at_least` (points, smallest units of money, events)."""

    counter: str
    since: AwareDatetime
    at_least: int


def joined(definition: Definition, at: datetime) -> Standing:
    """The standing of a member who joins: the first tier, without end."""
    return Standing(tier=definition.base_tier.id, since=at, until=None)


def placed(definition: Definition, tier: str, at: datetime) -> Standing:
    """The standing of a member who comes into the tier at this instant. Raises KeyError for an unknown tier."""
    valid_for = definition.tier(tier).valid_for
    return Standing(tier=tier, since=at, until=valid_for.after(at, definition.zone) if valid_for else None)


def review(definition: Definition, standing: Standing, counters: Mapping[str, int], at: datetime) -> Review:
    """Look at a member's tier at an instant, given each counter's sum over the qualification window that ends there.

    Up at once, to the highest tier whose `reach` is met. When the validity has ended: kept if `keep` (or `reach`, which would
    lead straight back) is met, for another `valid_for` from the old end; else down to the highest lower tier whose `reach` is
    met, else to the first. The window begins just after `window_start` and takes in `at`. Looking again at the same instant
    changes nothing. Raises KeyError for an unknown tier.
    """
    rank = definition.tier_rank(standing.tier)
    earned = _highest_reached(definition, counters)
    if earned > rank:
        return Review(standing=placed(definition, definition.tiers[earned].id, at), change="upgrade")
    if standing.until is None or at < standing.until:
        return Review(standing=standing, change="none")
    tier = definition.tiers[rank]
    if tier.valid_for is None:
        return Review(standing=standing.model_copy(update={"until": None}), change="renewal")
    if earned == rank or _met(definition, tier.keep, counters):
        until = _next_end(standing.until, tier.valid_for, at, definition.zone)
        return Review(standing=standing.model_copy(update={"until": until}), change="renewal")
    lower = _highest_reached(definition, counters, below=rank)
    return Review(standing=placed(definition, definition.tiers[lower].id, at), change="downgrade")


def window_start(definition: Definition, at: datetime) -> datetime:
    """Where the qualification window that ends at this instant begins; what happened there is just outside."""
    return definition.qualification_window.before(at, definition.zone)


def watches(definition: Definition, tier: str, at: datetime) -> tuple[Watch, ...]:
    """The thresholds of every tier above: whoever crosses one of them is worth a review."""
    since = window_start(definition, at)
    needed = {
        (threshold.counter, _needed(definition, threshold))
        for above in definition.tiers[definition.tier_rank(tier) + 1 :]
        for threshold in (above.reach.thresholds if above.reach else ())
    }
    return tuple(Watch(counter=counter, since=since, at_least=at_least) for counter, at_least in sorted(needed))


def _highest_reached(definition: Definition, counters: Mapping[str, int], below: int | None = None) -> int:
    """The rank of the highest tier whose `reach` is met, 0 where none is."""
    tiers: tuple[Tier, ...] = definition.tiers[:below]
    for rank in range(len(tiers) - 1, 0, -1):
        if _met(definition, tiers[rank].reach, counters):
            return rank
    return 0


def _met(definition: Definition, qualification: Qualification | None, counters: Mapping[str, int]) -> bool:
    if qualification is None or not qualification.thresholds:
        return False
    met = (counters.get(each.counter, 0) >= _needed(definition, each) for each in qualification.thresholds)
    return all(met) if qualification.all else any(met)


def _needed(definition: Definition, threshold: Threshold) -> int:
    """The threshold as the counter counts it. Raises KeyError for an unknown counter."""
    counts = {counter.id: counter.counts for counter in definition.counters}[threshold.counter]
    if counts == "amount":
        return smallest_units(definition.money, threshold.at_least)
    return int(threshold.at_least.to_integral_value(ROUND_CEILING))


def _next_end(until: datetime, valid_for: Period, at: datetime, zone: ZoneInfo) -> datetime:
    if not valid_for.months:
        return until + ((at - until) // valid_for.rest + 1) * valid_for.rest
    while until <= at:
        until = valid_for.after(until, zone)
    return until
