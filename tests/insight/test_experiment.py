"""The comparison with the holdout, by hand: who is in which arm, and what they bought."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.figures import Experiment
from domain.statistics import Arm
from insight.experiment import compare
from ledger import Cancel, Confirm, Reverse
from store import outside_events
from store.outside_events import OutsideEvent
from tests.house import House, program_id
from tests.insight.population import START, THEN, Population
from tests.lives import club


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
async def people(house: House) -> Population:
    return await Population(house, club(program_id("compared"), holdout={"share": 10}, retention=None)).open()


async def outside(people: Population, participant: str, amount: str, at: datetime, *, held_out: bool) -> None:
    event = OutsideEvent(
        key=f"{participant}/{at.isoformat()}",
        participant=participant,
        occurred_at=at,
        amount=Decimal(amount),
        held_out=held_out,
        fingerprint=b"-",
    )
    async with people.house.engine.begin() as connection:
        assert await outside_events.keep(connection, people.program, [event]) == {event.key}


async def shown(people: Population, since: datetime = START, until: datetime = THEN) -> Experiment:
    return await compare(people.house.engine, people.program, since, until)


def arm(n: int, mean: str, variance: str) -> Arm:
    return Arm(n=n, mean=Decimal(mean), variance=Decimal(variance))


async def test_both_arms_count_all_who_were_seen_and_what_they_bought_in_the_window(people: Population) -> None:
    """Ann bought for 10 + 20 and bob for nothing, a stranger for 60; of the two held out one for 40, the other for 8 before."""
    await people.join("ann", "bob")
    await people.buy("ann", "10", day(20))
    await people.buy("ann", "20", day(21))
    await people.buy("bob", "99", day(5))
    await outside(people, "stranger", "60", day(22), held_out=False)
    await outside(people, "kept-out", "40", day(23), held_out=True)
    await outside(people, "kept-out-too", "8", day(4), held_out=True)
    await outside(people, "comes-later", "5", day(90), held_out=True)

    found = await shown(people, day(10), day(30))

    assert found.treated == arm(3, "30.000000", "900.000000")
    assert found.control == arm(2, "20.000000", "800.000000")


async def test_a_member_is_one_with_what_they_bought_before_they_joined_and_after_they_left(people: Population) -> None:
    await people.join("ann", at=day(5))
    await outside(people, "ann", "7", day(2), held_out=False)
    await people.buy("ann", "13", day(6))
    await outside(people, "ann", "100", day(40), held_out=False)
    assert (await shown(people)).treated == arm(1, "120.000000", "0.000000")


async def test_what_was_reversed_or_cancelled_does_not_count_from_then_on(people: Population) -> None:
    """Of 100 dollars a quarter is taken back, of 60 all, of 30 that were confirmed late a third; 50 never were."""
    await people.join("ann")
    whole, half = await people.buy("ann", "100", day(1)), await people.buy("ann", "60", day(2))
    for number, amount in ((3, "30"), (4, "50")):
        await people.buy("ann", amount, day(number), pending=True)
    asked: Any = {"program": people.program, "participant": "ann", "currency": people.definition.currency.code}
    keys = [f"ann/{day(number).isoformat()}/purchase" for number in range(1, 5)]
    ledger = people.house.ledger
    await ledger.reverse(Reverse(**asked, key="r1", of=keys[0], points=whole.points // 4, effective_at=day(10)))
    await ledger.reverse(Reverse(**asked, key="r2", of=keys[1], points=half.points, effective_at=day(11)))
    await ledger.confirm(Confirm(**asked, key="c", earn=keys[2], effective_at=day(12)))
    await ledger.cancel(Cancel(**asked, key="x", earn=keys[3], effective_at=day(12)))

    await ledger.reverse(Reverse(**asked, key="r3", of=keys[2], points=100, effective_at=day(13)))

    assert (await shown(people)).treated.mean == 75 + 20
    assert (await shown(people, START, day(10))).treated.mean == 75 + 60 + 30, "the second was taken back later"


async def test_with_nobody_seen_both_arms_are_empty(people: Population) -> None:
    nobody = arm(0, "0", "0")
    assert await shown(people) == Experiment(treated=nobody, control=nobody)
