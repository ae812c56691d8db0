"""The formula of each KPI, by the trade's definition: the figure with its interval, its sample, and the formula in words."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from domain import statistics
from domain.definition.document import Definition
from domain.definition.evaluation import KpiRule
from domain.definition.values import Kpi
from domain.evaluation.figures import Figures
from domain.model import Value
from domain.money import in_units
from domain.statistics import Figure, Interval, rounded


class Computed(Value):
    """The result of a KPI's formula: no figure if the divisor is zero, or the data is not kept."""

    figure: Figure | None
    n: int | None
    formula: str
    kept: bool = True


def _share(part: int, part_name: str, whole: int, whole_name: str) -> Computed:
    formula = f"{part_name} / {whole_name} = {part} / {whole}"
    if whole == 0:
        return Computed(figure=None, n=0, formula=formula)
    interval = statistics.share(part, whole) if part <= whole else None  # a late event may be of a member who has left
    return Computed(figure=Figure(value=rounded(Decimal(part) / whole), interval=interval), n=whole, formula=formula)


def _active_rate(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    return _share(figures.active_members, "members with an activity", figures.members, "members in the window")


def _churn_rate(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    return _share(figures.lost, "members lost", figures.members_at_start, "members at its start")


def _retention_rate(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    kept = figures.members_at_start - figures.lost
    return _share(kept, "members at the end without new ones", figures.members_at_start, "members at its start")


def _member_redemption_rate(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    return _share(figures.members_redeemed, "members who redeemed", figures.members, "members in the window")


def _redeemed(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    """The sample is of members, not of single points: the interval is that of a ratio over members."""
    formula = f"points redeemed in the window / points issued in it = {figures.burned} / {figures.issued}"
    spread = figures.spread
    n = spread.members if spread is not None else figures.members
    if figures.issued <= 0:  # below zero: more points were reversed in the window than issued
        return Computed(figure=None, n=n, formula=formula)
    interval = None
    if spread is not None:
        squares = spread.burned_squares, spread.issued_squares, spread.issued_times_burned
        interval = statistics.ratio(spread.members, figures.burned, figures.issued, *squares)
    value = rounded(Decimal(figures.burned) / figures.issued)
    return Computed(figure=Figure(value=value, interval=interval), n=n, formula=formula)


def _breakage_rate(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    redeemed = _redeemed(figures, definition, rule)
    formula = f"1 - {redeemed.formula}"
    if redeemed.figure is None:
        return Computed(figure=None, n=redeemed.n, formula=formula)
    value, interval = redeemed.figure.value, redeemed.figure.interval
    mirrored = Interval(low=1 - interval.high, high=1 - interval.low) if interval is not None else None
    return Computed(figure=Figure(value=1 - value, interval=mirrored), n=redeemed.n, formula=formula)


def _points_outstanding(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    formula = f"points outstanding at the end of the window = {figures.outstanding}"
    return Computed(figure=Figure(value=Decimal(figures.outstanding)), n=figures.members_at_end, formula=formula)


def _management_liability(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    currency = definition.currency
    liability = in_units(definition.money, figures.outstanding * currency.cost_per_point * currency.expected_redemption_rate)
    formula = (
        f"points outstanding x cost per point x expected redemption rate = {figures.outstanding} x {currency.cost_per_point} x "
        f"{currency.expected_redemption_rate} {definition.money}"
    )
    return Computed(figure=Figure(value=liability), n=figures.members_at_end, formula=formula)


def cost(figures: Figures, definition: Definition) -> Decimal:
    """The cost of the window's points, in units of money, as in the prototype: cost per point x (points redeemed + change of
    the outstanding ones x expected redemption rate).
    """
    currency = definition.currency
    return currency.cost_per_point * (figures.burned + figures.changed * currency.expected_redemption_rate)


def _cost_per_member(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    currency, n = definition.currency, figures.members
    formula = (
        f"cost per point x (points redeemed + change in those outstanding x expected redemption rate) / members in the window "
        f"= {currency.cost_per_point} x ({figures.burned} + {figures.changed} x {currency.expected_redemption_rate}) / {n} "
        f"{definition.money}"
    )
    if n == 0:
        return Computed(figure=None, n=0, formula=formula)
    interval = None
    if figures.spread is not None:
        each, expected = float(currency.cost_per_point), float(currency.expected_redemption_rate)
        spread = figures.spread
        squares = (
            spread.burned_squares + 2 * expected * spread.burned_times_changed + expected * expected * spread.changed_squares
        )
        interval = statistics.mean(n, float(cost(figures, definition)), each * each * squares)
    return Computed(figure=Figure(value=rounded(cost(figures, definition) / n), interval=interval), n=n, formula=formula)


def _lifetime_value(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    """margin x r / (1 + i - r) - acquisition cost, all for one window; it rises with r, like the ends of its interval."""
    terms = rule.lifetime if rule is not None else None
    kept = figures.members_at_start - figures.lost
    formula = f"margin x r / (1 + i - r) - acquisition cost, with r = {kept} / {figures.members_at_start}"
    if terms is None or figures.members_at_start == 0:
        return Computed(figure=None, n=figures.members_at_start, formula=formula)
    formula += f", margin {terms.margin}, i {terms.discount_rate}, acquisition cost {terms.acquisition_cost} {definition.money}"

    def worth(retention: Decimal) -> Decimal | None:
        ahead = 1 + terms.discount_rate - retention
        return terms.margin * retention / ahead - terms.acquisition_cost if ahead > 0 else None

    value = worth(Decimal(kept) / figures.members_at_start)
    if value is None:  # no member is lost, and there is no discount: the sum has no limit
        return Computed(figure=None, n=figures.members_at_start, formula=formula)
    sure = statistics.share(kept, figures.members_at_start)
    low, high = worth(sure.low), worth(sure.high)
    interval = Interval(low=rounded(low), high=rounded(high)) if low is not None and high is not None else None
    figure = Figure(value=in_units(definition.money, value), interval=interval)
    return Computed(figure=figure, n=figures.members_at_start, formula=formula)


def _incremental_margin(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    found = figures.experiment
    if found is None:
        return _nobody_keeps("what a holdout brought")
    treated, control = found.treated, found.control
    rate = rule.margin_rate if rule is not None and rule.margin_rate is not None else Decimal(1)
    formula = f"(mean of treated - mean of control) x treated = ({treated.mean} - {control.mean}) x {treated.n}"
    if rate != 1:
        formula += f" x margin rate {rate}"
    n = min(treated.n, control.n)
    if n == 0:
        return Computed(figure=None, n=0, formula=formula)
    scale = treated.n * rate
    value = in_units(definition.money, (treated.mean - control.mean) * scale)
    interval = None
    if n > 1:  # a single member has no variance
        each = statistics.effect(treated, control)
        interval = Interval(low=rounded(each.low * scale), high=rounded(each.high * scale))
    return Computed(figure=Figure(value=value, interval=interval), n=n, formula=formula)


def _incremental_net(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    spent, running = cost(figures, definition), _running_cost(rule)
    margin = _incremental_margin(figures, definition, rule)
    if not margin.kept:
        return margin
    formula = f"{margin.formula}; less rewards {spent} and running cost {running} {definition.money}"
    if margin.figure is None:
        return Computed(figure=None, n=margin.n, formula=formula)
    value = in_units(definition.money, margin.figure.value - spent - running)
    return Computed(figure=Figure(value=value, interval=_less(margin.figure, spent + running)), n=margin.n, formula=formula)


def _return_on_investment(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    net = _incremental_net(figures, definition, rule)
    if not net.kept:
        return net
    spent = cost(figures, definition) + _running_cost(rule)
    formula = f"({net.formula}) / cost {spent}"
    if net.figure is None or spent <= 0:
        return Computed(figure=None, n=net.n, formula=formula)
    interval = net.figure.interval
    scaled = Interval(low=rounded(interval.low / spent), high=rounded(interval.high / spent)) if interval is not None else None
    return Computed(figure=Figure(value=rounded(net.figure.value / spent), interval=scaled), n=net.n, formula=formula)


def _running_cost(rule: KpiRule | None) -> Decimal:
    return rule.running_cost if rule is not None and rule.running_cost is not None else Decimal(0)


def _less(figure: Figure, amount: Decimal) -> Interval | None:
    if figure.interval is None:
        return None
    return Interval(low=rounded(figure.interval.low - amount), high=rounded(figure.interval.high - amount))


def _net_promoter_score(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    found = figures.answers
    if found is None:
        return _nobody_keeps("what members answered")
    n = found.asked_to_recommend
    formula = f"(answers of 9 and 10 - answers up to 6) / answers x 100 = ({found.promoters} - {found.detractors}) / {n} x 100"
    if n == 0:
        return Computed(figure=None, n=0, formula=formula)
    value = rounded(Decimal(100 * (found.promoters - found.detractors)) / n)
    sure = statistics.promoters(found.promoters, found.detractors, n)
    interval = Interval(low=sure.low * 100, high=sure.high * 100)
    return Computed(figure=Figure(value=value, interval=interval), n=n, formula=formula)


def _satisfaction(figures: Figures, definition: Definition, rule: KpiRule | None) -> Computed:
    found = figures.answers
    if found is None:
        return _nobody_keeps("what members answered")
    return _share(found.satisfied, "satisfied answers", found.asked_if_satisfied, "answers")


def _nobody_keeps(what: str) -> Computed:
    return Computed(figure=None, n=None, formula=f"not available: {what} is not kept", kept=False)


FORMULAS: Mapping[Kpi, Callable[[Figures, Definition, KpiRule | None], Computed]] = {
    "active_rate": _active_rate,
    "churn_rate": _churn_rate,
    "retention_rate": _retention_rate,
    "member_redemption_rate": _member_redemption_rate,
    "point_redemption_rate": _redeemed,
    "breakage_rate": _breakage_rate,
    "burn_earn_ratio": _redeemed,
    "points_outstanding": _points_outstanding,
    "management_liability": _management_liability,
    "cost_per_member": _cost_per_member,
    "lifetime_value": _lifetime_value,
    "incremental_margin": _incremental_margin,
    "incremental_net": _incremental_net,
    "return_on_investment": _return_on_investment,
    "net_promoter_score": _net_promoter_score,
    "satisfaction": _satisfaction,
}
