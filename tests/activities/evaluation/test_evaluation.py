"""The evaluation of a program with a past: its figures are those of the instant, whenever it is asked for."""

from datetime import datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from temporalio.testing import ActivityEnvironment

from activities.evaluation.evaluation import EvaluationActivities, EvaluationTask
from activities.programs.wind_down import EndStep, WindDownActivities
from domain.definition.values import AGAINST_HOLDOUT, BY_ANSWERS, Kpi
from domain.evaluation.kpis import KpiResult, Verdict
from domain.retention.surveys import Question
from store.programs import wind_down
from store.retention import survey_answers
from store.retention.survey_answers import SurveyAnswer
from store.rollout import holdout
from store.rollout.holdout import ControlPurchase
from tests.api.seeded_history import SeededHistory, at, lived
from tests.stack import Stack

END_OF_MAY, END_OF_AUGUST = at(5, 31), at(8, 31)
TERMS = {"margin": 10, "discount_rate": "0.5"}


def judged() -> dict[str, Any]:
    """By every KPI there is."""
    never = [{"below": -1, "consequence": "alert"}]
    rules: list[dict[str, Any]] = [{"kpi": kpi, "window": "P3M", "thresholds": never} for kpi in get_args(Kpi)]
    return {"every": "P3M", "kpis": [rule | ({"lifetime": TERMS} if rule["kpi"] == "lifetime_value" else {}) for rule in rules]}


@pytest.fixture
async def seeded_history(stack: Stack) -> SeededHistory:
    return await lived(stack, evaluation=judged())


async def evaluated(seeded_history: SeededHistory, as_of: datetime, number: int = 1) -> dict[str, KpiResult]:
    task = EvaluationTask(id=f"{seeded_history.program}/{as_of:%m}/{number}", program=seeded_history.program, at=as_of)
    verdict: Verdict = await EvaluationActivities(seeded_history.stack.engine, seeded_history.stack.ledger).evaluate_program(
        task
    )
    return {result.kpi: result for result in verdict.results}


async def test_every_kpi_is_that_of_its_window(seeded_history: SeededHistory) -> None:
    """From 28 February: ann was there, bob and cid joined, cid left; 1290 points came, 1000 were redeemed, 90 forfeited."""
    found = await evaluated(seeded_history, END_OF_MAY)
    currency = seeded_history.definition.currency
    values = {kpi: result.value for kpi, result in found.items()}
    assert values == {
        "active_rate": 1,
        "churn_rate": 0,
        "retention_rate": 1,
        "member_redemption_rate": Decimal("0.333333"),
        "point_redemption_rate": Decimal("0.775194"),
        "breakage_rate": Decimal("0.224806"),
        "burn_earn_ratio": Decimal("0.775194"),
        "points_outstanding": 1400,
        "management_liability": round(1400 * currency.cost_per_point * currency.expected_redemption_rate, 2),
        "cost_per_member": round(currency.cost_per_point * (1000 + 200 * currency.expected_redemption_rate) / 3, 6),
        "lifetime_value": Decimal("20.00"),
        "incremental_margin": None,
        "incremental_net": None,
        "return_on_investment": None,
        "net_promoter_score": None,
        "satisfaction": None,
    }
    assert [kpi for kpi, result in found.items() if result.status == "not_available"] == list(AGAINST_HOLDOUT)
    assert {found[kpi].status for kpi in BY_ANSWERS} == {"immature"}, "nobody has been asked"
    spread = found["burn_earn_ratio"].figures.spread
    assert spread is not None
    assert (spread.members, spread.issued_squares, spread.burned_squares) == (3, 500**2 + 700**2 + 90**2, 1000**2)


async def test_with_a_holdout_the_figures_against_it_are_of_all_who_joined_or_would_have(stack: Stack) -> None:
    """Three members, who bought for 70 in all, against three who are held out and bought for 20 and 10."""
    seeded_history = await lived(stack, evaluation=judged(), holdout={"share": 10})
    await _outsiders_buy(seeded_history)
    found = await evaluated(seeded_history, END_OF_MAY)
    margin, net = found["incremental_margin"], found["incremental_net"]
    assert (margin.status, margin.value, margin.n) == ("computed", Decimal("40.00"), 3), "(70 / 3 - 10) x 3"
    assert margin.interval is not None and margin.interval.low < 0 < margin.interval.high
    assert net.value is not None and margin.value is not None and net.value < margin.value
    assert found["return_on_investment"].status == "computed"
    experiment = margin.figures.experiment
    assert experiment is not None and (experiment.treated.n, experiment.control.n) == (3, 3)


async def test_answers_are_counted_by_each_members_last_word_in_the_window(seeded_history: SeededHistory) -> None:
    """Ann came round from 2 to 9, bob would not recommend it; cid is content, and was not in March. August is too late."""
    given: list[tuple[str, Question, int, datetime]] = [
        ("ann", "recommend", 2, at(3, 2)), ("ann", "recommend", 9, at(5, 2)), ("bob", "recommend", 6, at(4, 2)),
        ("cid", "satisfaction", 1, at(3, 20)), ("cid", "satisfaction", 4, at(4, 20)), ("ann", "satisfaction", 3, at(4, 1)),
        ("bob", "recommend", 10, at(8, 1)),
    ]  # fmt: skip
    async with seeded_history.stack.engine.begin() as connection:
        for number, (who, question, value, when) in enumerate(given):
            answer = SurveyAnswer(question=question, value=value, answered_at=when)
            for _ in range(2):
                await survey_answers.keep(connection, seeded_history.program, who, str(number), answer)
    found = await evaluated(seeded_history, END_OF_MAY)
    assert found["net_promoter_score"].value == 0, "one for, one against"
    assert found["net_promoter_score"].n == 2
    assert (found["satisfaction"].value, found["satisfaction"].n) == (Decimal("0.5"), 2)
    assert found["satisfaction"].interval is not None
    assert (await evaluated(seeded_history, END_OF_AUGUST))["net_promoter_score"].value == 100


async def test_the_final_report_keeps_what_the_holdout_has_shown(stack: Stack) -> None:
    seeded_history = await lived(stack, holdout={"share": 10})
    await _outsiders_buy(seeded_history)
    step = EndStep(program=seeded_history.program, step="closing", key=f"{seeded_history.program}/report", at=END_OF_AUGUST)
    await ActivityEnvironment().run(WindDownActivities(stack.engine, stack.ledger, stack.temporal).report_end, step)
    async with stack.engine.begin() as connection:
        await wind_down.erase(connection, seeded_history.program, END_OF_AUGUST)
        (closing,) = await wind_down.steps(connection, seeded_history.program)
    assert closing.figures["report"]["holdout"] == {
        "treated": {"n": 3, "mean": "23.333333", "variance": "1633.333333"},
        "control": {"n": 3, "mean": "10.000000", "variance": "100.000000"},
    }


async def test_an_evaluation_made_later_as_of_then_has_the_figures_of_then(seeded_history: SeededHistory) -> None:
    first = await evaluated(seeded_history, END_OF_MAY)
    later = await evaluated(seeded_history, END_OF_AUGUST)
    again = await evaluated(seeded_history, END_OF_MAY, 2)
    assert {kpi: (result.value, result.trend) for kpi, result in again.items()} == {
        kpi: (result.value, None) for kpi, result in first.items()
    }
    trend = later["active_rate"].trend
    assert trend is not None
    assert (later["active_rate"].value, trend.at, trend.difference) == (Decimal("0.5"), END_OF_MAY, Decimal("-0.5"))
    outstanding = later["points_outstanding"].trend
    assert outstanding is not None
    assert (outstanding.direction, outstanding.difference) == ("up", Decimal(200))


async def test_a_window_in_which_nothing_happened_is_immature_and_never_zero(seeded_history: SeededHistory) -> None:
    found = await evaluated(seeded_history, at(2, 2))
    assert {kpi for kpi, result in found.items() if result.status == "immature"} == {
        "active_rate",
        "churn_rate",
        "retention_rate",
        "member_redemption_rate",
        "point_redemption_rate",
        "breakage_rate",
        "burn_earn_ratio",
        "cost_per_member",
        "lifetime_value",
        *BY_ANSWERS,
    }
    assert all(result.value is None for result in found.values() if result.status == "immature")


async def _outsiders_buy(seeded_history: SeededHistory) -> None:
    """Cid for 70 dollars after they left, and two who are held out for 20 and 10, in May; a third who is has bought nothing."""
    amounts = {"cid": Decimal(70), "h": Decimal(20), "i": Decimal(10)}
    bought = [
        ControlPurchase(key=name, participant=name, occurred_at=at(5, 10), amount=amount, fingerprint=b"-")
        for name, amount in amounts.items()
    ]
    async with seeded_history.stack.engine.begin() as connection:
        for name in ("h", "i", "j"):
            await holdout.hold_out(connection, seeded_history.program, name, at(3, 1))
        assert await holdout.keep(connection, seeded_history.program, bought) == set(amounts)
