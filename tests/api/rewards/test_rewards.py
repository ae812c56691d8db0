"""Rewards as a definition limits them: what is left is shown, and what cannot be had is refused with its reason."""

import asyncio
from typing import Any

import pytest

from store import idempotency
from tests.api.provider import Provider
from tests.api.sample_program import SHOP, SampleProgram, launched, problem, unanswered, unchanged
from tests.stack import Stack

REWARDS = [
    {"id": "vinyl", "name": "A record", "points": 100, "stock": 3},
    {"id": "single", "name": "A single", "points": 10, "per_member": {"count": 2, "per": "P1D"}},
    {"id": "early", "name": "A record of another century", "points": 10, "from": "2100-01-01"},
    {"id": "late", "name": "A record of years ago", "points": 10, "from": "2019-01-01", "until": "2020-01-01"},
    {"id": "ticket", "name": "A ticket", "points": 100, "stock": 4, "fulfilment": {"kind": "voucher_codes"}},
    {"id": "backstage", "name": "Backstage", "points": 10, "from_tier": "curator"},
]


@pytest.fixture(scope="module")
async def sample_program(stack: Stack, provider: Provider) -> SampleProgram:
    """A program whose rewards are limited."""
    card = {"id": "card", "name": "A gift card", "points": 100, "stock": 1}
    card |= {"fulfilment": {"kind": "http", "address": provider.address}, "fulfil_within": "PT1S"}
    slow = card | {"id": "slow-card", "fulfil_within": "PT1M"}
    return await launched(stack, provider.address, rewards=[*REWARDS, card, slow])


async def _with_points(sample_program: SampleProgram) -> str:
    """A member with 400 points."""
    member = await sample_program.member()
    response = await sample_program.event(member, "40.00")
    assert response.status_code == 201, response.text
    return member


async def _listed(stack: Stack, sample_program: SampleProgram) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in await stack.get(f"{sample_program.path}/rewards", SHOP)}


async def test_the_rewards_are_listed_with_all_that_one_must_know(sample_program: SampleProgram, stack: Stack) -> None:
    stocked = await stack.post(
        f"{sample_program.path}/rewards/ticket/codes", {"codes": ["T-1", "T-2"]}, person="demo-operations"
    )
    assert stocked.status_code == 201
    listed = await _listed(stack, sample_program)
    assert list(listed) == ["vinyl", "single", "early", "late", "ticket", "backstage", "card", "slow-card"]
    assert listed["single"] == {
        "id": "single",
        "name": "A single",
        "points": 10,
        "currency": "NOTES",
        "from_tier": None,
        "stock": None,
        "per_member": {"count": 2, "per": "P1D"},
        "from": None,
        "until": None,
        "fulfilment": "till",
        "taken": 0,
        "left": None,
        "offered": True,
    }
    assert (listed["late"]["from"], listed["late"]["until"], listed["late"]["offered"]) == ("2019-01-01", "2020-01-01", False)
    assert not listed["early"]["offered"]
    assert listed["backstage"]["from_tier"] == "curator"
    assert (listed["ticket"]["stock"], listed["ticket"]["left"]) == (4, 2), "no more are left than there are codes"


async def test_the_stock_goes_to_as_many_as_there_are_and_is_seen_to_go(sample_program: SampleProgram, stack: Stack) -> None:
    members = [await _with_points(sample_program) for _ in range(6)]
    answers = await asyncio.gather(*(sample_program.redeem(member, "vinyl") for member in members))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    for member, answer in zip(members, answers, strict=True):
        if answer.status_code == 409:
            found = problem(answer, 409, "reward_out_of_stock")
            assert (found["field"], "All 3" in found["detail"]) == ("reward", True)
            assert await sample_program.available(member) == 400
    listed = await _listed(stack, sample_program)
    assert (listed["vinyl"]["taken"], listed["vinyl"]["left"]) == (3, 0)
    async with unchanged(stack, sample_program.program):
        problem(await sample_program.redeem(members[0], "vinyl"), 409, "reward_out_of_stock")
    assert (await stack.get(f"{sample_program.path}/ledger-check"))["clean"]


async def test_who_had_a_reward_as_often_as_one_may_gets_no_more_of_it(sample_program: SampleProgram, stack: Stack) -> None:
    member, other = await _with_points(sample_program), await _with_points(sample_program)
    answers = await asyncio.gather(*(sample_program.redeem(member, "single") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.redeem(member, "single"), 409, "reward_limit_reached")
    assert "2 times within 1 day" in found["detail"]
    assert await sample_program.available(member) == 380
    assert (await sample_program.redeem(other, "single")).status_code == 201


@pytest.mark.parametrize(("reward", "said"), [("early", "from 2100-01-01 on"), ("late", "until 2020-01-01")])
async def test_a_reward_outside_its_dates_is_refused(
    sample_program: SampleProgram, stack: Stack, reward: str, said: str
) -> None:
    member = await _with_points(sample_program)
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.redeem(member, reward), 409, "reward_not_offered")
    assert said in found["detail"] and "reward list" in found["remedy"]


async def test_what_the_provider_does_not_hand_out_is_there_for_the_next(
    sample_program: SampleProgram, stack: Stack, provider: Provider
) -> None:
    unlucky, lucky, late = [await _with_points(sample_program) for _ in range(3)]
    provider.moods[unlucky] = "refuses"
    problem(await sample_program.redeem(unlucky, "card"), 409, "reward_not_handed_out")
    assert (await _listed(stack, sample_program))["card"]["left"] == 1
    assert (await sample_program.redeem(lucky, "card")).status_code == 201
    problem(await sample_program.redeem(late, "card"), 409, "reward_out_of_stock")
    assert await sample_program.available(unlucky) == 400


async def test_a_redemption_that_has_begun_is_not_refused_for_the_piece_that_it_holds(
    sample_program: SampleProgram, stack: Stack, provider: Provider
) -> None:
    member, key = await _with_points(sample_program), "holds-the-last"
    provider.moods[member] = "never clear"
    with stack.waiting(5.0):
        answer = await sample_program.redeem(member, "slow-card", key=key)
    assert (answer.status_code, answer.json()["state"]) == (202, "held")
    await unanswered(stack, key)
    async with stack.engine.begin() as connection:
        await idempotency.release(connection, SHOP, key)
    with stack.waiting(5.0):
        again = await sample_program.redeem(member, "slow-card", key=key)
    assert (again.status_code, again.json()["id"]) == (202, answer.json()["id"])
    problem(await sample_program.redeem(await _with_points(sample_program), "slow-card"), 409, "reward_out_of_stock")


async def test_the_rewards_of_no_program_are_not_listed(stack: Stack) -> None:
    response = await stack.http.get("/programs/nowhere/rewards", headers={"Authorization": f"Bearer {SHOP}"})
    problem(response, 404, "program_unknown")
