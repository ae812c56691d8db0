"""A program's books: deferred revenue by IFRS 15, liability, breakage, cost and provision, period after period.

The method (IFRS 15 B39-B47, illustrative example 52). The price of a sale that brings points is split between goods and points
by their stand-alone prices; that of points is points x value per point x expected redemption rate, at the terms of the period
of the sale. The part for the points (`allocated`) is fixed at the sale and deferred. All points of a currency are one portfolio
(IFRS 15.4): revenue to date = allocated x points redeemed to date / points now expected to be redeemed in total, and a period's
revenue is the difference from the period before. So breakage is earned as the other points are redeemed, and a new estimate
makes a catch-up in the period for which it is entered. The expected total is at most the points redeemed and outstanding, and
at least the points redeemed: with the last point, the rest is earned.

Points given without a sale (a bonus, a correction, the points of a conversion) have no price to defer; their provision is at
cost. The points of a portfolio are alike: points that leave in a period are sold and given ones in the proportion of both.
Money is rounded by one rule: a figure is kept exactly since the program began, rounded half-even to the smallest unit, and a
period's figure is the difference of two such figures. So lines sum to totals, and no cent is lost over the program's life.
"""

from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal, Self

from pydantic import AwareDatetime, model_validator

from domain.accounting.journal import NAMES, AccountCode, Entry, balances, entry
from domain.model import Value
from domain.money import in_units

_EXACT = Context(prec=80)


class Terms(Value):
    """The terms of a period: value and cost of a point (units of money), and the share of points that will be redeemed.

    They come from the revision in force at the period's end; `estimated_by` and `why` name the person in finance who
    entered another rate, and the reason.
    """

    value_per_point: Decimal
    cost_per_point: Decimal
    redemption_rate: Decimal
    revision: int
    estimated_by: str | None = None
    why: str = ""

    @property
    def price_per_point(self) -> Decimal:
        """The stand-alone price of a point."""
        return _EXACT.multiply(self.value_per_point, self.redemption_rate)


class Movement(Value):
    """The movements of a currency's points: whole points, and the prices of the sales, exact, in units of money.

    `sold` came with a sale that had a price, `given` without. `returned_*` were clawed back from either. `redeemed` and
    `expired` exclude the points that were given back; `removed` left by an adjustment or into another currency. Points that a
    program's end pays out or converts are redeemed.
    """

    sold: int = 0
    given: int = 0
    returned_sold: int = 0
    returned_given: int = 0
    redeemed: int = 0
    expired: int = 0
    forfeited: int = 0
    removed: int = 0
    sales: Decimal = Decimal(0)
    allocated: Decimal = Decimal(0)

    @property
    def came(self) -> int:
        """The points added to the portfolio."""
        return self.sold + self.given - self.returned_sold - self.returned_given

    @property
    def left(self) -> int:
        """The points that left the portfolio."""
        return self.redeemed + self.expired + self.forfeited + self.removed

    def __add__(self, other: "Movement") -> "Movement":
        return Movement.model_validate(
            {name: _sum(getattr(self, name), getattr(other, name)) for name in Movement.model_fields}
        )

    def __sub__(self, other: "Movement") -> "Movement":
        return Movement.model_validate(
            {name: _sum(getattr(self, name), -getattr(other, name)) for name in Movement.model_fields}
        )


class PortfolioPosition(Value):
    """The totals of a currency's books since the program began.

    The first five are points; `allocated` and `cost` are exact money; the rest is money as booked, rounded half-even.
    """

    sold: int = 0
    outstanding: int = 0
    sold_outstanding: int = 0
    redeemed: int = 0
    sold_redeemed: int = 0
    allocated: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    deferred: Decimal = Decimal(0)
    revenue: Decimal = Decimal(0)
    breakage: Decimal = Decimal(0)
    cost_of_rewards: Decimal = Decimal(0)
    provision: Decimal = Decimal(0)


class CurrencyBooks(Value):
    """One currency in one period: its movements of points, its money, and the totals at its end.

    Of the period: `deferred` was taken out of the sales; `revenue` was earned, of which `breakage` for points that will never
    be redeemed, and `catch_up` by a new estimate for points redeemed before; `cost_of_rewards` is the cost of the points
    redeemed. At its end: `deferred_liability` is still to be earned, `management_liability` is the expected cost of the
    outstanding points, `expected_breakage` are outstanding points from sales that are not expected to be redeemed.
    """

    currency: str
    terms: Terms
    points: Movement
    deferred: Decimal
    revenue: Decimal
    breakage: Decimal
    catch_up: Decimal
    cost_of_rewards: Decimal
    deferred_liability: Decimal
    management_liability: Decimal
    expected_breakage: int
    entries: tuple[Entry, ...]
    standing: PortfolioPosition
    notes: tuple[str, ...] = ()


class Books(Value):
    """A program's books of one period. `open`: provisional, until finance closes it. `final`: the last period."""

    program: str
    period: str
    money: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    status: Literal["open", "closed", "final"]
    closed_by: str | None = None
    closed_at: AwareDatetime | None = None
    currencies: tuple[CurrencyBooks, ...]

    @model_validator(mode="after")
    def _closed_by_somebody(self) -> Self:
        if (self.status == "open") != (self.closed_by is None) or (self.closed_by is None) != (self.closed_at is None):
            raise ValueError("who closed a period, and when, is known of closed periods and of no others")
        return self

    @property
    def revenue(self) -> Decimal:
        """The revenue from the points of all currencies in the period, in units of money."""
        return sum((each.revenue for each in self.currencies), Decimal(0))

    @property
    def liability(self) -> Decimal:
        """Deferred revenue and provisions at the period's end, in units of money."""
        return sum((each.deferred_liability + each.standing.provision for each in self.currencies), Decimal(0))

    def of(self, currency: str) -> CurrencyBooks | None:
        return next((each for each in self.currencies if each.currency == currency), None)

    def lines(self) -> list[dict[str, str]]:
        """The lines of the journal, as exported."""
        return [
            {
                "period": self.period,
                "status": self.status,
                "currency": each.currency,
                "entry": f"{self.period}/{each.currency}/{number}",
                "text": found.text,
                "account": line.account,
                "account_name": NAMES[line.account],
                "debit": str(in_units(self.money, line.debit)),
                "credit": str(in_units(self.money, line.credit)),
                "money": self.money,
            }
            for each in self.currencies
            for number, found in enumerate(each.entries, 1)
            for line in found.lines
        ]

    def balances(self) -> dict[AccountCode, Decimal]:
        """The balance of each account at the period's end: debits positive, credits negative. Their sum is zero."""
        return balances(part for each in self.currencies for part in _entries(PortfolioPosition(), each.standing))


def allocated(price: Decimal, points: int, terms: Terms) -> Decimal:
    """The part of a sale's price (units of money) for its points: price x stand-alone price of points / both (IFRS 15 B42)."""
    alone = _EXACT.multiply(Decimal(points), terms.price_per_point)
    if not alone or not price:
        return Decimal(0)
    return _EXACT.divide(_EXACT.multiply(price, alone), _EXACT.add(price, alone))


def kept(
    currency: str, money: str, before: PortfolioPosition, moved: Movement, terms: Terms, *, final: bool = False
) -> CurrencyBooks:
    """The books of a currency for a period with these movements. With `final`, the rest is earned and no provision stays."""
    share = _sold_share(before, moved)
    outstanding = before.outstanding + moved.came - moved.left
    sold_outstanding = 0 if final else max(0, round(share * outstanding))
    redeemed = before.redeemed + moved.redeemed
    exact = PortfolioPosition(
        sold=before.sold + moved.sold - moved.returned_sold,
        outstanding=outstanding,
        sold_outstanding=sold_outstanding,
        redeemed=redeemed,
        sold_redeemed=max(0, before.sold_redeemed + round(share * moved.redeemed)),
        allocated=_EXACT.add(before.allocated, moved.allocated),
        cost=_EXACT.add(before.cost, _EXACT.multiply(Decimal(moved.redeemed), terms.cost_per_point)),
    )
    revenue = in_units(money, _revenue(exact, terms.redemption_rate))
    without_breakage = min(revenue, in_units(money, _revenue_of_redeemed(exact)))
    given = 0 if final else max(0, outstanding - sold_outstanding)
    after = exact.model_copy(
        update={
            "deferred": in_units(money, exact.allocated),
            "revenue": revenue,
            "breakage": revenue - without_breakage,
            "cost_of_rewards": in_units(money, exact.cost),
            "provision": in_units(money, _expected_cost(given, terms)),
        }
    )
    was = in_units(money, _revenue(before, terms.redemption_rate))
    expected = _expected(after, terms.redemption_rate)
    return CurrencyBooks(
        currency=currency,
        terms=terms,
        points=moved,
        deferred=after.deferred - before.deferred,
        revenue=after.revenue - before.revenue,
        breakage=after.breakage - before.breakage,
        catch_up=was - before.revenue,
        cost_of_rewards=after.cost_of_rewards - before.cost_of_rewards,
        deferred_liability=after.deferred - after.revenue,
        management_liability=in_units(money, _expected_cost(0 if final else outstanding, terms)),
        expected_breakage=round(after.sold_redeemed + sold_outstanding - expected),
        entries=_entries(before, after),
        standing=after,
        notes=_notes(after, terms),
    )


def _sold_share(before: PortfolioPosition, moved: Movement) -> Fraction:
    """The share of points from sales in all points of the period; without any, in the points redeemed so far."""
    there = before.outstanding + moved.came
    sold = before.sold_outstanding + moved.sold - moved.returned_sold
    if there <= 0:
        there, sold = before.redeemed, before.sold_redeemed
    return min(max(Fraction(sold, there), Fraction(0)), Fraction(1)) if there > 0 else Fraction(0)


def _expected(position: PortfolioPosition, rate: Decimal) -> Fraction:
    """The number of points from sales that are now expected to be redeemed in total."""
    possible = position.sold_redeemed + position.sold_outstanding
    return min(max(position.sold * Fraction(rate), Fraction(position.sold_redeemed)), Fraction(possible))


def _revenue(position: PortfolioPosition, rate: Decimal) -> Decimal:
    """Revenue to date, exact: allocated x redeemed to date / expected to be redeemed in total."""
    expected = _expected(position, rate)
    if expected == position.sold_redeemed:
        return position.allocated
    return _times(position.allocated, position.sold_redeemed / expected)


def _revenue_of_redeemed(position: PortfolioPosition) -> Decimal:
    """The revenue that the redeemed points would have earned without expected breakage."""
    if position.sold <= 0:
        return position.allocated
    return _times(position.allocated, min(Fraction(1), Fraction(position.sold_redeemed, position.sold)))


def _expected_cost(points: int, terms: Terms) -> Decimal:
    return _EXACT.multiply(_EXACT.multiply(Decimal(points), terms.cost_per_point), terms.redemption_rate)


def _entries(before: PortfolioPosition, after: PortfolioPosition) -> tuple[Entry, ...]:
    """The journal entries for the change from one total to the next."""

    def change(figure: str) -> Decimal:
        difference: Decimal = getattr(after, figure) - getattr(before, figure)
        return difference

    return (
        *entry("The part of the sales that belongs to points", "revenue_from_sales", "deferred_revenue", change("deferred")),
        *entry("Points redeemed", "deferred_revenue", "revenue_from_points", change("revenue") - change("breakage")),
        *entry("Points not expected to be redeemed", "deferred_revenue", "revenue_from_breakage", change("breakage")),
        *entry("Rewards for points redeemed", "cost_of_rewards", "redemption_payable", change("cost_of_rewards")),
        *entry("Points given without a sale", "cost_of_points_given", "provision_for_points_given", change("provision")),
    )


def _notes(position: PortfolioPosition, terms: Terms) -> tuple[str, ...]:
    """Notes for finance on a period's figures, before the closing."""
    if position.sold_outstanding > 0 and position.sold * Fraction(terms.redemption_rate) <= position.sold_redeemed:
        text = f"{position.sold_redeemed} of {position.sold} points sold are redeemed, as many as the estimate expects in all"
        return (f"{text}: nothing is left deferred for the others. Enter a higher estimate if some of them will be redeemed.",)
    return ()


def _times(amount: Decimal, share: Fraction) -> Decimal:
    return _EXACT.divide(_EXACT.multiply(amount, Decimal(share.numerator)), Decimal(share.denominator))


def _sum(one: int | Decimal, other: int | Decimal) -> int | Decimal:
    return _EXACT.add(Decimal(one), Decimal(other)) if isinstance(one, Decimal) else one + other
