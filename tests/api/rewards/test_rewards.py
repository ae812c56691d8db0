"""Rewards as a definition limits them: what is left is shown, and what cannot be had is refused with its reason."""

import asyncio
from typing import Any

import pytest

from store import idempotency
from tests.api.club import SHOP, Club, launched, problem, unanswered, unchanged
from tests.api.provider import Provider
from tests.house import House

REWARDS = [
    {"id": "vinyl", "name": "A record", "points": 100, "stock": 3},
    {"id": "single", "name": "A single", "points": 10, "per_member": {"count": 2, "per": "P1D"}},
    {"id": "early", "name": "A record of another century", "points": 10, "from": "2100-01-01"},
    {"id": "late", "name": "A record of years ago", "points": 10, "from": "2019-01-01", "until": "2020-01-01"},
    {"id": "ticket", "name": "A ticket", "points": 100, "stock": 4, "fulfilment": {"kind": "voucher_codes"}},
    {"id": "backstage", "name": "Backstage", "points": 10, "from_tier": "curator"},
]


@pytest.fixture(scope="module")
async def club(house: House, provider: Provider) -> Club:
    """A program whose rewards are limited."""
    card = {"id": "card", "name": "A gift card", "points": 100, "stock": 1}
    card |= {"fulfilment": {"kind": "http", "address": provider.address}, "fulfil_within": "PT1S"}
    slow = card | {"id": "slow-card", "fulfil_within": "PT1M"}
    return await launched(house, provider.address, rewards=[*REWARDS, card, slow])


async def _with_points(club: Club) -> str:
    """A member with 400 points."""
    member = await club.member()
    response = await club.event(member, "40.00")
    assert response.status_code == 201, response.text
    return member


async def _listed(house: House, club: Club) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in await house.get(f"{club.path}/rewards", SHOP)}


async def test_the_rewards_are_listed_with_all_that_one_must_know(club: Club, house: House) -> None:
    stocked = await house.post(f"{club.path}/rewards/ticket/codes", {"codes": ["T-1", "T-2"]}, person="demo-operations")
    assert stocked.status_code == 201
    listed = await _listed(house, club)
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


async def test_the_stock_goes_to_as_many_as_there_are_and_is_seen_to_go(club: Club, house: House) -> None:
    members = [await _with_points(club) for _ in range(6)]
    answers = await asyncio.gather(*(club.redeem(member, "vinyl") for member in members))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    for member, answer in zip(members, answers, strict=True):
        if answer.status_code == 409:
            found = problem(answer, 409, "reward_out_of_stock")
            assert (found["field"], "All 3" in found["detail"]) == ("reward", True)
            assert await club.available(member) == 400
    listed = await _listed(house, club)
    assert (listed["vinyl"]["taken"], listed["vinyl"]["left"]) == (3, 0)
    async with unchanged(house, club.program):
        problem(await club.redeem(members[0], "vinyl"), 409, "reward_out_of_stock")
    assert (await house.get(f"{club.path}/ledger-check"))["clean"]


async def test_who_had_a_reward_as_often_as_one_may_gets_no_more_of_it(club: Club, house: House) -> None:
    member, other = await _with_points(club), await _with_points(club)
    answers = await asyncio.gather(*(club.redeem(member, "single") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    async with unchanged(house, club.program):
        found = problem(await club.redeem(member, "single"), 409, "reward_limit_reached")
    assert "2 times within 1 day" in found["detail"]
    assert await club.available(member) == 380
    assert (await club.redeem(other, "single")).status_code == 201


@pytest.mark.parametrize(("reward", "said"), [("early", "from 2100-01-01 on"), ("late", "until 2020-01-01")])
async def test_a_reward_outside_its_dates_is_refused(club: Club, house: House, reward: str, said: str) -> None:
    member = await _with_points(club)
    async with unchanged(house, club.program):
        found = problem(await club.redeem(member, reward), 409, "reward_not_offered")
    assert said in found["detail"] and "reward list" in found["remedy"]


async def test_what_the_provider_does_not_hand_out_is_there_for_the_next(club: Club, house: House, provider: Provider) -> None:
    unlucky, lucky, late = [await _with_points(club) for _ in range(3)]
    provider.moods[unlucky] = "refuses"
    problem(await club.redeem(unlucky, "card"), 409, "reward_not_handed_out")
    assert (await _listed(house, club))["card"]["left"] == 1
    assert (await club.redeem(lucky, "card")).status_code == 201
    problem(await club.redeem(late, "card"), 409, "reward_out_of_stock")
    assert await club.available(unlucky) == 400


async def test_a_redemption_that_has_begun_is_not_refused_for_the_piece_that_it_holds(
    club: Club, house: House, provider: Provider
) -> None:
    member, key = await _with_points(club), "holds-the-last"
    provider.moods[member] = "never clear"
    with house.waiting(5.0):
        answer = await club.redeem(member, "slow-card", key=key)
    assert (answer.status_code, answer.json()["state"]) == (202, "held")
    await unanswered(house, key)
    async with house.engine.begin() as connection:
        await idempotency.release(connection, SHOP, key)
    with house.waiting(5.0):
        again = await club.redeem(member, "slow-card", key=key)
    assert (again.status_code, again.json()["id"]) == (202, answer.json()["id"])
    problem(await club.redeem(await _with_points(club), "slow-card"), 409, "reward_out_of_stock")


async def test_the_rewards_of_no_program_are_not_listed(house: House) -> None:
    response = await house.http.get("/programs/nowhere/rewards", headers={"Authorization": f"Bearer {SHOP}"})
    problem(response, 404, "program_unknown")
