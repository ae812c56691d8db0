"""Pending earns: shown, not spendable, and posted by their confirmation as of when they were earned."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.members.tiers import Watch
from ledger import KeyConflict, Ledger, PostingResult
from tests.ledger.requests import (
    PROGRAM,
    a_burn,
    a_cancel,
    a_confirm,
    a_reverse,
    again,
    an_earn,
    day,
    lots,
    nudged,
    outcome,
    posted,
    totals,
)


async def test_pending_points_are_shown_and_cannot_be_spent(ledger: Ledger) -> None:
    first = await ledger.earn(an_earn("e1", 40, pending=True, qualifying={"stars": 40}))
    assert (outcome(first), first.details) == (("posted", 0, 0), {"pending": 40})
    balance = await ledger.balance(PROGRAM, "ann", "STAR")
    assert (balance.posted, balance.available, balance.pending, balance.lots) == (0, 0, 40, ())
    assert (await ledger.burn(a_burn("b1", 1))).refusal == "insufficient_points"
    assert await ledger.counters(PROGRAM, "ann", day(-1), day(9)) == {}
    assert await ledger.totals(PROGRAM) == ()
    assert await ledger.earn(an_earn("e1", 40, pending=True, qualifying={"stars": 40})) == again(first)
    with pytest.raises(KeyConflict):
        await ledger.earn(an_earn("e1", 40, qualifying={"stars": 40}))


async def test_a_confirmation_posts_them_as_of_the_earn(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 40, at=3, expires=33, pending=True, qualifying={"stars": 40}))
    confirmed = await ledger.confirm(a_confirm("c1", "e1", at=8))
    assert (confirmed.kind, *outcome(confirmed), confirmed.effective_at) == ("confirm", "posted", 40, 40, day(8))
    balance = await ledger.balance(PROGRAM, "ann", "STAR")
    assert (balance.posted, balance.pending, balance.lots[0].earned_at) == (40, 0, day(3))
    assert await lots(ledger) == [(40, 33)]
    assert await ledger.counters(PROGRAM, "ann", day(2), day(3)) == {"stars": 40}
    assert await ledger.confirm(a_confirm("c1", "e1", at=8)) == again(confirmed)


async def test_a_confirmation_may_set_another_expiry_and_what_is_past_it_expires_at_once(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 40, expires=33, pending=True))
    await ledger.earn(an_earn("e2", 7, expires=5, pending=True))
    await ledger.confirm(a_confirm("c1", "e1", at=8, expires=50))
    assert outcome(await ledger.confirm(a_confirm("c2", "e2", at=8))) == ("posted", 7, 47)
    assert await lots(ledger) == [(40, 50)]
    assert (await totals(ledger))["expired"] == 7


async def test_a_pending_earn_ends_once(ledger: Ledger) -> None:
    await ledger.earn_many([an_earn("e1", 5, pending=True), an_earn("e2", 6, pending=True), an_earn("e3", 7)])
    await ledger.confirm(a_confirm("c1", "e1"))
    cancelled = await ledger.cancel(a_cancel("x2", "e2"))
    assert (cancelled.kind, *outcome(cancelled)) == ("cancel", "posted", 6, 12)
    for earn, refusal in (("e1", "earn_confirmed"), ("e2", "earn_cancelled"), ("e3", "not_pending"), ("e4", "unknown_earn")):
        assert (await ledger.confirm(a_confirm(f"c/{earn}", earn))).refusal == refusal
        assert (await ledger.cancel(a_cancel(f"x/{earn}", earn))).refusal == refusal
    assert (await ledger.confirm(a_confirm("c5", "e1", member="bob"))).refusal == "unknown_earn"
    assert (await ledger.confirm(a_confirm("c6", "c1"))).refusal == "unknown_earn"
    assert await posted(ledger) == 12


async def test_only_a_confirmed_earn_can_be_reversed_and_the_confirmation_is_what_is_reversed(ledger: Ledger) -> None:
    await ledger.earn_many([an_earn(f"e{n}", 5, pending=True) for n in range(3)])
    await ledger.cancel(a_cancel("x1", "e1"))
    await ledger.confirm(a_confirm("c2", "e2"))
    assert (await ledger.reverse(a_reverse("r0", "e0"))).refusal == "earn_pending"
    assert (await ledger.reverse(a_reverse("r1", "e1"))).refusal == "earn_cancelled"
    assert outcome(await ledger.reverse(a_reverse("r2", "e2", 2))) == ("posted", 2, 3)
    assert (await ledger.reverse(a_reverse("r3", "c2", 4))).refusal == "exceeds_original"
    assert outcome(await ledger.reverse(a_reverse("r4", "c2", 3))) == ("posted", 3, 0)


async def test_a_pending_earn_is_an_activity_with_all_that_follows_from_it(ledger: Ledger, engine: AsyncEngine) -> None:
    await ledger.earn(an_earn("e1", 10, at=0, expires=30))
    await ledger.earn(an_earn("e2", 9, at=5, pending=True, clock_stands_within=timedelta(days=7), nudge=("w",)))
    assert await lots(ledger) == [(10, 35)]
    assert await ledger.last_activity(PROGRAM, "ann") == day(5)
    assert await nudged(engine) == ["w"]
    await ledger.confirm(a_confirm("c1", "e2", at=9))
    assert await lots(ledger) == [(10, 35), (9, None)]
    assert await ledger.last_activity(PROGRAM, "ann") == day(5)


async def test_a_watch_is_crossed_by_the_confirmation_and_not_before(ledger: Ledger, engine: AsyncEngine) -> None:
    watch = (Watch(counter="stars", since=day(-1), at_least=50),)
    for key, stars in (("e1", 30), ("e2", 20)):
        counts: dict[str, Any] = {"qualifying": {"stars": stars}, "watches": watch, "nudge_on_watch": "w"}
        await ledger.earn(an_earn(key, 1, pending=True, **counts))
    await ledger.confirm(a_confirm("c1", "e1"))
    assert await nudged(engine) == []
    await ledger.confirm(a_confirm("c2", "e2"))
    assert await nudged(engine) == ["w"]


async def test_pending_earns_in_a_batch_harm_no_neighbour(ledger: Ledger) -> None:
    answers = await ledger.earn_many([an_earn("e1", 5), an_earn("e2", 6, pending=True), an_earn("e3", 7, member="bob")])
    assert [outcome(answer) for answer in answers if isinstance(answer, PostingResult)] == [
        ("posted", 5, 5),
        ("posted", 0, 5),
        ("posted", 7, 7),
    ]
