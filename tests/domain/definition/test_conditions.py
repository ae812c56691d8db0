"""Conditions on an event's attributes: each operator, what is missing, and what is of another kind."""

from decimal import Decimal
from typing import Any

import pytest

from domain.definition.conditions import UnratableEvent, hold, number, whole
from domain.definition.values import Condition


def _holds(condition: dict[str, Any], **attributes: str | bool | Decimal) -> bool:
    return hold((Condition.model_validate({"attribute": "a"} | condition),), attributes)


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ({"is": "own"}, "own", True),
        ({"is": "own"}, "other", False),
        ({"is": True}, True, True),
        ({"is": "true"}, True, False),
        ({"is_not": "own"}, "other", True),
        ({"is_not": "own"}, "own", False),
        ({"one_of": ["a", "b"]}, "b", True),
        ({"one_of": ["a", "b"]}, "c", False),
        ({"at_least": 2}, Decimal(2), True),
        ({"above": 2}, Decimal(2), False),
        ({"at_most": 2}, Decimal(2), True),
        ({"below": 2}, Decimal(2), False),
        ({"at_least": 2, "below": 3}, Decimal("2.5"), True),
    ],
)
def test_each_operator(condition: dict[str, Any], value: str | bool | Decimal, holds: bool) -> None:
    assert _holds(condition, a=value) is holds


@pytest.mark.parametrize(("condition", "holds"), [({"is": "own"}, False), ({"is_not": "own"}, True), ({"at_most": 9}, False)])
def test_what_is_missing_is_nothing_but_not_something(condition: dict[str, Any], holds: bool) -> None:
    assert _holds(condition) is holds


def test_a_text_where_a_number_is_asked_for_is_told_with_its_name() -> None:
    with pytest.raises(UnratableEvent, match="'a' is 'two'; give a number") as shown:
        _holds({"at_least": 2}, a="two")
    assert shown.value.field == "attributes.a"
    with pytest.raises(UnratableEvent):
        number({"a": True}, "a")


@pytest.mark.parametrize("value", [Decimal("-1"), Decimal("1.5")])
def test_what_is_counted_is_whole(value: Decimal) -> None:
    assert whole({}, "nights") == 0
    assert whole({"nights": Decimal("3.0")}, "nights") == 3
    with pytest.raises(UnratableEvent, match="whole number, 0 or more"):
        whole({"nights": value}, "nights")
