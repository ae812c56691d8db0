"""95 % confidence intervals of a share, a mean, a ratio, or the difference of two of them.

They measure the effect of chance on figures of this many members, and no other cause.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from math import sqrt

from domain.model import Value

Z = 1.959963984540054
"""The normal distribution's quantile of 97.5 percent."""
_SIXTH_DECIMAL = Decimal("0.000001")


class Interval(Value):
    """An interval from `low` to `high`, in the unit of the figure, rounded half-even to six decimals."""

    low: Decimal
    high: Decimal


class Figure(Value):
    """A figure, with its interval if it has one."""

    value: Decimal
    interval: Interval | None = None


class Arm(Value):
    """One arm of an experiment: the number of members, and the mean and variance of their amounts, in units of money."""

    n: int
    mean: Decimal
    variance: Decimal


def share(part: int, whole: int) -> Interval:
    """Wilson's score interval of `part` in `whole` (Wilson 1927; Brown, Cai and DasGupta 2001).

    Raises ValueError unless 0 <= part <= whole and whole > 0.
    """
    if not 0 <= part <= whole or not whole:
        raise ValueError(f"{part} of {whole} is no share")
    p, square = part / whole, Z * Z
    middle = p + square / (2 * whole)
    reach = Z * sqrt(p * (1 - p) / whole + square / (4 * whole * whole))
    return _within((middle - reach) / (1 + square / whole), (middle + reach) / (1 + square / whole), 0.0, 1.0)


def mean(n: int, total: float, squares: float) -> Interval | None:
    """The normal interval of a mean, from the sum and the sum of squares of `n` values; None for fewer than two."""
    if n < 2:
        return None
    middle = total / n
    variance = max(squares - n * middle * middle, 0.0) / (n - 1)
    return _around(middle, sqrt(variance / n))


def ratio(n: int, over: float, under: float, over_squares: float, under_squares: float, products: float) -> Interval | None:
    """The normal interval of a ratio of two sums over the same `n` members (Cochran 1977, section 2.11).

    `over` / `under` is the ratio; the others are the sums of the squares, and of the products, of each member's own two
    figures. None for fewer than two members, or a divisor of zero.
    """
    if n < 2 or not under:
        return None
    quotient = over / under
    residuals = max(over_squares - 2 * quotient * products + quotient * quotient * under_squares, 0.0)
    return _around(quotient, sqrt(n * residuals / (n - 1)) / under)


def difference(now: Figure, before: Figure) -> Interval | None:
    """The interval of now - before, from those of the two (Zou and Donner 2008; of two shares, Newcombe 1998, method 10).

    It treats the two as independent: if their windows overlap, it is rather too wide. None if one has no interval.
    """
    if now.interval is None or before.interval is None:
        return None
    middle = float(now.value - before.value)
    down = sqrt(float(now.value - now.interval.low) ** 2 + float(before.interval.high - before.value) ** 2)
    up = sqrt(float(now.interval.high - now.value) ** 2 + float(before.value - before.interval.low) ** 2)
    return Interval(low=rounded(middle - down), high=rounded(middle + up))


def effect(treated: Arm, control: Arm) -> Interval:
    """The normal interval of the difference of two arms' means, each with its own variance (Welch 1947)."""
    error = sqrt(float(treated.variance) / treated.n + float(control.variance) / control.n)
    return _around(float(treated.mean - control.mean), error)


def promoters(promoting: int, detracting: int, n: int) -> Interval:
    """The adjusted-Wald interval of a net promoter score as a fraction of 1 (Rocks 2016): of `n` + 3 answers, with three
    quarters of one more on either side.
    """
    more = n + 3
    p, d = (promoting + 0.75) / more, (detracting + 0.75) / more
    reach = Z * sqrt((p + d - (p - d) ** 2) / more)
    return _within(p - d - reach, p - d + reach, -1.0, 1.0)


def rounded(value: float | Decimal) -> Decimal:
    """The value rounded half-even to six decimals."""
    return Decimal(value).quantize(_SIXTH_DECIMAL, ROUND_HALF_EVEN)


def _around(middle: float, error: float) -> Interval:
    return Interval(low=rounded(middle - Z * error), high=rounded(middle + Z * error))


def _within(low: float, high: float, least: float, most: float) -> Interval:
    return Interval(low=rounded(max(low, least)), high=rounded(min(high, most)))
