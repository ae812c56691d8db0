"""Statements of account: what came and went in a window, what there is at its end, and what was known at an earlier instant."""

from datetime import datetime
from itertools import pairwise, product
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import Adjust, Balance, Capture, Hold, Ledger, Reverse, Statement, StatementEntry, Void
from tests.ledger.requests import CURRENCY, PROGRAM, a_burn, an_earn, day
from tests.ledger.test_reference import GEM, MEMBERS, _a_step, _Both


def _ann(key: str, at: float) -> dict[str, Any]:
    return {"program": PROGRAM, "participant": "ann", "currency": CURRENCY, "key": key, "effective_at": day(at)}


async def _of(
    ledger: Ledger, since: float | None, until: float | None, *, member: str = "ann", as_of: datetime | None = None
) -> Statement:
    first, last = (None if number is None else day(number) for number in (since, until))
    return await ledger.statement(PROGRAM, member, CURRENCY, first, last, as_of)


def _lines(statement: Statement) -> list[tuple[str, int, int]]:
    return [(entry.kind, entry.points, entry.balance) for entry in statement.entries]


async def test_a_statement_goes_from_the_opening_through_its_entries_to_the_closing(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100, at=0, expires=9))
    await ledger.burn(a_burn("b1", 30, at=2))
    await ledger.earn(an_earn("e2", 50, at=4, expires=30, details={"type": "purchase"}))
    await ledger.burn(a_burn("b2", 60, at=5))
    await ledger.earn(an_earn("e3", 5, at=6))
    found = await _of(ledger, 2, 5)
    assert (found.opening, found.closing, found.held, found.pending, found.owed) == (70, 60, 0, 0, 0)
    assert _lines(found) == [("earn", 50, 120), ("burn", -60, 60)]
    first = found.entries[0]
    assert (first.key, first.details, first.effective_at) == ("e2", {"type": "purchase"}, day(4))
    assert first.recorded_at > day(5)
    assert [(lot.amount, lot.remaining, lot.expires_at) for lot in found.lots] == [(100, 10, day(9)), (50, 50, day(30))]
    assert _lines(await _of(ledger, None, None)) == [
        ("earn", 100, 100),
        ("burn", -30, 70),
        ("earn", 50, 120),
        ("burn", -60, 60),
        ("earn", 5, 65),
    ]


async def test_the_bounds_are_after_since_and_up_to_until(ledger: Ledger) -> None:
    for at in (1, 2, 3):
        await ledger.earn(an_earn(f"e{at}", at, at=at))
    found = await _of(ledger, 1, 2)
    assert (found.opening, _lines(found), found.closing) == (1, [("earn", 2, 3)], 3)
    nothing = await _of(ledger, 2.5, 2.9)
    assert (nothing.opening, nothing.entries, nothing.closing) == (3, (), 3)


async def test_a_hold_is_shown_with_its_end_until_it_ends(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100, at=0))
    await ledger.hold(Hold(**_ann("h1", 1), points=40, expires_at=day(9)))
    await ledger.hold(Hold(**_ann("h2", 2), points=10, expires_at=day(8)))
    await ledger.capture(Capture(**_ann("c1", 3), hold="h1", points=25))
    await ledger.void(Void(**_ann("v1", 4), hold="h2"))
    before = await _of(ledger, 0, 2)
    assert (before.closing, before.held) == (100, 50)
    assert [(hold.key, hold.points, hold.effective_at, hold.expires_at) for hold in before.holds] == [
        ("h1", 40, day(1), day(9)),
        ("h2", 10, day(2), day(8)),
    ]
    assert [(lot.remaining, lot.held) for lot in before.lots] == [(100, 50)]
    after = await _of(ledger, 2, 4)
    assert [(entry.kind, entry.points, entry.held) for entry in after.entries] == [("capture", -25, -40), ("void", 0, -10)]
    assert (after.closing, after.held, after.holds) == (75, 0, ())


async def test_a_pending_earn_is_told_apart_from_the_balance(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 7, at=1, pending=True))
    found = await _of(ledger, None, 2)
    assert (found.closing, found.pending, _lines(found)) == (0, 7, [("earn", 0, 0)])
    assert found.entries[0].details == {"pending": 7}


async def test_an_adjustment_tells_its_reason_and_a_reversal_what_it_reverses(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 20, at=0))
    burn = await ledger.burn(a_burn("b1", 15, at=1))
    await ledger.adjust(Adjust(**_ann("a1", 2), points=-3, reason="counted twice", author="service/7"))
    await ledger.adjust(Adjust(**_ann("a2", 2), points=9, reason="an apology", author="service/7"))
    await ledger.reverse(Reverse(**_ann("r1", 3), of="b1", points=5))
    found = await _of(ledger, 1, 3)
    assert [(entry.kind, entry.points, entry.reason) for entry in found.entries] == [
        ("adjustment", -3, "counted twice"),
        ("adjustment", 9, "an apology"),
        ("reversal", 5, None),
    ]
    assert found.entries[2].reverses == burn.txn_id


async def test_what_was_clawed_back_and_is_not_there_is_owed(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 20, at=0))
    await ledger.burn(a_burn("b1", 15, at=1))
    await ledger.reverse(Reverse(**_ann("r1", 2), of="e1", shortfall="negative", lowest_allowed=-50))
    found = await _of(ledger, None, None)
    assert (found.closing, found.owed, found.lots) == (-15, 15, ())
    assert (await _of(ledger, None, 1)).owed == 0


async def test_a_refusal_is_no_entry_and_a_stranger_has_none(ledger: Ledger) -> None:
    await ledger.burn(a_burn("b1", 15, at=1))
    assert (await _of(ledger, None, None)).entries == ()
    stranger = await _of(ledger, 0, 5, member="nobody")
    assert (stranger.opening, stranger.closing, stranger.entries, stranger.lots, stranger.holds) == (0, 0, (), (), ())


async def test_what_came_late_was_not_known_before(ledger: Ledger) -> None:
    first = await ledger.earn(an_earn("e1", 20, at=5))
    await ledger.burn(a_burn("b1", 15, at=6))
    await ledger.earn(an_earn("late", 3, at=1))
    then = await _of(ledger, None, 9, as_of=first.recorded_at)
    assert (_lines(then), [lot.remaining for lot in then.lots]) == ([("earn", 20, 20)], [20])
    now = await _of(ledger, None, 9)
    assert _lines(now) == [("earn", 3, 3), ("earn", 20, 23), ("burn", -15, 8)]


async def test_points_spent_as_of_before_they_were_earned_are_told_as_they_are(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 20, at=5))
    await ledger.burn(a_burn("b1", 15, at=3))
    found = await _of(ledger, None, 4)
    assert (found.closing, [lot.remaining for lot in found.lots]) == (-15, [-15])
    assert (await _of(ledger, 4, 5)).closing == 5


def _outline(statement: Statement | Balance) -> tuple[Any, ...]:
    posted = statement.closing if isinstance(statement, Statement) else statement.posted
    lots = sorted((lot.remaining, lot.earned_at) for lot in statement.lots)
    return posted, statement.held, statement.pending, statement.owed, lots


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_requests_statements_agree_with_every_balance_there_was(engine: AsyncEngine, seed: int) -> None:
    random, both = Random(seed), _Both(engine)
    ledger, accounts = both.ledger, list(product(MEMBERS, (CURRENCY, GEM)))
    known: list[tuple[datetime, str, str, tuple[Any, ...]]] = []
    for number in range(70):
        await both.step(_a_step(random, number, 3 + 20 * number // 70))
        member, currency = random.choice(accounts)
        then = _outline(await ledger.balance(both.program, member, currency))
        async with engine.connect() as connection:
            at = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
        known.append((at, member, currency, then))
    for at, member, currency, then in known:
        assert _outline(await ledger.statement(both.program, member, currency, None, None, at)) == then
    for member, currency in accounts:
        whole = await ledger.statement(both.program, member, currency, None, None)
        assert _outline(whole) == _outline(await ledger.balance(both.program, member, currency))
        entries: list[StatementEntry] = []
        balance = 0
        for since, until in pairwise([None, *map(day, range(0, 24, 2)), None]):
            part = await ledger.statement(both.program, member, currency, since, until)
            assert part.opening == balance
            balance = part.closing
            assert balance == sum(lot.remaining for lot in part.lots) - part.owed
            assert part.held == sum(entry.held for entry in (*entries, *part.entries))
            entries += part.entries
        assert tuple(entries) == whole.entries
        assert whole.closing == balance == sum(entry.points for entry in entries)
