"""The prototype: known figures on small logs, the same every time, and no point lost or found."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.acceptance.prototype import Totals, deferred_revenue
from domain.definition.document import Definition
from insight.acceptance.event_log import Purchase, UnusableLog
from insight.acceptance.simulation import simulate
from tests.domain.definitions import small

START = datetime(2025, 1, 1, 12, tzinfo=UTC)


def _bought(customer: str, day: int, amount: str) -> Purchase:
    return Purchase(customer, START + timedelta(days=day), Decimal(amount))


def _bounded(*criteria: dict[str, Any], burn_share: str = "0.5") -> Definition:
    return small(prototype={"transactions": "some-log", "burn_share": burn_share, "criteria": criteria})


LOG = [_bought("ann", 0, "60.00"), _bought("ann", 10, "60.00"), _bought("bob", 20, "10.50")]


def test_a_small_log_has_its_known_figures() -> None:
    result = simulate(small(), LOG)
    assert result.figures == {
        "members": 2,
        "points_issued": 261,
        "points_burned": 100,
        "points_expired": 0,
        "points_outstanding": 161,
        "points_per_member": Decimal("130.5"),
        "revenue": Decimal("130.50"),
        "cost": Decimal("1.14"),  # 0.005 x (100 + 161 x 0.8) = 1.144
        "cost_per_member": Decimal("0.572"),
        "liability": Decimal("1.29"),  # 0.01 x 161 x 0.8 = 1.288
        "management_liability": Decimal("0.64"),  # 0.005 x 161 x 0.8 = 0.644
        # A = 130.5 x 2.088 / 132.588 = 2.05512; 100 of 208.8 expected are redeemed: A x (1 - 100 / 208.8)
        "deferred_revenue": Decimal("1.07"),
        "share_above_first_tier": Decimal("0.5"),
        "cost_share_of_revenue": Decimal("0.008766"),
    }
    assert result.members_by_tier == {"blue": 1, "silver": 1, "gold": 0}
    assert result.transactions == 3
    assert (result.period_start, result.period_end) == (START, START + timedelta(days=20))


def test_the_months_tell_when_it_happened() -> None:
    log = [_bought("ann", 0, "60.00"), _bought("ann", 40, "60.00"), _bought("bob", 250, "5.00")]
    months = simulate(small(), log).months
    assert [month.month for month in months] == [f"2025-0{number}" for number in range(1, 10)]
    assert [month.points_issued for month in months] == [120, 121 - 1, 0, 0, 0, 0, 0, 0, 10]
    assert [month.points_burned for month in months] == [0, 100, 0, 0, 0, 0, 0, 0, 0]
    # The clock of what was earned in January stood still until February: both lots expire six months after that, or later.
    assert sum(month.points_expired for month in months) == 140
    assert [month.members for month in months] == [1] * 8 + [2]
    assert [month.members_by_tier["silver"] for month in months] == [0, 1, 1, 1, 1, 1, 1, 1, 1]
    assert [month.transactions for month in months] == [1, 1, 0, 0, 0, 0, 0, 0, 1]


def test_a_month_is_one_of_the_programs_zone() -> None:
    log = [Purchase("ann", datetime(2025, 6, 30, 23, 30, tzinfo=UTC), Decimal(5))]
    assert [month.month for month in simulate(small(), log).months] == ["2025-07"]
    assert [month.month for month in simulate(small(time_zone="UTC"), log).months] == ["2025-06"]


def test_what_depends_on_an_assumption_is_told_both_ways() -> None:
    definition = _bounded({"figure": "cost", "at_most": "1.2"}, {"figure": "points_burned", "at_least": 100})
    result = simulate(definition, LOG)
    found = {(each.assumption, each.change > 0): each for each in result.sensitivity}
    assert len(found) == 6
    dearer = found["cost_per_point", True]
    assert (dearer.value, dearer.figures["cost"], dearer.now_failing) == (Decimal("0.006"), Decimal("1.37"), ("cost",))
    assert set(dearer.figures) == {"cost", "cost_per_member", "management_liability", "cost_share_of_revenue"}
    fewer = found["burn_share", False]
    assert (fewer.value, fewer.figures["points_burned"], fewer.now_failing) == (Decimal("0.4"), Decimal(0), ("points_burned",))
    assert found["expected_redemption_rate", True].value == Decimal("0.96")
    assert "points_burned" not in found["expected_redemption_rate", True].figures


def test_a_share_of_all_cannot_be_moved_above_all() -> None:
    definition = _bounded({"figure": "members", "at_least": 1}, burn_share="1")
    found = {(each.assumption, each.change > 0): each for each in simulate(definition, LOG).sensitivity}
    assert found["burn_share", True].value == 1
    assert not found["burn_share", True].figures


def test_the_known_answer_of_the_standard_is_the_deferred_revenue() -> None:
    currency = {"code": "PTS", "name": "Points", "value_per_point": 1, "cost_per_point": 1, "expected_redemption_rate": "0.95"}
    sold: dict[str, Any] = {"members": 1, "above_first_tier": 0, "issued": 10_000, "expired": 0, "revenue": Decimal(100_000)}
    definition = small(currency=currency)
    assert round(deferred_revenue(definition, Totals(**sold, burned=0))) == 8_676
    assert round(deferred_revenue(definition, Totals(**sold, burned=4_500))) == 4_566


def test_points_expire_up_to_the_end_of_the_log() -> None:
    result = simulate(small(), [_bought("ann", 0, "10.00"), _bought("bob", 200, "5.00")])
    assert result.figures["points_expired"] == 20
    assert result.figures["points_outstanding"] == 10


def test_only_whole_rewards_are_redeemed_and_never_more_than_the_share() -> None:
    purchases = [_bought("ann", 0, "99.00")]
    assert simulate(_bounded({"figure": "members", "at_least": 1}, burn_share="0.5"), purchases).figures["points_burned"] == 0
    assert simulate(_bounded({"figure": "members", "at_least": 1}, burn_share="1"), purchases).figures["points_burned"] == 100
    assert simulate(_bounded({"figure": "members", "at_least": 1}, burn_share="0"), purchases).figures["points_burned"] == 0


def test_a_reward_above_a_members_tier_is_not_redeemed() -> None:
    rewards = [{"id": "lounge", "name": "The lounge", "points": 10, "from_tier": "gold"}]
    assert simulate(small(rewards=rewards), LOG).figures["points_burned"] == 0


@pytest.mark.parametrize(
    ("bounds", "passed"),
    [
        ({"at_least": "130.5"}, True),
        ({"at_least": "130.6"}, False),
        ({"at_most": "130.5"}, True),
        ({"at_most": "130.4"}, False),
        ({"at_least": 130, "at_most": 131}, True),
    ],
)
def test_a_criterion_holds_up_to_its_bound_and_not_beyond(bounds: dict[str, Any], passed: bool) -> None:
    result = simulate(_bounded({"figure": "points_per_member", **bounds}), LOG)
    assert result.criteria[0].value == Decimal("130.5")
    assert (result.criteria[0].passed, result.passed) == (passed, passed)


def test_one_criterion_that_fails_fails_the_prototype() -> None:
    result = simulate(_bounded({"figure": "members", "at_least": 1}, {"figure": "members", "at_least": 3}), LOG)
    assert [criterion.passed for criterion in result.criteria] == [True, False]
    assert not result.passed


def test_a_figure_that_cannot_be_computed_does_not_pass() -> None:
    result = simulate(_bounded({"figure": "cost_share_of_revenue", "at_most": 1}), [_bought("ann", 0, "0.00")])
    assert result.criteria[0].value is None
    assert not result.passed


def test_the_order_of_the_log_does_not_matter() -> None:
    shuffled = list(LOG)
    random.Random(3).shuffle(shuffled)
    assert shuffled != LOG
    assert simulate(small(), shuffled) == simulate(small(), LOG)


def test_a_purchase_is_an_event_of_the_first_rule_with_a_rate() -> None:
    earning = [{"id": "visit", "event": "visit", "points": 7}, {"id": "sale", "event": "sale", "rate": 1}]
    assert simulate(small(earning=earning), LOG).figures["points_issued"] == 130


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ([], "no purchases"),
        ([Purchase("ann", datetime(2025, 1, 1), Decimal(1))], "no time zone"),
        ([_bought("ann", 0, "-1.00")], "cannot be rated"),
        ([_bought("ann", 0, "1.005")], "finer than the smallest unit"),
    ],
)
def test_a_log_that_cannot_be_played_is_refused(log: list[Purchase], words: str) -> None:
    with pytest.raises(UnusableLog, match=words):
        simulate(small(), log)


logs = st.lists(
    st.builds(_bought, st.sampled_from("abc"), st.integers(0, 900), st.decimals(0, 300, places=2).map(str)),
    min_size=1,
    max_size=40,
)


@given(logs, st.sampled_from(["0", "0.3", "1"]))
def test_issued_is_burned_expired_and_outstanding(log: list[Purchase], share: str) -> None:
    figures = simulate(_bounded({"figure": "members", "at_least": 1}, burn_share=share), log).figures
    assert figures["points_issued"] == figures["points_burned"] + figures["points_expired"] + figures["points_outstanding"]
    assert figures["points_burned"] <= Decimal(share) * figures["points_issued"]
    assert min(figures.values()) >= 0


@given(logs)
def test_the_months_add_up_to_the_whole(log: list[Purchase]) -> None:
    result = simulate(small(), log)
    for name in ("points_issued", "points_burned", "points_expired"):
        assert sum(getattr(month, name) for month in result.months) == result.figures[name]
    last = result.months[-1]
    assert last.points_outstanding == result.figures["points_outstanding"]
    assert last.members_by_tier == result.members_by_tier
    assert (last.liability, last.management_liability) == (result.figures["liability"], result.figures["management_liability"])
    assert sum(month.revenue for month in result.months) == result.figures["revenue"]
    assert sum(month.transactions for month in result.months) == result.transactions == len(log)


@given(logs)
def test_members_are_played_alone(log: list[Purchase]) -> None:
    definition = small()
    ends = max(purchase.at for purchase in log)
    apart = [
        simulate(definition, [p for p in log if p.customer == customer] + [Purchase("end", ends, Decimal(0))])
        for customer in {purchase.customer for purchase in log}
    ]
    together = simulate(definition, log)
    assert together.figures["points_issued"] == sum(result.figures["points_issued"] for result in apart)
    assert together.figures["points_expired"] == sum(result.figures["points_expired"] for result in apart)
