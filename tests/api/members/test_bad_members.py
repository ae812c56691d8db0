"""Bad input of a shop: who cannot join or leave, events that do not count, rewards that cannot be had."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain import ids
from tests.api.sample_program import MUCH, SHOP, SampleProgram, problem, runs, unchanged
from tests.stack import Stack


@pytest.fixture(scope="module")
async def member(sample_program: SampleProgram) -> str:
    """A member to whom nothing happens."""
    return await sample_program.member()


# Joining and leaving


async def test_only_the_agreement_in_force_is_accepted(sample_program: SampleProgram, stack: Stack) -> None:
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.enrol(sample_program.stranger(), agreement="1996-12"), 422, "agreement_differs")
    assert "'1996-12'" in found["detail"] and "'1997-01'" in found["detail"]


async def test_nobody_joins_before_their_wave(sample_program: SampleProgram, stack: Stack) -> None:
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.enrol(sample_program.stranger(reached=False)), 409, "not_in_wave")
    assert "wave" in found["remedy"]


async def test_nobody_joins_once_the_end_is_announced(sample_program: SampleProgram, stack: Stack) -> None:
    async with sample_program.capability_closed("enrolment_until", datetime.now(UTC)), unchanged(stack, sample_program.program):
        problem(await sample_program.enrol(sample_program.stranger()), 409, "enrolment_closed")


@pytest.mark.parametrize("participant", ["", "ann@example.org", "Ann Lee", "x" * 64, 7, None, "../m-1", "m\x00"])
async def test_a_member_is_a_reference_and_never_a_name(sample_program: SampleProgram, stack: Stack, participant: Any) -> None:
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.enrol(participant), 422, "invalid_request")
    assert found["field"] == "participant"


async def test_the_same_enrolment_again_gets_the_same_answer(sample_program: SampleProgram) -> None:
    participant = sample_program.stranger()
    first, second = [await sample_program.enrol(participant, key=f"enrol-{participant}") for _ in range(2)]
    assert (second.status_code, second.json(), second.headers["Location"]) == (201, first.json(), first.headers["Location"])
    other = await sample_program.enrol(sample_program.stranger(), key=f"enrol-{participant}")
    problem(other, 422, "idempotency_key_reused")


async def test_who_has_left_neither_leaves_again_nor_joins_again(sample_program: SampleProgram, stack: Stack) -> None:
    participant = await sample_program.member()
    first = await sample_program.leave(participant, key=f"leave-{participant}")
    assert first.status_code == 200
    async with unchanged(stack, sample_program.program):
        again = await sample_program.leave(participant, key=f"leave-{participant}")
        assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (200, first.json(), "true")
        problem(await sample_program.leave(participant), 409, "member_left")
        problem(await sample_program.enrol(participant), 409, "member_left")


async def test_a_stranger_cannot_leave_and_has_nothing_to_show(
    sample_program: SampleProgram, stack: Stack, member: str
) -> None:
    stranger = sample_program.stranger()
    problem(await sample_program.leave(stranger), 404, "member_unknown")
    headers = {"Authorization": f"Bearer {SHOP}"}
    for path in ("", "/balance", "/transactions/1"):
        problem(await stack.http.get(f"{sample_program.path}/members/{stranger}{path}", headers=headers), 404, "member_unknown")
    for number, status, code in ((2**62, 404, "transaction_unknown"), (2**63, 422, "invalid_request")):
        path = f"{sample_program.path}/members/{member}/transactions/{number}"
        problem(await stack.http.get(path, headers=headers), status, code)


async def test_a_transaction_of_another_member_is_nobodys_business(
    sample_program: SampleProgram, stack: Stack, member: str
) -> None:
    other = await sample_program.member()
    number = (await sample_program.event(other)).json()["transaction"]
    path = f"{sample_program.path}/members/{member}/transactions/{number}"
    problem(await stack.http.get(path, headers={"Authorization": f"Bearer {SHOP}"}), 404, "transaction_unknown")


# Events


async def test_an_event_of_a_stranger_makes_nobody_a_member(sample_program: SampleProgram, stack: Stack) -> None:
    async with unchanged(stack, sample_program.program):
        problem(await sample_program.event(sample_program.stranger()), 404, "member_unknown")
        problem(await sample_program.event("No%20One"), 404, "member_unknown")


@pytest.mark.parametrize("when", ["2026-03-10T09:30:00", "2026-03-10"])
async def test_a_date_without_a_zone_could_be_any_time(
    sample_program: SampleProgram, stack: Stack, member: str, when: str
) -> None:
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.event(member, occurred_at=when), 422, "time_zone_missing")
    assert found["field"] == "occurred_at"
    assert "Z" in found["remedy"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("type", {"type": "Purchase!"}),
        ("type", {"type": None}),
        ("occurred_at", {"occurred_at": "yesterday"}),
        ("occurred_at", {"occurred_at": None}),
        ("amount", {"amount": "-1"}),
        ("amount", {"amount": "much"}),
        ("amount", {"amount": "NaN"}),
        ("amount", {"amount": "1e400000"}),
        ("amount", {"amount": "12.345"}),
        ("amount", {"amount": "0.0000000001"}),
        ("amount", {"amount": "1000000000000.01"}),
        ("amount", {"type": "jackpot", "amount": "1000000000000"}),
        ("points", {"points": 5000}),
    ],
)
async def test_an_event_of_the_wrong_shape_names_the_field(
    sample_program: SampleProgram, stack: Stack, member: str, field: str, change: dict[str, Any]
) -> None:
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.event(member, **change), 422, "invalid_request")
    assert [error["field"] for error in found["errors"]] == [field]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null", b"\xff\xfe", b'{"type": "\\ud800"}', b'{"\\ud800": 1}'])
async def test_a_body_that_is_no_event_is_refused(
    sample_program: SampleProgram, stack: Stack, member: str, body: bytes
) -> None:
    headers = {"Authorization": f"Bearer {SHOP}", "Idempotency-Key": "shapeless", "Content-Type": "application/json"}
    async with unchanged(stack, sample_program.program):
        response = await stack.http.post(f"{sample_program.path}/members/{member}/events", content=body, headers=headers)
        assert response.status_code in (400, 422)
        problem(response, response.status_code, "invalid_request" if response.status_code == 422 else "http_error")


async def test_an_event_that_no_rule_knows_is_told_which_ones_there_are(
    sample_program: SampleProgram, stack: Stack, member: str
) -> None:
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.event(member, type="visit"), 422, "event_type_unknown")
    assert "gift, jackpot, purchase" in found["remedy"]


@pytest.mark.parametrize(
    "when",
    [
        (datetime.now(UTC) - timedelta(days=1)).isoformat(),
        (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
    ids=["yesterday", "tomorrow", "first-year", "last-year"],
)
async def test_an_event_before_joining_or_in_the_future_does_not_count(
    sample_program: SampleProgram, stack: Stack, member: str, when: str
) -> None:
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.event(member, occurred_at=when), 422, "time_out_of_range")
    assert found["field"] == "occurred_at"


async def test_the_same_event_twice_is_paid_once(sample_program: SampleProgram, stack: Stack) -> None:
    participant = await sample_program.member()
    when = datetime.now(UTC).isoformat()
    first = await sample_program.event(participant, key=f"e-{participant}", occurred_at=when)
    assert (first.status_code, "Idempotency-Replayed" in first.headers) == (201, False)
    async with unchanged(stack, sample_program.program):
        second = await sample_program.event(participant, key=f"e-{participant}", occurred_at=when)
        assert (second.status_code, second.json(), second.headers["Location"]) == (
            201, first.json(), first.headers["Location"],
        )  # fmt: skip
        assert second.headers["Idempotency-Replayed"] == "true"


async def test_the_same_event_many_times_at_once_is_paid_once(sample_program: SampleProgram, stack: Stack) -> None:
    participant = await sample_program.member()
    when = datetime.now(UTC).isoformat()
    before = await stack.get(f"{sample_program.path}/ledger-check")
    responses = await asyncio.gather(
        *(sample_program.event(participant, key=f"once-{participant}", occurred_at=when) for _ in range(8))
    )
    assert [response.status_code for response in responses] == [201] * 8
    assert len({response.json()["transaction"] for response in responses}) == 1
    assert sum("Idempotency-Replayed" not in response.headers for response in responses) == 1
    after = await stack.get(f"{sample_program.path}/ledger-check")
    assert (after["postings"] - before["postings"], after["clean"]) == (1, True)
    assert await sample_program.available(participant) == 293


async def test_a_key_belongs_to_one_request_of_one_person(sample_program: SampleProgram, stack: Stack) -> None:
    participant, other = await sample_program.member(), await sample_program.member()
    when = datetime.now(UTC).isoformat()
    await sample_program.event(other, "10")
    await sample_program.event(participant, "10", key="till-7/1", occurred_at=when)
    async with unchanged(stack, sample_program.program):
        found = problem(
            await sample_program.event(participant, "11", key="till-7/1", occurred_at=when), 422, "idempotency_key_reused"
        )
        assert "'till-7/1'" in found["detail"] and "event/" not in found["detail"]
        problem(await sample_program.event(other, "10", key="till-7/1", occurred_at=when), 422, "idempotency_key_reused")
    second = await sample_program.event(participant, "10", key="till-7/1", occurred_at=when, person="demo-app")
    assert (second.status_code, second.json()["balance"]) == (201, 200)


async def test_an_event_that_counted_keeps_its_answer_when_the_doors_close_and_the_member_leaves(
    sample_program: SampleProgram, stack: Stack
) -> None:
    participant = await sample_program.member()
    when = datetime.now(UTC).isoformat()
    first = await sample_program.event(participant, key=f"e-{participant}", occurred_at=when)

    async def is_answered_as_before() -> None:
        again = await sample_program.event(participant, key=f"e-{participant}", occurred_at=when)
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        reused = await sample_program.event(participant, "11", key=f"e-{participant}", occurred_at=when)
        problem(reused, 422, "idempotency_key_reused")

    async with (
        sample_program.capability_closed("earning_until", datetime.fromisoformat(when)),
        unchanged(stack, sample_program.program),
    ):
        problem(await sample_program.event(participant), 409, "earning_closed")
        await is_answered_as_before()
    await sample_program.leave(participant)
    async with unchanged(stack, sample_program.program):
        problem(await sample_program.event(participant), 409, "member_left")
        await is_answered_as_before()


async def test_no_account_holds_more_than_can_be_counted(sample_program: SampleProgram, stack: Stack) -> None:
    participant = await sample_program.member()
    when = datetime.now(UTC).isoformat()
    first = await sample_program.event(participant, "0", type="gift")
    assert first.json()["points"] == MUCH
    async with unchanged(stack, sample_program.program):
        found = problem(
            await sample_program.event(participant, "0", type="gift", key="g2", occurred_at=when), 409, "balance_limit"
        )
        assert str(MUCH) in found["detail"]
        again = await sample_program.event(participant, "0", type="gift", key="g2", occurred_at=when)
        assert problem(again, 409, "balance_limit") == found
    await sample_program.leave(participant)


# Redemptions


async def test_more_than_there_is_cannot_be_redeemed_and_the_refusal_repeats(
    sample_program: SampleProgram, stack: Stack
) -> None:
    participant = await sample_program.member()
    await sample_program.event(participant, "29.33")
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.redeem(participant, key=f"r-{participant}"), 409, "insufficient_points")
        assert found["detail"] == "500 points were asked for, and 293 are available."
        assert problem(await sample_program.redeem(participant, key=f"r-{participant}"), 409, "insufficient_points") == found
    assert await runs(stack, ids.member(sample_program.program, participant))

    await sample_program.event(participant, "40.00")
    assert problem(await sample_program.redeem(participant, key=f"r-{participant}"), 409, "insufficient_points") == found
    assert await sample_program.available(participant) == 693
    assert (await sample_program.redeem(participant)).json()["state"] == "fulfilled"
    assert await sample_program.available(participant) == 193
    assert problem(await sample_program.redeem(participant, key=f"r-{participant}"), 409, "insufficient_points") == found


async def test_what_is_held_is_not_available(sample_program: SampleProgram, stack: Stack) -> None:
    participant = await sample_program.member()
    await sample_program.event(participant, "60.00")
    for held in (200, 0):
        async with stack.engine.begin() as connection:
            mine = {"program": sample_program.program, "participant": participant, "held": held}
            await connection.execute(text(_HOLD_ACCOUNT), mine)
            await connection.execute(text(_HOLD_LOTS), mine)
        if held:
            found = problem(await sample_program.redeem(participant, key=f"h-{participant}"), 409, "insufficient_points")
            assert found["detail"] == "500 points were asked for, and 400 are available."
    assert problem(await sample_program.redeem(participant, key=f"h-{participant}"), 409, "insufficient_points") == found
    assert (await sample_program.redeem(participant)).status_code == 201


_HOLD_ACCOUNT = "UPDATE ledger.account SET held = :held WHERE program = :program AND participant = :participant"
_HOLD_LOTS = """
UPDATE ledger.lot SET held = :held FROM ledger.account
WHERE account.id = account_id AND program = :program AND participant = :participant
"""


async def test_a_reward_must_be_there_and_be_for_the_members_tier(
    sample_program: SampleProgram, stack: Stack, member: str
) -> None:
    async with unchanged(stack, sample_program.program):
        found = problem(await sample_program.redeem(member, "car"), 422, "reward_unknown")
        assert "sampler, single, album, box-set" in found["remedy"]
        found = problem(await sample_program.redeem(member, "box-set"), 409, "tier_too_low")
        assert "'curator'" in found["detail"] and "'listener'" in found["detail"]
        problem(await sample_program.redeem(sample_program.stranger()), 404, "member_unknown")
        problem(await sample_program.redeem(member, ""), 422, "invalid_request")


async def test_a_redemption_keeps_its_answer_when_the_doors_close_and_the_member_leaves(
    sample_program: SampleProgram, stack: Stack
) -> None:
    participant = await sample_program.member()
    await sample_program.event(participant, "60.00")
    first = await sample_program.redeem(participant, key=f"r-{participant}")
    assert first.status_code == 201
    refused = problem(await sample_program.redeem(participant, key=f"s-{participant}"), 409, "insufficient_points")

    async def is_answered_as_before() -> None:
        again = await sample_program.redeem(participant, key=f"r-{participant}")
        assert (again.status_code, again.json(), again.headers["Location"]) == (201, first.json(), first.headers["Location"])
        assert problem(await sample_program.redeem(participant, key=f"s-{participant}"), 409, "insufficient_points") == refused
        problem(await sample_program.redeem(participant, "single", key=f"r-{participant}"), 422, "idempotency_key_reused")

    async with unchanged(stack, sample_program.program):
        await is_answered_as_before()
    async with sample_program.capability_closed("redeeming_until", datetime.now(UTC)), unchanged(stack, sample_program.program):
        problem(await sample_program.redeem(participant), 409, "redeeming_closed")
        await is_answered_as_before()
    await sample_program.leave(participant)
    async with unchanged(stack, sample_program.program):
        problem(await sample_program.redeem(participant), 409, "member_left")
        await is_answered_as_before()
