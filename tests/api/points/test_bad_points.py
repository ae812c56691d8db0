"""Bad input of who corrects points: each its own problem, and nothing changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.points.corrections import AdjustmentIn
from domain import ids
from ledger import Adjust
from tests.api.points.test_points import expired, pending_earn
from tests.api.sample_program import SHOP, SampleProgram, problem, unchanged
from tests.stack import Stack

_REASON = {"reason": "a test"}


@pytest.fixture(scope="module")
async def member(pool: SampleProgram) -> str:
    """A member with 100 points."""
    participant = await pool.member()
    await pool.event(participant, "10")
    return participant


@pytest.fixture(scope="module")
async def earn(pool: SampleProgram, member: str) -> int:
    """The number of the transaction that brought them."""
    (entry,) = (await pool.statement(member))["entries"]
    return int(entry["txn_id"])


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("adjustments", _REASON),
        ("transfers", {"to": "m-1"}),
        ("conversions", {"from_currency": "NOTES", "to_currency": "GEMS"}),
        ("transactions/1/reversal", _REASON),
    ],
)
@pytest.mark.parametrize(
    ("points", "words"),
    [
        (0, ""),
        (-1, "greater than or equal to 1"),
        (1.5, "valid integer"),
        ("5", "valid integer"),
        (True, "valid integer"),
        (2**53 + 1, "less than or equal to 9007199254740992"),
        (-(2**53) - 1, "greater than or equal to"),
        (10**40, "less than or equal to"),
    ],
)
async def test_points_are_whole_positive_and_countable(
    pool: SampleProgram, stack: Stack, member: str, what: str, body: dict[str, Any], points: Any, words: str
) -> None:
    if (what, points) == ("adjustments", -1):
        points, words = -1.0, "valid integer"
    async with unchanged(stack, pool.program):
        found = problem(await pool.points(member, what, body | {"points": points}), 422, "invalid_request")
    ((field, shown),) = [(error["field"], error["problem"]) for error in found["errors"]]
    assert field == "points"
    assert words in shown


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("adjustments", {"points": 5}, "reason"),
        ("adjustments", {"points": 5, "reason": "  "}, "reason"),
        ("adjustments", {"points": 5, "reason": "x" * 501}, "reason"),
        ("adjustments", {"points": 5, "reason": "a\x00b"}, "reason"),
        ("adjustments", {"points": 5, "reason": "a", "author": "me"}, "author"),
        ("transfers", {"points": 5, "to": "Ann Lee"}, "to"),
        ("transactions/1/reversal", {}, "reason"),
        ("transactions/1/confirmation", {"reason": 7}, "reason"),
        ("transactions/0/cancellation", {}, "path.number"),
        ("transactions/9223372036854775808/reinstatement", {}, "path.number"),
    ],
)
async def test_a_wrong_shape_names_the_field(
    pool: SampleProgram, stack: Stack, member: str, what: str, body: dict[str, Any], field: str
) -> None:
    async with unchanged(stack, pool.program):
        found = problem(await pool.points(member, what, body), 422, "invalid_request")
    assert found["field"] == field


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("adjustments", {"points": 5, "currency": "GOLD", **_REASON}, "currency"),
        ("transfers", {"points": 5, "to": "m-1", "currency": "GOLD"}, "currency"),
        ("conversions", {"points": 5, "from_currency": "GOLD", "to_currency": "GEMS"}, "from_currency"),
        ("conversions", {"points": 5, "from_currency": "NOTES", "to_currency": ""}, "to_currency"),
    ],
)
async def test_an_unknown_currency_is_told_which_ones_there_are(
    pool: SampleProgram, stack: Stack, member: str, what: str, body: dict[str, Any], field: str
) -> None:
    body = body | ({"to": await pool.member()} if "to" in body else {})
    async with unchanged(stack, pool.program):
        found = problem(await pool.points(member, what, body), 422, "currency_unknown")
    assert (found["field"], "NOTES, GEMS, DUST" in found["remedy"]) == (field, True)


@pytest.mark.parametrize("ends", [("GEMS", "NOTES"), ("NOTES", "NOTES")])
async def test_an_unknown_conversion_is_told_which_ones_there_are(
    pool: SampleProgram, stack: Stack, member: str, ends: tuple[str, str]
) -> None:
    body = {"from_currency": ends[0], "to_currency": ends[1], "points": 5}
    async with unchanged(stack, pool.program):
        found = problem(await pool.points(member, "conversions", body), 422, "conversion_unknown")
    assert (found["field"], "NOTES into GEMS, NOTES into DUST" in found["remedy"]) == ("to_currency", True)


async def test_a_program_that_names_none_converts_transfers_and_gives_back_nothing(
    sample_program: SampleProgram, stack: Stack
) -> None:
    participant, other = await sample_program.member(), await sample_program.member()
    await sample_program.event(participant)
    number = await expired(sample_program, participant, "old", timedelta(days=1))
    async with unchanged(stack, sample_program.program):
        body = {"from_currency": "NOTES", "to_currency": "NOTES", "points": 5}
        found = problem(await sample_program.points(participant, "conversions", body), 422, "conversion_unknown")
        assert "converts nothing" in found["remedy"]
        transfer = await sample_program.points(participant, "transfers", {"to": other, "points": 5})
        assert "transfers_between_members" in problem(transfer, 409, "transfers_not_allowed")["remedy"]
        back = await sample_program.points(participant, f"transactions/{number}/reinstatement")
        assert "reinstate_within" in problem(back, 409, "reinstatement_not_offered")["remedy"]


async def test_too_few_points_are_told_and_the_refusal_repeats(pool: SampleProgram, stack: Stack, member: str) -> None:
    other = await pool.member()
    await pool.event(other, "10")
    await pool.points(member, "adjustments", {"points": 1, "currency": "GEMS", **_REASON})
    asked: dict[str, dict[str, Any]] = {
        "adjustments": {"points": -101, **_REASON},
        "transfers": {"points": 101, "to": other},
        "conversions": {"points": 101, "from_currency": "NOTES", "to_currency": "GEMS"},
    }
    async with unchanged(stack, pool.program):
        for what, body in asked.items():
            first, second = [await pool.points(member, what, body, key=f"{what}-{member}") for _ in range(2)]
            found = problem(first, 409, "insufficient_points")
            assert found["detail"] == "101 points were asked for, and 100 are available."
            assert problem(second, 409, "insufficient_points") == found
        less = {"points": 99, "from_currency": "NOTES", "to_currency": "GEMS"}
        problem(await pool.points(member, "conversions", less), 409, "converts_to_nothing")


async def test_points_go_to_another_active_member_alone(pool: SampleProgram, stack: Stack, member: str) -> None:
    left, stranger = await pool.member(), pool.stranger()
    await pool.leave(left)
    async with unchanged(stack, pool.program):
        for to in (left, stranger):
            found = problem(await pool.points(member, "transfers", {"to": to, "points": 5}), 409, "recipient_not_active")
            assert (found["field"], repr(to) in found["detail"]) == ("to", True)
        found = problem(await pool.points(member, "transfers", {"to": member, "points": 5}), 422, "invalid_request")
        assert found["field"] == "to"


async def test_nothing_is_corrected_for_who_has_left_or_never_came(pool: SampleProgram, stack: Stack) -> None:
    participant, stranger = await pool.member(), pool.stranger()
    number = (await pool.event(participant, "10")).json()["transaction"]
    other = await pool.member()
    await pool.leave(participant)
    asked: dict[str, dict[str, Any]] = {
        "adjustments": {"points": 5, **_REASON},
        "transfers": {"points": 5, "to": other},
        "conversions": {"points": 5, "from_currency": "NOTES", "to_currency": "GEMS"},
        f"transactions/{number}/reversal": _REASON,
        f"transactions/{number}/confirmation": {},
        f"transactions/{number}/cancellation": {},
        f"transactions/{number}/reinstatement": {},
    }
    async with unchanged(stack, pool.program):
        for what, body in asked.items():
            problem(await pool.points(participant, what, body), 409, "member_left")
            problem(await pool.points(stranger, what, body), 404, "member_unknown")


async def test_a_transaction_is_one_of_the_members_own(pool: SampleProgram, stack: Stack, member: str) -> None:
    other = await pool.member()
    number = (await pool.event(other, "10")).json()["transaction"]
    async with unchanged(stack, pool.program):
        for each in (number, 2**62):
            for what in ("reversal", "confirmation", "cancellation", "reinstatement"):
                body = _REASON if what == "reversal" else {}
                response = await pool.points(member, f"transactions/{each}/{what}", body)
                assert str(each) in problem(response, 404, "transaction_unknown")["detail"]


async def test_what_was_posted_at_once_does_not_wait_and_has_not_expired(
    pool: SampleProgram, stack: Stack, member: str, earn: int
) -> None:
    async with unchanged(stack, pool.program):
        for what, code in (
            ("confirmation", "not_pending"),
            ("cancellation", "not_pending"),
            ("reinstatement", "unknown_expiry"),
        ):
            found = problem(await pool.points(member, f"transactions/{earn}/{what}"), 409, code)
            assert f"number {earn}" in found["detail"] and "event/" not in found["detail"]


async def test_a_pending_earn_is_cancelled_and_not_reversed(pool: SampleProgram, stack: Stack) -> None:
    participant = await pool.member()
    number = await pending_earn(pool, participant, "one")
    async with unchanged(stack, pool.program):
        found = problem(await pool.points(participant, f"transactions/{number}/reversal", _REASON), 409, "earn_pending")
        assert "cancel it instead" in found["detail"]
    await pool.points(participant, f"transactions/{number}/cancellation")
    async with unchanged(stack, pool.program):
        problem(await pool.points(participant, f"transactions/{number}/reversal", _REASON), 409, "earn_cancelled")


async def test_a_reversal_is_not_reversed_and_a_refused_transaction_neither(pool: SampleProgram, stack: Stack) -> None:
    participant = await pool.member()
    first, second = [(await pool.event(participant, amount)).json()["transaction"] for amount in ("10", "20")]
    back = (await pool.points(participant, f"transactions/{first}/reversal", _REASON)).json()["transaction"]
    async with unchanged(stack, pool.program):
        found = problem(await pool.points(participant, f"transactions/{back}/reversal", _REASON), 409, "reversal_of_reversal")
        assert found["detail"].startswith(f"Number {back} is a reversal itself")
        assert "anew" in found["remedy"]
        body = {"points": 201, **_REASON}
        problem(await pool.points(participant, f"transactions/{second}/reversal", body), 409, "exceeds_original")
    await pool.points(participant, "adjustments", {"points": -(2**53), **_REASON}, key=f"vain-{participant}")
    vain = await stack.ledger.answered(
        Adjust, pool.program, participant, ids.correction("demo-operations", f"vain-{participant}"), _said(-(2**53))
    )
    assert vain is not None and vain.outcome == "refused"
    async with unchanged(stack, pool.program):
        path = f"transactions/{vain.txn_id}/reversal"
        found = problem(await pool.points(participant, path, _REASON), 404, "unknown_transaction")
        assert f"no posted transaction number {vain.txn_id} in NOTES" in found["detail"]


def _said(points: int) -> str:
    """What was sent to the adjustments, as the ledger knows it."""
    return AdjustmentIn(points=points, **_REASON).model_dump_json()


async def test_what_has_no_reversal_is_told_what_to_do_instead(pool: SampleProgram, stack: Stack) -> None:
    participant, other = await pool.member(), await pool.member()
    await pool.event(participant, "100")
    conversion = {"points": 100, "from_currency": "NOTES", "to_currency": "GEMS"}
    number = await expired(pool, participant, "old", timedelta(days=1))
    numbers = {"expire": number}
    for kind, what, body in (
        ("adjustment", "adjustments", {"points": 5, **_REASON}),
        ("transfer", "transfers", {"points": 5, "to": other}),
        ("convert", "conversions", conversion),
        ("reinstate", f"transactions/{number}/reinstatement", {}),
    ):
        numbers[kind] = (await pool.points(participant, what, body)).json()["transaction"]
    (incoming,) = (await pool.statement(other))["entries"]
    words = {
        "adjustment": "opposite sign", "transfer": "transfer the points back", "convert": "adjust both currencies",
        "reinstate": "adjustment", "expire": "Reinstate it",
    }  # fmt: skip
    async with unchanged(stack, pool.program):
        for kind, each in numbers.items():
            found = problem(await pool.points(participant, f"transactions/{each}/reversal", _REASON), 409, "not_reversible")
            assert found["detail"] == f"Number {each} is of the kind {kind}, which has no reversal."
            assert words[kind] in found["remedy"]
        found = problem(await pool.points(other, f"transactions/{incoming['txn_id']}/reversal", _REASON), 409, "not_reversible")
        assert "Transfer the points back" in found["remedy"]


async def test_what_expired_too_long_ago_does_not_come_back(pool: SampleProgram, stack: Stack) -> None:
    participant = await pool.member()
    number = await expired(pool, participant, "old", timedelta(days=31))
    async with unchanged(stack, pool.program):
        found = problem(await pool.points(participant, f"transactions/{number}/reinstatement"), 409, "reinstatement_too_late")
    assert "could be given back until" in found["detail"]
    assert "adjustment" in found["remedy"]


async def test_nothing_is_transferred_or_converted_once_the_redeem_window_is_over(
    pool: SampleProgram, stack: Stack, member: str
) -> None:
    other = await pool.member()
    async with pool.capability_closed("redeeming_until", datetime.now(UTC)), unchanged(stack, pool.program):
        for what, body in (
            ("transfers", {"points": 5, "to": other}),
            ("conversions", {"points": 100, "from_currency": "NOTES", "to_currency": "GEMS"}),
        ):
            problem(await pool.points(member, what, body, person=SHOP), 409, "redeeming_closed")
