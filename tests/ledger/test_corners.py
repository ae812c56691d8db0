"""Rules that show only in a corner: `guards.py` found that no other test missed them."""

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import Ledger
from tests.ledger.requests import PROGRAM, a_burn, a_hold, an_earn, day, lots, posted, totals


async def test_earns_of_one_member_in_many_processes_turn_the_clock_for_each_gap_once(
    ledger: Ledger, engine: AsyncEngine
) -> None:
    """Each ledger has a coalescer of its own, so these are statements at the same time, and not one batch."""
    week = timedelta(days=7)
    for round_ in range(8):
        member = f"m{round_}"
        await ledger.earn(an_earn(f"{member}/first", 10, member=member, at=0, expires=30))
        asked = [an_earn(f"{member}/{n}", 0, member=member, at=5, clock_stands_within=week) for n in range(12)]
        await asyncio.gather(*(Ledger(engine).earn(each) for each in asked))
        assert await lots(ledger, member) == [(10, 35)]


async def test_a_burn_takes_of_a_lot_only_what_is_not_held(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=50))
    await ledger.earn(an_earn("e2", 10, expires=60))
    await ledger.hold(a_hold("h1", 4))
    await ledger.burn(a_burn("b1", 8))
    assert await lots(ledger) == [(4, 50), (8, 60)]


async def test_what_is_due_expires_before_a_hold_can_keep_it(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    refused = await ledger.hold(a_hold("h1", 10, at=6))
    assert (refused.refusal, refused.balance, await posted(ledger)) == ("insufficient_points", 0, 0)
    assert (await totals(ledger))["expired"] == 10
    assert (await ledger.expire_due(PROGRAM, day(6))).lots == 0
