"""Who may join, by what is known of them."""

from decimal import Decimal
from typing import Any

import pytest

from domain.definition.conditions import UnratableEvent
from domain.definition.joining import Joining
from domain.members.enrolment import fee, not_asked, unmet

ADULTS = Joining.model_validate(
    {"requires": [{"attribute": "country", "one_of": ["DE", "AT"]}, {"attribute": "age", "at_least": 18}], "fee": "9.50"}
)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"country": "DE", "age": Decimal(18)}, []),
        ({"country": "FR", "age": Decimal(18)}, ["country"]),
        ({"country": "AT", "age": Decimal("17.9")}, ["age"]),
        ({}, ["country", "age"]),
    ],
)
def test_every_condition_that_does_not_hold_is_named(attributes: dict[str, Any], expected: list[str]) -> None:
    assert [condition.attribute for condition in unmet(ADULTS, attributes)] == expected


def test_a_text_where_a_number_is_compared_is_found_out() -> None:
    with pytest.raises(UnratableEvent) as caught:
        unmet(ADULTS, {"country": "DE", "age": "eighteen"})
    assert caught.value.field == "attributes.age"


def test_what_nothing_asks_for_is_named() -> None:
    assert not_asked(ADULTS, {"age": 18, "name": "Ann", "contry": "DE"}) == ("name", "contry")
    assert not_asked(Joining(), {"age": 18}) == ("age",)


def test_joining_costs_the_fee_or_nothing() -> None:
    assert (fee(ADULTS), fee(Joining()), fee(Joining(fee=Decimal(0)))) == (Decimal("9.50"), Decimal(0), Decimal(0))
