"""Tiers: where a member stands, and when they rise, keep their tier or fall."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from domain.definition.cache import once_for_each
from domain.definition.document import Definition
from domain.definition.earning import Milestone
from domain.definition.tiers import Counter, Held, Qualification, Threshold, Tier
from domain.model import Value
from domain.money import smallest_units
from domain.period import Period
from domain.window import Span, Window

_NOTHING: Mapping[str, timedelta] = {}


class Standing(Value):
    """A member's tier, since when they hold it, and until when it is valid (None: without end)."""

    tier: str
    since: AwareDatetime
    until: AwareDatetime | None


class Review(Value):
    """The outcome of a look at a member's tier: the standing from now on, and how it came about.

    A `transition` is what an amendment did: another id for the tier, or, at once, what its new conditions make of it.
    """

    standing: Standing
    change: Literal["none", "upgrade", "renewal", "downgrade", "transition"]


class Watch(Value):
    """A figure worth a review: the counter's sum after `since` reaches `at_least` (points, smallest units of money, events)."""

    counter: str
    since: AwareDatetime
    at_least: int


class Reached(NamedTuple):
    """A milestone that a member has reached, and the beginning of the window in which they did."""

    milestone: Milestone
    window: datetime


class Former(NamedTuple):
    """The earlier revision by whose conditions a tier is held, where an amendment left it to its holders (`grandfather`).

    `tier` is its id there; `counters`, `earlier` and `held` are what `review` wants, by that revision's counters and windows.
    """

    definition: Definition
    tier: str
    counters: Mapping[str, int]
    earlier: Mapping[str, int] | None = None
    held: Mapping[str, timedelta] = _NOTHING


class _Plan(NamedTuple):
    """What a definition's reviews look up again and again."""

    counters: Mapping[str, Counter]
    needed: Mapping[tuple[str, Decimal], int]
    held: tuple[Held, ...]
    windows: frozenset[Window]
    repeats: bool


class _Look(NamedTuple):
    """A member's sums in one window of the definition, an instant of it, and how long they have held which tier."""

    counters: Mapping[str, int]
    at: datetime
    held: Mapping[str, timedelta]


def joined(definition: Definition, at: datetime) -> Standing:
    """The standing of a member who joins: the first tier, without end."""
    return Standing(tier=definition.base_tier.id, since=at, until=None)


def placed(definition: Definition, tier: str, at: datetime, joined: datetime | None = None) -> Standing:
    """The standing of a member who comes into the tier at this instant, having earned it. Raises KeyError."""
    return Standing(tier=tier, since=at, until=_end(definition, definition.tier(tier), at, at, joined))


def review(
    definition: Definition,
    standing: Standing,
    counters: Mapping[str, int],
    at: datetime,
    *,
    earlier: Mapping[str, int] | None = None,
    held: Mapping[str, timedelta] = _NOTHING,
    joined: datetime | None = None,
    amended: bool = False,
    earlier_raises: bool = True,
    former: Former | None = None,
) -> Review:
    """Look at a member's tier at an instant, given each counter's sum over its window, up to that instant.

    Up at once, to the highest tier whose `reach` (or `lifetime`) is met. When the validity has ended: kept if `keep` (or
    `reach`, which would lead straight back) is met, for another `valid_for` from the old end; else down, as `downgrade` has
    it, to the highest lower tier whose `reach` is met, or by one. Nobody falls below a tier whose `lifetime` they meet.
    Where the validity follows windows (`valid`), meeting `keep` or `reach` moves the end at once; `earlier` are then the sums
    over the windows before (`spans` says which), for events that came late and for what was earned in the year before the end.
    `held` is how long each tier, or one above it, has been held (`held` computes it); `joined` is asked for where windows begin
    on anniversaries. `amended`: the standing is of an earlier revision, and the definition's `transition` is due. Without
    `earlier_raises`, as where another revision ruled the windows before, they only hold up who falls.
    With `former`, the tier is held by an earlier revision's conditions: the member rises as all do, and stays, or does not, by
    those; who does not stay falls to where the definition has them.
    A rolling window begins just after `window_start` and takes in `at`. Looking again at the same instant changes nothing.
    Raises KeyError for an unknown tier.
    """
    looks = _looks(definition, counters, earlier, held, at, joined)
    now = looks[0]
    raising = looks if earlier_raises else [now]
    current = definition.current_tier(standing.tier)
    renamed = current != standing.tier
    if renamed:
        standing = standing.model_copy(update={"tier": current})
    rank = definition.tier_rank(current)
    lifetime = _lifetime(definition, now)

    best = max(lifetime, *(_reached(definition, look, at, joined) for look in raising))
    if best > rank:
        return Review(standing=_place(definition, best, at, raising, joined), change="upgrade")
    if amended and rank and former is None and definition.transition == "at_once":
        stays = rank in (lifetime, best) or any(_met(definition, definition.tiers[rank].keep, look) for look in looks)
        target = rank if stays else _lower(definition, rank, at, looks, joined)
        anew = _place(definition, target, at, looks, joined)
        if target == rank:
            ends = (anew.until, standing.until)  # who stays is not to lose time
            until = None if None in ends else max(end for end in ends if end is not None)
            return Review(standing=anew.model_copy(update={"until": until}), change="transition")
        return Review(standing=anew, change="downgrade")
    unchanged = Review(standing=standing, change="transition" if renamed else "none")
    if standing.until is None:
        return unchanged
    rules, tier, staying = definition, definition.tiers[rank], raising
    stays_for_life = lifetime >= rank
    if former is not None:
        rules, tier = former.definition, former.definition.tier(former.tier)
        staying = _looks(rules, former.counters, former.earlier, former.held, at, joined)
        stays_for_life = stays_for_life or _lifetime(rules, staying[0]) >= rules.tier_rank(tier.id)
    if stays_for_life or (tier.valid_for is None and tier.valid is None and at >= standing.until):
        return Review(standing=standing.model_copy(update={"until": None}), change="renewal")
    kept = _kept_until(rules, tier, standing.until, at, staying, joined)
    if kept > standing.until:
        return Review(standing=standing.model_copy(update={"until": kept}), change="renewal")
    if at < standing.until:
        return unchanged
    if former is not None and (rank == best or any(_met(definition, definition.tiers[rank].keep, look) for look in raising)):
        # What the old conditions take, the new ones give: from here on it is held by those.
        return Review(standing=_place(definition, rank, at, raising, joined), change="transition")
    return Review(
        standing=_place(definition, _lower(definition, rank, at, looks, joined), at, looks, joined), change="downgrade"
    )


def _looks(
    definition: Definition,
    counters: Mapping[str, int],
    earlier: Mapping[str, int] | None,
    held: Mapping[str, timedelta],
    at: datetime,
    joined: datetime | None,
) -> list[_Look]:
    """A member as they are seen now, and, where windows follow each other, as they were seen in the window before."""
    looks = [_Look(counters, at, held)]
    if earlier is not None and definition.qualification_window.repeats:
        before = definition.qualification_window.span(at, definition.zone, joined).since
        looks.append(_Look(earlier, before, held))
    return looks


def held(definition: Definition, stays: Iterable[tuple[str, datetime]], at: datetime) -> dict[str, timedelta]:
    """How long each tier, or one above it, was held up to an instant, from when a member came into which tier, in order.

    Tiers of earlier revisions count as those that took their place; one that none did counts for nothing.
    """
    ranks = {tier.id: rank for rank, tier in enumerate(definition.tiers)}
    came = [(ranks.get(definition.current_tier(tier), 0), since) for tier, since in stays if since <= at]
    ends = [since for _, since in came[1:]] + [at]
    lasted: dict[str, timedelta] = {tier.id: timedelta() for tier in definition.tiers}
    for (rank, since), end in zip(came, ends, strict=True):
        for tier in definition.tiers[: rank + 1]:
            lasted[tier.id] += end - since
    return lasted


def asks_earlier(definition: Definition) -> bool:
    """Whether any tier or milestone looks at the window before the one that runs."""
    return _plan(definition).repeats


def asks_time_held(definition: Definition) -> bool:
    """Whether any tier asks how long a tier was held."""
    return bool(_plan(definition).held)


def next_look(definition: Definition, standing: Standing, held: Mapping[str, timedelta], at: datetime) -> datetime | None:
    """When time alone will change what a review finds: the end of the validity, or a tier held for long enough."""
    rank = definition.tier_rank(standing.tier)
    due = [
        each.at_least.after(at - held.get(each.held, timedelta()), definition.zone)
        for each in _plan(definition).held
        if rank >= definition.tier_rank(each.held)
    ]
    if standing.until is not None:
        due.append(standing.until)
    return min((instant for instant in due if instant > at), default=None)


def window_start(definition: Definition, at: datetime, joined: datetime | None = None) -> datetime:
    """Where the qualification window that holds this instant begins; what happened there is just outside."""
    return definition.qualification_window.span(at, definition.zone, joined).since


def spans(definition: Definition, at: datetime, joined: datetime | None = None) -> dict[str, Span]:
    """For each counter the span of its window that holds the instant, ending there: what `review` wants summed."""
    zone = definition.zone
    of = {window: Span(window.span(at, zone, joined).since, at) for window in _plan(definition).windows}
    return {counter.id: of[counter.window or definition.qualification_window] for counter in definition.counters}


def earlier_spans(definition: Definition, at: datetime, joined: datetime | None = None) -> dict[str, Span] | None:
    """The same one window earlier, for counters whose windows follow each other; None where nothing asks for it."""
    if not _plan(definition).repeats:
        return None
    found = {}
    for counter in definition.counters:
        window = counter.window or definition.qualification_window
        span = window.span(at, definition.zone, joined)
        found[counter.id] = window.span(span.since, definition.zone, joined) if window.repeats else Span(span.since, at)
    return found


def watches(
    definition: Definition,
    tier: str,
    at: datetime,
    *,
    joined: datetime | None = None,
    until: datetime | None = None,
) -> tuple[Watch, ...]:
    """The figures at which an event at this instant makes a member worth a review.

    They are the thresholds of every tier above, those of the tier itself where meeting them again moves the end of its
    validity (`until`, where known, says whether it still does), and the milestones.
    """
    rank = definition.tier_rank(definition.current_tier(tier))
    asked = [leaf for above in definition.tiers[rank + 1 :] if above.reach for leaf in above.reach.thresholds]
    asked += [leaf for each in definition.tiers[rank:] if each.lifetime for leaf in each.lifetime.thresholds]
    own = definition.tiers[rank]
    if own.valid is not None and (until is None or (_end(definition, own, at, at, joined) or until) > until):
        asked += [leaf for each in (own.reach, own.keep) if each for leaf in each.thresholds]
    needed = {(leaf.counter, _needed(definition, leaf)) for leaf in asked}
    needed |= {(each.counter, _figure(definition, each.counter, each.at)) for each in definition.milestones}
    since = {name: span.since for name, span in spans(definition, at, joined).items()}
    return tuple(Watch(counter=counter, since=since[counter], at_least=at_least) for counter, at_least in sorted(needed))


def milestones(
    definition: Definition,
    counters: Mapping[str, int],
    earlier: Mapping[str, int] | None,
    at: datetime,
    joined: datetime | None = None,
) -> tuple[Reached, ...]:
    """Every milestone that the sums of a counter's window, or of the one before, have reached; once for each window."""
    if not definition.milestones:
        return ()
    reached = []
    looks = [(counters, spans(definition, at, joined))]
    if earlier is not None and (before := earlier_spans(definition, at, joined)) is not None:
        looks.append((earlier, before))
    for sums, of in looks:
        for each in definition.milestones:
            window = of[each.counter].since
            if sums.get(each.counter, 0) >= _figure(definition, each.counter, each.at):
                reached.append(Reached(each, window))
    return tuple(dict.fromkeys(reached))


@once_for_each
def _plan(definition: Definition) -> _Plan:
    asked = [each for tier in definition.tiers for each in (tier.reach, tier.keep, tier.lifetime) if each is not None]
    leaves = [leaf for each in asked for leaf in each.leaves()]
    counters = {counter.id: counter for counter in definition.counters}
    windows = frozenset(counter.window or definition.qualification_window for counter in definition.counters)
    thresholds = {(leaf.counter, leaf.at_least) for leaf in leaves if isinstance(leaf, Threshold)}
    thresholds |= {(each.counter, each.at) for each in definition.milestones}
    return _Plan(
        counters=counters,
        needed={
            (name, figure): _in_its_unit(definition, counters[name], figure) for name, figure in thresholds if name in counters
        },
        held=tuple(leaf for leaf in leaves if isinstance(leaf, Held)),
        windows=windows,
        repeats=any(window.repeats for window in windows)
        and bool(definition.milestones or any(tier.valid for tier in definition.tiers)),
    )


def _reached(definition: Definition, look: _Look, at: datetime, joined: datetime | None, below: int | None = None) -> int:
    """The rank of the highest tier whose `reach` is met in this look and still valid at the instant, 0 where none is."""
    tiers: tuple[Tier, ...] = definition.tiers[:below]
    for rank in range(len(tiers) - 1, 0, -1):
        if _met(definition, tiers[rank].reach, look):
            if look.at == at:
                return rank
            end = _end(definition, tiers[rank], at, look.at, joined) if tiers[rank].valid is not None else None
            if end is not None and end > at:
                return rank
    return 0


def _lifetime(definition: Definition, look: _Look, below: int | None = None) -> int:
    """The rank of the highest tier that the member has for life, 0 where they have none."""
    tiers: tuple[Tier, ...] = definition.tiers[:below]
    return next((rank for rank in range(len(tiers) - 1, 0, -1) if _met(definition, tiers[rank].lifetime, look)), 0)


def _lower(definition: Definition, rank: int, at: datetime, looks: list[_Look], joined: datetime | None) -> int:
    """To which lower tier a member falls."""
    if definition.downgrade.to == "one_tier":
        return rank - 1
    return max(_lifetime(definition, looks[0], rank), *(_reached(definition, look, at, joined, rank) for look in looks))


def _place(definition: Definition, rank: int, at: datetime, looks: list[_Look], joined: datetime | None) -> Standing:
    """The standing of a member who comes into the tier of this rank: to its latest end among the windows that earned it."""
    tier = definition.tiers[rank]
    if _met(definition, tier.lifetime, looks[0]):
        return Standing(tier=tier.id, since=at, until=None)
    earned = [_end(definition, tier, at, look.at, joined) for look in looks if _met(definition, tier.reach, look)]
    ends = [end for end in earned if end is not None and (end > at or tier.valid is None)]
    if ends:
        return Standing(tier=tier.id, since=at, until=max(ends))
    return Standing(tier=tier.id, since=at, until=_end(definition, tier, at, at, joined, earned=False))


def _kept_until(
    definition: Definition, tier: Tier, until: datetime, at: datetime, looks: list[_Look], joined: datetime | None
) -> datetime:
    """The end of the validity after this look: the old one where the tier is not kept, or it is too early to ask."""
    met = [look for look in looks if _met(definition, tier.reach, look) or _met(definition, tier.keep, look)]
    if tier.valid is not None:
        ends = (_end(definition, tier, at, look.at, joined) for look in met)
        return max([until, *(end for end in ends if end is not None and end > at)])
    if tier.valid_for is not None and at >= until and looks[0] in met:
        return _next_end(until, tier.valid_for, at, definition.zone)
    return until


def _end(
    definition: Definition, tier: Tier, at: datetime, within: datetime, joined: datetime | None, *, earned: bool = True
) -> datetime | None:
    """Until when the tier is valid for who comes into it at an instant, for what they did in the window around another one.

    What was not earned, but left to them on a soft fall, has no further windows.
    """
    zone = definition.zone
    if tier.valid is not None:
        cycle = definition.qualification_window.cycle(joined)
        end = cycle.end(within, zone)
        for _ in range(tier.valid.further_windows if earned else 0):
            end = cycle.end(end, zone)
        return tier.valid.grace.after(end, zone)
    if tier.valid_for is None:
        return None
    return definition.downgrade.grace.after(tier.valid_for.after(at, zone), zone)


def _met(definition: Definition, qualification: Qualification | None, look: _Look) -> bool:
    if qualification is None or not qualification.requirements:
        return False
    met = (_holds(definition, each, look) for each in qualification.requirements)
    return all(met) if qualification.all else any(met)


def _holds(definition: Definition, part: Threshold | Held | Qualification, look: _Look) -> bool:
    if isinstance(part, Threshold):
        return look.counters.get(part.counter, 0) >= _needed(definition, part)
    if isinstance(part, Qualification):
        return _met(definition, part, look)
    # So long before now, if it had been held without a break: that way a span of whole years is measured by the calendar.
    return part.at_least.after(look.at - look.held.get(part.held, timedelta()), definition.zone) <= look.at


def _needed(definition: Definition, threshold: Threshold) -> int:
    """The threshold as the counter counts it. Raises KeyError for an unknown counter."""
    return _plan(definition).needed[threshold.counter, threshold.at_least]


def _figure(definition: Definition, counter: str, figure: Decimal) -> int:
    return _plan(definition).needed[counter, figure]


def _in_its_unit(definition: Definition, counter: Counter, figure: Decimal) -> int:
    if counter.counts == "amount":
        return smallest_units(definition.money, figure)
    return int(figure.to_integral_value(ROUND_CEILING))


def _next_end(until: datetime, valid_for: Period, at: datetime, zone: ZoneInfo) -> datetime:
    if not valid_for.months:
        return until + ((at - until) // valid_for.rest + 1) * valid_for.rest
    while until <= at:
        until = valid_for.after(until, zone)
    return until
