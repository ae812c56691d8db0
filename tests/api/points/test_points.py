"""Points moved by hand, as it is meant: what each of it does to the account, and that it is done once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from domain import ids
from domain.period import Period
from ledger import Burn, Earn, Ledger, PostingResult
from tests.api.sample_program import MUCH, SHOP, SampleProgram, problem, unchanged
from tests.stack import Stack
from tests.waiting import history_has

_DAY = timedelta(days=1)


async def pending_earn(sample_program: SampleProgram, participant: str, key: str, points: int = 50) -> int:
    """Points that wait for their confirmation; the number of their transaction."""
    answer = await _earn(sample_program, participant, key, points, pending=True)
    return answer.txn_id


async def expired(sample_program: SampleProgram, participant: str, key: str, since: timedelta, points: int = 40) -> int:
    """Points that expired so long ago, and were swept then; the number of their expiry."""
    at = datetime.now(UTC) - since
    await _earn(sample_program, participant, key, points, effective_at=at - _DAY, expires_at=at)
    await sample_program.stack.ledger.expire_due(sample_program.program, at)
    entries = (await sample_program.statement(participant))["entries"]
    (number,) = [each["txn_id"] for each in entries if each["kind"] == "expire"]
    return int(number)


async def _earn(sample_program: SampleProgram, participant: str, key: str, points: int, **more: Any) -> PostingResult:
    request: dict[str, Any] = {
        "program": sample_program.program, "participant": participant, "currency": "NOTES", "key": f"{participant}/{key}",
        "points": points, "effective_at": datetime.now(UTC),
    }  # fmt: skip
    ledger: Ledger = sample_program.stack.ledger
    return await ledger.earn(Earn(**(request | more)))


async def _balance(sample_program: SampleProgram, participant: str, currency: str = "NOTES") -> dict[str, Any]:
    path = f"{sample_program.path}/members/{participant}/balance?currency={currency}"
    found: dict[str, Any] = await sample_program.stack.get(path, SHOP)
    return found


async def test_an_adjustment_gives_and_takes_with_its_reason_and_its_author(pool: SampleProgram, stack: Stack) -> None:
    participant = await pool.member()
    given = await pool.points(participant, "adjustments", {"points": 70, "reason": " a late delivery "})
    assert given.status_code == 201, given.text
    expected = {"kind": "adjustment", "outcome": "posted", "points": 70, "balance": 70, "change": 70}
    assert given.json() | expected | {"reason": "a late delivery", "author": "demo-operations"} == given.json()
    assert await stack.get(given.headers["Location"], SHOP) == given.json()

    taken = await pool.points(participant, "adjustments", {"points": -20, "reason": "a slip"}, person="demo-finance")
    assert (taken.json()["balance"], taken.json()["change"], taken.json()["author"]) == (50, -20, "demo-finance")
    entries = (await pool.statement(participant))["entries"]
    assert [(each["points"], each["reason"]) for each in entries] == [(70, "a late delivery"), (-20, "a slip")]

    (lot,) = (await _balance(pool, participant))["lots"]
    earned_at = datetime.fromisoformat(lot["earned_at"])
    assert datetime.fromisoformat(lot["expires_at"]) == Period.parse("P6M").after(earned_at, pool.definition.zone)
    gems = await pool.points(participant, "adjustments", {"points": 3, "reason": "a prize", "currency": "GEMS"})
    assert (gems.json()["balance"], (await _balance(pool, participant, "GEMS"))["available"]) == (3, 3)
    assert await pool.available(participant) == 50


async def test_a_correction_comes_once_for_its_key_whatever_happens_meanwhile(pool: SampleProgram, stack: Stack) -> None:
    participant = await pool.member()
    body = {"points": 70, "reason": "goodwill"}
    answers = await asyncio.gather(*(pool.points(participant, "adjustments", body, key=participant) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    async with unchanged(stack, pool.program):
        other = await pool.points(participant, "adjustments", body | {"points": 71}, key=participant)
        assert f"'{participant}'" in problem(other, 422, "idempotency_key_reused")["detail"]
        transfer = await pool.points(participant, "transfers", {"to": participant, "points": 1}, key=participant)
        problem(transfer, 422, "idempotency_key_reused")
    await pool.leave(participant)
    async with unchanged(stack, pool.program):
        again = await pool.points(participant, "adjustments", body, key=participant)
        assert (again.status_code, again.json()) == (201, answers[0].json())
        assert again.headers["Idempotency-Replayed"] == "true"


async def test_points_go_to_another_member_and_keep_their_expiry(pool: SampleProgram) -> None:
    sender, getter = await pool.member(), await pool.member()
    await pool.event(sender, "10")
    given = await pool.points(sender, "transfers", {"to": getter, "points": 30}, person=SHOP)
    assert given.status_code == 201, given.text
    assert {name: given.json()[name] for name in ("kind", "points", "balance", "to_participant")} == {
        "kind": "transfer", "points": 30, "balance": 70, "to_participant": getter,
    }  # fmt: skip
    (left,), (got,) = [(await _balance(pool, each))["lots"] for each in (sender, getter)]
    assert (left["remaining"], got["remaining"], got["expires_at"]) == (70, 30, left["expires_at"])
    (entry,) = (await pool.statement(getter))["entries"]
    assert (entry["kind"], entry["details"]["from_participant"]) == ("transfer_in", sender)


async def test_points_become_another_currency_at_the_definitions_rate(pool: SampleProgram) -> None:
    participant = await pool.member()
    await pool.event(participant, "100")
    body = {"from_currency": "NOTES", "to_currency": "GEMS", "points": 250}
    response = await pool.points(participant, "conversions", body, person=SHOP)
    assert response.status_code == 201, response.text
    assert {name: response.json()[name] for name in ("kind", "balance", "rate", "received", "to_currency")} == {
        "kind": "convert", "balance": 750, "rate": "0.01", "received": 2, "to_currency": "GEMS",
    }  # fmt: skip
    (lot,) = (await _balance(pool, participant, "GEMS"))["lots"]
    earned_at = datetime.fromisoformat(lot["earned_at"])
    assert datetime.fromisoformat(lot["expires_at"]) == Period.parse("P1Y").after(earned_at, pool.definition.zone)


async def test_a_redeemed_reward_is_taken_back_in_parts_that_add_up(pool: SampleProgram) -> None:
    participant = await pool.member()
    await pool.event(participant, "60")
    await pool.redeem(participant)
    (capture,) = [each for each in (await pool.statement(participant))["entries"] if each["kind"] == "capture"]
    path = f"transactions/{capture['txn_id']}/reversal"
    part = await pool.points(participant, path, {"points": 200, "reason": "half was broken"})
    assert part.status_code == 201, part.text
    assert (part.json()["kind"], part.json()["points"], part.json()["balance"]) == ("reversal", 200, 300)
    rest = await pool.points(participant, path, {"reason": "all was broken"})
    assert (rest.json()["points"], rest.json()["balance"]) == (300, 600)
    found = problem(await pool.points(participant, path, {"reason": "once more"}), 409, "exceeds_original")
    assert f"Of the 500 points of number {capture['txn_id']}, 0 are left" in found["detail"]
    entries = (await pool.statement(participant))["entries"]
    assert [each["reason"] for each in entries if each["kind"] == "reversal"] == ["half was broken", "all was broken"]


async def test_a_returned_purchase_is_clawed_back_as_the_definition_says_and_the_tier_is_looked_at(
    pool: SampleProgram, stack: Stack
) -> None:
    participant = await pool.member()
    earned = (await pool.event(participant, "60")).json()["transaction"]
    await pool.redeem(participant)
    body = {"points": 150, "reason": "returned in part"}
    answer = await pool.points(participant, f"transactions/{earned}/reversal", body)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["kind"], answer.json()["balance"]) == ("clawback", -50)
    balance = await _balance(pool, participant)
    assert (balance["owed"], balance["available"]) == (50, -50)
    workflow = ids.member(pool.program, participant)

    def is_nudge(event: Any) -> bool:
        return bool(event.workflow_execution_signaled_event_attributes.signal_name == "nudge")

    await history_has(stack.temporal, workflow, is_nudge)
    found = problem(
        await pool.points(participant, f"transactions/{earned}/reversal", {"reason": "all of it"}), 409, "below_lowest_allowed"
    )
    assert found["detail"] == "The member would owe 500 points, and may owe 100."


async def test_a_pending_earn_is_confirmed_or_cancelled_and_neither_twice(pool: SampleProgram) -> None:
    participant = await pool.member()
    first, second = [await pending_earn(pool, participant, key) for key in ("one", "two")]
    assert ((await pool.statement(participant))["pending"], await pool.available(participant)) == (100, 0)
    confirmed = await pool.points(participant, f"transactions/{first}/confirmation", person=SHOP)
    assert confirmed.status_code == 201, confirmed.text
    assert (confirmed.json()["kind"], confirmed.json()["balance"]) == ("confirm", 50)
    body = {"reason": "not collected"}
    cancelled = await pool.points(participant, f"transactions/{second}/cancellation", body, person=SHOP)
    assert (cancelled.json()["kind"], cancelled.json()["balance"], cancelled.json()["reason"]) == (
        "cancel", 50, "not collected",
    )  # fmt: skip
    assert (await pool.statement(participant))["pending"] == 0
    for number, code in ((first, "earn_confirmed"), (second, "earn_cancelled")):
        for what in ("confirmation", "cancellation"):
            found = problem(await pool.points(participant, f"transactions/{number}/{what}"), 409, code)
            assert found["detail"].startswith(f"The earn number {number} was")
    back = await pool.points(participant, f"transactions/{first}/reversal", {"reason": "returned"})
    assert (back.json()["kind"], back.json()["balance"]) == ("clawback", 0)


async def test_what_expired_comes_back_within_its_time_and_expires_anew(pool: SampleProgram) -> None:
    participant = await pool.member()
    number = await expired(pool, participant, "old", timedelta(days=10))
    answer = await pool.points(participant, f"transactions/{number}/reinstatement", {"reason": "was in hospital"})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["kind"], answer.json()["points"], answer.json()["balance"]) == ("reinstate", 40, 40)
    (lot,) = (await _balance(pool, participant))["lots"]
    now = datetime.fromisoformat(answer.json()["effective_at"])
    assert datetime.fromisoformat(lot["expires_at"]) == Period.parse("P6M").after(now, pool.definition.zone)
    again = await pool.points(participant, f"transactions/{number}/reinstatement")
    problem(again, 409, "nothing_to_reinstate")


async def test_a_reversal_comes_once_for_its_key_and_its_refusal_repeats(pool: SampleProgram, stack: Stack) -> None:
    participant = await pool.member()
    first, second = [(await pool.event(participant, "10")).json()["transaction"] for _ in range(2)]
    path, body = f"transactions/{first}/reversal", {"reason": "returned"}
    done = await pool.points(participant, path, body, key=f"r-{participant}")
    refused = problem(await pool.points(participant, path, body, key=f"s-{participant}"), 409, "exceeds_original")
    async with unchanged(stack, pool.program):
        again = await pool.points(participant, path, body, key=f"r-{participant}")
        assert (again.status_code, again.json(), again.headers["Location"]) == (201, done.json(), done.headers["Location"])
        assert again.headers["Idempotency-Replayed"] == "true"
        repeated = await pool.points(participant, path, body, key=f"s-{participant}")
        assert problem(repeated, 409, "exceeds_original") == refused
        for other in (f"transactions/{second}/reversal", f"transactions/{first}/cancellation"):
            reused = await pool.points(participant, other, body, key=f"r-{participant}")
            problem(reused, 422, "idempotency_key_reused")


async def test_what_comes_back_past_its_expiry_expires_again_and_can_be_reinstated(pool: SampleProgram) -> None:
    participant = await pool.member()
    now = datetime.now(UTC)
    await _earn(pool, participant, "old", 40, effective_at=now - 9 * _DAY, expires_at=now - _DAY)
    burn = Burn(
        program=pool.program, participant=participant, currency="NOTES", key=f"{participant}/burn", points=40,
        effective_at=now - 5 * _DAY,
    )  # fmt: skip
    spent = await pool.stack.ledger.burn(burn)
    back = await pool.points(participant, f"transactions/{spent.txn_id}/reversal", {"reason": "returned"})
    assert (back.json()["kind"], back.json()["balance"], await pool.available(participant)) == ("reversal", 40, 0)
    entries = (await pool.statement(participant))["entries"]
    assert [each["kind"] for each in entries] == ["earn", "burn", "reversal", "expire"]
    answer = await pool.points(participant, f"transactions/{entries[-1]['txn_id']}/reinstatement")
    assert (answer.status_code, await pool.available(participant)) == (201, 40)


async def test_the_books_are_right_after_all_of_it(pool: SampleProgram, stack: Stack) -> None:
    checked = await stack.get(f"{pool.path}/ledger-check", "demo-finance")
    assert checked["clean"], checked["drifts"]


async def test_no_conversion_brings_more_than_can_be_counted(pool: SampleProgram, stack: Stack) -> None:
    participant = await pool.member()
    await pool.event(participant, "0", type="gift")
    await pool.points(participant, "adjustments", {"points": 1, "reason": "a grain", "currency": "DUST"})
    body = {"from_currency": "NOTES", "to_currency": "DUST", "points": MUCH}
    async with unchanged(stack, pool.program):
        for _ in range(2):
            found = problem(await pool.points(participant, "conversions", body, key=f"d-{participant}"), 409, "balance_limit")
            assert str(MUCH * 10**6) in found["detail"]
    await pool.leave(participant)
