"""Tiers: a member's tier, and when they rise, keep it or fall."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from domain.definition.cache import cached_per_definition
from domain.definition.document import Definition
from domain.definition.earning import Milestone
from domain.definition.tiers import Counter, Held, Qualification, Threshold, Tier
from domain.model import Value
from domain.money import smallest_units
from domain.period import Period
from domain.window import Span, Window

_NOTHING: Mapping[str, timedelta] = {}


class TierStatus(Value):
    """A member's tier, the instant since which they hold it, and the end of its validity (None: without end)."""

    tier: str
    since: AwareDatetime
    until: AwareDatetime | None


class Review(Value):
    """The outcome of a review of a member's tier: the tier from now on, and the change.

    A `transition` is the effect of an amendment: another id for the tier, or, at once, the result of its new conditions.
    """

    standing: TierStatus
    change: Literal["none", "upgrade", "renewal", "downgrade", "transition"]


class Watch(Value):
    """A figure that calls for a review: the counter's sum after `since` reaches `at_least` (points, smallest units, events)."""

    counter: str
    since: AwareDatetime
    at_least: int


class Reached(NamedTuple):
    """A milestone that a member has reached, and the beginning of its window."""

    milestone: Milestone
    window: datetime


class GrandfatheredRevision(NamedTuple):
    """The earlier revision under whose conditions a tier is held, after an amendment with the transition `grandfather`.

    `tier` is its id there; `counters`, `earlier` and `held` are as for `review`, by that revision's counters and windows.
    """

    definition: Definition
    tier: str
    counters: Mapping[str, int]
    earlier: Mapping[str, int] | None = None
    held: Mapping[str, timedelta] = _NOTHING


class _Plan(NamedTuple):
    """Precomputed parts of a definition for its reviews."""

    counters: Mapping[str, Counter]
    needed: Mapping[tuple[str, Decimal], int]
    held: tuple[Held, ...]
    windows: frozenset[Window]
    repeats: bool


class _Counts(NamedTuple):
    """A member's sums in one window of the definition, an instant of it, and how long they have held each tier."""

    counters: Mapping[str, int]
    at: datetime
    held: Mapping[str, timedelta]


def joined(definition: Definition, at: datetime) -> TierStatus:
    """The tier of a new member: the first tier, without end."""
    return TierStatus(tier=definition.base_tier.id, since=at, until=None)


def placed(definition: Definition, tier: str, at: datetime, joined: datetime | None = None) -> TierStatus:
    """The standing of a member who qualifies for the tier at this instant. Raises KeyError for an unknown tier."""
    return TierStatus(tier=tier, since=at, until=_end(definition, definition.tier(tier), at, at, joined))


def review(
    definition: Definition,
    tier_status: TierStatus,
    counters: Mapping[str, int],
    at: datetime,
    *,
    earlier: Mapping[str, int] | None = None,
    held: Mapping[str, timedelta] = _NOTHING,
    joined: datetime | None = None,
    amended: bool = False,
    earlier_raises: bool = True,
    grandfathered: GrandfatheredRevision | None = None,
) -> Review:
    """Review a member's tier at an instant, given each counter's sum over its window, up to that instant.

    The member rises at once to the highest tier whose `reach` (or `lifetime`) is met. When the validity has ended, they keep
    the tier if `keep` (or `reach`, which would lead straight back) is met, for another `valid_for` from the old end; else they
    fall, by `downgrade`, to the highest lower tier whose `reach` is met, or by one. Nobody falls below a tier whose `lifetime`
    they meet.
    If the validity follows windows (`valid`), meeting `keep` or `reach` moves the end at once; `earlier` are then the sums over
    the windows before (see `earlier_spans`), for late events and for points earned in the year before the end.
    `held` is how long each tier, or one above it, has been held (the function `held` computes it); `joined` is needed if
    windows begin on anniversaries. `amended`: the standing is of an earlier revision, and the definition's `transition` is due.
    Without `earlier_raises`, for windows under another revision, `earlier` can only keep a member from falling, not raise them.
    With `grandfathered`, the tier is held under an earlier revision's conditions: the member rises like all others, and keeps
    the tier by those conditions; if they miss them, they fall by this definition.
    A rolling window begins just after `window_start` and includes `at`. A second review at the same instant changes nothing.
    Raises KeyError for an unknown tier.
    """
    checks = _looks(definition, counters, earlier, held, at, joined)
    now = checks[0]
    raising = checks if earlier_raises else [now]
    current = definition.current_tier(tier_status.tier)
    renamed = current != tier_status.tier
    if renamed:
        tier_status = tier_status.model_copy(update={"tier": current})
    rank = definition.tier_rank(current)
    lifetime = _lifetime(definition, now)

    best = max(lifetime, *(_reached(definition, check, at, joined) for check in raising))
    if best > rank:
        return Review(standing=_place(definition, best, at, raising, joined), change="upgrade")
    if amended and rank and grandfathered is None and definition.transition == "at_once":
        stays = rank in (lifetime, best) or any(_met(definition, definition.tiers[rank].keep, check) for check in checks)
        target = rank if stays else _lower(definition, rank, at, checks, joined)
        anew = _place(definition, target, at, checks, joined)
        if target == rank:
            ends = (anew.until, tier_status.until)  # a member who stays must not lose time
            until = None if None in ends else max(end for end in ends if end is not None)
            return Review(standing=anew.model_copy(update={"until": until}), change="transition")
        return Review(standing=anew, change="downgrade")
    unchanged = Review(standing=tier_status, change="transition" if renamed else "none")
    if tier_status.until is None:
        return unchanged
    rules, tier, staying = definition, definition.tiers[rank], raising
    stays_for_life = lifetime >= rank
    if grandfathered is not None:
        rules, tier = grandfathered.definition, grandfathered.definition.tier(grandfathered.tier)
        staying = _looks(rules, grandfathered.counters, grandfathered.earlier, grandfathered.held, at, joined)
        stays_for_life = stays_for_life or _lifetime(rules, staying[0]) >= rules.tier_rank(tier.id)
    if stays_for_life or (tier.valid_for is None and tier.valid is None and at >= tier_status.until):
        return Review(standing=tier_status.model_copy(update={"until": None}), change="renewal")
    kept = _kept_until(rules, tier, tier_status.until, at, staying, joined)
    if kept > tier_status.until:
        return Review(standing=tier_status.model_copy(update={"until": kept}), change="renewal")
    if at < tier_status.until:
        return unchanged
    if grandfathered is not None and (
        rank == best or any(_met(definition, definition.tiers[rank].keep, check) for check in raising)
    ):
        # The old conditions no longer hold and the new ones do: from here on the tier is held under the new ones.
        return Review(standing=_place(definition, rank, at, raising, joined), change="transition")
    return Review(
        standing=_place(definition, _lower(definition, rank, at, checks, joined), at, checks, joined), change="downgrade"
    )


def _looks(
    definition: Definition,
    counters: Mapping[str, int],
    earlier: Mapping[str, int] | None,
    held: Mapping[str, timedelta],
    at: datetime,
    joined: datetime | None,
) -> list[_Counts]:
    """A member's sums now, and, if windows follow each other, those of the window before."""
    checks = [_Counts(counters, at, held)]
    if earlier is not None and definition.qualification_window.repeats:
        before = definition.qualification_window.span(at, definition.zone, joined).since
        checks.append(_Counts(earlier, before, held))
    return checks


def held(definition: Definition, stays: Iterable[tuple[str, datetime]], at: datetime) -> dict[str, timedelta]:
    """How long each tier, or one above it, was held up to an instant; `stays` are the tiers and their first instants, in order.

    A tier of an earlier revision counts as its replacement; one without a replacement counts as the first tier.
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
    """Whether any tier or milestone needs the window before the current one."""
    return _plan(definition).repeats


def asks_time_held(definition: Definition) -> bool:
    """Whether any tier needs the time for which a tier was held."""
    return bool(_plan(definition).held)


def next_review_at(
    definition: Definition, tier_status: TierStatus, held: Mapping[str, timedelta], at: datetime
) -> datetime | None:
    """When time alone will change the result of a review: the end of the validity, or a tier held for long enough."""
    rank = definition.tier_rank(tier_status.tier)
    due = [
        each.at_least.after(at - held.get(each.held, timedelta()), definition.zone)
        for each in _plan(definition).held
        if rank >= definition.tier_rank(each.held)
    ]
    if tier_status.until is not None:
        due.append(tier_status.until)
    return min((instant for instant in due if instant > at), default=None)


def window_start(definition: Definition, at: datetime, joined: datetime | None = None) -> datetime:
    """The beginning of the qualification window of this instant; it is itself just outside of the window."""
    return definition.qualification_window.span(at, definition.zone, joined).since


def spans(definition: Definition, at: datetime, joined: datetime | None = None) -> dict[str, Span]:
    """For each counter the span of its window at the instant, ending there; `review` needs the sums over these."""
    zone = definition.zone
    of = {window: Span(window.span(at, zone, joined).since, at) for window in _plan(definition).windows}
    return {counter.id: of[counter.window or definition.qualification_window] for counter in definition.counters}


def earlier_spans(definition: Definition, at: datetime, joined: datetime | None = None) -> dict[str, Span] | None:
    """The same one window earlier, for counters whose windows follow each other; None if nothing needs it."""
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
    """The figures at which an event at this instant calls for a review of the member.

    They are the thresholds of every tier above, those of the tier itself if meeting them again moves the end of its validity
    (`until`, if known, says whether it still does), and the milestones.
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
    """Every milestone reached by the sums of a counter's window, or of the one before; once for each window."""
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


@cached_per_definition
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


def _reached(definition: Definition, check: _Counts, at: datetime, joined: datetime | None, below: int | None = None) -> int:
    """The rank of the highest tier whose `reach` these sums meet and that is still valid at the instant; 0 if none."""
    tiers: tuple[Tier, ...] = definition.tiers[:below]
    for rank in range(len(tiers) - 1, 0, -1):
        if _met(definition, tiers[rank].reach, check):
            if check.at == at:
                return rank
            end = _end(definition, tiers[rank], at, check.at, joined) if tiers[rank].valid is not None else None
            if end is not None and end > at:
                return rank
    return 0


def _lifetime(definition: Definition, check: _Counts, below: int | None = None) -> int:
    """The rank of the highest tier that the member has for life; 0 if none."""
    tiers: tuple[Tier, ...] = definition.tiers[:below]
    return next((rank for rank in range(len(tiers) - 1, 0, -1) if _met(definition, tiers[rank].lifetime, check)), 0)


def _lower(definition: Definition, rank: int, at: datetime, checks: list[_Counts], joined: datetime | None) -> int:
    """The rank of the lower tier to which a member falls."""
    if definition.downgrade.to == "one_tier":
        return rank - 1
    return max(_lifetime(definition, checks[0], rank), *(_reached(definition, check, at, joined, rank) for check in checks))


def _place(definition: Definition, rank: int, at: datetime, checks: list[_Counts], joined: datetime | None) -> TierStatus:
    """The standing of a member who comes into the tier of this rank: to its latest end by the windows that qualified for it."""
    tier = definition.tiers[rank]
    if _met(definition, tier.lifetime, checks[0]):
        return TierStatus(tier=tier.id, since=at, until=None)
    earned = [_end(definition, tier, at, check.at, joined) for check in checks if _met(definition, tier.reach, check)]
    ends = [end for end in earned if end is not None and (end > at or tier.valid is None)]
    if ends:
        return TierStatus(tier=tier.id, since=at, until=max(ends))
    return TierStatus(tier=tier.id, since=at, until=_end(definition, tier, at, at, joined, earned=False))


def _kept_until(
    definition: Definition, tier: Tier, until: datetime, at: datetime, checks: list[_Counts], joined: datetime | None
) -> datetime:
    """The end of the validity after this review: the old one if the tier is not kept, or it is too early to decide."""
    met = [check for check in checks if _met(definition, tier.reach, check) or _met(definition, tier.keep, check)]
    if tier.valid is not None:
        ends = (_end(definition, tier, at, check.at, joined) for check in met)
        return max([until, *(end for end in ends if end is not None and end > at)])
    if tier.valid_for is not None and at >= until and checks[0] in met:
        return _next_end(until, tier.valid_for, at, definition.zone)
    return until


def _end(
    definition: Definition, tier: Tier, at: datetime, within: datetime, joined: datetime | None, *, earned: bool = True
) -> datetime | None:
    """The end of the tier for a member who comes into it at `at`, by the sums of the window that contains `within`.

    A tier that the member did not qualify for, but keeps after a fall by one tier, has no further windows.
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


def _met(definition: Definition, qualification: Qualification | None, check: _Counts) -> bool:
    if qualification is None or not qualification.requirements:
        return False
    met = (_holds(definition, each, check) for each in qualification.requirements)
    return all(met) if qualification.all else any(met)


def _holds(definition: Definition, part: Threshold | Held | Qualification, check: _Counts) -> bool:
    if isinstance(part, Threshold):
        return check.counters.get(part.counter, 0) >= _needed(definition, part)
    if isinstance(part, Qualification):
        return _met(definition, part, check)
    # As if it had been held without a break up to now: so a time of whole years is measured by the calendar.
    return part.at_least.after(check.at - check.held.get(part.held, timedelta()), definition.zone) <= check.at


def _needed(definition: Definition, threshold: Threshold) -> int:
    """The threshold in the counter's unit. Raises KeyError for an unknown counter."""
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
