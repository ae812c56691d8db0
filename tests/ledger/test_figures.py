"""The figures of a window: they are those of the members' own statements, whatever happened, in whichever currency."""

from datetime import datetime

import pytest

from ledger import Ledger
from tests.ledger.requests import (
    CURRENCY,
    PROGRAM,
    a_burn,
    a_capture,
    a_convert,
    a_forfeit,
    a_hold,
    a_reverse,
    a_transfer,
    an_adjustment,
    an_earn,
    day,
)

MEMBERS = ("ann", "bob", "cid")


@pytest.fixture
async def lived(ledger: Ledger) -> Ledger:
    """Nine days of three members, who do all that changes a balance."""
    for number, member in enumerate(MEMBERS):
        await ledger.earn(an_earn(f"e/{member}", 100 * (number + 1), member=member, at=1, expires=8))
        await ledger.earn(an_earn(f"f/{member}", 10, member=member, at=4))
    await ledger.burn(a_burn("b1", 30, member="ann", at=2))
    await ledger.hold(a_hold("h1", 40, member="bob", at=3))
    await ledger.capture(a_capture("c1", "h1", 35, member="bob", at=4))
    await ledger.reverse(a_reverse("r1", "b1", 10, member="ann", at=5))
    await ledger.reverse(a_reverse("r2", "f/cid", member="cid", at=5))
    await ledger.transfer(a_transfer("t1", "bob", 20, member="ann", at=5))
    await ledger.convert(a_convert("v1", 50, "0.5", member="cid", at=6))
    await ledger.adjust(an_adjustment("a1", 7, member="bob", at=6))
    await ledger.burn(a_burn("b2", 10**6, member="ann", at=6))
    await ledger.expire_due(PROGRAM, day(8))
    await ledger.forfeit(a_forfeit("x1", member="bob", at=9))
    return ledger


async def _closing(ledger: Ledger, at: datetime, currency: str = CURRENCY) -> list[int]:
    return [(await ledger.statement(PROGRAM, member, currency, None, at)).closing for member in MEMBERS]


@pytest.mark.parametrize("currency", [CURRENCY, "GEM"])
async def test_what_was_outstanding_at_any_instant_is_what_the_statements_say(lived: Ledger, currency: str) -> None:
    for at in range(11):
        found = await lived.window_figures(PROGRAM, day(0), day(at), currency)
        assert found.outstanding == sum(await _closing(lived, day(at), currency)), at


async def test_windows_end_to_end_make_up_the_whole(lived: Ledger) -> None:
    (totals,) = [each for each in await lived.totals(PROGRAM) if each.currency == CURRENCY]
    windows = [await lived.window_figures(PROGRAM, day(at), day(at + 1), CURRENCY) for at in range(10)]
    for name in ("issued", "burned", "expired", "forfeited"):
        assert sum(getattr(each, name) for each in windows) == getattr(totals, name), name
    assert sum(each.changed for each in windows) == totals.outstanding == windows[-1].outstanding
    assert [each.outstanding for each in windows[:-1]] == [each.outstanding - each.changed for each in windows[1:]]


async def test_the_spread_is_that_of_each_members_own_figures(lived: Ledger) -> None:
    found = await lived.window_figures(PROGRAM, day(0), day(6), CURRENCY)
    changes = await _closing(lived, day(6))
    assert found.spread is not None
    assert found.spread.members == 3
    assert found.spread.issued_squares == 110**2 + 210**2 + 310**2
    assert found.spread.burned_squares == 20**2 + 35**2
    assert found.spread.changed_squares == sum(change**2 for change in changes)
    assert found.spread.issued_times_burned == 110 * 20 + 210 * 35
    assert found.spread.burned_times_changed == 20 * changes[0] + 35 * changes[1]


async def test_a_member_of_two_currencies_is_one_member(lived: Ledger) -> None:
    """Ann's second burn was refused: nothing was redeemed by it."""
    both = await lived.window_figures(PROGRAM, day(0), day(9))
    assert (both.active_members, both.members_redeemed, both.spread) == (3, 2, None)
    one = await lived.window_figures(PROGRAM, day(0), day(9), CURRENCY)
    assert (one.active_members, one.members_redeemed) == (3, 2)
    later = await lived.window_figures(PROGRAM, day(4), day(9), CURRENCY)
    assert later.members_redeemed == 0


async def test_a_currency_that_nobody_has_and_a_window_of_nothing_have_zeros(lived: Ledger) -> None:
    for found in (
        await lived.window_figures(PROGRAM, day(0), day(9), "NONE"),
        await lived.window_figures(PROGRAM, day(20), day(30), "GEM"),
    ):
        assert (found.issued, found.burned, found.changed) == (0, 0, 0)
