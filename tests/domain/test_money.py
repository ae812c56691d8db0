"""Money: exact smallest units by the currency's own exponent, and nothing rounded in silence."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import exponent, in_units, smallest_units


@pytest.mark.parametrize(
    ("money", "amount", "units"),
    [
        ("USD", "12.50", 1250),
        ("USD", "0", 0),
        ("JPY", "1250", 1250),
        ("KWD", "1.234", 1234),
        ("CLF", "0.0001", 1),
        ("EUR", "1E+3", 100000),
    ],
)
def test_each_currency_has_its_own_smallest_unit(money: str, amount: str, units: int) -> None:
    assert smallest_units(money, Decimal(amount)) == units


@pytest.mark.parametrize(("money", "amount"), [("USD", "0.001"), ("JPY", "0.5"), ("KWD", "1.2345")])
def test_an_amount_finer_than_the_smallest_unit_is_refused(money: str, amount: str) -> None:
    with pytest.raises(ValueError, match="finer than the smallest unit"):
        smallest_units(money, Decimal(amount))


def test_a_currency_that_the_list_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="not a currency"):
        exponent("ZZZ")


@given(st.integers(0, 10**14))
def test_units_and_amounts_are_the_same_money(cents: int) -> None:
    assert smallest_units("USD", Decimal(cents).scaleb(-2)) == cents


def test_figures_are_shown_in_units_rounded_half_even() -> None:
    assert in_units("USD", Decimal("1.125")) == Decimal("1.12")
    assert in_units("USD", Decimal("1.135")) == Decimal("1.14")
    assert in_units("JPY", Decimal("10.6")) == 11
