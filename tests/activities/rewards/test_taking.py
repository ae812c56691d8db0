"""Taking a piece of a reward: the last one goes to one of many who ask at once, and what is not paid for goes back."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from activities.members.members import Joining, MemberActivities
from activities.programs.programs import InForce, ProgramActivities
from activities.rewards.providers import RewardProviders
from activities.rewards.redemption import RedemptionActivities, Settling
from domain.definition.document import Definition
from domain.definition.rewards import Reward
from domain.rewards.redemption import RedemptionOrder
from domain.rollout.openings import WaveOpening
from ledger import Earn
from store.rewards import redemptions
from tests.anchors import AT
from tests.program_steps import sample_definition
from tests.stack import Stack, first_revision, program_id

PEOPLE = tuple(f"m-{number}" for number in range(12))
REWARDS = [
    {"id": "vinyl", "name": "A record", "points": 100, "stock": 5},
    {"id": "single", "name": "A single", "points": 10, "per_member": {"count": 2, "per": "P1D"}},
    {"id": "both", "name": "A box", "points": 10, "stock": 3, "per_member": {"count": 1, "per": "P1D"}},
    {"id": "summer", "name": "A summer record", "points": 10, "from": "2026-06-01", "until": "2026-09-01"},
]


class Shop:
    """A program with rewards, members with 250 points each, and the steps of a redemption."""

    def __init__(self, stack: Stack, definition: Definition) -> None:
        self.stack = stack
        self.definition = definition
        self.steps = RedemptionActivities(stack.engine, stack.ledger, RewardProviders(stack.engine, httpx.AsyncClient()))

    @classmethod
    async def open(cls, stack: Stack) -> "Shop":
        definition = sample_definition(program_id("taking"), rewards=REWARDS)
        program, activities = definition.program, ProgramActivities(stack.engine)
        await activities.register_program(first_revision(definition, AT))
        await activities.put_in_force(InForce(program=program, number=1, at=AT))
        await activities.open_wave(WaveOpening(program=program, revision=1, wave="all", share=Decimal(100), at=AT))
        shop = cls(stack, definition)
        for participant in PEOPLE:
            joining = Joining(program=program, participant=participant, agreement="1997-01", at=AT)
            await MemberActivities(stack.engine, stack.ledger).establish_member(joining)
            await shop.give(participant, 250)
        return shop

    async def give(self, participant: str, points: int) -> None:
        earn = Earn(
            program=self.definition.program,
            participant=participant,
            currency=self.definition.currency.code,
            key=f"gift/{participant}/{points}",
            points=points,
            effective_at=AT,
            expires_at=None,
        )
        assert (await self.stack.ledger.earn(earn)).outcome == "posted"

    def order(self, reward: str, participant: str, number: int = 1, at: datetime = AT) -> RedemptionOrder:
        found = self.definition.reward(reward)
        assert isinstance(found, Reward)
        return RedemptionOrder(
            id=f"redemption/{self.definition.program}-{reward}-{participant}-{number}",
            program=self.definition.program,
            participant=participant,
            currency=self.definition.currency.code,
            reward=found,
            asked_at=at,
            hold_until=at + timedelta(hours=1),
            fulfil_within_seconds=3600,
        )

    async def settle(self, order: RedemptionOrder, state: Any) -> None:
        await self.steps.settle_redemption(Settling(order=order, state=state, at=order.asked_at, why="so"))

    async def found(self, order: RedemptionOrder) -> redemptions.RedemptionRecord:
        async with self.stack.engine.connect() as connection:
            record = await redemptions.find(connection, order.id)
        assert record is not None
        return record

    async def taken(self, reward: str) -> int:
        async with self.stack.engine.connect() as connection:
            return (await redemptions.taken(connection, self.definition.program)).get(reward, 0)

    async def held(self, participant: str) -> int:
        balance = await self.stack.ledger.balance(self.definition.program, participant, self.definition.currency.code)
        return balance.held


@pytest.fixture
async def shop(stack: Stack) -> Shop:
    return await Shop.open(stack)


async def test_no_more_than_the_stock_are_taken_though_more_ask_at_once(shop: Shop) -> None:
    orders = [shop.order("vinyl", participant) for participant in PEOPLE]
    answers = await asyncio.gather(*(shop.steps.hold_points(order) for order in orders))
    assert sum(answer.held for answer in answers) == 5
    assert {answer.why for answer in answers if not answer.held} == {"All 5 of the reward 'vinyl' are taken."}
    assert Counter([(await shop.found(order)).refusal for order in orders]) == {None: 5, "reward_out_of_stock": 7}
    assert sorted([await shop.held(participant) for participant in PEOPLE]) == [0] * 7 + [100] * 5


async def test_a_step_that_is_repeated_takes_one_piece_and_is_answered_the_same(shop: Shop) -> None:
    orders = [shop.order("vinyl", participant) for participant in PEOPLE[:6]]
    first = [await shop.steps.hold_points(order) for order in orders]
    assert [await shop.steps.hold_points(order) for order in orders] == first
    assert [answer.held for answer in first] == [True] * 5 + [False]
    assert await shop.taken("vinyl") == 5
    await shop.settle(orders[0], "voided")
    assert await shop.steps.hold_points(orders[5]) == first[5], "who was refused asks anew with another redemption"


async def test_what_is_voided_goes_back_and_what_is_handed_out_does_not(shop: Shop) -> None:
    orders = [shop.order("vinyl", participant) for participant in PEOPLE[:5]]
    for order in orders:
        assert (await shop.steps.hold_points(order)).held
    await shop.settle(orders[0], "voided")
    for order in orders[1:]:
        await shop.settle(order, "fulfilled")
    assert await shop.taken("vinyl") == 4
    assert (await shop.steps.hold_points(shop.order("vinyl", PEOPLE[7]))).held
    assert not (await shop.steps.hold_points(shop.order("vinyl", PEOPLE[8]))).held


async def test_a_piece_that_cannot_be_paid_for_goes_back(shop: Shop) -> None:
    order = [shop.order("vinyl", "m-0", number) for number in range(4)]
    assert [(await shop.steps.hold_points(each)).held for each in order[:3]] == [True, True, False]
    assert (await shop.found(order[2])).refusal == "insufficient_points"
    assert await shop.taken("vinyl") == 2


async def test_a_member_at_two_tills_at_once_gets_no_more_than_one_may_have(shop: Shop) -> None:
    orders = [shop.order("single", "m-0", number) for number in range(6)]
    answers = await asyncio.gather(*(shop.steps.hold_points(order) for order in orders))
    assert sum(answer.held for answer in answers) == 2
    assert (await shop.steps.hold_points(shop.order("single", "m-1"))).held, "the limit is each member's own"
    later = AT + timedelta(days=1)
    assert (await shop.steps.hold_points(shop.order("single", "m-0", 9, later))).held, "a day has passed since both"


async def test_both_limits_hold_at_once_without_waiting_for_each_other_in_a_circle(shop: Shop) -> None:
    orders = [shop.order("both", participant, number) for participant in PEOPLE[:6] for number in range(3)]
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(shop.steps.hold_points(order) for order in orders))
    winners = [order.participant for order, answer in zip(orders, answers, strict=True) if answer.held]
    assert len(winners) == len(set(winners)) == 3


@pytest.mark.parametrize(
    ("at", "held"), [(AT, False), (datetime(2026, 7, 1, tzinfo=UTC), True), (datetime(2026, 9, 2, tzinfo=UTC), False)]
)
async def test_a_reward_is_held_for_nobody_outside_its_dates(shop: Shop, at: datetime, held: bool) -> None:
    order = shop.order("summer", "m-0", at=at)
    assert (await shop.steps.hold_points(order)).held is held
    assert (await shop.found(order)).refusal == (None if held else "reward_not_offered")
