"""The comparison with the holdout, by hand: who is in which arm, and what they bought."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.evaluation.figures import Experiment
from domain.statistics import Arm
from insight.evaluation.holdout_comparison import compare
from ledger import Cancel, Confirm, Reverse
from store.rollout import holdout
from store.rollout.holdout import ControlPurchase
from tests.insight.population import START, THEN, Population
from tests.program_steps import sample_definition
from tests.stack import Stack, program_id


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
async def people(stack: Stack) -> Population:
    """Without a holdout of its own, which would keep out one in ten of those whom the tests have join: they say who is."""
    return await Population(stack, sample_definition(program_id("compared"), retention=None)).open()


async def outside(people: Population, participant: str, amount: str, at: datetime) -> None:
    event = ControlPurchase(
        key=f"{participant}/{at.isoformat()}", participant=participant, occurred_at=at, amount=Decimal(amount), fingerprint=b"-"
    )
    async with people.stack.engine.begin() as connection:
        assert await holdout.keep(connection, people.program, [event]) == {event.key}


async def hold_out(people: Population, participant: str, at: datetime) -> None:
    async with people.stack.engine.begin() as connection:
        for _ in range(2):  # who asks again is held out since the first time
            await holdout.hold_out(connection, people.program, participant, at)
            at += timedelta(days=100)


async def shown(people: Population, since: datetime = START, until: datetime = THEN) -> Experiment:
    return await compare(people.stack.engine, people.program, since, until)


def arm(n: int, mean: str, variance: str) -> Arm:
    return Arm(n=n, mean=Decimal(mean), variance=Decimal(variance))


async def test_both_arms_count_all_who_joined_or_would_have_and_what_they_bought_in_the_window(people: Population) -> None:
    """Ann bought for 10 + 20, bob and cid for nothing; of the two held out one for 40, the other for 8 before the window."""
    await people.join("ann", "bob", "cid")
    await people.join("comes-later", at=day(40))
    await people.buy("ann", "10", day(20))
    await people.buy("ann", "20", day(21))
    await people.buy("bob", "99", day(5))
    for name, since in (("kept-out", 3), ("kept-out-too", 4), ("is-held-out-later", 40)):
        await hold_out(people, name, day(since))
    await outside(people, "kept-out", "40", day(23))
    await outside(people, "kept-out-too", "8", day(4))
    await outside(people, "is-held-out-later", "5", day(90))

    found = await shown(people, day(10), day(30))

    assert found.treated == arm(3, "10.000000", "300.000000")
    assert found.control == arm(2, "20.000000", "800.000000")


async def test_a_member_counts_on_with_what_they_buy_after_they_left(people: Population) -> None:
    await people.join("ann", at=day(5))
    await people.buy("ann", "13", day(6))
    await outside(people, "ann", "100", day(40))
    assert (await shown(people)).treated == arm(1, "113.000000", "0.000000")


async def test_what_was_reversed_or_cancelled_does_not_count_from_then_on(people: Population) -> None:
    """Of 100 dollars a quarter is taken back, of 60 all, of 30 that were confirmed late a third; 50 never were."""
    await people.join("ann")
    whole, half = await people.buy("ann", "100", day(1)), await people.buy("ann", "60", day(2))
    for number, amount in ((3, "30"), (4, "50")):
        await people.buy("ann", amount, day(number), pending=True)
    asked: Any = {"program": people.program, "participant": "ann", "currency": people.definition.currency.code}
    keys = [f"ann/{day(number).isoformat()}/purchase" for number in range(1, 5)]
    ledger = people.stack.ledger
    await ledger.reverse(Reverse(**asked, key="r1", of=keys[0], points=whole.points // 4, effective_at=day(10)))
    await ledger.reverse(Reverse(**asked, key="r2", of=keys[1], points=half.points, effective_at=day(11)))
    await ledger.confirm(Confirm(**asked, key="c", earn=keys[2], effective_at=day(12)))
    await ledger.cancel(Cancel(**asked, key="x", earn=keys[3], effective_at=day(12)))

    await ledger.reverse(Reverse(**asked, key="r3", of=keys[2], points=100, effective_at=day(13)))

    assert (await shown(people)).treated.mean == 75 + 20
    assert (await shown(people, START, day(10))).treated.mean == 75 + 60 + 30, "the second was taken back later"


async def test_before_anybody_has_joined_both_arms_are_empty(people: Population) -> None:
    nobody = arm(0, "0", "0")
    assert await shown(people) == Experiment(treated=nobody, control=nobody)
