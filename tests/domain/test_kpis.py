"""KPIs: the field's formulas with known answers, no value where there is nothing to divide by, and the gravest consequence."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.definition import Kpi
from domain.kpis import Figures, judge, kpi
from tests.domain.definitions import small

AT = datetime(2025, 6, 30, 12, tzinfo=UTC)
FIGURES = Figures(
    members_at_start=200,
    joined=100,
    left=20,
    members_at_end=280,
    active_members=90,
    members_redeemed=30,
    issued=8000,
    burned=2000,
    expired=500,
    forfeited=100,
    outstanding=5400,
)
NOTHING = Figures(**dict.fromkeys(Figures.model_fields, 0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("active_rate", "0.3"),
        ("churn_rate", "0.1"),
        ("member_redemption_rate", "0.1"),
        ("point_redemption_rate", "0.25"),
        ("burn_earn_ratio", "0.25"),
        ("points_outstanding", "5400"),
        ("management_liability", "21.60"),
    ],
)
def test_every_kpi_has_its_known_answer(name: Kpi, value: str) -> None:
    assert kpi(name, FIGURES, small()) == Decimal(value)


@pytest.mark.parametrize(
    "name", ["active_rate", "churn_rate", "member_redemption_rate", "point_redemption_rate", "burn_earn_ratio"]
)
def test_a_rate_with_nothing_to_divide_by_has_no_value(name: Kpi) -> None:
    assert kpi(name, NOTHING, small()) is None


@pytest.mark.parametrize("name", ["points_outstanding", "management_liability"])
def test_no_points_owed_are_a_figure(name: Kpi) -> None:
    assert kpi(name, NOTHING, small()) == 0


def test_rates_are_rounded_half_even_to_six_decimals() -> None:
    assert kpi("churn_rate", FIGURES.model_copy(update={"left": 1, "members_at_start": 3}), small()) == Decimal("0.333333")


@pytest.mark.parametrize(
    ("active", "consequence"), [(90, "continue"), (89, "alert"), (30, "alert"), (29, "propose_end"), (0, "propose_end")]
)
def test_the_gravest_threshold_that_is_crossed_decides(active: int, consequence: str) -> None:
    verdict = judge(small(), {"active_rate": FIGURES.model_copy(update={"active_members": active})}, AT)
    assert verdict.results[0].consequence == consequence
    assert verdict.consequence == consequence


def test_the_gravest_kpi_decides_the_verdict() -> None:
    kpis = [
        {"kpi": "points_outstanding", "window": "P1M", "thresholds": [{"above": 5399, "consequence": "propose_amendment"}]},
        {"kpi": "active_rate", "window": "P3M", "thresholds": [{"below": 0.9, "consequence": "alert"}]},
    ]
    verdict = judge(
        small(evaluation={"every": "P3M", "kpis": kpis}), {"points_outstanding": FIGURES, "active_rate": FIGURES}, AT
    )
    assert [result.consequence for result in verdict.results] == ["propose_amendment", "alert"]
    assert verdict.consequence == "propose_amendment"


def test_a_kpi_without_a_value_has_no_consequence() -> None:
    verdict = judge(small(), {"active_rate": NOTHING}, AT)
    assert verdict.results[0].value is None
    assert verdict.consequence == "continue"
    assert "immature" in verdict.results[0].formula


def test_the_verdict_says_the_window_the_figures_and_how_they_were_computed() -> None:
    verdict = judge(small(), {"active_rate": FIGURES}, AT)
    result = verdict.results[0]
    assert (verdict.at, result.window_end) == (AT, AT)
    assert result.window_start == datetime(2025, 3, 30, 12, tzinfo=UTC)
    assert result.formula == "members with an activity / members in the window = 90 / 300"
    assert result.figures == FIGURES


def test_the_liability_says_its_factors() -> None:
    kpis = [{"kpi": "management_liability", "window": "P1M", "thresholds": [{"above": 21, "consequence": "alert"}]}]
    verdict = judge(small(evaluation={"every": "P3M", "kpis": kpis}), {"management_liability": FIGURES}, AT)
    assert verdict.results[0].formula.endswith("= 5400 x 0.005 x 0.8 GBP")
    assert verdict.consequence == "alert"


def test_figures_that_are_not_given_are_an_error() -> None:
    with pytest.raises(KeyError):
        judge(small(), {}, AT)
