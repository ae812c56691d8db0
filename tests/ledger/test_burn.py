"""Burning: in turn over the lots, never more than there is, refused with an answer that repeats."""

import asyncio
from random import Random

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import Burn, Earn, KeyConflict, Ledger, LedgerFault, PostingResult
from tests.ledger.requests import PROGRAM, a_burn, again, an_earn, day, lots, posted, totals


async def test_a_burn_takes_first_what_expires_first_and_last_what_never_does(ledger: Ledger) -> None:
    for key, points, expires in (("e1", 10, None), ("e2", 20, 90), ("e3", 30, 60), ("e4", 40, 90)):
        await ledger.earn(an_earn(key, points, expires=expires))
    answer = await ledger.burn(a_burn("b1", 55))
    assert (answer.outcome, answer.points, answer.balance, answer.kind) == ("posted", 55, 45, "burn")
    assert await lots(ledger) == [(35, 90), (10, None)]
    await ledger.burn(a_burn("b2", 45))
    assert await lots(ledger) == []
    assert await totals(ledger) == {"issued": 100, "burned": 100, "expired": 0, "forfeited": 0, "outstanding": 0}


async def test_a_burn_tells_which_lots_it_drew_on(ledger: Ledger, owner: AsyncConnection) -> None:
    await ledger.earn(an_earn("e1", 10, expires=50))
    await ledger.earn(an_earn("e2", 10, expires=60))
    burn = await ledger.burn(a_burn("b1", 13))
    moves = await owner.execute(
        text(
            "SELECT txn.key, lot_move.amount FROM ledger.lot_move JOIN ledger.lot ON lot.id = lot_id"
            " JOIN ledger.txn ON txn.id = lot.txn_id WHERE lot_move.txn_id = :burn ORDER BY txn.key"
        ),
        {"burn": burn.txn_id},
    )
    assert [tuple(move) for move in moves] == [("e1", 10), ("e2", 3)]


async def test_a_refusal_is_an_answer_that_repeats_even_when_points_have_come(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10))
    refused = await ledger.burn(a_burn("b1", 11))
    assert (refused.outcome, refused.refusal, refused.points, refused.balance) == ("refused", "insufficient_points", 11, 10)
    assert refused.detail == "11 points were asked for, and 10 are available."
    await ledger.earn(an_earn("e2", 90))
    assert await ledger.burn(a_burn("b1", 11)) == again(refused)
    assert await posted(ledger) == 100


async def test_a_stranger_has_nothing_to_burn(ledger: Ledger) -> None:
    refused = await ledger.burn(a_burn("b1", 1, member="nobody"))
    assert (refused.outcome, refused.balance) == ("refused", 0)
    assert await ledger.burn(a_burn("b1", 1, member="nobody")) == again(refused)


async def test_the_same_burn_again_takes_nothing_and_another_one_is_a_conflict(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100))
    first = await ledger.burn(a_burn("b1", 30))
    assert await ledger.burn(a_burn("b1", 30)) == again(first)
    for other in (a_burn("b1", 31), a_burn("b1", 30, member="bob"), a_burn("e1", 100)):
        with pytest.raises(KeyConflict):
            await ledger.burn(other)
    with pytest.raises(KeyConflict):
        await ledger.earn(an_earn("b1", 30))
    assert await posted(ledger) == 70


@pytest.mark.parametrize("points", [0, -5, 2**53 + 1, 1.5])
def test_a_burn_of_no_sensible_amount_cannot_be_asked(points: int) -> None:
    with pytest.raises(ValidationError):
        a_burn("b1", points)


async def test_what_is_due_expires_before_a_burn_as_of_the_burn(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.earn(an_earn("e2", 20, expires=9))
    before = await ledger.burn(a_burn("b1", 4, at=4.9))
    assert (before.balance, await lots(ledger)) == (26, [(6, 5), (20, 9)])
    after = await ledger.burn(a_burn("b2", 7, at=5))
    assert (after.balance, await lots(ledger)) == (13, [(13, 9)])
    assert await totals(ledger) == {"issued": 30, "burned": 11, "expired": 6, "forfeited": 0, "outstanding": 13}


async def test_a_refused_burn_still_lets_expire_what_is_due(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    refused = await ledger.burn(a_burn("b1", 10, at=6))
    assert (refused.outcome, refused.balance) == ("refused", 0)
    assert (await totals(ledger))["expired"] == 10


async def test_concurrent_burns_never_take_more_than_there_is(ledger: Ledger) -> None:
    for lot in range(10):
        await ledger.earn(an_earn(f"e{lot}", 10 + lot, expires=50 - lot))
    answers = await asyncio.gather(*(ledger.burn(a_burn(f"b{n}", 7)) for n in range(40)))
    assert [answer.outcome for answer in answers].count("posted") == 145 // 7
    assert await posted(ledger) == 145 % 7
    assert sum(remaining for remaining, _ in await lots(ledger)) == 145 % 7


async def test_the_same_burn_on_many_connections_burns_once(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100))
    answers = await asyncio.gather(*(ledger.burn(a_burn("b1", 30)) for _ in range(16)))
    assert [answer.duplicate for answer in answers].count(False) == 1
    assert {answer.txn_id for answer in answers} == {answers[0].txn_id}
    assert await posted(ledger) == 70


@pytest.mark.parametrize("seed", range(4))
async def test_everything_at_once_on_few_members_adds_up(ledger: Ledger, seed: int) -> None:
    random = Random(seed)
    members = ["ann", "bob", "cid"]

    def ask(number: int) -> Earn | Burn:
        member, at = random.choice(members), random.uniform(0, 20)
        if random.random() < 0.5:
            clock = day(3) - day(0) if random.random() < 0.5 else None
            points, expires = random.randrange(60), at + random.uniform(0, 9)
            return an_earn(f"k{number}", points, member=member, at=at, expires=expires, clock_stands_within=clock)
        return a_burn(f"k{number}", random.randrange(1, 60), member=member, at=at)

    asked = [ask(number) for number in range(60)]
    asked += random.sample(asked, 20)
    random.shuffle(asked)

    async def do(each: Earn | Burn) -> PostingResult:
        return await (ledger.earn(each) if isinstance(each, Earn) else ledger.burn(each))

    sweeps = asyncio.gather(*(ledger.expire_due(PROGRAM, day(at)) for at in (5, 10, 15)))
    answers = await asyncio.gather(*map(do, asked))
    await sweeps
    first_times = [answer for answer in answers if not answer.duplicate]
    assert len(first_times) == 60
    spent = sum(answer.points for answer in first_times if answer.kind == "burn" and answer.outcome == "posted")
    assert (await totals(ledger))["burned"] == spent


async def test_lots_that_do_not_cover_a_balance_stop_the_burn(ledger: Ledger, owner: AsyncConnection) -> None:
    await ledger.earn(an_earn("e1", 10))
    await owner.execute(text("UPDATE ledger.lot SET remaining = 4"))
    with pytest.raises(LedgerFault, match="gave 4 points where 8"):
        await ledger.burn(a_burn("b1", 8))
    assert await posted(ledger) == 10
    await owner.execute(text("UPDATE ledger.lot SET remaining = 10"))
