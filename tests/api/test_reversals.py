"""What becomes of a transaction later: reversals, settled pending earns, reinstatements; what each is refused with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.history.v1 import HistoryEvent

from domain import ids
from ledger import Earn
from tests.api.club import SHOP, Club, problem, unchanged
from tests.house import House
from tests.waiting import history_has

WHY = {"reason": "The order was returned"}


def _number(response: Any) -> int:
    assert response.status_code == 201, response.text
    number: int = response.json()["transaction"]
    return number


def _common(club: Club, member: str, key: str, at: datetime) -> dict[str, Any]:
    return {
        "program": club.program,
        "participant": member,
        "currency": "NOTES",
        "key": f"{key}/{member}",
        "effective_at": at,
    }


async def _pending(club: Club, member: str, key: str = "pending") -> int:
    common = _common(club, member, key, datetime.now(UTC))
    return (await club.house.ledger.earn(Earn(**common, points=80, pending=True))).txn_id


async def _lapsed(club: Club, member: str, days_ago: float) -> int:
    """Points that lapsed so many days ago; the number of their expiry."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    await club.house.ledger.earn(Earn(**_common(club, member, "lapsed", at - timedelta(days=1)), points=60, expires_at=at))
    await club.house.ledger.expire_due(club.program, at)
    statement = await club.house.get(f"{club.path}/members/{member}/statement", SHOP)
    (number,) = [entry["txn_id"] for entry in statement["entries"] if entry["kind"] == "expire"]
    return int(number)


async def test_a_return_takes_back_what_the_purchase_gave_in_parts_and_then_all(generous: Club, house: House) -> None:
    member = await generous.member()
    purchase = _number(await generous.event(member, "40.00"))
    part = await generous.on(member, f"transactions/{purchase}/reversal", WHY | {"points": 150})
    assert (part.json()["kind"], part.json()["points"], part.json()["balance"]) == ("clawback", 150, 250)
    assert part.json()["reason"] == WHY["reason"]
    found = problem(
        await generous.on(member, f"transactions/{purchase}/reversal", WHY | {"points": 251}), 409, "exceeds_original"
    )
    assert f"Of the 400 points of number {purchase}, 250 are left" in found["detail"]
    rest = await generous.on(member, f"transactions/{purchase}/reversal", WHY, key="the-rest")
    assert (rest.json()["points"], rest.json()["balance"]) == (250, 0)
    again = await generous.on(member, f"transactions/{purchase}/reversal", WHY, key="the-rest")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (rest.json(), "true")
    problem(await generous.on(member, f"transactions/{purchase}/reversal", WHY), 409, "exceeds_original")
    entries = (await house.get(f"{generous.path}/members/{member}/statement", SHOP))["entries"]
    assert [entry["points"] for entry in entries] == [400, -150, -250]
    assert entries[1]["reverses"] == purchase


async def test_a_return_has_the_members_workflow_look_at_the_tier_again(generous: Club, house: House) -> None:
    member = await generous.member()
    purchase = _number(await generous.event(member, "120.00"))
    workflow = ids.member(generous.program, member)

    def reviewed_as(tier: str) -> Any:
        return lambda event: (
            f'"tier":"{tier}"'.encode()
            in b"".join(payload.data for payload in event.activity_task_completed_event_attributes.result.payloads)
        )

    await history_has(house.temporal, workflow, reviewed_as("collector"))
    assert (await house.get(f"{generous.path}/members/{member}", SHOP))["tier"] == "collector"
    before = await _signals(house, workflow)
    _number(await generous.on(member, f"transactions/{purchase}/reversal", WHY))
    await history_has(house.temporal, workflow, _signal(before + 1))


def _signal(wanted: int) -> Any:
    seen = 0

    def is_it(event: HistoryEvent) -> bool:
        nonlocal seen
        seen += event.workflow_execution_signaled_event_attributes.signal_name == "nudge"
        return seen >= wanted

    return is_it


async def _signals(house: House, workflow: str) -> int:
    history = await house.temporal.get_workflow_handle(workflow).fetch_history()
    return sum(event.workflow_execution_signaled_event_attributes.signal_name == "nudge" for event in history.events)


async def test_a_redemption_that_is_taken_back_gives_its_points_back_to_their_lots(generous: Club, house: House) -> None:
    member = await generous.member()
    await generous.event(member, "60.00")
    path = f"{generous.path}/members/{member}"
    before = await house.get(f"{path}/balance", SHOP)
    assert (await generous.redeem(member)).status_code == 201
    entries = (await house.get(f"{path}/statement", SHOP))["entries"]
    (capture,) = [entry["txn_id"] for entry in entries if entry["kind"] == "capture"]
    response = await generous.on(member, f"transactions/{capture}/reversal", WHY)
    assert (response.json()["kind"], response.json()["points"], response.json()["balance"]) == ("reversal", 500, 600)
    assert (await house.get(f"{path}/balance", SHOP))["lots"] == before["lots"]


async def test_the_definition_says_how_far_a_return_of_spent_points_may_go(generous: Club, club: Club, house: House) -> None:
    member = await generous.member()
    purchase = _number(await generous.event(member, "60.00"))
    await generous.redeem(member)
    found = problem(await generous.on(member, f"transactions/{purchase}/reversal", WHY), 409, "below_lowest_allowed")
    assert "may owe 200" in found["detail"]
    some = await generous.on(member, f"transactions/{purchase}/reversal", WHY | {"points": 250})
    assert some.json()["balance"] == -150
    assert (await house.get(f"{generous.path}/members/{member}/statement", SHOP))["owed"] == 150

    strict = await club.member()
    purchase = _number(await club.event(strict, "60.00"))
    await club.redeem(strict)
    problem(await club.on(strict, f"transactions/{purchase}/reversal", WHY), 409, "insufficient_points")
    assert await club.available(strict) == 100


async def test_a_reversal_cannot_be_reversed_and_what_is_moved_by_hand_is_moved_back_by_hand(generous: Club) -> None:
    member, other = await generous.member(), await generous.member()
    purchase = _number(await generous.event(member, "60.00"))
    reversal = _number(await generous.on(member, f"transactions/{purchase}/reversal", WHY | {"points": 100}))
    moved = {
        "transfer": _number(await generous.on(member, "transfers", {"to": other, "points": 10})),
        "convert": _number(
            await generous.on(member, "conversions", {"from_currency": "NOTES", "to_currency": "GEMS", "points": 100})
        ),
        "adjustment": _number(await generous.on(member, "adjustments", {"points": 5, "reason": "why"})),
    }
    async with unchanged(generous.house, generous.program):
        found = problem(await generous.on(member, f"transactions/{reversal}/reversal", WHY), 409, "reversal_of_reversal")
        assert f"number {reversal} is a reversal itself" in found["detail"]
        for kind, number in moved.items():
            found = problem(await generous.on(member, f"transactions/{number}/reversal", WHY), 409, "not_reversible")
            assert f"of the kind {kind}" in found["detail"]
            assert "adjustment" in found["remedy"]


async def test_a_transaction_is_found_under_its_own_member_alone(generous: Club) -> None:
    member, other = await generous.member(), await generous.member()
    purchase = _number(await generous.event(member, "40.00"))
    for what, body in (("reversal", WHY), ("confirmation", {}), ("cancellation", {}), ("reinstatement", {})):
        found = problem(await generous.on(other, f"transactions/{purchase}/{what}", body), 404, "transaction_unknown")
        assert str(purchase) in found["detail"]
        problem(await generous.on(generous.stranger(), f"transactions/{purchase}/{what}", body), 404, "member_unknown")
        found = problem(await generous.on(member, f"transactions/0/{what}", body), 422, "invalid_request")
        assert found["field"] == "path.number"


async def test_a_member_who_left_has_nothing_taken_back(generous: Club) -> None:
    member = await generous.member()
    purchase = _number(await generous.event(member, "40.00"))
    await generous.leave(member)
    async with unchanged(generous.house, generous.program):
        problem(await generous.on(member, f"transactions/{purchase}/reversal", WHY), 409, "member_left")


async def test_a_pending_earn_is_confirmed_once_and_then_neither_confirmed_nor_cancelled(generous: Club, house: House) -> None:
    member = await generous.member()
    number = await _pending(generous, member)
    path = f"{generous.path}/members/{member}"
    assert (await house.get(f"{path}/statement", SHOP))["pending"] == 80
    found = problem(await generous.on(member, f"transactions/{number}/reversal", WHY), 409, "earn_pending")
    assert "cancellation" in found["remedy"]
    confirmed = await generous.on(member, f"transactions/{number}/confirmation", person=SHOP, key="confirmed")
    assert (confirmed.json()["kind"], confirmed.json()["balance"]) == ("confirm", 80)
    again = await generous.on(member, f"transactions/{number}/confirmation", person=SHOP, key="confirmed")
    assert again.headers["Idempotency-Replayed"] == "true"
    for what in ("confirmation", "cancellation"):
        found = problem(await generous.on(member, f"transactions/{number}/{what}", person=SHOP), 409, "earn_confirmed")
        assert f"number {number} was confirmed before" in found["detail"]
    assert (await house.get(f"{path}/statement", SHOP))["pending"] == 0


async def test_a_pending_earn_that_is_cancelled_brings_nothing(generous: Club) -> None:
    member = await generous.member()
    number = await _pending(generous, member)
    assert (await generous.on(member, f"transactions/{number}/cancellation")).status_code == 201
    assert await generous.available(member) == 0
    problem(await generous.on(member, f"transactions/{number}/confirmation"), 409, "earn_cancelled")
    problem(await generous.on(member, f"transactions/{number}/reversal", WHY), 409, "earn_cancelled")


async def test_only_a_pending_earn_is_settled(generous: Club) -> None:
    member = await generous.member()
    purchase = _number(await generous.event(member, "40.00"))
    adjustment = _number(await generous.on(member, "adjustments", {"points": 5, "reason": "why"}))
    for what in ("confirmation", "cancellation"):
        problem(await generous.on(member, f"transactions/{purchase}/{what}"), 409, "not_pending")
        problem(await generous.on(member, f"transactions/{adjustment}/{what}"), 409, "unknown_earn")
        found = problem(await generous.on(member, f"transactions/{purchase}/{what}", {"points": 3}), 422, "invalid_request")
        assert found["field"] == "points"


async def test_what_lapsed_comes_back_within_its_time_and_lapses_anew(generous: Club, house: House) -> None:
    member = await generous.member()
    number = await _lapsed(generous, member, 3)
    assert await generous.available(member) == 0
    response = await generous.on(member, f"transactions/{number}/reinstatement", person="demo-finance")
    assert (response.json()["kind"], response.json()["balance"]) == ("reinstate", 60)
    (lot,) = (await house.get(f"{generous.path}/members/{member}/balance", SHOP))["lots"]
    assert datetime.fromisoformat(lot["expires_at"]) - datetime.now(UTC) > timedelta(days=180)
    problem(await generous.on(member, f"transactions/{number}/reinstatement"), 409, "nothing_to_reinstate")
    back = response.json()["transaction"]
    problem(await generous.on(member, f"transactions/{back}/reinstatement"), 409, "unknown_expiry")
    problem(await generous.on(member, f"transactions/{back}/reversal", WHY), 409, "not_reversible")


async def test_what_lapsed_too_long_ago_or_in_another_program_does_not_come_back(generous: Club, club: Club) -> None:
    late = await generous.member()
    number = await _lapsed(generous, late, 6)
    async with unchanged(generous.house, generous.program):
        found = problem(await generous.on(late, f"transactions/{number}/reinstatement"), 409, "reinstatement_too_late")
        assert "could be given back until" in found["detail"]
    strict = await club.member()
    number = await _lapsed(club, strict, 3)
    found = problem(await club.on(strict, f"transactions/{number}/reinstatement"), 409, "reinstatement_not_offered")
    assert "reinstate_within" in found["remedy"]


@pytest.mark.parametrize("reason", ["", " ", None, 7, "x" * 501], ids=lambda reason: str(reason)[:5])
async def test_a_reversal_says_why(generous: Club, reason: Any) -> None:
    member = await generous.member()
    purchase = _number(await generous.event(member, "40.00"))
    response = await generous.on(member, f"transactions/{purchase}/reversal", {"reason": reason})
    assert problem(response, 422, "invalid_request")["field"] == "reason"


@pytest.mark.parametrize("points", [0, -1, 1.5, "3", 2**53 + 1])
async def test_a_part_to_be_reversed_is_a_whole_number_of_points(generous: Club, points: Any) -> None:
    member = await generous.member()
    purchase = _number(await generous.event(member, "40.00"))
    response = await generous.on(member, f"transactions/{purchase}/reversal", WHY | {"points": points})
    assert problem(response, 422, "invalid_request")["field"] == "points"
