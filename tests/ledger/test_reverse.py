"""Reversals: a burn gives back its lots, an earn is clawed back; whole, in parts that add up, and never more than there was."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import KeyConflict, Ledger
from tests.ledger.requests import (
    PROGRAM,
    a_burn,
    a_capture,
    a_forfeit,
    a_hold,
    a_reverse,
    a_transfer,
    a_void,
    again,
    an_adjustment,
    an_earn,
    day,
    lots,
    nudged,
    outcome,
    posted,
    totals,
)


async def test_a_reversed_burn_gives_back_the_same_lots(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=50))
    await ledger.earn(an_earn("e2", 10, expires=60))
    await ledger.burn(a_burn("b1", 13))
    reversed_ = await ledger.reverse(a_reverse("r1", "b1"))
    assert (reversed_.kind, *outcome(reversed_)) == ("reversal", "posted", 13, 20)
    assert await lots(ledger) == [(10, 50), (10, 60)]
    assert await totals(ledger) == {"issued": 20, "burned": 0, "expired": 0, "forfeited": 0, "outstanding": 20}
    assert await ledger.reverse(a_reverse("r1", "b1")) == again(reversed_)
    with pytest.raises(KeyConflict):
        await ledger.reverse(a_reverse("r1", "b1", 13))


async def test_parts_of_a_burn_come_back_as_if_less_had_been_spent_and_add_up(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=50))
    await ledger.earn(an_earn("e2", 10, expires=60))
    await ledger.burn(a_burn("b1", 15))
    await ledger.reverse(a_reverse("r1", "b1", 7))
    assert await lots(ledger) == [(2, 50), (10, 60)]
    refused = await ledger.reverse(a_reverse("r2", "b1", 9))
    assert outcome(refused) == ("exceeds_original", 9, 12)
    assert refused.detail == "Of the 15 points of 'b1', 8 are left to be reversed."
    assert outcome(await ledger.reverse(a_reverse("r3", "b1"))) == ("posted", 8, 20)
    assert outcome(await ledger.reverse(a_reverse("r4", "b1"))) == ("exceeds_original", 0, 20)
    assert await lots(ledger) == [(10, 50), (10, 60)]


async def test_a_capture_is_reversed_like_a_burn(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=50))
    await ledger.hold(a_hold("h1", 8))
    await ledger.capture(a_capture("c1", "h1", 5))
    assert outcome(await ledger.reverse(a_reverse("r1", "c1"))) == ("posted", 5, 10)
    assert await lots(ledger) == [(10, 50)]


@pytest.mark.parametrize(("until", "open_lots", "expired"), [(None, [], 10), (40, [(10, 40)], 0), (6, [], 10)])
async def test_what_has_expired_meanwhile_expires_again_or_gets_a_new_expiry(
    ledger: Ledger, until: float | None, open_lots: list[tuple[int, float]], expired: int
) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.burn(a_burn("b1", 10))
    reinstate_until = None if until is None else day(until)
    answer = await ledger.reverse(a_reverse("r1", "b1", at=7, reinstate_until=reinstate_until))
    assert outcome(answer) == ("posted", 10, 10)
    assert await lots(ledger) == open_lots
    assert (await totals(ledger))["expired"] == expired


async def test_a_lot_that_has_not_expired_keeps_its_expiry(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=9))
    await ledger.burn(a_burn("b1", 10))
    await ledger.reverse(a_reverse("r1", "b1", at=7, reinstate_until=day(40)))
    assert await lots(ledger) == [(10, 9)]


async def test_a_clawback_takes_the_own_lot_first(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=50))
    await ledger.earn(an_earn("e2", 10, expires=60, qualifying={"stars": 10}))
    clawed_back = await ledger.reverse(a_reverse("r1", "e2"))
    assert (clawed_back.kind, *outcome(clawed_back)) == ("clawback", "posted", 10, 10)
    assert await lots(ledger) == [(10, 50)]
    assert await ledger.counters(PROGRAM, "ann", day(-1), day(9)) == {"stars": 0}
    found = await totals(ledger)
    assert found == {"issued": 20, "burned": 0, "expired": 0, "forfeited": 0, "outstanding": 10, "clawed_back": 10}


_SHORT: list[tuple[dict[str, Any], tuple[str, int, int], list[tuple[int, float | None]], dict[str, int]]] = [
    ({"shortfall": "refuse"}, ("insufficient_points", 10, 14), [(4, 50), (10, 60)], {}),
    ({"shortfall": "other_lots"}, ("posted", 10, 4), [(4, 60)], {"clawed_back": 10}),
    ({"shortfall": "negative"}, ("posted", 10, 4), [(4, 60)], {"clawed_back": 10}),
    ({"shortfall": "loss"}, ("posted", 10, 10), [(10, 60)], {"clawed_back": 10, "lost": 6}),
]


@pytest.mark.parametrize(("policy", "answer", "open_lots", "figures"), _SHORT)
async def test_the_policy_says_what_pays_for_what_was_spent_of_the_own_lot(
    ledger: Ledger,
    policy: dict[str, Any],
    answer: tuple[str, int, int],
    open_lots: list[tuple[int, float | None]],
    figures: dict[str, int],
) -> None:
    await ledger.earn(an_earn("e1", 10, expires=50))
    await ledger.earn(an_earn("e2", 10, expires=60))
    await ledger.burn(a_burn("b1", 6))
    assert outcome(await ledger.reverse(a_reverse("r1", "e1", **policy))) == answer
    assert await lots(ledger) == open_lots
    found = await totals(ledger)
    assert {name: found[name] for name in found if name in {"clawed_back", "lost"}} == figures


async def test_a_balance_goes_below_zero_only_as_far_as_the_request_allows(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10))
    await ledger.burn(a_burn("b1", 8))
    assert outcome(await ledger.reverse(a_reverse("r1", "e1", shortfall="other_lots"))) == ("insufficient_points", 10, 2)
    allowed: dict[str, Any] = {"shortfall": "negative", "lowest_allowed": -7}
    refused = await ledger.reverse(a_reverse("r2", "e1", **allowed))
    assert outcome(refused) == ("below_lowest_allowed", 10, 2)
    assert refused.detail == "The member would owe 8 points, and may owe 7."
    assert outcome(await ledger.reverse(a_reverse("r3", "e1", 9, **allowed))) == ("posted", 9, -7)
    assert outcome(await ledger.reverse(a_reverse("r4", "e1", 1, **allowed))) == ("below_lowest_allowed", 1, -7)
    assert (await ledger.balance(PROGRAM, "ann", "STAR")).owed == 7
    assert outcome(await ledger.burn(a_burn("b2", 1, at=4))) == ("insufficient_points", 1, -7)


async def test_what_is_owed_is_paid_by_the_next_points_before_they_can_expire_or_leave(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10))
    await ledger.burn(a_burn("b1", 10))
    await ledger.reverse(a_reverse("r1", "e1", shortfall="negative", lowest_allowed=-10))
    await ledger.earn(an_earn("e2", 4, at=4, expires=5))
    assert await posted(ledger) == -6
    assert (await ledger.expire_due(PROGRAM, day(6))).points == 0
    assert (await ledger.balance(PROGRAM, "ann", "STAR")).owed == 6
    await ledger.earn(an_earn("e3", 9, at=7))
    assert outcome(await ledger.hold(a_hold("h1", 4, at=8))) == ("insufficient_points", 4, 3)
    assert outcome(await ledger.burn(a_burn("b2", 3, at=8))) == ("posted", 3, 0)
    assert await lots(ledger) == []
    await ledger.earn(an_earn("e4", 5, at=9))
    assert outcome(await ledger.forfeit(a_forfeit("f1", at=9))) == ("posted", 5, 0)


async def test_what_is_held_is_not_clawed_back(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10))
    await ledger.hold(a_hold("h1", 7))
    allowed: dict[str, Any] = {"shortfall": "negative", "lowest_allowed": -10}
    assert outcome(await ledger.reverse(a_reverse("r1", "e1", **allowed))) == ("posted", 10, 0)
    balance = await ledger.balance(PROGRAM, "ann", "STAR")
    assert (balance.posted, balance.held, balance.available, balance.owed) == (0, 7, -7, 7)
    assert outcome(await ledger.void(a_void("v1", "h1", at=4))) == ("posted", 7, 0)
    assert (await ledger.balance(PROGRAM, "ann", "STAR")).owed == 0


async def test_partial_clawbacks_take_back_counters_that_add_up(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 7, at=1, qualifying={"stars": 10, "visits": 1}))
    found = []
    for number in range(7):
        await ledger.reverse(a_reverse(f"r{number}", "e1", 1, at=2 + number))
        found.append(await ledger.counters(PROGRAM, "ann", day(0), day(1)))
    assert [each["stars"] for each in found] == [9, 7, 6, 4, 3, 1, 0]
    assert [each["visits"] for each in found] == [1, 1, 1, 0, 0, 0, 0]


async def test_an_event_that_only_counted_is_reversed_once(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 0, qualifying={"visits": 1}))
    assert outcome(await ledger.reverse(a_reverse("r1", "e1"))) == ("posted", 0, 0)
    assert await ledger.counters(PROGRAM, "ann", day(-1), day(9)) == {"visits": 0}
    assert (await ledger.reverse(a_reverse("r2", "e1"))).refusal == "exceeds_original"


async def test_what_cannot_be_reversed_is_refused_each_for_its_reason(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 50))
    await ledger.earn(an_earn("e2", 50, member="bob"))
    await ledger.burn(a_burn("b1", 10))
    await ledger.burn(a_burn("b2", 1000))
    await ledger.reverse(a_reverse("r1", "b1"))
    await ledger.reverse(a_reverse("r2", "e1", 5))
    await ledger.hold(a_hold("h1", 5))
    await ledger.transfer(a_transfer("t1", "bob", 5))
    await ledger.adjust(an_adjustment("a1", 5))
    refusals = {
        "nothing": "unknown_transaction",
        "e2": "unknown_transaction",
        "b2": "unknown_transaction",
        "r1": "reversal_of_reversal",
        "r2": "reversal_of_reversal",
        "h1": "not_reversible",
        "t1": "not_reversible",
        "a1": "not_reversible",
    }
    for of, refusal in refusals.items():
        refused = await ledger.reverse(a_reverse(f"r/{of}", of))
        assert refused.refusal == refusal
        assert await ledger.reverse(a_reverse(f"r/{of}", of)) == again(refused)
    assert await posted(ledger) == 45


async def test_concurrent_reversals_never_give_back_more_than_was_spent(ledger: Ledger) -> None:
    for lot in range(4):
        await ledger.earn(an_earn(f"e{lot}", 10, expires=30 + lot))
    await ledger.burn(a_burn("b1", 35))
    answers = await asyncio.gather(*(ledger.reverse(a_reverse(f"r{n}", "b1", 6)) for n in range(12)))
    assert [answer.outcome for answer in answers].count("posted") == 5
    assert await posted(ledger) == 35


async def test_a_reversal_nudges_whom_it_names(ledger: Ledger, engine: AsyncEngine) -> None:
    await ledger.earn(an_earn("e1", 5))
    await ledger.reverse(a_reverse("r1", "e1", nudge=("member/ann",)))
    await ledger.reverse(a_reverse("r2", "e1", nudge=("nobody",)))
    assert await nudged(engine) == ["member/ann"]


@pytest.mark.parametrize(
    "wrong", [{"points": 0}, {"points": -1}, {"points": 1.5}, {"points": 2**53 + 1}, {"lowest_allowed": 1}, {"shortfall": "no"}]
)
def test_a_reversal_that_makes_no_sense_cannot_be_asked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_reverse("r1", "b1", **wrong)
