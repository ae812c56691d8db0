"""Redemptions through their workflow: whatever the provider does, points are spent for a reward, or back."""

import asyncio
from datetime import UTC, datetime, timedelta

from httpx import Response
from sqlalchemy import text

from domain import ids
from tests.api.provider import Provider
from tests.api.sample_program import SHOP, SampleProgram, problem
from tests.stack import Stack

STOCKIST = "demo-operations"


async def test_each_code_of_the_stock_is_handed_out_once_though_more_ask_at_once_than_there_are(
    sample_program: SampleProgram, stack: Stack
) -> None:
    codes = [f"TICKET-{number}" for number in range(5)]
    stocked = await _stock(stack, sample_program, codes)
    assert (stocked.status_code, stocked.json()["free"]) == (201, 5)
    assert (await _stock(stack, sample_program, codes)).json()["added"] == 0

    members = [await _with_points(sample_program) for _ in range(9)]
    answers = await asyncio.gather(*(sample_program.redeem(member, "ticket") for member in members))

    fulfilled = [answer.json()["reference"] for answer in answers if answer.status_code == 201]
    assert sorted(fulfilled) == codes
    for member, answer in zip(members, answers, strict=True):
        if answer.status_code == 201:
            assert await sample_program.available(member) == 300
        else:
            assert "out of stock" in problem(answer, 409, "reward_not_handed_out")["detail"]
            assert await sample_program.available(member) == 400
    assert (await stack.get(f"{sample_program.path}/rewards/ticket/codes"))["free"] == 0
    assert (await stack.get(f"{sample_program.path}/ledger-check"))["clean"]


async def test_the_same_redemption_sent_twice_at_once_hands_out_one_reward(
    sample_program: SampleProgram, provider: Provider
) -> None:
    member = await _with_points(sample_program)
    answers = await asyncio.gather(*(sample_program.redeem(member, "gift-card", key=f"twice-{member}") for _ in range(2)))
    assert 201 in {answer.status_code for answer in answers}
    again = await sample_program.redeem(member, "gift-card", key=f"twice-{member}")
    assert again.status_code == 201
    assert await sample_program.available(member) == 300
    assert list(provider.handed_out.values()).count(again.json()["reference"]) == 1


async def test_a_provider_that_fails_once_is_asked_again(sample_program: SampleProgram, provider: Provider) -> None:
    member = await _with_points(sample_program)
    provider.moods[member] = "fails once"
    answer = await sample_program.redeem(member, "gift-card")
    assert (answer.status_code, answer.json()["state"]) == (201, "fulfilled")
    assert await sample_program.available(member) == 300


async def test_a_provider_whose_answer_was_lost_hands_out_one_reward(sample_program: SampleProgram, provider: Provider) -> None:
    member = await _with_points(sample_program)
    provider.moods[member] = "loses its answer"
    before = len(provider.handed_out)
    answer = await sample_program.redeem(member, "gift-card")
    assert answer.status_code == 201
    assert len(provider.handed_out) == before + 1
    assert await sample_program.available(member) == 300


async def test_what_the_provider_refuses_costs_nothing(sample_program: SampleProgram, provider: Provider) -> None:
    member = await _with_points(sample_program)
    provider.moods[member] = "refuses"
    found = problem(await sample_program.redeem(member, "gift-card"), 409, "reward_not_handed_out")
    assert "The warehouse is empty." in found["detail"]
    assert await sample_program.available(member) == 400


async def test_a_provider_that_never_answers_clearly_is_told_to_cancel_and_the_points_come_back(
    sample_program: SampleProgram, stack: Stack, provider: Provider
) -> None:
    member = await _with_points(sample_program)
    provider.moods[member] = "never clear"
    with stack.waiting(5.0):
        answer = await sample_program.redeem(member, "gift-card")
    assert (answer.status_code, answer.json()["state"]) == (202, "held")
    assert await sample_program.available(member) == 300
    place = answer.headers["Location"]
    workflow = f"redemption/{place.rpartition('/')[2]}"
    result = await stack.temporal.get_workflow_handle(workflow).result()
    assert result["state"] == "voided"
    assert (await stack.get(place, SHOP))["state"] == "voided"
    assert await sample_program.available(member) == 400
    assert workflow.replace("/", "-") not in provider.handed_out


async def test_a_members_redemptions_are_listed_and_another_members_are_not_shown(
    sample_program: SampleProgram, stack: Stack
) -> None:
    member, other = await _with_points(sample_program), await _with_points(sample_program)
    place = (await sample_program.redeem(member, "gift-card")).headers["Location"]
    listed = (await stack.get(f"{sample_program.path}/members/{member}/redemptions", SHOP))["items"]
    assert [each["reward"] for each in listed] == ["gift-card"]
    foreign = await stack.http.get(place.replace(member, other), headers={"Authorization": f"Bearer {SHOP}"})
    problem(foreign, 404, "redemption_unknown")


async def test_only_a_reward_of_codes_can_be_stocked(sample_program: SampleProgram, stack: Stack) -> None:
    path = f"{sample_program.path}/rewards"
    problem(await stack.post(f"{path}/sampler/codes", {"codes": ["A"]}, person=STOCKIST), 409, "no_such_stock")
    problem(await stack.post(f"{path}/nothing/codes", {"codes": ["A"]}, person=STOCKIST), 422, "reward_unknown")
    problem(await stack.post(f"{path}/ticket/codes", {"codes": []}, person=STOCKIST), 422, "invalid_request")
    problem(await stack.post(f"{path}/ticket/codes", {"codes": ["A"]}, person=SHOP), 403, "not_allowed")


async def test_the_end_of_a_program_is_nudged_once_it_may_wait_for_a_hold_and_not_before(
    sample_program: SampleProgram, provider: Provider, stack: Stack
) -> None:
    async def nudges() -> int:
        shown = text("SELECT count(*) FROM ledger.outbox WHERE workflow_id = :id")
        async with stack.engine.connect() as connection:
            found: int = (await connection.execute(shown, {"id": ids.wind_down(sample_program.program)})).scalar_one()
        return found

    early, late = await _with_points(sample_program), await _with_points(sample_program)
    async with sample_program.capability_closed("redeeming_until", datetime.now(UTC) + timedelta(days=1)):
        assert (await sample_program.redeem(early, "gift-card", key=f"early-{early}")).status_code == 201
        assert await nudges() == 0
    provider.moods[late] = "never clear"  # so that it is settled some seconds later
    async with sample_program.capability_closed("redeeming_until", datetime.now(UTC) + timedelta(seconds=0.5)):
        with stack.waiting(5.0):
            place = (await sample_program.redeem(late, "gift-card", key=f"late-{late}")).headers["Location"]
        await stack.temporal.get_workflow_handle(f"redemption/{place.rpartition('/')[2]}").result()
        assert await nudges() == 1


async def _with_points(sample_program: SampleProgram) -> str:
    """A member with 400 points; a ticket or a gift card costs 100."""
    member = await sample_program.member()
    response = await sample_program.event(member, "40.00")
    assert response.status_code == 201, response.text
    return member


async def _stock(stack: Stack, sample_program: SampleProgram, codes: list[str]) -> Response:
    return await stack.post(f"{sample_program.path}/rewards/ticket/codes", {"codes": codes}, person=STOCKIST)
