"""Holds: points that are kept cannot be spent twice, do not expire, and are captured, voided or timed out once."""

import asyncio

import pytest
from pydantic import ValidationError

from ledger import KeyConflict, Ledger, Swept
from tests.ledger.requests import (
    PROGRAM,
    a_burn,
    a_capture,
    a_forfeit,
    a_hold,
    a_void,
    again,
    an_earn,
    day,
    held,
    lots,
    outcome,
    posted,
    totals,
)


async def test_what_is_held_is_still_there_but_cannot_be_spent(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100))
    first = await ledger.hold(a_hold("h1", 60))
    assert (first.kind, *outcome(first)) == ("hold", "posted", 60, 100)
    balance = await ledger.balance(PROGRAM, "ann", "STAR")
    assert (balance.posted, balance.held, balance.available) == (100, 60, 40)
    assert outcome(await ledger.burn(a_burn("b1", 41))) == ("insufficient_points", 41, 100)
    assert outcome(await ledger.hold(a_hold("h2", 41))) == ("insufficient_points", 41, 100)
    assert outcome(await ledger.burn(a_burn("b2", 40))) == ("posted", 40, 60)
    assert await ledger.hold(a_hold("h1", 60)) == again(first)
    with pytest.raises(KeyConflict):
        await ledger.hold(a_hold("h1", 61))


async def test_a_capture_spends_the_held_lots_that_expire_first_and_lets_the_rest_go(ledger: Ledger) -> None:
    for key, points, expires in (("e1", 30, 60), ("e2", 30, 50), ("e3", 30, 40)):
        await ledger.earn(an_earn(key, points, expires=expires))
    await ledger.hold(a_hold("h1", 70))
    captured = await ledger.capture(a_capture("c1", "h1", 35))
    assert (captured.kind, *outcome(captured)) == ("capture", "posted", 35, 55)
    assert await lots(ledger) == [(25, 50), (30, 60)]
    assert await held(ledger) == 0
    assert await totals(ledger) == {"issued": 90, "burned": 35, "expired": 0, "forfeited": 0, "outstanding": 55}
    assert await ledger.capture(a_capture("c1", "h1", 35)) == again(captured)


async def test_a_void_gives_everything_back(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 30))
    await ledger.hold(a_hold("h1", 30))
    voided = await ledger.void(a_void("v1", "h1"))
    assert (voided.kind, *outcome(voided)) == ("void", "posted", 30, 30)
    assert outcome(await ledger.burn(a_burn("b1", 30))) == ("posted", 30, 0)


async def test_a_hold_ends_once(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 90))
    for number, until in ((1, 20), (2, 20), (3, 5)):
        await ledger.hold(a_hold(f"h{number}", 30, until=until))
    await ledger.capture(a_capture("c1", "h1"))
    await ledger.void(a_void("v2", "h2"))
    await ledger.expire_holds(PROGRAM, day(5))
    for number, refusal in ((1, "hold_captured"), (2, "hold_voided"), (3, "hold_timed_out")):
        capture, void = a_capture(f"c/{number}", f"h{number}", at=6), a_void(f"v/{number}", f"h{number}", at=6)
        refused = await ledger.capture(capture)
        assert outcome(refused) == (refusal, 30, 60)
        assert outcome(await ledger.void(void)) == (refusal, 30, 60)
        assert await ledger.capture(capture) == again(refused)
    assert await held(ledger) == 0


async def test_a_hold_that_is_not_known_to_the_member_is_refused(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 90))
    await ledger.earn(an_earn("e2", 90, member="bob"))
    await ledger.hold(a_hold("h1", 30))
    await ledger.hold(a_hold("h2", 91))
    for key, hold, member in (("a", "h9", "ann"), ("b", "e1", "ann"), ("c", "h2", "ann"), ("d", "h1", "bob")):
        assert (await ledger.capture(a_capture(f"c{key}", hold, member=member))).refusal == "unknown_hold"
        assert (await ledger.void(a_void(f"v{key}", hold, member=member))).refusal == "unknown_hold"
    assert await held(ledger) == 30


async def test_more_than_is_held_cannot_be_captured(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 90))
    await ledger.hold(a_hold("h1", 30))
    assert outcome(await ledger.capture(a_capture("c1", "h1", 31))) == ("exceeds_hold", 31, 90)
    assert outcome(await ledger.capture(a_capture("c2", "h1", 30))) == ("posted", 30, 60)


async def test_what_a_hold_keeps_does_not_expire_until_it_is_let_go(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.hold(a_hold("h1", 4))
    assert (await ledger.expire_due(PROGRAM, day(6))).points == 6
    assert (await ledger.forfeit(a_forfeit("f1", at=7))).points == 0
    refused = await ledger.burn(a_burn("b1", 1, at=7))
    assert (refused.refusal, refused.detail) == ("insufficient_points", "1 points were asked for, and 0 are available.")
    assert outcome(await ledger.capture(a_capture("c1", "h1", 1, at=8))) == ("posted", 1, 3)
    assert await totals(ledger) == {"issued": 10, "burned": 1, "expired": 9, "forfeited": 0, "outstanding": 0}


async def test_the_time_out_gives_back_what_is_held_and_lets_expire_what_is_past_due(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.earn(an_earn("e2", 20))
    await ledger.earn(an_earn("e3", 20, member="bob"))
    await ledger.hold(a_hold("h1", 15, until=6))
    await ledger.hold(a_hold("h2", 5, until=8))
    await ledger.hold(a_hold("h3", 5, until=6, member="bob"))
    assert await ledger.expire_holds(PROGRAM, day(5.9)) == Swept(lots=0, points=0, participants=0)
    assert await ledger.expire_holds(PROGRAM, day(6)) == Swept(lots=3, points=20, participants=2)
    assert await ledger.expire_holds(PROGRAM, day(6)) == Swept(lots=0, points=0, participants=0)
    assert (await posted(ledger), await held(ledger)) == (20, 5)
    assert await totals(ledger) == {"issued": 50, "burned": 0, "expired": 10, "forfeited": 0, "outstanding": 40}


async def test_a_hold_past_its_time_keeps_nobody_from_spending_even_before_the_sweep(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10))
    await ledger.hold(a_hold("h1", 10, until=5))
    assert outcome(await ledger.capture(a_capture("c1", "h1", at=5))) == ("hold_timed_out", 10, 10)
    await ledger.hold(a_hold("h2", 10, until=7, at=6))
    assert outcome(await ledger.burn(a_burn("b1", 10, at=7))) == ("posted", 10, 0)


async def test_concurrent_holds_never_keep_more_than_there_is(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100))
    answers = await asyncio.gather(*(ledger.hold(a_hold(f"h{n}", 30)) for n in range(8)))
    assert [answer.outcome for answer in answers].count("posted") == 3
    assert (await posted(ledger), await held(ledger)) == (100, 90)


async def test_the_same_hold_on_many_connections_holds_once(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100))
    answers = await asyncio.gather(*(ledger.hold(a_hold("h1", 30)) for _ in range(8)))
    assert len({answer.txn_id for answer in answers}) == 1
    assert await held(ledger) == 30


async def test_concurrent_captures_and_voids_end_a_hold_once(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10))
    await ledger.hold(a_hold("h1", 10))
    captures = [ledger.capture(a_capture(f"c{n}", "h1")) for n in range(6)]
    answers = await asyncio.gather(*captures, *(ledger.void(a_void(f"v{n}", "h1")) for n in range(6)))
    assert [answer.outcome for answer in answers].count("posted") == 1


@pytest.mark.parametrize("points", [0, -5, 2**53 + 1, 1.5])
def test_a_hold_of_no_sensible_amount_cannot_be_asked(points: int) -> None:
    with pytest.raises(ValidationError):
        a_hold("h1", points)
    with pytest.raises(ValidationError):
        a_capture("c1", "h1", points)


def test_a_hold_that_ends_before_it_begins_cannot_be_asked() -> None:
    with pytest.raises(ValidationError, match="would time out before it begins"):
        a_hold("h1", 5, at=3, until=3)
