"""The prototype: known figures on small logs, the same every time, and no point lost or found."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition import Definition
from insight.prototype import Purchase, UnusableLog, simulate
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
        "cost": Decimal("1.14"),  # 0.005 x (100 + 161 x 0.8) = 1.144
        "share_above_first_tier": Decimal("0.5"),
        "cost_share_of_revenue": Decimal("0.008766"),
    }
    assert result.members_by_tier == {"blue": 1, "silver": 1, "gold": 0}
    assert result.transactions == 3
    assert (result.period_start, result.period_end) == (START, START + timedelta(days=20))


def test_points_lapse_up_to_the_end_of_the_log() -> None:
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
