"""Intervals: known answers, and what holds for any figures."""

from decimal import Decimal
from operator import mul

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.statistics import Arm, Figure, Interval, difference, effect, mean, promoters, ratio, share


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return float(interval.low), float(interval.high)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_has_the_published_answers(part: int, whole: int, low: float, high: float) -> None:
    assert ends(share(part, whole)) == pytest.approx((low, high), abs=5e-5)


def test_the_difference_of_two_shares_has_the_published_answer() -> None:
    """Newcombe 1998, the second paper, table II: 56/70 - 48/80."""
    first = Figure(value=Decimal(56) / 70, interval=share(56, 70))
    second = Figure(value=Decimal(48) / 80, interval=share(48, 80))
    assert ends(difference(first, second)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_interval_of_a_mean_is_that_of_its_values() -> None:
    """1, 2, 3, 4: the mean 2.5, its standard error sqrt(5/3 / 4)."""
    assert ends(mean(4, 10, 30)) == pytest.approx((2.5 - 1.265151, 2.5 + 1.265151), abs=1e-5)


def test_the_interval_of_a_ratio_is_that_of_its_residuals() -> None:
    """(1, 2), (3, 4), (2, 2): 6/8, with residuals -0.5, 0 and 0.5."""
    error = (3 * 0.5 / 2) ** 0.5 / 8
    assert ends(ratio(3, 6, 8, 14, 24, 18)) == pytest.approx((0.75 - 1.959964 * error, 0.75 + 1.959964 * error), abs=1e-5)


def test_two_arms_have_the_interval_of_their_own_variances() -> None:
    treated, control = (Arm(n=n, mean=Decimal(m), variance=Decimal(v)) for n, m, v in ((900, "12.4", 400), (100, "11", 100)))
    error = (400 / 900 + 100 / 100) ** 0.5
    assert ends(effect(treated, control)) == pytest.approx((1.4 - 1.959964 * error, 1.4 + 1.959964 * error), abs=1e-5)


def test_a_promoter_score_is_adjusted_towards_the_middle() -> None:
    """10 promoters of 10: (10.75 - 0.75) / 13, variance (11.5/13 - (10/13)^2) / 13."""
    middle = 10 / 13
    reach = 1.959964 * ((11.5 / 13 - middle**2) / 13) ** 0.5
    assert ends(promoters(10, 0, 10)) == pytest.approx((middle - reach, min(middle + reach, 1)), abs=1e-5)


@pytest.mark.parametrize(("part", "whole"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_has_no_interval(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        share(part, whole)


def test_one_member_and_nothing_to_divide_by_have_no_interval() -> None:
    assert mean(1, 5, 25) is None
    assert ratio(1, 1, 1, 1, 1, 1) is None
    assert ratio(5, 1, 0, 1, 0, 0) is None
    assert difference(Figure(value=Decimal(1)), Figure(value=Decimal(2), interval=share(1, 2))) is None


shares = st.integers(1, 10**7).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


@given(shares)
def test_a_share_lies_in_its_interval_which_lies_between_0_and_1(found: tuple[int, int]) -> None:
    part, whole = found
    low, high = ends(share(part, whole))
    assert 0 <= low <= part / whole + 1e-6
    assert part / whole - 1e-6 <= high <= 1


@given(shares)
def test_the_interval_of_the_others_is_its_mirror(found: tuple[int, int]) -> None:
    part, whole = found
    low, high = ends(share(part, whole))
    assert ends(share(whole - part, whole)) == pytest.approx((1 - high, 1 - low), abs=2e-6)


@given(shares, st.integers(2, 9))
def test_more_members_of_the_same_share_narrow_its_interval(found: tuple[int, int], times: int) -> None:
    (low, high), (nearer, further) = ends(share(*found)), ends(share(found[0] * times, found[1] * times))
    assert further - nearer <= high - low


@given(shares, shares)
def test_the_difference_turned_round_has_the_interval_turned_round(one: tuple[int, int], other: tuple[int, int]) -> None:
    figures = [
        Figure(value=(Decimal(part) / whole).quantize(Decimal("1e-6")), interval=share(part, whole))
        for part, whole in (one, other)
    ]
    low, high = ends(difference(figures[0], figures[1]))
    assert ends(difference(figures[1], figures[0])) == pytest.approx((-high, -low), abs=2e-6)
    assert low <= figures[0].value - figures[1].value + Decimal("1e-6")


values = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)), min_size=2, max_size=30)


@given(values)
def test_a_ratio_lies_in_the_middle_of_its_interval_and_a_constant_one_has_none_of_width(pairs: list[tuple[int, int]]) -> None:
    def of(pairs: list[tuple[int, int]]) -> tuple[float, float]:
        over, under = [float(y) for y, _ in pairs], [float(x) for _, x in pairs]
        products = (sum(map(mul, *each)) for each in ((over, over), (under, under), (over, under)))
        return ends(ratio(len(pairs), sum(over), sum(under), *products))

    low, high = of(pairs)
    quotient = sum(y for y, _ in pairs) / sum(x for _, x in pairs)
    assert (low + high) / 2 == pytest.approx(quotient, abs=1e-5, rel=1e-6)
    low, high = of([(2 * x, x) for _, x in pairs])
    assert (low, high) == pytest.approx((2, 2), abs=1e-3)
