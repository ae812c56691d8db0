"""Points given, taken and moved by people: what each posts, what each is refused with, and that a repetition does nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger import MAX_POINTS
from tests.api.club import SHOP, Club, problem, unchanged
from tests.house import House

GOODWILL = {"points": 70, "reason": "The parcel came late"}


async def test_an_adjustment_keeps_its_reason_and_who_asked_and_lapses_as_earned_points_do(
    generous: Club, house: House
) -> None:
    member = await generous.member()
    given = await generous.on(member, "adjustments", GOODWILL)
    assert given.status_code == 201, given.text
    told = given.json()
    assert (told["kind"], told["points"], told["balance"]) == ("adjustment", 70, 70)
    assert (told["reason"], told["author"]) == ("The parcel came late", "demo-operations")
    assert await house.get(given.headers["Location"], SHOP) == told
    (lot,) = (await house.get(f"{generous.path}/members/{member}/balance", SHOP))["lots"]
    after = datetime.fromisoformat(lot["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=180) < after < timedelta(days=185)

    taken = await generous.on(member, "adjustments", {"points": -30, "reason": "Posted twice"}, person="demo-finance")
    assert (taken.json()["points"], taken.json()["balance"]) == (30, 40)
    in_gems = await generous.on(member, "adjustments", GOODWILL | {"currency": "GEMS"})
    assert in_gems.json()["balance"] == 70
    assert (await generous.available(member), await generous.available(member, "GEMS")) == (40, 70)
    (entry,) = (await house.get(f"{generous.path}/members/{member}/statement?currency=GEMS", SHOP))["entries"]
    assert (entry["points"], entry["reason"]) == (70, "The parcel came late")


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("adjustments", GOODWILL),
        ("conversions", {"from_currency": "NOTES", "to_currency": "GEMS", "points": 100}),
    ],
)
async def test_a_repetition_gets_the_first_answer_and_another_request_under_its_key_is_refused(
    generous: Club, what: str, body: dict[str, Any]
) -> None:
    member, other_member = await generous.member(), await generous.member()
    await generous.event(member, "40.00")
    first = await generous.on(member, what, body, key=f"again-{what}")
    again = await generous.on(member, what, body, key=f"again-{what}")
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.json(), again.headers["Location"]) == (first.json(), first.headers["Location"])
    async with unchanged(generous.house, generous.program):
        other = await generous.on(member, what, body | {"points": 7}, key=f"again-{what}")
        assert f"again-{what}" in problem(other, 422, "idempotency_key_reused")["detail"]
        another_kind = {"to": other_member, "points": 1}
        problem(await generous.on(member, "transfers", another_kind, key=f"again-{what}"), 422, "idempotency_key_reused")


async def test_a_refusal_is_the_answer_to_a_repetition_too(generous: Club) -> None:
    member = await generous.member()
    too_many = {"points": -50, "reason": "Posted twice"}
    first = problem(await generous.on(member, "adjustments", too_many, key="refused-adjustment"), 409, "insufficient_points")
    assert "50 points were asked for, and 0 are available" in first["detail"]
    await generous.event(member, "40.00")
    again = await generous.on(member, "adjustments", too_many, key="refused-adjustment")
    assert problem(again, 409, "insufficient_points") == first
    assert (await generous.on(member, "adjustments", too_many)).status_code == 201


async def test_a_member_gives_points_to_another_and_they_keep_their_expiry(generous: Club, house: House) -> None:
    giver, getter = await generous.member(), await generous.member()
    await generous.event(giver, "40.00")
    response = await generous.on(giver, "transfers", {"to": getter, "points": 150}, person=SHOP)
    assert (response.status_code, response.json()["balance"]) == (201, 250), response.text
    assert response.json()["to_participant"] == getter
    assert await generous.available(getter) == 150
    lots = [(await house.get(f"{generous.path}/members/{each}/balance", SHOP))["lots"] for each in (giver, getter)]
    assert lots[0][0]["expires_at"] == lots[1][0]["expires_at"]


async def test_points_become_those_of_another_currency_at_the_definitions_rate(generous: Club, house: House) -> None:
    member = await generous.member()
    await generous.event(member, "40.00")
    wish = {"from_currency": "NOTES", "to_currency": "GEMS", "points": 250}
    response = await generous.on(member, "conversions", wish, person=SHOP)
    assert response.status_code == 201, response.text
    assert (response.json()["rate"], response.json()["received"]) == ("0.01", 2)
    assert (await generous.available(member), await generous.available(member, "GEMS")) == (150, 2)
    (lot,) = (await house.get(f"{generous.path}/members/{member}/balance?currency=GEMS", SHOP))["lots"]
    assert timedelta(days=364) < datetime.fromisoformat(lot["expires_at"]) - datetime.now(UTC) < timedelta(days=367)
    few = await generous.on(member, "conversions", wish | {"points": 99})
    assert "less than one point of GEMS" in problem(few, 409, "converts_to_nothing")["detail"]


async def test_what_the_program_does_not_offer_is_refused(club: Club) -> None:
    member, other = await club.member(), await club.member()
    await club.event(member, "40.00")
    async with unchanged(club.house, club.program):
        found = problem(await club.on(member, "transfers", {"to": other, "points": 1}), 409, "transfers_not_offered")
        assert "transfers_between_members" in found["remedy"]
        wish = {"from_currency": "NOTES", "to_currency": "GEMS", "points": 100}
        found = problem(await club.on(member, "conversions", wish), 422, "currency_unknown")
        assert (found["field"], found["remedy"]) == ("to_currency", "The definition in force knows: NOTES.")
        wish = {"from_currency": "NOTES", "to_currency": "NOTES", "points": 100}
        assert "converts nothing" in problem(await club.on(member, "conversions", wish), 422, "conversion_unknown")["remedy"]


async def test_a_conversion_that_has_no_rate_names_those_that_have_one(generous: Club) -> None:
    member = await generous.member()
    wish = {"from_currency": "GEMS", "to_currency": "NOTES", "points": 100}
    found = problem(await generous.on(member, "conversions", wish), 422, "conversion_unknown")
    assert "NOTES into GEMS" in found["remedy"]


_AMOUNTS: list[Any] = [0, 1.5, 2.0, "12", MAX_POINTS + 1, True, None]


@pytest.mark.parametrize("points", _AMOUNTS, ids=str)
async def test_an_amount_that_is_none_is_named_and_changes_nothing(generous: Club, points: Any) -> None:
    member, other = await generous.member(), await generous.member()
    async with unchanged(generous.house, generous.program):
        for what, body in (
            ("adjustments", {"reason": "why"}),
            ("transfers", {"to": other}),
            ("conversions", {"from_currency": "NOTES", "to_currency": "GEMS"}),
        ):
            found = problem(await generous.on(member, what, body | {"points": points}), 422, "invalid_request")
            assert [fault["field"] for fault in found["errors"]] == ["points"], found


async def test_less_than_nothing_can_be_taken_by_hand_alone(generous: Club) -> None:
    member, other = await generous.member(), await generous.member()
    await generous.event(member, "40.00")
    for what, body in (
        ("transfers", {"to": other, "points": -1}),
        ("conversions", {"from_currency": "NOTES", "to_currency": "GEMS", "points": -100}),
    ):
        assert problem(await generous.on(member, what, body), 422, "invalid_request")["field"] == "points"
    too_much = {"points": -MAX_POINTS - 1, "reason": "why"}
    assert problem(await generous.on(member, "adjustments", too_much), 422, "invalid_request")["field"] == "points"


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("adjustments", {"points": 5}, "reason"),
        ("adjustments", {"points": 5, "reason": "  "}, "reason"),
        ("adjustments", {"points": 5, "reason": "a\x00b"}, "reason"),
        ("adjustments", {"points": 5, "reason": "why", "author": "somebody"}, "author"),
        ("adjustments", {"points": 5, "reason": "why", "currency": ""}, "currency"),
        ("transfers", {"points": 5, "to": "a name"}, "to"),
        ("conversions", {"points": 5, "from_currency": "NOTES"}, "to_currency"),
    ],
)
async def test_a_body_of_the_wrong_shape_names_the_field(generous: Club, what: str, body: Any, field: str) -> None:
    member = await generous.member()
    assert problem(await generous.on(member, what, body), 422, "invalid_request")["field"] == field


async def test_an_unknown_currency_is_told_with_the_known_ones(generous: Club, house: House) -> None:
    member, other = await generous.member(), await generous.member()
    async with unchanged(house, generous.program):
        for what, body in (
            ("adjustments", GOODWILL),
            ("transfers", {"to": other, "points": 1}),
        ):
            found = problem(await generous.on(member, what, body | {"currency": "MILES"}), 422, "currency_unknown")
            assert (found["field"], found["remedy"]) == ("currency", "The definition in force knows: NOTES, GEMS.")


async def test_both_must_be_members(generous: Club) -> None:
    member, gone, stranger = await generous.member(), await generous.member(), generous.stranger()
    await generous.event(member, "40.00")
    assert (await generous.leave(gone)).status_code == 200
    async with unchanged(generous.house, generous.program):
        found = problem(await generous.on(member, "transfers", {"to": gone, "points": 1}), 409, "member_left")
        assert gone in found["detail"]
        problem(await generous.on(member, "transfers", {"to": stranger, "points": 1}), 404, "member_unknown")
        found = problem(await generous.on(member, "transfers", {"to": member, "points": 1}), 422, "invalid_request")
        assert found["field"] == "to"
        problem(await generous.on(gone, "adjustments", GOODWILL), 409, "member_left")
        problem(await generous.on(gone, "transfers", {"to": member, "points": 1}), 409, "member_left")
        wish = {"from_currency": "NOTES", "to_currency": "GEMS", "points": 100}
        problem(await generous.on(gone, "conversions", wish), 409, "member_left")
        problem(await generous.on(stranger, "adjustments", GOODWILL), 404, "member_unknown")


async def test_who_leaves_forfeits_every_currency(generous: Club, house: House) -> None:
    member = await generous.member()
    await generous.on(member, "adjustments", GOODWILL | {"currency": "GEMS"})
    assert (await generous.leave(member)).status_code == 200
    assert await generous.available(member, "GEMS") == 0


async def test_once_the_redeem_window_is_over_nothing_is_given_and_before_that_it_does_not_lapse(
    generous: Club, house: House
) -> None:
    member = await generous.member()
    now = datetime.now(UTC)
    async with generous.door_closed("redeeming_until", now):
        problem(await generous.on(member, "adjustments", GOODWILL), 409, "redeeming_closed")
    async with generous.door_closed("earning_until", now):
        assert (await generous.on(member, "adjustments", GOODWILL)).status_code == 201
    (lot,) = (await house.get(f"{generous.path}/members/{member}/balance", SHOP))["lots"]
    assert lot["expires_at"] is None


async def test_an_account_that_is_full_takes_no_more(generous: Club) -> None:
    member = await generous.member()
    assert (await generous.on(member, "adjustments", {"points": MAX_POINTS, "reason": "why"})).status_code == 201
    found = problem(await generous.on(member, "adjustments", {"points": 1, "reason": "why"}), 409, "balance_limit")
    assert str(MAX_POINTS) in found["detail"]
