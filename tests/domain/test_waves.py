"""Waves: a member's bucket never changes, a raised share keeps those already in, and shares come out about right."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.waves import BUCKETS, bucket, is_open_to, open_buckets

shares = st.decimals(Decimal("0.01"), 100, places=2)
members = st.text("abcxyz0189_.:-", min_size=1, max_size=20)


def test_a_bucket_is_as_it_was_on_the_first_day() -> None:
    """The very numbers: another way to compute them would move members who are in out again."""
    assert [bucket("cd-club", member) for member in ("00001", "00002", "ann")] == [9133, 7587, 6091]


@given(st.sampled_from(["cd-club", "stars"]), members)
def test_a_bucket_lies_in_its_range(salt: str, member: str) -> None:
    assert 0 <= bucket(salt, member) < BUCKETS


@given(members, shares, shares)
def test_raising_the_share_keeps_everybody_who_is_in(member: str, one: Decimal, other: Decimal) -> None:
    lower, higher = sorted([open_buckets(one), open_buckets(other)])
    if is_open_to("cd-club", member, lower):
        assert is_open_to("cd-club", member, higher)


@given(members)
def test_no_share_lets_nobody_in_and_the_whole_lets_everybody_in(member: str) -> None:
    assert not is_open_to("cd-club", member, 0)
    assert is_open_to("cd-club", member, open_buckets(Decimal(100)))


@pytest.mark.parametrize("share", ["0.5", "10", "33.33", "40", "90"])
def test_shares_come_out_about_right(share: str) -> None:
    """20,000 members: the share within four standard deviations of a fair draw."""
    number, p = 20_000, float(share) / 100
    let_in = sum(is_open_to("cd-club", f"{each:05}", open_buckets(Decimal(share))) for each in range(number))
    assert abs(let_in - number * p) <= 4 * (number * p * (1 - p)) ** 0.5


def test_two_programs_draw_independently() -> None:
    """Who is early in one program is early in another only by chance: about a quarter of all are below half in both."""
    half = BUCKETS // 2
    both = sum(is_open_to("cd-club", str(each), half) and is_open_to("stars", str(each), half) for each in range(20_000))
    assert abs(both - 5_000) <= 4 * (20_000 * 0.25 * 0.75) ** 0.5
