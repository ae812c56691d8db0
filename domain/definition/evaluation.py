"""The evaluation in a definition: the KPIs, their thresholds and the consequences."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from domain.definition.values import Amount, Consequence, Count, Fraction, Kpi, Length, Number, Part


class KpiThreshold(Part):
    """A threshold of a figure, and the consequence of crossing it."""

    below: Number | None = None
    """The consequence follows below this figure."""
    above: Number | None = None
    """The consequence follows above this figure."""
    consequence: Consequence
    """The consequence; a proposal opens a gate, and no program ends by itself."""


class LifetimeTerms(Part):
    """The terms of a member's lifetime value, beside the retention rate; all for one window of the rule."""

    margin: Amount
    """The margin of a member in a window, in units of money."""
    discount_rate: Fraction
    """The discount of a window, as a fraction of 1."""
    acquisition_cost: Amount = Decimal(0)
    """The cost of winning the member, in units of money."""


class KpiRule(Part):
    """A figure that the program is judged by."""

    kpi: Kpi
    """The figure."""
    window: Length
    """The time over which it is computed, back from the evaluation."""
    minimum_sample: Count | None = None
    """The fewest members (or answers) from which it is computed; with fewer it is immature, and nothing follows."""
    lifetime: LifetimeTerms | None = None
    """The terms of `lifetime_value`; for no other KPI."""
    running_cost: Amount | None = None
    """The cost of running the program in a window, beside the points: for `incremental_net` and `return_on_investment`."""
    margin_rate: Fraction | None = None
    """The margin of a purchase, as a fraction of 1: for the three KPIs against the holdout. Without it, the whole purchase."""
    thresholds: Annotated[tuple[KpiThreshold, ...], Field(min_length=1)]
    """The thresholds and their consequences; the gravest crossed one counts."""


class Evaluation(Part):
    """How often the program is evaluated, and by which KPIs."""

    every: Length
    """How often, from the launch on: days and hours as exact time; months that divide 12, or whole years, by the calendar, on
    the launch's day of the month (the 28th at the latest) at 06:00 in the program's zone."""
    kpis: Annotated[tuple[KpiRule, ...], Field(min_length=1)]
    """The KPIs."""
