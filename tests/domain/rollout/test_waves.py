"""Waves: a member's bucket never changes, a raised share keeps those already in, and shares come out about right."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition.document import Definition
from domain.rollout.openings import WaveOpening
from domain.rollout.waves import BUCKETS, bucket, changed_after_beginning, is_held_out, is_open_to, let_in, open_buckets
from tests.anchors import AT
from tests.domain.definitions import small

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


HELD_OUT = small(holdout={"share": "10"})
PACED = small(
    waves=[
        {"id": "staff", "cohort": "staff", "minimum_time": "P1M", "invitations": {"count": 10, "every": "P1D"}},
        {"id": "all", "share": 100, "minimum_time": "P1M"},
    ]
)


def _opened(wave: str, share: Decimal | None = None, cohort: str | None = None) -> WaveOpening:
    return WaveOpening(program="small", revision=1, wave=wave, share=share, cohort=cohort, at=AT)


def _let_in(definition: Definition, member: str, *opened: WaveOpening, cohort: str | None = None, invited: bool = False) -> str:
    found = let_in(definition, "small", member, cohort=cohort, invited=invited, opened=opened)
    return f"by {found.wave}" if isinstance(found, WaveOpening) else found.code


@given(members, st.lists(shares, min_size=1, max_size=5), st.booleans())
def test_whether_somebody_is_held_out_says_nothing_about_when_a_wave_reaches_them(
    member: str, raised: list[Decimal], invited: bool
) -> None:
    opened = [_opened(f"w{place}", share) for place, share in enumerate(sorted(raised))]
    opened += [_opened("staff", cohort="staff"), _opened("whole", Decimal(100))]
    found = _let_in(HELD_OUT, member, *opened, cohort="staff", invited=invited)
    assert found == _let_in(small(), member, *opened, cohort="staff", invited=invited)


@given(members, st.lists(shares, min_size=1, max_size=5))
def test_each_further_wave_keeps_whoever_an_earlier_one_let_in_by_that_one(member: str, raised: list[Decimal]) -> None:
    opened = [_opened(f"w{place}", share) for place, share in enumerate(sorted(raised))]
    found = [_let_in(small(), member, *opened[: place + 1]) for place in range(len(opened))]
    first = next((place for place, each in enumerate(found) if each != "not_in_wave"), len(found))
    assert set(found[:first]) <= {"not_in_wave"}
    assert set(found[first:]) <= {f"by w{first}"}


def test_the_holdout_says_nothing_about_when_a_wave_reaches_somebody() -> None:
    """By a salt of its own: of those in the first half of the buckets a tenth is held out, as of all."""
    half = BUCKETS // 2
    early = [str(each) for each in range(20_000) if is_open_to("small", str(each), half)]
    held = sum(is_held_out(HELD_OUT, "small", each) for each in early)
    assert abs(held - len(early) / 10) <= 4 * (len(early) * 0.1 * 0.9) ** 0.5


@pytest.mark.parametrize(
    ("cohort", "invited", "opened", "found"),
    [
        ("staff", True, [_opened("staff", cohort="staff")], "by staff"),
        ("staff", False, [_opened("staff", cohort="staff")], "not_invited"),
        ("staff", False, [_opened("staff", cohort="staff"), _opened("all", Decimal(100))], "by all"),
        ("other", True, [_opened("staff", cohort="staff")], "not_in_wave"),
        (None, True, [_opened("staff", cohort="staff")], "not_in_wave"),
        ("staff", True, [], "not_in_wave"),
    ],
)
def test_a_cohort_that_is_invited_at_a_rate_joins_once_invited(
    cohort: str | None, invited: bool, opened: list[WaveOpening], found: str
) -> None:
    assert _let_in(PACED, "ann", *opened, cohort=cohort, invited=invited) == found


def test_what_has_begun_is_not_changed_and_what_comes_after_it_may_be() -> None:
    few, half, whole = (
        {"id": name, "share": share, "minimum_time": "P1M"} for name, share in (("few", 10), ("half", 50), ("all", 100))
    )
    before = small(waves=[few, whole])

    def changed(*waves: dict[str, object], begun: tuple[str, ...] = ("few",), **more: object) -> tuple[str, ...]:
        return changed_after_beginning(before, small(waves=list(waves), **more), begun)

    assert changed(few, whole) == ()
    assert changed(few, half, whole) == ()
    assert changed(few, whole | {"minimum_time": "P2M"}) == ()
    assert changed(half, whole) == ("few",)
    assert changed(few | {"share": 20}, whole) == ("few",)
    assert changed(few | {"id": "first", "share": 5}, few, whole) == ("first",)
    assert changed(few, whole, holdout={"share": 5}) == ("holdout",)
    assert changed(half, whole, begun=(), holdout={"share": 5}) == ()
