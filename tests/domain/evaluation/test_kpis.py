"""KPIs: the field's formulas with known answers, no value where there is nothing to divide by, and the gravest consequence."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.definition.values import Kpi
from domain.evaluation.figures import Answers, Experiment, Figures, Spread
from domain.evaluation.kpis import KpiResult, Verdict, judge, kpi
from domain.statistics import Arm, Interval
from tests.domain.definitions import small

AT = datetime(2025, 6, 30, 12, tzinfo=UTC)
FIGURES = Figures(
    members_at_start=200,
    joined=100,
    left=25,
    lost=20,
    members_at_end=280,
    active_members=90,
    members_redeemed=30,
    issued=8000,
    burned=2000,
    expired=500,
    forfeited=100,
    outstanding=5400,
    changed=1000,
    spread=Spread(
        members=100,
        issued_squares=1_000_000.0,
        burned_squares=250_000.0,
        changed_squares=200_000.0,
        issued_times_burned=300_000.0,
        burned_times_changed=-50_000.0,
    ),
)
NOTHING = Figures.model_validate({name: 0 for name, field in Figures.model_fields.items() if field.annotation is int})
TRIED = Experiment(
    treated=Arm(n=9000, mean=Decimal("12.40"), variance=Decimal(400)),
    control=Arm(n=1000, mean=Decimal("11.00"), variance=Decimal(400)),
)
ASKED = Answers(asked_to_recommend=200, promoters=100, detractors=40, asked_if_satisfied=50, satisfied=45)
RATES: list[Kpi] = [
    "active_rate",
    "churn_rate",
    "retention_rate",
    "member_redemption_rate",
    "point_redemption_rate",
    "breakage_rate",
    "burn_earn_ratio",
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("active_rate", "0.3"),
        ("churn_rate", "0.1"),
        ("retention_rate", "0.9"),
        ("breakage_rate", "0.75"),
        ("cost_per_member", "0.046667"),
        ("incremental_margin", "12600.00"),
        ("incremental_net", "12586.00"),
        ("return_on_investment", "899.000000"),
        ("net_promoter_score", "30"),
        ("satisfaction", "0.9"),
        ("member_redemption_rate", "0.1"),
        ("point_redemption_rate", "0.25"),
        ("burn_earn_ratio", "0.25"),
        ("points_outstanding", "5400"),
        ("management_liability", "21.60"),
    ],
)
def test_every_kpi_has_its_known_answer(name: Kpi, value: str) -> None:
    figures = FIGURES.model_copy(update={"experiment": TRIED, "answers": ASKED})
    assert kpi(name, figures, small()) == Decimal(value)


@pytest.mark.parametrize("name", [*RATES, "cost_per_member"])
def test_a_rate_with_nothing_to_divide_by_has_no_value(name: Kpi) -> None:
    assert kpi(name, NOTHING, small()) is None


@pytest.mark.parametrize("name", ["points_outstanding", "management_liability"])
def test_no_points_owed_are_a_figure(name: Kpi) -> None:
    assert kpi(name, NOTHING, small()) == 0


def test_rates_are_rounded_half_even_to_six_decimals() -> None:
    assert kpi("churn_rate", FIGURES.model_copy(update={"lost": 1, "members_at_start": 3}), small()) == Decimal("0.333333")


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


def judged(rule: dict[str, Any], figures: Figures, *before: Verdict, at: datetime = AT) -> KpiResult:
    """The result of one rule."""
    whole = {"window": "P3M", "thresholds": [{"below": -(10**9), "consequence": "alert"}]} | rule
    definition = small(evaluation={"every": "P3M", "kpis": [whole]})
    return judge(definition, {rule["kpi"]: figures}, at, before).results[0]


def test_retention_and_churn_make_up_everybody_who_was_there_at_the_start() -> None:
    retained, lost = kpi("retention_rate", FIGURES, small()), kpi("churn_rate", FIGURES, small())
    assert retained is not None
    assert lost is not None
    assert retained + lost == 1


def test_the_value_of_a_life_is_that_of_its_terms() -> None:
    """margin x r / (1 + i - r) - acquisition cost = 10 x 0.9 / 0.15 - 5."""
    terms = {"margin": 10, "discount_rate": 0.05, "acquisition_cost": 5}
    result = judged({"kpi": "lifetime_value", "lifetime": terms}, FIGURES)
    assert (result.value, result.n) == (Decimal("55.00"), 200)
    assert result.interval is not None
    assert result.interval.low < 55 < result.interval.high
    assert "r = 180 / 200" in result.formula


def test_a_life_that_nothing_ends_has_no_value() -> None:
    terms = {"margin": 10, "discount_rate": 0}
    result = judged({"kpi": "lifetime_value", "lifetime": terms}, FIGURES.model_copy(update={"lost": 0}))
    assert (result.value, result.status) == (None, "immature")


def test_a_net_figure_counts_what_running_the_program_costs() -> None:
    figures = FIGURES.model_copy(update={"experiment": TRIED})
    result = judged({"kpi": "incremental_net", "running_cost": 2586}, figures)
    assert result.value == 10_000
    assert result.n == 1000
    assert judged({"kpi": "return_on_investment", "running_cost": 2586}, figures).value == Decimal("3.846154")


def test_of_what_is_bought_only_the_margin_counts() -> None:
    whole = judged({"kpi": "incremental_margin"}, FIGURES.model_copy(update={"experiment": TRIED}))
    part = judged({"kpi": "incremental_margin", "margin_rate": 0.25}, FIGURES.model_copy(update={"experiment": TRIED}))
    assert whole.value == 12_600
    assert part.value == 3_150
    assert whole.interval is not None and part.interval is not None
    assert part.interval.low == pytest.approx(whole.interval.low / 4) and part.interval.high < whole.interval.high
    assert part.formula.endswith("x margin rate 0.25")


def test_one_alone_who_is_held_out_tells_no_interval() -> None:
    alone = TRIED.model_copy(update={"control": Arm(n=1, mean=Decimal(11), variance=Decimal(0))})
    result = judged({"kpi": "incremental_net"}, FIGURES.model_copy(update={"experiment": alone}))
    assert (result.status, result.n, result.interval) == ("computed", 1, None)


def test_with_nobody_seen_who_is_held_out_the_comparison_is_immature() -> None:
    nobody = TRIED.model_copy(update={"control": Arm(n=0, mean=Decimal(0), variance=Decimal(0))})
    result = judged({"kpi": "return_on_investment"}, FIGURES.model_copy(update={"experiment": nobody}))
    assert (result.status, result.value, result.n) == ("immature", None, 0)


@pytest.mark.parametrize(
    "name", ["incremental_margin", "incremental_net", "return_on_investment", "net_promoter_score", "satisfaction"]
)
def test_what_nobody_keeps_is_told_as_not_available(name: Kpi) -> None:
    result = judged({"kpi": name, "thresholds": [{"below": 10**9, "consequence": "propose_end"}]}, FIGURES)
    assert (result.value, result.status, result.consequence) == (None, "not_available", "continue")
    assert "not available" in result.formula


@pytest.mark.parametrize(("sample", "status"), [(300, "computed"), (301, "immature")])
def test_fewer_than_the_rule_asks_for_are_immature_and_have_no_consequence(sample: int, status: str) -> None:
    rule = {"kpi": "active_rate", "minimum_sample": sample, "thresholds": [{"below": 1, "consequence": "propose_end"}]}
    result = judged(rule, FIGURES)
    assert result.status == status
    assert result.consequence == ("propose_end" if status == "computed" else "continue")
    assert (result.value is None) == (status == "immature")
    assert "= 90 / 300" in result.formula


def test_every_rate_comes_with_its_sample_and_an_interval_around_it() -> None:
    for name in RATES:
        result = judged({"kpi": name}, FIGURES)
        assert result.value is not None
        assert result.interval is not None
        assert result.interval.low < result.value < result.interval.high
        assert result.n in (100, 200, 300)


def test_figures_of_all_members_have_no_interval() -> None:
    assert judged({"kpi": "points_outstanding"}, FIGURES).interval is None


def test_an_evaluation_of_figures_without_their_spread_has_no_interval() -> None:
    without = FIGURES.model_copy(update={"spread": None})
    result = judged({"kpi": "burn_earn_ratio"}, without)
    assert (result.value, result.interval) == (Decimal("0.25"), None)


def earlier(active: int, at: datetime = datetime(2025, 3, 30, 12, tzinfo=UTC)) -> Verdict:
    kpis = [{"kpi": "active_rate", "window": "P3M", "thresholds": [{"below": 0, "consequence": "alert"}]}]
    figures = FIGURES.model_copy(update={"active_members": active})
    return judge(small(evaluation={"every": "P3M", "kpis": kpis}), {"active_rate": figures}, at)


@pytest.mark.parametrize(("before", "direction"), [(30, "up"), (89, "level"), (90, "level"), (150, "down")])
def test_a_trend_is_what_is_more_than_chance(before: int, direction: str) -> None:
    trend = judged({"kpi": "active_rate"}, FIGURES, earlier(before)).trend
    assert trend is not None
    assert trend.direction == direction
    assert trend.difference == Decimal("0.3") - trend.value
    assert trend.interval is not None
    assert trend.interval.low <= trend.difference <= trend.interval.high


def test_the_trend_is_against_the_newest_evaluation_before_with_a_figure_over_as_long_a_window() -> None:
    longer = judge(
        small(
            evaluation={
                "every": "P3M",
                "kpis": [{"kpi": "active_rate", "window": "P1Y", "thresholds": [{"below": 0, "consequence": "alert"}]}],
            }
        ),
        {"active_rate": FIGURES},
        datetime(2025, 5, 30, 12, tzinfo=UTC),
    )
    empty = judge(small(), {"active_rate": NOTHING}, datetime(2025, 4, 30, 12, tzinfo=UTC))
    trend = judged({"kpi": "active_rate"}, FIGURES, earlier(1, AT), longer, empty, earlier(30)).trend
    assert trend is not None
    assert (trend.at, trend.value) == (datetime(2025, 3, 30, 12, tzinfo=UTC), Decimal("0.1"))
    assert judged({"kpi": "active_rate"}, FIGURES, longer).trend is None


def test_a_figure_of_all_members_goes_where_its_difference_goes() -> None:
    kpis = [{"kpi": "points_outstanding", "window": "P3M", "thresholds": [{"below": 0, "consequence": "alert"}]}]
    definition = small(evaluation={"every": "P3M", "kpis": kpis})
    before = judge(definition, {"points_outstanding": FIGURES}, datetime(2025, 3, 30, 12, tzinfo=UTC))
    trend = judged({"kpi": "points_outstanding"}, FIGURES.model_copy(update={"outstanding": 5399}), before).trend
    assert trend is not None
    assert (trend.direction, trend.difference, trend.interval) == ("down", Decimal(-1), None)


def test_a_verdict_that_was_kept_before_there_were_intervals_can_still_be_read() -> None:
    kept = judge(small(), {"active_rate": FIGURES}, AT).model_dump(mode="json")
    for result in kept["results"]:
        for later in ("status", "n", "interval", "trend"):
            del result[later]
        for later in ("lost", "changed", "spread", "experiment", "answers"):
            del result["figures"][later]
    assert Verdict.model_validate(kept).results[0].value == Decimal("0.3")


def test_an_interval_is_read_as_it_was_written() -> None:
    found = judged({"kpi": "active_rate"}, FIGURES).interval
    assert found is not None
    assert Interval.model_validate_json(found.model_dump_json()) == found
