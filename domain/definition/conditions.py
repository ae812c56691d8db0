"""Conditions: whether an event's attributes meet those of a rule."""

from collections.abc import Mapping
from decimal import Decimal

from domain.definition.values import Condition

Attributes = Mapping[str, str | bool | Decimal]
_NUMBERS = ("at_least", "at_most", "above", "below")


class UnratableEvent(ValueError):
    """An event that the rules cannot rate, with its wrong field (`amount`, `attributes.nights`)."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


def hold(conditions: tuple[Condition, ...], attributes: Attributes) -> bool:
    """Whether all conditions hold. Raises UnratableEvent if a condition needs a number and the event has a text."""
    return all(_holds(condition, attributes) for condition in conditions)


def number(attributes: Attributes, name: str) -> Decimal | None:
    """A number of an event; None if it is not given. Raises UnratableEvent if it is no number."""
    value = attributes.get(name)
    if value is None or isinstance(value, Decimal):
        return value
    raise UnratableEvent(f"attributes.{name}", f"the attribute {name!r} is {value!r}; give a number")


def whole(attributes: Attributes, name: str) -> int:
    """A whole number of an event, 0 or more; 0 if it is not given. Raises UnratableEvent otherwise."""
    value = number(attributes, name)
    if value is None:
        return 0
    if value < 0 or value != value.to_integral_value():
        raise UnratableEvent(f"attributes.{name}", f"the attribute {name!r} is {value}; give a whole number, 0 or more")
    return int(value)


def _holds(condition: Condition, attributes: Attributes) -> bool:
    value = attributes.get(condition.attribute)
    if value is None:
        return condition.is_not is not None and not _asks_more(condition)
    if condition.is_ is not None and not _same(value, condition.is_):
        return False
    if condition.is_not is not None and _same(value, condition.is_not):
        return False
    if condition.one_of and not any(_same(value, each) for each in condition.one_of):
        return False
    if all(getattr(condition, bound) is None for bound in _NUMBERS):
        return True
    figure = number(attributes, condition.attribute)
    assert figure is not None
    return (
        (condition.at_least is None or figure >= condition.at_least)
        and (condition.at_most is None or figure <= condition.at_most)
        and (condition.above is None or figure > condition.above)
        and (condition.below is None or figure < condition.below)
    )


def _asks_more(condition: Condition) -> bool:
    return bool(
        condition.is_ is not None or condition.one_of or any(getattr(condition, bound) is not None for bound in _NUMBERS)
    )


def _same(value: str | bool | Decimal, asked: str | bool) -> bool:
    return type(value) is type(asked) and value == asked
