"""Points that change hands: transfers between members, conversions between currencies, adjustments by hand."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from ledger import MAX_POINTS, KeyConflict, Ledger
from tests.ledger.requests import (
    PROGRAM,
    a_burn,
    a_convert,
    a_reverse,
    a_transfer,
    again,
    an_adjustment,
    an_earn,
    day,
    lots,
    outcome,
    posted,
    totals,
)


async def test_transferred_points_keep_their_expiry_and_their_age(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, at=0, expires=50))
    await ledger.earn(an_earn("e2", 10, at=1, expires=60))
    await ledger.earn(an_earn("e3", 1, at=1, expires=55, member="bob"))
    first = await ledger.transfer(a_transfer("t1", "bob", 13, at=2))
    assert (first.kind, *outcome(first), first.details) == ("transfer", "posted", 13, 7, {"to_participant": "bob"})
    assert await lots(ledger) == [(7, 60)]
    assert await lots(ledger, "bob") == [(10, 50), (1, 55), (3, 60)]
    assert (await ledger.balance(PROGRAM, "bob", "STAR")).lots[0].earned_at == day(0)
    assert await totals(ledger) == {"issued": 21, "burned": 0, "expired": 0, "forfeited": 0, "outstanding": 21}
    assert await ledger.transfer(a_transfer("t1", "bob", 13, at=2)) == again(first)
    with pytest.raises(KeyConflict):
        await ledger.transfer(a_transfer("t1", "cid", 13, at=2))


async def test_a_transfer_of_more_than_there_is_or_above_the_limit_is_refused(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10))
    await ledger.earn(an_earn("e2", MAX_POINTS, member="rich"))
    assert outcome(await ledger.transfer(a_transfer("t1", "bob", 11))) == ("insufficient_points", 11, 10)
    assert outcome(await ledger.transfer(a_transfer("t2", "rich", 10))) == ("balance_limit", 10, 10)
    assert await posted(ledger, "bob") == 0


async def test_transfers_that_cross_do_not_lock_each_other_out(ledger: Ledger) -> None:
    members = ("ann", "bob", "cid")
    for member in members:
        await ledger.earn(an_earn(f"e/{member}", 20, member=member))
    pairs = [(sender, getter) for sender in members for getter in members if sender != getter]
    answers = await asyncio.gather(
        *(
            ledger.transfer(a_transfer(f"t{n}/{sender}/{getter}", getter, 3, member=sender))
            for sender, getter in pairs
            for n in range(4)
        )
    )
    assert sum([await posted(ledger, member) for member in members]) == 60
    assert any(answer.outcome == "posted" for answer in answers)


async def test_received_points_pay_first_what_is_owed(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10))
    await ledger.earn(an_earn("e2", 10, member="bob"))
    await ledger.burn(a_burn("b1", 10))
    await ledger.reverse(a_reverse("r1", "e1", shortfall="negative", lowest_allowed=-10))
    await ledger.transfer(a_transfer("t1", "ann", 8, member="bob", at=4))
    assert (await posted(ledger), await lots(ledger)) == (-2, [])


async def test_a_conversion_rounds_down_and_posts_both_sides(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100))
    first = await ledger.convert(a_convert("c1", 50, "0.3333", expires_at=day(40)))
    assert (first.kind, *outcome(first)) == ("convert", "posted", 50, 50)
    assert first.details == {"to_currency": "GEM", "rate": "0.3333", "received": 16}
    gems = await ledger.balance(PROGRAM, "ann", "GEM")
    assert (gems.posted, [(lot.remaining, lot.expires_at) for lot in gems.lots]) == (16, [(16, day(40))])
    assert [(each.currency, each.converted, each.outstanding) for each in await ledger.totals(PROGRAM)] == [
        ("GEM", -16, 16),
        ("STAR", 50, 50),
    ]
    assert await ledger.convert(a_convert("c1", 50, "0.33330", expires_at=day(40))) == again(first)
    with pytest.raises(KeyConflict):
        await ledger.convert(a_convert("c1", 50, "0.3334", expires_at=day(40)))


async def test_a_conversion_that_gives_nothing_or_too_much_is_refused(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100))
    await ledger.earn(an_earn("e2", 10**6, member="rich"))
    assert outcome(await ledger.convert(a_convert("c1", 101, "1"))) == ("insufficient_points", 101, 100)
    assert outcome(await ledger.convert(a_convert("c2", 99, "0.01"))) == ("converts_to_nothing", 99, 100)
    assert (await ledger.convert(a_convert("c3", 10**6, "1e11", member="rich"))).refusal == "balance_limit"
    assert outcome(await ledger.convert(a_convert("c4", 100, "0.01"))) == ("posted", 100, 0)


async def test_the_largest_amounts_convert_exactly(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", MAX_POINTS))
    answer = await ledger.convert(a_convert("c1", MAX_POINTS, "0.999999999999"))
    assert answer.details["received"] == MAX_POINTS * 999999999999 // 10**12


async def test_an_adjustment_gives_or_takes_and_says_why_and_by_whom(ledger: Ledger) -> None:
    given = await ledger.adjust(an_adjustment("a1", 30, expires_at=day(50)))
    assert (given.kind, *outcome(given)) == ("adjustment", "posted", 30, 30)
    assert given.details == {"reason": "goodwill", "author": "service/7", "change": 30}
    taken = await ledger.adjust(an_adjustment("a2", -12))
    assert (*outcome(taken), taken.details["change"]) == ("posted", 12, 18, -12)
    assert await lots(ledger) == [(18, 50)]
    assert outcome(await ledger.adjust(an_adjustment("a3", -19))) == ("insufficient_points", 19, 18)
    assert outcome(await ledger.adjust(an_adjustment("a4", MAX_POINTS))) == ("balance_limit", MAX_POINTS, 18)
    assert (await totals(ledger))["adjusted"] == 18
    assert await ledger.adjust(an_adjustment("a1", 30, expires_at=day(50))) == again(given)


@pytest.mark.parametrize("points", [0, -5, 2**53 + 1, 1.5])
def test_no_sensible_amount_cannot_be_asked(points: int) -> None:
    with pytest.raises(ValidationError):
        a_transfer("t1", "bob", points)
    with pytest.raises(ValidationError):
        a_convert("c1", points, "1")


@pytest.mark.parametrize("wrong", [{"points": 0}, {"points": 1.5}, {"points": -(2**53) - 1}, {"reason": " "}, {"author": ""}])
def test_an_adjustment_without_sense_reason_or_author_cannot_be_asked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        an_adjustment("a1", **{"points": 5, **wrong})


def test_points_that_would_stay_where_they_are_cannot_be_moved() -> None:
    with pytest.raises(ValidationError, match="would stay where they are"):
        a_transfer("t1", "ann", 5)
    with pytest.raises(ValidationError, match="in this currency already"):
        a_convert("c1", 5, "1").__class__(**a_convert("c1", 5, "1").model_dump() | {"to_currency": "STAR"})
    for rate in ("0", "-1", "NaN", "Infinity", "0.0000000000001"):
        with pytest.raises(ValidationError):
            a_convert("c1", 5, rate)
