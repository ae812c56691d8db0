"""Time that stands still while nothing can be redeemed: no lot expires, and each gets back what it has lost."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import Ledger, Swept
from tests.ledger.requests import PROGRAM, a_burn, a_reschedule, an_earn, day, lots

NOTHING = Swept(lots=0, points=0, participants=0)


async def test_no_lot_expires_meanwhile_and_afterwards_each_expires_so_much_later(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.earn(an_earn("e2", 20, expires=40))
    await ledger.earn(an_earn("e3", 30))
    await ledger.earn(an_earn("e4", 40, member="bob", expires=4))
    await ledger.earn(an_earn("e5", 50, expires=5).model_copy(update={"program": "miles"}))
    assert await ledger.suspend_expiry(PROGRAM, day(4)) == 2, "what was due by then is due"
    assert await ledger.expire_due(PROGRAM, day(30)) == Swept(lots=1, points=40, participants=1)
    assert sorted(await lots(ledger)) == [(10, None), (20, None), (30, None)]
    assert await ledger.resume_expiry(PROGRAM, day(14)) == 2
    assert sorted(await lots(ledger), key=str) == [(10, 15), (20, 50), (30, None)]
    assert await ledger.resume_expiry(PROGRAM, day(99)) == 0, "time is given back once"
    assert await ledger.expire_due(PROGRAM, day(14.9)) == NOTHING
    assert await ledger.expire_due(PROGRAM, day(15)) == Swept(lots=1, points=10, participants=1)
    assert (await ledger.check(PROGRAM)).clean


async def test_what_is_earned_meanwhile_gets_the_time_back_from_then_on(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    assert await ledger.suspend_expiry(PROGRAM, day(2)) == 1
    await ledger.earn(an_earn("e2", 20, at=3, expires=8))
    assert await ledger.suspend_expiry(PROGRAM, day(2)) == 1, "a repetition finds what is new"
    assert await ledger.suspend_expiry(PROGRAM, day(2)) == 0
    assert await ledger.resume_expiry(PROGRAM, day(10)) == 2
    assert await lots(ledger) == [(10, 13), (20, 15)]


async def test_what_is_spent_or_gets_another_expiry_meanwhile_keeps_that(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.earn(an_earn("e2", 20, member="bob", expires=5))
    assert await ledger.suspend_expiry(PROGRAM, day(2)) == 2
    await ledger.burn(a_burn("b1", 10, at=3))
    await ledger.reschedule(a_reschedule("r1", 60, member="bob", at=3))
    assert await ledger.resume_expiry(PROGRAM, day(10)) == 0
    assert await lots(ledger, "bob") == [(20, 60)]


async def test_in_a_program_that_ends_no_lot_expires_by_age_any_more(ledger: Ledger, engine: AsyncEngine) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.suspend_expiry(PROGRAM, day(2))
    assert await ledger.forget_suspended(PROGRAM) == 1
    assert await ledger.resume_expiry(PROGRAM, day(10)) == 0
    assert await lots(ledger) == [(10, None)]
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM ledger.suspended_expiry")) == 0
