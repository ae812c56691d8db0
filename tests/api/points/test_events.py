"""Batches of events: each posted, repeated or refused by itself, whatever its neighbours are."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import update

from api.points import event_batch
from domain import ids
from ledger import Cancel, Confirm
from services.points.rating import EventIn
from store.members import members
from store.programs import programs
from store.tables import member as member_table
from tests.api.bulk_members import BulkMembers, in_force
from tests.api.sample_program import MUCH, SHOP, problem, report, unchanged
from tests.stack import Stack, first_revision


@pytest.fixture(scope="module")
async def bulk_members(stack: Stack) -> BulkMembers:
    """A program in force, with nobody in it yet."""
    bulk_members = BulkMembers(stack)
    await in_force(stack.engine, bulk_members.definition, bulk_members.since)
    return bulk_members


def counts(response: Response) -> tuple[int, int, int]:
    """How many were posted, repeated and refused; every result must be there."""
    assert response.status_code == 200, response.text
    body = response.json()
    statuses = [result["status"] for result in body["results"]]
    lines = body["posted"], body["repeated"], body["refused"]
    assert lines == (statuses.count("posted"), statuses.count("repeated"), statuses.count("refused"))
    return lines


def refused(response: Response, place: int, status: int, code: str) -> dict[str, Any]:
    """The problem of one event of a batch, which must be as whole as that of a request."""
    result = response.json()["results"][place]
    assert (result["status"], result["problem"]["status"], result["problem"]["code"]) == ("refused", status, code), result
    for sentence in ("type", "title", "detail", "remedy"):
        assert len(result["problem"][sentence]) > 10, result
    found: dict[str, Any] = result["problem"]
    assert found["field"].startswith(f"events[{place}]"), found
    return found


async def test_each_event_is_answered_at_its_place(bulk_members: BulkMembers, stack: Stack) -> None:
    one, other = await bulk_members.members(2)
    events = [
        bulk_members.event(one),
        bulk_members.event(other, amount="10"),
        bulk_members.event(one, amount=1),
        bulk_members.event(one, type="gift"),
    ]

    response = await bulk_members.post(events)

    assert counts(response) == (4, 0, 0)
    results = response.json()["results"]
    assert [result["key"] for result in results] == [event["key"] for event in events]
    assert [(result["points"], result["balance"]) for result in results] == [
        (293, 293), (100, 100), (10, 303), (MUCH, 303 + MUCH),
    ]  # fmt: skip
    assert {(result["tier"], result["kind"], result["outcome"]) for result in results} == {("listener", "earn", "posted")}
    shown = await stack.get(f"{bulk_members.path}/members/{other}/transactions/{results[1]['transaction']}", SHOP)
    assert shown == {name: value for name, value in results[1].items() if name not in ("key", "status")}


async def test_a_batch_again_is_repeated_whole_with_the_first_answers(bulk_members: BulkMembers, stack: Stack) -> None:
    events = [bulk_members.event(participant) for participant in await bulk_members.members(3)]
    first = await bulk_members.post(events)
    assert counts(first) == (3, 0, 0)
    async with unchanged(stack, bulk_members.program):
        again = await bulk_members.post(events)
    assert counts(again) == (0, 3, 0)
    assert again.json()["results"] == [result | {"status": "repeated"} for result in first.json()["results"]]


async def test_new_and_old_events_mix_in_other_parts(bulk_members: BulkMembers) -> None:
    (member,) = await bulk_members.members()
    events = [bulk_members.event(member, amount="1") for _ in range(4)]
    assert counts(await bulk_members.post(events[:2])) == (2, 0, 0)
    response = await bulk_members.post([events[3], events[1], events[2], events[0]])
    assert [result["status"] for result in response.json()["results"]] == ["posted", "repeated", "posted", "repeated"]
    assert [result["balance"] for result in response.json()["results"]] == [40, 20, 30, 10]


async def test_an_event_is_the_same_whether_posted_alone_or_in_a_batch(bulk_members: BulkMembers, stack: Stack) -> None:
    (member,) = await bulk_members.members()
    alone, together = bulk_members.event(member), bulk_members.event(member, amount=12.5, pending=True)
    first = (await bulk_members.post_one(alone)).json()
    assert counts(await bulk_members.post([alone, together])) == (1, 1, 0)
    async with unchanged(stack, bulk_members.program):
        again = await bulk_members.post_one(together)
        assert (again.status_code, again.headers["Idempotency-Replayed"], again.json()["pending"]) == (201, "true", 125)
        results = (await bulk_members.post([alone])).json()["results"]
        assert results == [{"key": alone["key"], "status": "repeated", **first}]
        other = await bulk_members.post([alone | {"amount": "1"}, alone | {"participant": "c-0"}])
        for place in (0, 1):
            found = refused(other, place, 422, "idempotency_key_reused")
            assert found["field"] == f"events[{place}].key"
            assert alone["key"] in found["detail"] and "event/" not in found["detail"]


async def test_a_key_belongs_to_the_person_who_posts(bulk_members: BulkMembers) -> None:
    (member,) = await bulk_members.members()
    event = bulk_members.event(member)
    assert counts(await bulk_members.post([event])) == (1, 0, 0)
    assert counts(await bulk_members.post([event], person="demo-app")) == (1, 0, 0)


async def test_a_key_twice_in_a_batch_is_repeated_for_the_same_event_and_refused_for_another(bulk_members: BulkMembers) -> None:
    one, other = await bulk_members.members(2)
    event = bulk_members.event(one)
    response = await bulk_members.post(
        [bulk_members.event(other), event, event, event | {"amount": "1"}, event | {"participant": other}, event]
    )
    assert counts(response) == (2, 2, 2)
    results = response.json()["results"]
    assert [results[place]["transaction"] for place in (2, 5)] == [results[1]["transaction"]] * 2
    for place in (3, 4):
        found = refused(response, place, 422, "idempotency_key_reused")
        assert "events[1]" in found["detail"] and found["field"] == f"events[{place}].key"
    assert results[1]["balance"] == 293


async def test_whoever_is_refused_first_is_refused_the_same_way_when_their_event_comes_twice(bulk_members: BulkMembers) -> None:
    stranger = bulk_members.event("m-stranger")
    response = await bulk_members.post([stranger, stranger])
    assert counts(response) == (0, 0, 2)
    for place in (0, 1):
        refused(response, place, 404, "member_unknown")


@pytest.mark.parametrize(
    ("field", "code", "change"),
    [
        ("key", "idempotency_key_missing", {"key": None}),
        ("key", "idempotency_key_invalid", {"key": ""}),
        ("key", "idempotency_key_invalid", {"key": "two words"}),
        ("key", "idempotency_key_invalid", {"key": "x" * 201}),
        ("key", "idempotency_key_invalid", {"key": "clé"}),
        ("key", "idempotency_key_invalid", {"key": "\ud800"}),
        ("key", "idempotency_key_invalid", {"key": 7}),
        ("participant", "invalid_request", {"participant": None}),
        ("participant", "invalid_request", {"participant": "Ann Lee"}),
        ("participant", "invalid_request", {"participant": "m\x00"}),
        ("participant", "invalid_request", {"participant": ["m"]}),
        ("participant", "member_unknown", {"participant": "m-stranger"}),
        ("type", "invalid_request", {"type": None}),
        ("type", "invalid_request", {"type": "Purchase!"}),
        ("type", "event_type_unknown", {"type": "visit"}),
        ("occurred_at", "invalid_request", {"occurred_at": None}),
        ("occurred_at", "invalid_request", {"occurred_at": "yesterday"}),
        ("occurred_at", "time_zone_missing", {"occurred_at": "2026-03-10T09:30:00"}),
        ("occurred_at", "time_out_of_range", {"occurred_at": "0001-01-01T00:00:00+14:00"}),
        ("occurred_at", "time_out_of_range", {"occurred_at": "9999-12-31T23:59:59-14:00"}),
        ("amount", "invalid_request", {"amount": "abc"}),
        ("amount", "invalid_request", {"amount": "-1"}),
        ("amount", "invalid_request", {"amount": float("nan")}),
        ("amount", "invalid_request", {"amount": float("inf")}),
        ("amount", "invalid_request", {"amount": "12.345"}),
        ("amount", "invalid_request", {"amount": "1e400000"}),
        ("amount", "invalid_request", {"amount": "1000000000000.01"}),
        ("amount", "invalid_request", {"type": "jackpot", "amount": "1000000000000"}),
        ("amount", "invalid_request", {"amount": {"value": 3}}),
        ("pending", "invalid_request", {"pending": "perhaps"}),
        ("points", "invalid_request", {"points": 5000}),
    ],
)
async def test_an_event_that_is_wrong_harms_no_neighbour(
    bulk_members: BulkMembers, stack: Stack, field: str, code: str, change: dict[str, Any]
) -> None:
    before, after = await bulk_members.members(2)
    events = [bulk_members.event(before), bulk_members.event(before, **change), bulk_members.event(after)]
    headers = {"Authorization": f"Bearer {SHOP}"}

    response = await stack.http.post(f"{bulk_members.path}/events", content=json.dumps({"events": events}), headers=headers)

    assert counts(response) == (2, 0, 1)
    status = {"member_unknown": 404, "idempotency_key_missing": 400, "idempotency_key_invalid": 400}.get(code, 422)
    found = refused(response, 1, status, code)
    assert found["field"] == f"events[1].{field}"
    assert response.json()["results"][1]["key"] == (events[1].get("key") if isinstance(events[1].get("key"), str) else None)
    assert (await stack.get(f"{bulk_members.path}/members/{before}/balance", SHOP))["posted"] == 293


@pytest.mark.parametrize("item", [None, 7, "text", [], [1], {}])
async def test_what_is_no_event_at_all_is_told_at_its_place(bulk_members: BulkMembers, item: Any) -> None:
    (member,) = await bulk_members.members()
    response = await bulk_members.post([item, bulk_members.event(member)])
    assert counts(response) == (1, 0, 1)
    found = refused(response, 0, 400 if item == {} else 422, "idempotency_key_missing" if item == {} else "invalid_request")
    assert found["field"] == ("events[0].key" if item == {} else "events[0]")


async def test_an_endless_number_or_half_a_character_spoils_its_own_event_alone(
    bulk_members: BulkMembers, stack: Stack
) -> None:
    (member,) = await bulk_members.members()
    good = json.dumps(bulk_members.event(member))
    endless = json.dumps(bulk_members.event(member)).replace('"29.33"', "9" * 5000)
    half = json.dumps(bulk_members.event(member)).replace('"purchase"', r'"\ud800"')
    body = f'{{"events": [{good}, {endless}, {half}]}}'
    response = await stack.http.post(f"{bulk_members.path}/events", content=body, headers={"Authorization": f"Bearer {SHOP}"})
    assert counts(response) == (1, 0, 2)
    assert refused(response, 1, 422, "invalid_request")["field"] == "events[1].amount"
    assert refused(response, 2, 422, "invalid_request")["field"] == "events[2].type"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 100_000, "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"{}", "events"),
        (b'{"events": {}}', "events"),
        (b'{"events": "all"}', "events"),
        (b'{"events": []}', "events"),
        (b'{"events": [{}], "pending": true}', "pending"),
        (b'{"events": [' + b",".join([b"{}"] * 10_001) + b"]}", "events"),
    ],
)
async def test_a_body_that_is_no_batch_is_refused_whole(
    bulk_members: BulkMembers, stack: Stack, body: bytes, field: str
) -> None:
    headers = {"Authorization": f"Bearer {SHOP}"}
    async with unchanged(stack, bulk_members.program):
        response = await stack.http.post(f"{bulk_members.path}/events", content=body, headers=headers)
        assert problem(response, 422, "invalid_request")["field"] == field


async def test_too_many_events_are_told_the_limit_and_what_to_do(bulk_members: BulkMembers, stack: Stack) -> None:
    (member,) = await bulk_members.members()
    async with unchanged(stack, bulk_members.program):
        found = problem(await bulk_members.post([bulk_members.event(member)] * (event_batch.MOST + 1)), 422, "invalid_request")
    assert "10,001" in found["detail"] and "10,000" in found["detail"] and "several batches" in found["detail"]


async def test_a_program_that_is_not_there_takes_no_batch(bulk_members: BulkMembers, stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {SHOP}"}
    body = {"events": [bulk_members.event("m-1")]}
    problem(await stack.http.post("/programs/nowhere/events", json=body, headers=headers), 404, "program_unknown")


async def test_a_batch_needs_no_key_of_its_own_and_minds_none(bulk_members: BulkMembers, stack: Stack) -> None:
    (member,) = await bulk_members.members()
    for _ in range(2):
        response = await stack.post(
            f"{bulk_members.path}/events", {"events": [bulk_members.event(member)]}, person=SHOP, key="a-batch"
        )
        assert counts(response) == (1, 0, 0)


async def test_ten_thousand_events_at_once_are_all_posted_and_repeat(bulk_members: BulkMembers, stack: Stack) -> None:
    participants = await bulk_members.members(1_000)
    events = [bulk_members.event(participants[number % 1_000], amount="1.00") for number in range(event_batch.MOST)]
    assert len(json.dumps({"events": events})) < 16 * 1024 * 1024
    assert counts(await bulk_members.post(events)) == (10_000, 0, 0)
    check = await stack.get(f"{bulk_members.path}/ledger-check")
    assert check["clean"]
    again = await bulk_members.post(events)
    assert counts(again) == (0, 10_000, 0)
    assert {result["balance"] for result in again.json()["results"]} == set(range(10, 101, 10))
    assert (await stack.get(f"{bulk_members.path}/ledger-check"))["postings"] == check["postings"]


async def test_the_same_batch_many_times_at_once_is_paid_once(bulk_members: BulkMembers) -> None:
    participants = await bulk_members.members(50)
    events = [bulk_members.event(participants[number % 50], amount="1.00") for number in range(1_500)]
    responses = await asyncio.gather(*(bulk_members.post(part) for part in (events, events, list(reversed(events)))))
    lines = [counts(response) for response in responses]
    assert [sum(status) for status in zip(*lines, strict=True)] == [1_500, 3_000, 0]
    balances = [await bulk_members.stack.get(f"{bulk_members.path}/members/{each}/balance", SHOP) for each in participants]
    assert {balance["posted"] for balance in balances} == {300}


async def test_a_members_events_count_in_the_order_of_their_times(bulk_members: BulkMembers) -> None:
    (member,) = await bulk_members.members()
    events = [bulk_members.event(member, amount=str(amount)) for amount in (1, 2, 4)]
    response = await bulk_members.post(list(reversed(events)))
    assert [result["balance"] for result in reversed(response.json()["results"])] == [10, 30, 70]


async def test_events_that_counted_keep_their_answers_when_the_member_has_left_and_the_doors_are_closed(
    bulk_members: BulkMembers, stack: Stack
) -> None:
    one, other = await bulk_members.members(2)
    events = [bulk_members.event(one), bulk_members.event(other)]
    first = (await bulk_members.post(events)).json()["results"]
    async with stack.engine.begin() as connection:
        await members.close(connection, bulk_members.program, one, "left", datetime.now(UTC))

    response = await bulk_members.post(
        [events[0], bulk_members.event(one), events[0] | {"amount": "1", "key": events[0]["key"]}, events[1]]
    )

    assert counts(response) == (0, 2, 2)
    results = response.json()["results"]
    assert (results[0], results[3]) == (first[0] | {"status": "repeated"}, first[1] | {"status": "repeated"})
    refused(response, 1, 409, "member_left")
    alone = await bulk_members.post([events[0] | {"amount": "1"}])
    refused(alone, 0, 422, "idempotency_key_reused")


async def test_a_refusal_of_the_ledger_is_one_events_own_and_repeats(bulk_members: BulkMembers, stack: Stack) -> None:
    full, other = await bulk_members.members(2)
    assert counts(await bulk_members.post([bulk_members.event(full, type="gift")])) == (1, 0, 0)
    gift, purchase = bulk_members.event(full, type="gift"), bulk_members.event(other)
    response = await bulk_members.post([gift, purchase])
    assert counts(response) == (1, 0, 1)
    found = refused(response, 0, 409, "balance_limit")
    async with unchanged(stack, bulk_members.program):
        again = await bulk_members.post([purchase, gift])
        assert counts(again) == (0, 1, 1)
        assert refused(again, 1, 409, "balance_limit")["detail"] == found["detail"]
        assert problem(await bulk_members.post_one(gift), 409, "balance_limit")["detail"] == found["detail"]


async def test_a_fault_that_one_event_brings_to_light_keeps_no_other_from_being_posted(
    bulk_members: BulkMembers, stack: Stack
) -> None:
    odd, other = await bulk_members.members(2)
    theirs = (member_table.c.program == bulk_members.program) & (member_table.c.participant == odd)
    async with stack.engine.begin() as connection:
        await connection.execute(update(member_table).where(theirs).values(tier="a-tier-that-was-taken-away"))
    response = await bulk_members.post([bulk_members.event(odd), bulk_members.event(other)])
    assert counts(response) == (1, 0, 1)
    assert "taken-away" not in refused(response, 0, 500, "internal")["detail"]


async def test_points_of_a_pending_event_wait_until_they_are_confirmed(bulk_members: BulkMembers, stack: Stack) -> None:
    (member,) = await bulk_members.members()
    kept, dropped, alone = (bulk_members.event(member, pending=True, amount=amount) for amount in ("1", "2", "4"))
    results = (await bulk_members.post([kept, dropped])).json()["results"]
    assert [(result["status"], result["points"], result["pending"], result["balance"]) for result in results] == [
        ("posted", 0, 10, 0), ("posted", 0, 20, 0),
    ]  # fmt: skip
    posted = await bulk_members.post_one(alone)
    assert (posted.status_code, posted.json()["points"], posted.json()["pending"]) == (201, 0, 40)

    asked: dict[str, Any] = {"program": bulk_members.program, "participant": member, "currency": "NOTES"}
    asked["effective_at"] = datetime.now(UTC)
    confirmed = await stack.ledger.confirm(Confirm(key="c-1", earn=ids.event(SHOP, kept["key"]), **asked))
    cancelled = await stack.ledger.cancel(Cancel(key="c-2", earn=ids.event(SHOP, dropped["key"]), **asked))
    assert (confirmed.outcome, confirmed.balance, cancelled.outcome, cancelled.balance) == ("posted", 10, "posted", 10)
    other = await bulk_members.post([kept | {"pending": False}])
    refused(other, 0, 422, "idempotency_key_reused")


def test_an_event_keeps_the_fingerprint_that_it_had_before_there_was_pending() -> None:
    event = {"type": "purchase", "occurred_at": "2026-03-10T09:30:00+00:00", "amount": "12.50"}
    text = '{"type":"purchase","occurred_at":"2026-03-10T09:30:00Z","amount":"12.50"}'
    assert EventIn.model_validate(event).fingerprint == text
    assert EventIn.model_validate(event | {"pending": False}).fingerprint == text
    assert EventIn.model_validate(event | {"pending": True}).fingerprint == text.replace("}", ',"pending":true}')


async def test_each_event_of_a_batch_is_rated_by_the_revision_of_its_time(bulk_members: BulkMembers, stack: Stack) -> None:
    (member,) = await bulk_members.members()
    turn = bulk_members.since + timedelta(days=50)
    rules = tuple(
        rule.model_copy(update={"rate": Decimal(1)}) for rule in bulk_members.definition.earning if rule.event == "purchase"
    )
    second = first_revision(bulk_members.definition.model_copy(update={"earning": rules}), turn).model_copy(
        update={"number": 2}
    )
    async with stack.engine.begin() as connection:
        await programs.add_revision(connection, second)
        await programs.put_in_force(connection, bulk_members.program, 2, turn)
    whens = [turn - timedelta(seconds=1), turn, turn + timedelta(days=1)]
    response = await bulk_members.post(
        [bulk_members.event(member, occurred_at=when.isoformat(), amount="10.00") for when in whens]
    )
    assert [result["points"] for result in response.json()["results"]] == [100, 10, 10]
    assert (await report(stack, bulk_members.program))["program"]["revision_in_force"] == 2
