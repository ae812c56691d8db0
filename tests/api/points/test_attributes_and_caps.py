"""Events that say more than an amount, and rules that give only so much: alone, at once, and in batches."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.sample_program import SHOP, SampleProgram, launched, problem
from tests.stack import Stack

RULES = [
    {"id": "nights", "event": "stay", "rate": 100, "per": "nights", "when": [{"attribute": "brand", "is_not": "budget"}]},
    {"id": "survey", "event": "survey", "points": 40, "cap": {"points": 100, "per": {"every": "P100Y", "from": "2020-01-01"}}},
    {"id": "claim", "event": "claim", "points": 30, "pending": True},
]


@pytest.fixture(scope="module")
async def hotel(stack: Stack) -> SampleProgram:
    """A program whose rules look at attributes, whose surveys give 100 points at most, and whose claims wait.

    The cap is one of a century: that of a year would be new where the year ends while a test runs.
    """
    return await launched(
        stack,
        "http://127.0.0.1:9/orders",
        earning=[{"id": "points-per-dollar", "event": "purchase", "rate": 10, "rounding": "half_up"}, *RULES],
        test_phases=[
            {
                "id": "readiness",
                "kind": "sign_off",
                "gate": {"rules": [{"role": "operations"}, {"role": "marketing"}], "deadline": "P90D"},
            }
        ],
    )


async def _points(hotel: SampleProgram, participant: str, type_: str, **more: Any) -> int:
    response = await hotel.event(participant, "0", type=type_, **more)
    assert response.status_code == 201, response.text
    points: int = response.json()["points"]
    return points


async def test_an_event_is_rated_by_what_it_says(hotel: SampleProgram) -> None:
    guest = await hotel.member()
    assert await _points(hotel, guest, "stay", attributes={"nights": 3, "brand": "grand"}) == 300
    assert await _points(hotel, guest, "stay", attributes={"nights": 3, "brand": "budget"}) == 0


@pytest.mark.parametrize("nights", ["three", None, -1])
async def test_an_attribute_that_a_rule_cannot_use_is_named(hotel: SampleProgram, nights: Any) -> None:
    guest = await hotel.member()
    attributes = {"brand": "grand"} | ({} if nights is None else {"nights": nights})
    found = problem(await hotel.event(guest, "0", type="stay", attributes=attributes), 422, "invalid_request")
    assert found["errors"][0]["field"] == "attributes.nights"
    assert await hotel.available(guest) == 0


async def test_the_order_of_attributes_makes_no_other_event(hotel: SampleProgram) -> None:
    guest, at = await hotel.member(), datetime.now(UTC).isoformat()
    first = await hotel.event(guest, "0", type="stay", occurred_at=at, key="a-stay", attributes={"nights": 1, "brand": "grand"})
    again = await hotel.event(guest, "0", type="stay", occurred_at=at, key="a-stay", attributes={"brand": "grand", "nights": 1})
    other = await hotel.event(guest, "0", type="stay", occurred_at=at, key="a-stay", attributes={"brand": "grand", "nights": 2})
    assert again.json() == first.json()
    problem(other, 422, "idempotency_key_reused")


async def test_a_cap_holds_for_events_one_by_one(hotel: SampleProgram) -> None:
    guest = await hotel.member()
    assert [await _points(hotel, guest, "survey") for _ in range(4)] == [40, 40, 20, 0]


async def test_a_cap_holds_for_events_at_once(hotel: SampleProgram) -> None:
    guest = await hotel.member()
    answers = await asyncio.gather(*(_points(hotel, guest, "survey") for _ in range(8)))
    assert sorted(answers, reverse=True)[:4] == [40, 40, 20, 0]
    assert await hotel.available(guest) == 100


async def test_a_cap_holds_within_a_batch_and_for_batches_at_once(hotel: SampleProgram, stack: Stack) -> None:
    guest, other = await hotel.member(), await hotel.member()
    at = datetime.now(UTC) - timedelta(milliseconds=1)

    def batch(name: str) -> dict[str, Any]:
        rows = [(f"{name}-{number}", who) for number in range(4) for who in (guest, other)]
        return {
            "events": [
                {"key": key, "participant": who, "type": "survey", "occurred_at": (at + timedelta(microseconds=n)).isoformat()}
                for n, (key, who) in enumerate((f"{key}-{who}", who) for key, who in rows)
            ]
        }

    responses = await asyncio.gather(
        *(stack.post(f"{hotel.path}/events", batch(name), person=SHOP) for name in ("one", "two", "three"))
    )
    for response in responses:
        assert (response.status_code, response.json()["refused"]) == (200, 0), response.text
    again = await stack.post(f"{hotel.path}/events", batch("one"), person=SHOP)
    assert again.json()["repeated"] == 8
    assert [await hotel.available(who) for who in (guest, other)] == [100, 100]


async def test_what_a_rule_lets_wait_is_posted_with_its_confirmation(hotel: SampleProgram) -> None:
    guest = await hotel.member()
    waiting = await hotel.event(guest, "0", type="claim")
    assert (waiting.json()["points"], waiting.json()["pending"]) == (0, 30)
    confirmed = await hotel.points(guest, f"transactions/{waiting.json()['transaction']}/confirmation", person=SHOP)
    assert (confirmed.status_code, await hotel.available(guest)) == (201, 30)
