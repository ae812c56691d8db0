"""The plan of a definition for the columnar simulation, and the reasons why a definition has none.

By columns means: all members at once, by sums over sorted rows. That requires counters that are plain sums over windows that
are the same for all members, tiers that end with these windows or never, and points that expire by inactivity or never. Other
definitions are played member by member; `plan` gives the reason.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.definition.document import Definition
from domain.definition.earning import EarningRule, Milestone
from domain.definition.expiry_kinds import expiry_rule
from domain.definition.tiers import Counter, Held, Qualification, Threshold
from domain.definition.values import Condition
from domain.members.tiers import asks_earlier
from domain.money import exponent, smallest_units
from domain.window import Window

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NEVER = np.iinfo(np.int64).max
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class NotVectorizable(Exception):
    """The definition, or the content of the log, cannot be played by columns."""


@dataclass(frozen=True)
class Ratio:
    """An exact factor for each tier, as integers over one denominator, and the rounding of the product."""

    by_tier: tuple[int, ...]
    over: int
    rounding: str

    def of(self, amounts: Ints, tiers: npt.NDArray[np.int8]) -> Ints:
        """Return each amount times the factor of its tier, rounded. Raises NotVectorizable if a product exceeds 64 bits."""
        # Integers throughout: the quotient is rounded down, and the remainder decides whether 1 is added.
        most = max(self.by_tier)
        if self.over == 1 and most == 1 == min(self.by_tier):
            return amounts
        if len(amounts) and int(amounts.max()) * most >= 2**61 - self.over:
            raise NotVectorizable("amounts times rates are larger than what columns hold")
        factors: Any = self.by_tier[0] if len(set(self.by_tier)) == 1 else np.array(self.by_tier, dtype=np.int64)[tiers]
        exact: Ints = amounts * factors
        whole: Ints = exact // self.over
        if self.over == 1 or self.rounding == "down":
            return whole
        if self.rounding == "up":
            return whole + (exact > whole * self.over)
        twice = 2 * (exact - whole * self.over)
        if self.rounding == "half_up":
            return whole + (twice >= self.over)
        up: Bools = (twice > self.over) | ((twice == self.over) & (whole % 2 == 1))
        return whole + up.astype(np.int64)


@dataclass(frozen=True)
class Rule:
    """An earning rule with its figures as the columns need them; the events that it takes are in `rule` itself."""

    rule: EarningRule
    begins: int | None
    ends: int | None
    minimum: int
    rate: Ratio | None
    bonus: Ratio | None


@dataclass(frozen=True)
class Plan:
    """A definition, ready to be played over a log of a certain time."""

    definition: Definition
    rules: tuple[Rule, ...]
    counters: tuple[Counter, ...]
    """The counters that a tier or a milestone uses."""
    forever: frozenset[str]
    """The ids of those of them that are summed over a lifetime."""
    bounds: Ints
    """The first instants of the windows, one more than there are."""
    ends: Ints
    """For each tier and window, the end of the tier if it was earned in it; NEVER for a tier without an end."""
    ends_unearned: Ints
    follows_windows: tuple[bool, ...]
    """For each tier, whether it ends with windows."""
    earlier: bool
    milestones: tuple[tuple[Milestone, int], ...]
    needed: dict[tuple[str, Decimal], int]
    joining_points: int

    def met(self, qualification: Qualification | None, sums: dict[str, Ints]) -> Bools | None:
        """Return where a qualification is met; None if it is missing or empty, and so never met."""
        if qualification is None or not qualification.requirements:
            return None
        parts = [self._part(each, sums) for each in qualification.requirements]
        combine: Callable[..., Any] = np.logical_and if qualification.all else np.logical_or
        result = parts[0]
        for part in parts[1:]:
            result = combine(result, part)
        return result

    def _part(self, part: Threshold | Held | Qualification, sums: dict[str, Ints]) -> Bools:
        if isinstance(part, Threshold):
            found: Bools = sums[part.counter] >= self.needed[part.counter, part.at_least]
            return found
        assert isinstance(part, Qualification)
        met = self.met(part, sums)
        assert met is not None
        return met


def microseconds(at: datetime) -> int:
    """Convert an instant into the columns' form: microseconds since 1970."""
    return (at - EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    """Convert microseconds since 1970 into an instant."""
    return EPOCH + timedelta(microseconds=int(at))


def plan(definition: Definition, start: datetime, end: datetime) -> Plan:
    """Return the definition's plan for a log between these instants. Raises NotVectorizable with the reason if it has none."""
    for reason in _hindrances(definition):
        raise NotVectorizable(reason)
    asked = {leaf.counter for tier in definition.tiers for each in (tier.reach, tier.keep) if each for leaf in each.thresholds}
    asked |= {each.counter for each in definition.milestones}
    counters = tuple(counter for counter in definition.counters if counter.id in asked)
    window = definition.qualification_window
    bounds = _bounds(definition, window, start, end)
    earned, unearned = (_ends(definition, bounds, further) for further in (True, False))
    by_id = {counter.id: counter for counter in counters}
    thresholds = {
        (leaf.counter, leaf.at_least)
        for tier in definition.tiers
        for each in (tier.reach, tier.keep)
        if each
        for leaf in each.thresholds
    }
    return Plan(
        definition=definition,
        rules=tuple(_rule(definition, rule) for rule in definition.earning),
        counters=counters,
        forever=frozenset(counter.id for counter in counters if (counter.window or window).kind == "lifetime"),
        bounds=bounds,
        ends=earned,
        ends_unearned=unearned,
        follows_windows=tuple(tier.valid is not None for tier in definition.tiers),
        earlier=asks_earlier(definition) and window.repeats,
        milestones=tuple((each, _needed(definition, by_id[each.counter], each.at)) for each in definition.milestones),
        needed={(name, figure): _needed(definition, by_id[name], figure) for name, figure in thresholds},
        joining_points=sum(each.points or 0 for each in definition.benefits if each.on == "joining"),
    )


def _hindrances(definition: Definition) -> Iterator[str]:
    """Yield the reasons why the definition cannot be played by columns."""
    window = definition.qualification_window
    if window.kind not in ("fixed", "lifetime"):
        yield "the qualification window is not the same for everybody"
    if expiry_rule(definition.expiry).lot_by_lot or definition.expiry.exempt_tiers or definition.expiry.at_end_of:
        yield "lots expire each at a time of their own"
    if any(each.points and each.on != "joining" for each in definition.benefits):
        yield "a tier brings points"
    asked: set[str] = {each.counter for each in definition.milestones}
    for tier in definition.tiers:
        if tier.lifetime is not None or tier.valid_for is not None:
            yield "a tier is for life, or for a time of its own"
        for each in (tier.reach, tier.keep):
            leaves = list(each.leaves()) if each else []
            if any(isinstance(leaf, Held) for leaf in leaves):
                yield "a tier asks how long another was held"
            asked |= {leaf.counter for leaf in leaves if isinstance(leaf, Threshold)}
    for counter in definition.counters:
        if counter.id in asked:
            yield from _hindered_by(definition, counter)
    if len(definition.tiers) > 16:
        yield "there are more than sixteen tiers"
    for rule in definition.earning:
        if rule.cap is not None:
            yield "a rule has a cap"
        if _mixed(rule.when):
            yield "a condition mixes words and numbers"
    if any(_mixed(counter.when) for counter in definition.counters):
        yield "a condition mixes words and numbers"


def _hindered_by(definition: Definition, counter: Counter) -> Iterator[str]:
    # A sum is the same for all members over the qualification window, or over a lifetime if no tier uses it beside windows.
    # Points can be summed only if they do not depend on the tier, which in turn depends on the sum.
    window: Window = counter.window or definition.qualification_window
    if window.kind != "lifetime" and window != definition.qualification_window:
        yield "a counter has a window of its own"
    if window.kind == "lifetime" and definition.qualification_window.repeats and any(tier.reach for tier in definition.tiers):
        asked_for = {
            leaf.counter for tier in definition.tiers for each in (tier.reach, tier.keep) if each for leaf in each.thresholds
        }
        if counter.id in asked_for:
            yield "a tier asks for a sum over a lifetime beside windows"
    if counter.counts == "points":
        counting = [rule for rule in definition.earning if rule.counts]
        if any(rule.tier_rates or (rule.tier_bonus and rule.bonus_counts) for rule in counting):
            yield "what is counted depends on the tier"


def _mixed(conditions: tuple[Condition, ...]) -> bool:
    return any(
        (each.is_ is not None or each.is_not is not None or each.one_of)
        and any(bound is not None for bound in (each.at_least, each.at_most, each.above, each.below))
        for each in conditions
    )


def _bounds(definition: Definition, window: Window, start: datetime, end: datetime) -> Ints:
    if not window.repeats:
        return np.array([np.iinfo(np.int64).min, NEVER], dtype=np.int64)
    cycle = window.cycle(None)
    begins = [cycle.begin(start, definition.zone)]
    while begins[-1] <= end:
        if len(begins) > 100_000:
            raise NotVectorizable("there are more than a hundred thousand windows")
        begins.append(cycle.end(begins[-1], definition.zone))
    return np.array([microseconds(each) for each in begins], dtype=np.int64)


def _ends(definition: Definition, bounds: Ints, further: bool) -> Ints:
    """Return for each tier and window the end of the tier's validity; with `further`, after its further windows."""
    found = np.full((len(definition.tiers), len(bounds) - 1), NEVER, dtype=np.int64)
    for rank, tier in enumerate(definition.tiers):
        if tier.valid is None:
            continue
        cycle = definition.qualification_window.cycle(None)
        for number, begin in enumerate(bounds[:-1]):
            ends = cycle.end(instant(begin), definition.zone)
            for _ in range(tier.valid.further_windows if further else 0):
                ends = cycle.end(ends, definition.zone)
            found[rank, number] = microseconds(tier.valid.grace.after(ends, definition.zone))
    return found


def _rule(definition: Definition, rule: EarningRule) -> Rule:
    scale = exponent(definition.money) if rule.per == "amount" else 0
    names = [tier.id for tier in definition.tiers]
    rate = bonus = None
    if rule.rate is not None:
        rate = ratio_of([rule.tier_rates.get(name, rule.rate) for name in names], 10**scale, rule.rounding)
    if rule.tier_bonus:
        bonus = ratio_of([rule.tier_bonus.get(name, Decimal(0)) for name in names], 100, rule.rounding)
    return Rule(
        rule=rule,
        begins=microseconds(rule.from_.at(definition.zone)) if rule.from_ else None,
        ends=microseconds(rule.until.at(definition.zone)) if rule.until else None,
        minimum=_at_least(definition, rule.minimum_amount),
        rate=rate,
        bonus=bonus,
    )


def _at_least(definition: Definition, amount: Decimal) -> int:
    """Return the least amount in smallest units; a minimum that is finer than one is rounded up."""
    return math.ceil(amount.scaleb(exponent(definition.money)))


def ratio_of(factors: list[Decimal], over: int, rounding: str) -> Ratio:
    """Return the ratio of factors, one for each tier, to an integer."""
    digits = max(max(-int(factor.as_tuple().exponent), 0) for factor in factors)
    return Ratio(tuple(int(factor.scaleb(digits)) for factor in factors), over * 10**digits, rounding)


def _needed(definition: Definition, counter: Counter, figure: Decimal) -> int:
    if counter.counts == "amount":
        return smallest_units(definition.money, figure)
    return math.ceil(figure)
