"""Who is held out, and what they buy: kept once for the comparison with members, and nothing else comes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import func, select

from store.members import members
from store.programs import programs
from store.rollout import holdout
from store.tables import outside_event
from tests.api.bulk_members import BulkMembers, in_force, joined
from tests.api.sample_program import SHOP, definition_of, problem, unchanged
from tests.stack import Stack, program_id


class Outside(BulkMembers):
    """A program with a holdout, in force for a hundred days."""

    def __init__(self, stack: Stack, **changes: Any) -> None:
        super().__init__(stack)
        self.definition = definition_of(program_id("outside"), **changes)

    async def post(self, events: Any, *, person: str = SHOP) -> Response:
        headers = {"Authorization": f"Bearer {person}"}
        return await self.stack.http.post(f"{self.path}/outside-events", json={"events": events}, headers=headers)

    async def kept(self) -> int:
        """How many events are kept."""
        async with self.stack.engine.connect() as connection:
            query = select(func.count()).select_from(outside_event).where(outside_event.c.program == self.program)
            return int(await connection.scalar(query) or 0)

    async def hold_out(self, *people: str) -> None:
        """As if they had asked to join when the program came into force."""
        async with self.stack.engine.begin() as connection:
            for each in people:
                await holdout.hold_out(connection, self.program, each, self.since)


@pytest.fixture
async def outside(stack: Stack) -> Outside:
    found = Outside(stack, holdout={"share": 10})
    await in_force(stack.engine, found.definition, found.since)
    await found.hold_out("one", "two", "three")
    return found


def statuses(response: Response) -> list[str]:
    assert response.status_code == 200, response.text
    body = response.json()
    found = [result["status"] for result in body["results"]]
    assert {name: body[name] for name in ("posted", "repeated", "refused")} == {
        name: found.count(name) for name in ("posted", "repeated", "refused")
    }
    return found


async def test_what_those_buy_who_are_held_out_is_kept_once_and_nothing_else_changes(outside: Outside, stack: Stack) -> None:
    events = [outside.event(person) for person in ("one", "two", "three", "one")]
    async with unchanged(stack, outside.program):
        first = await outside.post(events)
        again = await outside.post(list(reversed(events)))
    assert statuses(first) == ["posted"] * 4
    assert first.json()["results"][0] == {"key": events[0]["key"], "status": "posted"}
    assert statuses(again) == ["repeated"] * 4
    assert await outside.kept() == 4


async def test_who_is_held_out_is_listed_in_pages(outside: Outside, stack: Stack) -> None:
    first = await stack.get(f"{outside.path}/held-out?limit=2", SHOP)
    assert [each["participant"] for each in first["items"]] == ["one", "three"]
    rest = await stack.get(f"{outside.path}/held-out?limit=2&cursor={first['next']}", SHOP)
    assert [each["participant"] for each in rest["items"]] == ["two"] and rest["next"] is None


async def test_a_key_is_of_one_event_within_a_batch_and_ever_after(outside: Outside) -> None:
    event = outside.event("one")
    response = await outside.post([event, event, event | {"amount": "1"}, event | {"participant": "two"}])
    assert statuses(response) == ["posted", "repeated", "refused", "refused"]
    for place in (2, 3):
        found = response.json()["results"][place]["problem"]
        assert (found["code"], found["field"]) == ("idempotency_key_reused", f"events[{place}].key")
    assert statuses(await outside.post([event], person="demo-app")) == ["posted"], "keys belong to whoever posts"
    assert await outside.kept() == 2


async def test_what_was_kept_is_repeated_though_it_would_be_refused_by_now(outside: Outside, stack: Stack) -> None:
    event = outside.event("one")
    assert statuses(await outside.post([event])) == ["posted"]
    async with stack.engine.begin() as connection:
        now = datetime.now(UTC)
        await programs.announce_end(connection, outside.program, now, outside.since, now, now)
    response = await outside.post([event, outside.event("one")])
    assert statuses(response) == ["repeated", "refused"]
    assert response.json()["results"][1]["problem"]["code"] == "earning_closed"


async def test_of_a_member_only_what_they_buy_after_they_left_is_kept(outside: Outside, stack: Stack) -> None:
    joining, departure = outside.since + timedelta(days=10), outside.since + timedelta(days=20)
    await joined(stack.engine, outside.definition, ["ann"], joining)
    async with stack.engine.begin() as connection:
        await members.close(connection, outside.program, "ann", "left", departure)
    times = [joining - timedelta(seconds=1), joining, departure - timedelta(seconds=1), departure]
    response = await outside.post([outside.event("ann", occurred_at=time.isoformat()) for time in times])
    assert statuses(response) == ["refused", "refused", "refused", "posted"]
    found = [(result["problem"]["code"], result["problem"]["field"]) for result in response.json()["results"][:3]]
    assert found == [
        ("not_compared", "events[0].occurred_at"),
        ("member_then", "events[1].participant"),
        ("member_then", "events[2].participant"),
    ]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"type": "lottery"}, "event_type_unknown", "type"),
        ({"amount": "0.001"}, "invalid_request", "amount"),
        ({"amount": "-1"}, "invalid_request", "amount"),
        ({"occurred_at": "2126-01-01T00:00:00Z"}, "time_out_of_range", "occurred_at"),
        ({"occurred_at": "2020-01-01T00:00:00Z"}, "not_compared", "occurred_at"),
        ({"participant": "a-stranger"}, "not_compared", "participant"),
        ({"occurred_at": "2020-01-01T00:00:00"}, "time_zone_missing", "occurred_at"),
        ({"participant": None}, "invalid_request", "participant"),
        ({"key": None}, "idempotency_key_missing", "key"),
    ],
)
async def test_an_event_that_cannot_be_taken_harms_no_other(
    outside: Outside, change: dict[str, Any], code: str, field: str
) -> None:
    response = await outside.post([outside.event("one"), outside.event("two", **change), outside.event("three")])
    assert statuses(response) == ["posted", "refused", "posted"]
    found = response.json()["results"][1]["problem"]
    assert (found["code"], found["field"]) == (code, f"events[1].{field}")
    assert len(found["remedy"]) > 10
    assert await outside.kept() == 2


async def test_a_program_without_a_holdout_keeps_nothing_of_outsiders(stack: Stack) -> None:
    open_to_all = Outside(stack)
    await in_force(stack.engine, open_to_all.definition, open_to_all.since)
    problem(await open_to_all.post([open_to_all.event("one")]), 409, "no_holdout")
    assert await open_to_all.kept() == 0


async def test_a_body_that_is_no_batch_is_refused_whole(outside: Outside) -> None:
    problem(await outside.post([]), 422, "invalid_request")
    assert await outside.kept() == 0
