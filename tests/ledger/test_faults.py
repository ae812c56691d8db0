"""What does not add up is not written, even where the database was damaged by hand or the ledger's own code is wrong."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import Ledger, LedgerFault
from ledger.entry import Move, Origin, Side, enter
from tests.ledger.requests import PROGRAM, a_burn, a_hold, a_reverse, an_earn, day, lots, posted


async def _account(owner: AsyncConnection, participant: str) -> int:
    found = await owner.execute(text("SELECT id FROM ledger.account WHERE participant = :who"), {"who": participant})
    account: int = found.scalar_one()
    return account


@pytest.mark.parametrize(("taken", "debt"), [(4, 0), (0, 0), (6, 0), (5, 1)])
async def test_postings_that_lots_and_debt_do_not_bear_out_are_not_written(
    engine: AsyncEngine, owner: AsyncConnection, taken: int, debt: int
) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    ann, redemption = await _account(owner, "ann"), await _account(owner, "@redemption")
    with pytest.raises(LedgerFault, match="posts -5 points"):
        async with engine.begin() as connection:
            moves = [Move(1, taken=taken)] if taken else []
            origin = Origin(PROGRAM, day(1))
            await enter(connection, ann, origin, "burn", 5, sides=[Side(ann, redemption, 5)], moves=moves, debt=debt)
    assert await posted(ledger) == 10
    assert (await ledger.check()).clean


async def test_nobody_spends_from_the_lots_of_another(engine: AsyncEngine, owner: AsyncConnection) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10, member="bob"))
    await ledger.earn(an_earn("e2", 10))
    ann, redemption = await _account(owner, "ann"), await _account(owner, "@redemption")
    with pytest.raises(LedgerFault, match="Of 1 lots to be moved"):
        async with engine.begin() as connection:
            sides, moves = [Side(ann, redemption, 5)], [Move(1, taken=5)]
            await enter(connection, ann, Origin(PROGRAM, day(1)), "burn", 5, sides=sides, moves=moves)
    assert (await lots(ledger, "bob"), await lots(ledger)) == ([(10, None)], [(10, None)])
    assert (await ledger.check()).clean


async def test_what_expires_to_no_account_stays(engine: AsyncEngine, owner: AsyncConnection) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10, expires=5))
    await owner.execute(text("DELETE FROM ledger.account WHERE participant = '@breakage'"))
    with pytest.raises(LedgerFault, match="To expire: lots 10, accounts 10, postings 0, moves 10"):
        await ledger.expire_due(PROGRAM, day(6))
    assert await lots(ledger) == [(10, 5)]


async def test_a_hold_whose_lots_do_not_bear_it_out_does_not_time_out(engine: AsyncEngine, owner: AsyncConnection) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    await ledger.hold(a_hold("h1", 8, until=5))
    await owner.execute(text("UPDATE ledger.hold_lot SET amount = 7"))
    with pytest.raises(LedgerFault, match="Holds of 8 points time out, lots let go 7"):
        await ledger.expire_holds(PROGRAM, day(6))
    assert (await ledger.balance(PROGRAM, "ann", "STAR")).held == 8


async def test_lots_that_do_not_cover_a_balance_stop_a_hold(engine: AsyncEngine, owner: AsyncConnection) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    await owner.execute(text("UPDATE ledger.lot SET remaining = 4"))
    with pytest.raises(LedgerFault, match="gave 4 points where 8"):
        await ledger.hold(a_hold("h1", 8))
    assert (await ledger.balance(PROGRAM, "ann", "STAR")).held == 0


async def test_a_burn_whose_moves_are_gone_is_not_given_back(engine: AsyncEngine, owner: AsyncConnection) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    await ledger.burn(a_burn("b1", 8))
    await owner.execute(text("UPDATE ledger.lot_move SET amount = 5"))
    with pytest.raises(LedgerFault, match="has 3 points fewer in its lots"):
        await ledger.reverse(a_reverse("r1", "b1"))
    assert await posted(ledger) == 2
