"""What is left of a program that ends: forfeited, paid out or converted, each lot once; what is owed is written off."""

import asyncio
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import Earn, KeyConflict, Ledger, LedgerFault, Swept
from ledger.outflow import Settlement
from tests.ledger.requests import CURRENCY, PROGRAM, a_burn, a_confirm, a_hold, a_reverse, an_earn, day, totals
from tests.stack import program_id

MONEY = Settlement("USD", {CURRENCY: "0.0125"}, 2, half_up=True)
MILES = Settlement("air", {CURRENCY: "0.4"}, 0, half_up=False)
NOTHING = dict.fromkeys(("issued", "burned", "expired", "forfeited", "outstanding"), 0)


async def test_what_is_left_is_paid_out_by_the_smallest_unit_of_money_each_lot_once(
    ledger: Ledger, owner: AsyncConnection
) -> None:
    await ledger.earn_many([an_earn("e1", 100), an_earn("e2", 100), an_earn("e3", 2, member="bob")])
    await ledger.burn(a_burn("b1", 3))
    paid = await ledger.settle_remainder(PROGRAM, "rest", day(6), "cash_out", MONEY)
    assert paid == Swept(lots=3, points=199, participants=2)
    assert await ledger.settle_remainder(PROGRAM, "rest", day(6), "cash_out", MONEY) == paid

    payouts = await ledger.payouts(PROGRAM, 0, 10)
    # 197 points are 2.4625, 2 points are 0.025: half a cent is rounded up, once for each member.
    assert {each.participant: (each.points, each.received, each.unit) for each in payouts} == {
        "ann": (197, "2.46", "USD"),
        "bob": (2, "0.03", "USD"),
    }
    assert await ledger.payouts(PROGRAM, payouts[-1].transaction, 10) == []
    moves = "SELECT count(*) FROM ledger.lot_move JOIN ledger.txn ON txn.id = txn_id WHERE kind = 'cash_out'"
    assert await owner.scalar(text(moves)) == 3
    assert await totals(ledger) == NOTHING | {"issued": 202, "burned": 3, "cashed_out": 199}
    with pytest.raises(KeyConflict):
        await ledger.settle_remainder(PROGRAM, "rest", day(6))


async def test_what_is_left_becomes_a_partners_points_rounded_down(ledger: Ledger) -> None:
    await ledger.earn_many([an_earn("e1", 99), an_earn("e2", 2, member="bob")])
    await ledger.settle_remainder(PROGRAM, "rest", day(6), "convert_out", MILES)
    assert {each.participant: (each.received, each.unit) for each in await ledger.payouts(PROGRAM, 0, 10)} == {
        "ann": ("39", "air"),
        "bob": ("0", "air"),
    }
    assert await totals(ledger) == NOTHING | {"issued": 101, "converted": 101}


async def test_a_currency_without_a_rate_is_a_fault_and_nothing_is_taken(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 99))
    with pytest.raises(LedgerFault, match=f"What is left in {CURRENCY} has no rate"):
        await ledger.settle_remainder(PROGRAM, "rest", day(6), "cash_out", Settlement("USD", {"GEMS": "1"}, 2, half_up=True))
    assert (await totals(ledger))["outstanding"] == 99


async def test_what_a_member_owes_is_written_off_so_that_the_books_can_be_at_zero(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100))
    await ledger.burn(a_burn("b1", 100))
    await ledger.reverse(a_reverse("r1", "e1", at=2, shortfall="negative", lowest_allowed=-1000))
    assert (await totals(ledger))["outstanding"] == -100
    assert (await ledger.settle_remainder(PROGRAM, "rest", day(6))).points == 0
    found = await totals(ledger)
    assert (found["outstanding"], found["lost"]) == (0, 100)


async def test_what_a_hold_keeps_stays(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100))
    await ledger.hold(a_hold("h1", 30, until=20))
    assert (await ledger.settle_remainder(PROGRAM, "rest", day(6))).points == 70
    assert (await totals(ledger))["outstanding"] == 30
    assert (await ledger.unsettled(PROGRAM)).held == 30


async def test_two_who_settle_at_once_settle_once(ledger: Ledger) -> None:
    await ledger.earn_many([an_earn(f"e{n}", 10, member=f"m{n}") for n in range(50)])
    found = await asyncio.gather(*(ledger.settle_remainder(PROGRAM, "rest", day(6), "cash_out", MONEY) for _ in range(4)))
    assert found == [Swept(lots=50, points=500, participants=50)] * 4
    assert (await totals(ledger))["cashed_out"] == 500


async def test_holders_are_found_page_by_page_and_pending_earns_by_their_keys(ledger: Ledger) -> None:
    await ledger.earn_many([an_earn(f"e{n}", n, member=f"m{n}") for n in range(5)])  # m0 has none
    await ledger.earn(an_earn("later", 40, member="zoe", pending=True))
    pages, after = [], ""
    while page := await ledger.holders(PROGRAM, after, 3):
        pages.append([each.participant for each in page])
        after = page[-1].participant
    assert pages == [["m1", "m2", "m3"], ["m4"]]
    assert [each.key for each in await ledger.open_pending(PROGRAM, 10)] == ["later"]
    assert (await ledger.unsettled(PROGRAM)).pending == 40
    await ledger.confirm(a_confirm("c1", "later", member="zoe"))
    assert await ledger.open_pending(PROGRAM, 10) == []


async def test_what_each_kind_of_event_brought_is_told_less_what_was_taken_back(ledger: Ledger) -> None:
    stay: dict[str, Any] = {"details": {"event": "stay"}}
    await ledger.earn_many(
        [an_earn("e1", 100, **stay), an_earn("e2", 50, **stay), an_earn("e3", 0, details={"event": "visit"})]
    )
    await ledger.earn(an_earn("e4", 30, pending=True, **stay))
    await ledger.reverse(a_reverse("r1", "e2", at=2))
    details = {each.event: (each.events, each.points, each.taken_back) for each in await ledger.by_event(PROGRAM)}
    assert details == {"stay": (3, 150, 50), "visit": (1, 0, 0)}
    await ledger.confirm(a_confirm("c1", "e4"))
    assert [each.points for each in await ledger.by_event(PROGRAM)] == [180, 0]


# Each example is a program of its own in the one database.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lots=st.lists(st.integers(1, 2**40), min_size=1, max_size=4), cents=st.integers(1, 10**6))
async def test_money_is_points_times_the_rate_rounded_once(engine: AsyncEngine, lots: list[int], cents: int) -> None:
    ledger, program, at = Ledger(engine), program_id("paid"), datetime(2026, 1, 1, tzinfo=UTC)
    rate = Decimal(cents).scaleb(-6)
    for number, points in enumerate(lots):
        asked: dict[str, Any] = {"program": program, "participant": "ann", "currency": CURRENCY, "key": str(number)}
        await ledger.earn(Earn(**asked, points=points, effective_at=at))
    settlement = Settlement("USD", {CURRENCY: format(rate, "f")}, 2, half_up=True)
    await ledger.settle_remainder(program, "rest", at, "cash_out", settlement)
    (payout,) = await ledger.payouts(program, 0, 10)
    assert payout.points == sum(lots)
    assert Decimal(payout.received) == (sum(lots) * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
