"""Whether a reward can be had: dates by the program's own clock, stock, limits, what is left."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.definition.rewards import Reward
from domain.errors import TenureError
from domain.rewards.availability import left, limit_reached, limit_since, not_offered, out_of_stock

TOKYO = ZoneInfo("Asia/Tokyo")


def reward(**parts: Any) -> Reward:
    return Reward.model_validate({"id": "mug", "name": "A mug", "points": 100} | parts)


@pytest.mark.parametrize(
    ("at", "offered"),
    [
        (datetime(2026, 3, 31, 14, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 31, 15, 0, tzinfo=UTC), True),
        (datetime(2026, 4, 30, 14, 59, tzinfo=UTC), True),
        (datetime(2026, 4, 30, 15, 0, tzinfo=UTC), False),
    ],
)
def test_a_reward_is_offered_from_the_first_instant_of_its_first_day_to_the_first_of_its_last(
    at: datetime, offered: bool
) -> None:
    april = reward(**{"from": "2026-04-01", "until": "2026-05-01"})
    assert (not_offered(april, at, TOKYO) is None) is offered
    assert not_offered(reward(), at, TOKYO) is None


def _said(found: TenureError | None) -> tuple[str, str] | None:
    return (found.code, found.detail) if found is not None else None


def test_the_refusal_names_the_reward_and_the_day() -> None:
    early = not_offered(reward(**{"from": "2026-04-01"}), datetime(2026, 1, 1, tzinfo=UTC), TOKYO)
    late = not_offered(reward(until="2026-05-01"), datetime(2027, 1, 1, tzinfo=UTC), TOKYO)
    assert _said(early) == ("reward_not_offered", "The reward 'mug' is offered from 2026-04-01 on.")
    assert _said(late) == ("reward_not_offered", "The reward 'mug' was offered until 2026-05-01.")


def test_the_last_piece_can_be_had_and_the_next_cannot() -> None:
    two = reward(stock=2)
    assert out_of_stock(two, 1) is None
    assert _said(out_of_stock(two, 2)) == ("reward_out_of_stock", "All 2 of the reward 'mug' are taken.")
    assert out_of_stock(reward(), 10**9) is None


def test_a_limit_counts_within_the_last_so_long_by_the_calendar() -> None:
    monthly = reward(per_member={"count": 1, "per": "P1M"})
    assert limit_since(monthly, datetime(2026, 3, 31, 3, tzinfo=UTC), TOKYO) == datetime(2026, 2, 28, 3, tzinfo=UTC)
    assert limit_reached(monthly, 0) is None
    assert _said(limit_reached(monthly, 1)) == (
        "reward_limit_reached",
        "A member may have the reward 'mug' 1 time within 1 month.",
    )
    assert (limit_since(reward(), datetime(2026, 3, 31, tzinfo=UTC), TOKYO), limit_reached(reward(), 99)) == (None, None)


@pytest.mark.parametrize(
    ("stock", "taken", "codes", "expected"),
    [(None, 7, None, None), (10, 7, None, 3), (5, 7, None, 0), (10, 7, 2, 2), (None, 7, 4, 4), (8, 7, 4, 1)],
)
def test_what_is_left_is_the_least_of_what_bounds_it(
    stock: int | None, taken: int, codes: int | None, expected: int | None
) -> None:
    assert left(reward(stock=stock), taken, codes) == expected
