"""Earning: the points of an event, and what it adds to the counters of tiers."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from typing import Annotated, NamedTuple, assert_never

from pydantic import Field

from domain.definition.cache import cached_per_definition
from domain.definition.conditions import UnratableEvent, hold, number, whole
from domain.definition.document import Definition
from domain.definition.earning import EarningRule
from domain.definition.tiers import Counter
from domain.definition.values import AttributeValue
from domain.ids import Name
from domain.model import Value
from domain.money import smallest_units
from domain.window import Cycle, Span, Window

_ROUNDING = {"down": ROUND_DOWN, "half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "up": ROUND_UP}
_EXACT = Context(prec=80)
_HUNDREDTH = Decimal("0.01")


class Event(Value):
    """An event of a member: its type (`purchase`), its amount in units of money (12.50), and its attributes."""

    type: Name
    amount: Annotated[Decimal, Field(ge=0, le=10**12, max_digits=24, decimal_places=9)]
    attributes: dict[Name, AttributeValue] = {}


class Rating(Value):
    """The rating of an event: points, the rules that gave them, and what it adds to each counter.

    A counter counts points, smallest units of money, events, or the unit of its attribute. `cap/{rule}` is the counter of the
    points of a capped rule, kept like all others. `pending`: points and counters wait until the event is confirmed.
    """

    points: int
    rules: tuple[str, ...]
    qualifying: dict[str, int]
    pending: bool = False

    @property
    def taken(self) -> bool:
        """Whether the event is an activity of the program: some rule or counter takes it."""
        return bool(self.rules or self.qualifying)


class CappedRule(NamedTuple):
    """A rule whose cap covers a time: the counter of the points it has given, and the span of the sum."""

    counter: str
    span: Span


class _Rule(NamedTuple):
    rule: EarningRule
    begins: datetime | None
    ends: datetime | None
    rates: Mapping[str, Decimal]
    bonus: Mapping[str, Decimal]
    capped: str | None


class _Plan(NamedTuple):
    """A definition's rules by the events that they take, and its counters by the events that feed them."""

    rules: Mapping[str, tuple[_Rule, ...]]
    earned: tuple[Counter, ...]
    fed: Mapping[str, tuple[Counter, ...]]


def rate(
    definition: Definition,
    tier: str,
    event: Event,
    *,
    at: datetime | None = None,
    already: Mapping[str, int] | None = None,
) -> Rating:
    """Rate an event at this instant of a member of the tier.

    Every rule for the event's type whose conditions hold and whose minimum is reached gives its points: flat, or rate times
    amount (or attribute), rounded once by the rule's mode; then the tier's bonus on them, rounded likewise; all of it up to
    the rule's cap, of which `already` has the points given before (by the counters and spans of `capped`). An event that
    nothing takes brings no points and counts towards nothing. A counter with nothing to add is left out.
    Raises UnratableEvent, a ValueError, if the amount is finer than the money's smallest unit or an attribute does not have
    the type that a rule needs, and ValueError without an instant if a rule holds for a time.
    """
    plan = _plan(definition)
    try:
        money = smallest_units(definition.money, event.amount)
    except ValueError as error:
        raise UnratableEvent("amount", str(error)) from error
    points = counted = 0
    taken: list[str] = []
    counts = pending = False
    qualifying: dict[str, int] = {}
    for each in plan.rules.get(event.type, ()):
        rule = each.rule
        if not _takes(each, event, at):
            continue
        base, bonus = _points(each, tier, event)
        if rule.cap is not None:
            left = rule.cap.points - (already or {}).get(each.capped or "", 0)
            given = max(min(base + bonus, left), 0)
            base, bonus = min(base, given), max(given - base, 0)
            if each.capped and given:
                qualifying[each.capped] = given
        points += base + bonus
        taken.append(rule.id)
        pending = pending or rule.pending
        if rule.counts:
            counts = True
            counted += base + bonus if rule.bonus_counts else base
    for counter in plan.earned if counts else ():
        _count(counter, event, counted, money, qualifying)
    for counter in plan.fed.get(event.type, ()):
        _count(counter, event, counted, money, qualifying)
    return Rating(points=points, rules=tuple(taken), qualifying=qualifying, pending=pending)


def event_types(definition: Definition) -> frozenset[str]:
    """The types of events that a rule or a counter of the program takes."""
    plan = _plan(definition)
    return frozenset(plan.rules) | frozenset(plan.fed)


def capped(definition: Definition, event_type: str, at: datetime, joined: datetime | None = None) -> tuple[CappedRule, ...]:
    """The rules for which `rate` needs the points already given to the member, with the spans; mostly none."""
    return tuple(
        CappedRule(each.capped, cap_window(definition, each.rule).span(at, definition.zone, joined))
        for each in _plan(definition).rules.get(event_type, ())
        if each.capped
    )


def cap_window(definition: Definition, rule: EarningRule) -> Window:
    """The window of a rule's cap. Raises ValueError for a rule without a cap over a time."""
    if rule.cap is None or rule.cap.per == "event":
        raise ValueError(f"the earning rule {rule.id!r} has no cap over a time")
    if isinstance(rule.cap.per, Cycle):
        return Window(rule.cap.per.every, rule.cap.per.starts)
    return definition.qualification_window


def cap_counter(rule: EarningRule) -> str:
    """The counter of the points of a capped rule; names in definitions have no slash, so that none is the same."""
    return f"cap/{rule.id}"


@cached_per_definition
def _plan(definition: Definition) -> _Plan:
    rules: defaultdict[str, list[_Rule]] = defaultdict(list)
    for rule in definition.earning:
        looks_back = rule.cap is not None and rule.cap.per != "event"
        rules[rule.event].append(
            _Rule(
                rule,
                rule.from_.at(definition.zone) if rule.from_ else None,
                rule.until.at(definition.zone) if rule.until else None,
                _with_replaced(definition, rule.tier_rates),
                _with_replaced(definition, rule.tier_bonus),
                cap_counter(rule) if looks_back else None,
            )
        )
    fed: defaultdict[str, list[Counter]] = defaultdict(list)
    for counter in definition.counters:
        for event_type in counter.events:
            fed[event_type].append(counter)
    return _Plan(
        {event_type: tuple(each) for event_type, each in rules.items()},
        tuple(counter for counter in definition.counters if not counter.events),
        {event_type: tuple(each) for event_type, each in fed.items()},
    )


def _with_replaced(definition: Definition, by_tier: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    """The figures by tier, and by the tiers of earlier revisions that it replaces: members change at their next review."""
    found = dict(by_tier)
    for tier in definition.tiers:
        if tier.id in by_tier:
            found.update({old: by_tier[tier.id] for old in tier.replaces if old not in found})
    return found


def _takes(each: _Rule, event: Event, at: datetime | None) -> bool:
    rule = each.rule
    if event.amount < rule.minimum_amount or not hold(rule.when, event.attributes):
        return False
    if each.begins is None and each.ends is None:
        return True
    if at is None:
        raise ValueError(f"the earning rule {rule.id!r} holds for a time; say when the event happened")
    return (each.begins is None or at >= each.begins) and (each.ends is None or at < each.ends)


def _points(each: _Rule, tier: str, event: Event) -> tuple[int, int]:
    """The points of the rule, and the tier's bonus on them."""
    rule = each.rule
    base = rule.points if rule.points is not None else _by_rate(each, tier, event)
    percent = each.bonus.get(tier)
    if percent is None or not base:
        return base, 0
    return base, _rounded(_EXACT.multiply(_EXACT.multiply(percent, _HUNDREDTH), Decimal(base)), rule)


def _by_rate(each: _Rule, tier: str, event: Event) -> int:
    rule = each.rule
    rate = each.rates.get(tier, rule.rate)
    if rate is None:
        raise ValueError(f"the earning rule {rule.id!r} has neither a rate nor points; check the definition")
    if rule.per == "amount":
        return _rounded(_EXACT.multiply(rate, event.amount), rule)
    figure = number(event.attributes, rule.per)
    if figure is None or figure < 0:
        text = "is missing" if figure is None else f"is {figure}"
        raise UnratableEvent(f"attributes.{rule.per}", f"the attribute {rule.per!r} {text}; give a number, 0 or more")
    return _rounded(_EXACT.multiply(rate, figure), rule)


def _rounded(exact: Decimal, rule: EarningRule) -> int:
    return int(exact.to_integral_value(_ROUNDING[rule.rounding], _EXACT))


def _count(counter: Counter, event: Event, points: int, money: int, qualifying: dict[str, int]) -> None:
    if not hold(counter.when, event.attributes):
        return
    match counter.counts:
        case "points":
            adds = points
        case "amount":
            adds = money
        case "events":
            adds = 1
        case "attribute":
            adds = whole(event.attributes, counter.attribute or "")
        case _:
            assert_never(counter.counts)
    if adds:
        qualifying[counter.id] = adds
