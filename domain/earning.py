"""Earning: what an event is worth in points, and what it counts towards the tiers."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from typing import Annotated

from pydantic import Field

from domain.definition import Definition, EarningRule
from domain.ids import Name
from domain.model import Value
from domain.money import smallest_units

_ROUNDING = {"down": ROUND_DOWN, "half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "up": ROUND_UP}
_EXACT = Context(prec=80)


class Event(Value):
    """Something a member did: its type (`purchase`), and the money it was about, in units (12.50)."""

    type: Name
    amount: Annotated[Decimal, Field(ge=0, le=10**12, max_digits=24, decimal_places=9)]


class Rating(Value):
    """What an event brings: points, the rules that gave them, and what it adds to each counter.

    A counter counts points, smallest units of money, or events.
    """

    points: int
    rules: tuple[str, ...]
    qualifying: dict[str, int]


def rate(definition: Definition, tier: str, event: Event) -> Rating:
    """Rate an event of a member of the tier.

    Every rule for the event's type whose minimum is reached gives its points: flat, or rate times amount, rounded once by the
    rule's mode. An event that no rule takes is worth nothing and counts towards nothing. A counter with nothing
    to add is left out. Raises ValueError when the amount is finer than the money's smallest unit.
    """
    money = smallest_units(definition.money, event.amount)
    rules = [rule for rule in definition.earning if rule.event == event.type and event.amount >= rule.minimum_amount]
    points = sum(_points(rule, tier, event.amount) for rule in rules)
    adds = {"points": points, "amount": money, "events": 1} if rules else {}
    qualifying = {counter.id: adds[counter.counts] for counter in definition.counters if adds.get(counter.counts)}
    return Rating(points=points, rules=tuple(rule.id for rule in rules), qualifying=qualifying)


def _points(rule: EarningRule, tier: str, amount: Decimal) -> int:
    if rule.points is not None:
        return rule.points
    rate = rule.tier_rates.get(tier, rule.rate)
    if rate is None:
        raise ValueError(f"the earning rule {rule.id!r} has neither a rate nor points; check the definition")
    return int(_EXACT.multiply(rate, amount).to_integral_value(_ROUNDING[rule.rounding], _EXACT))
