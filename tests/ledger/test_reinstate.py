"""Reinstatement: what expired comes back once, with the expiry that is asked for."""

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import Ledger
from tests.ledger.requests import PROGRAM, a_burn, a_reinstate, again, an_earn, day, lots, outcome, posted, totals


async def _expired(ledger: Ledger) -> None:
    """7 points that expired on day 4, and 20 on day 6."""
    await ledger.earn(an_earn("e1", 10, expires=4))
    await ledger.earn(an_earn("e2", 20, expires=6))
    await ledger.earn(an_earn("e3", 5, member="bob", expires=4))
    await ledger.burn(a_burn("b1", 3))
    await ledger.expire_due(PROGRAM, day(4))
    await ledger.expire_due(PROGRAM, day(6))


async def test_what_expired_since_an_instant_comes_back(ledger: Ledger) -> None:
    await _expired(ledger)
    reinstated = await ledger.reinstate(a_reinstate("r1", since=day(5), expires=30))
    assert (reinstated.kind, *outcome(reinstated)) == ("reinstate", "posted", 20, 20)
    assert await lots(ledger) == [(20, 30)]
    assert outcome(await ledger.reinstate(a_reinstate("r2", since=day(4), expires=None))) == ("posted", 7, 27)
    assert await lots(ledger) == [(20, 30), (7, None)]
    assert await ledger.reinstate(a_reinstate("r1", since=day(5), expires=30)) == again(reinstated)
    assert await totals(ledger) == {"issued": 35, "burned": 3, "expired": 5, "forfeited": 0, "outstanding": 27}


async def test_what_has_come_back_does_not_come_back_twice(ledger: Ledger) -> None:
    await _expired(ledger)
    await ledger.reinstate(a_reinstate("r1", since=day(0), expires=12))
    assert outcome(await ledger.reinstate(a_reinstate("r2", since=day(0)))) == ("nothing_to_reinstate", 0, 27)
    await ledger.burn(a_burn("b2", 2, at=10))
    await ledger.expire_due(PROGRAM, day(12))
    assert outcome(await ledger.reinstate(a_reinstate("r3", since=day(0), at=13))) == ("posted", 25, 25)


async def test_one_expiry_comes_back_by_its_key(ledger: Ledger, owner: AsyncConnection) -> None:
    await _expired(ledger)
    key = await owner.scalar(text("SELECT key FROM ledger.txn WHERE kind = 'expire' AND points = 7"))
    assert outcome(await ledger.reinstate(a_reinstate("r1", of=key, member="bob"))) == ("unknown_expiry", 0, 0)
    assert outcome(await ledger.reinstate(a_reinstate("r2", of="e1"))) == ("unknown_expiry", 0, 0)
    assert outcome(await ledger.reinstate(a_reinstate("r3", of=key))) == ("posted", 7, 7)
    assert outcome(await ledger.reinstate(a_reinstate("r4", of=key))) == ("nothing_to_reinstate", 0, 7)
    assert await posted(ledger) == 7


@pytest.mark.parametrize(
    "wrong", [{}, {"since": day(1), "of": "x"}, {"since": day(1), "expires": 9}, {"since": day(1), "expires": 8}]
)
def test_a_reinstatement_that_makes_no_sense_cannot_be_asked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_reinstate("r1", **wrong)
