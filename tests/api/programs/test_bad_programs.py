"""Bad input about programs: definitions with faults, programs that are not there, twice, too early or too late."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from domain import ids
from tests.api.sample_program import SampleProgram, Waiting, definition_of, problem, runs, unchanged
from tests.stack import Stack, program_id
from tests.waiting import approve, stage_reached

Begin = Callable[[], Awaitable[Waiting]]


async def test_a_definition_is_refused_with_all_its_faults_at_once(stack: Stack) -> None:
    before = await stack.get("/programs")
    document = definition_of(program_id("faulty")).model_dump(mode="json")
    document["time_zone"] = "Mars/Olympus"
    document["colour"] = "red"
    document["rewards"][0]["points"] = 0
    document["tiers"][1]["reach"]["all"][0]["counter"] = "visits"
    del document["agreement"]["version"]
    found = problem(await stack.post("/programs", document), 422, "definition_faulty")
    assert {fault["path"] for fault in found["errors"]} == {
        "time_zone", "colour", "rewards[0].points", "tiers[1].reach.all[0].counter", "agreement.version",
    }  # fmt: skip
    assert all(fault["problem"] and fault["remedy"] for fault in found["errors"])
    assert "5 faults" in found["detail"]
    assert await stack.get("/programs") == before


@pytest.mark.parametrize(
    ("body", "line"), [(b"name: [", 1), (b"", 1), (b"[]", 1), (b"name: \xff", 1), (b"format: tenure/1\n\tname: x", 2)]
)
async def test_what_is_no_definition_at_all_is_refused_with_its_line(stack: Stack, body: bytes, line: int) -> None:
    headers = {"Authorization": "Bearer demo-owner", "Idempotency-Key": f"no-definition-{body!r}".replace(" ", "")}
    response = await stack.http.post("/programs", content=body, headers=headers)
    (fault,) = problem(response, 422, "definition_faulty")["errors"]
    assert fault["line"] == line


async def test_a_text_that_no_database_keeps_is_a_fault_of_the_definition(stack: Stack) -> None:
    document = definition_of(program_id("nul")).model_dump(mode="json") | {"summary": "nothing\x00at all"}
    (fault,) = problem(await stack.post("/programs", document), 422, "definition_faulty")["errors"]
    assert (fault["path"], "U+0000" in fault["problem"]) == ("summary", True)


async def test_a_definition_on_a_log_that_is_not_there_begins_nothing(stack: Stack) -> None:
    document = definition_of(program_id("nolog")).model_dump(mode="json")
    document["prototype"]["transactions"] = "nowhere"
    problem(await stack.post("/programs", document), 422, "transaction_log_not_loaded")
    problem(await stack.http.get(f"/programs/{document['program']}", headers=_owner()), 404, "program_unknown")


async def test_a_log_that_the_program_cannot_rate_sends_the_revision_back(stack: Stack) -> None:
    await stack.post("/transaction-logs/tenths-of-a-cent", content="customer,at,amount\nc1,2026-01-01T10:00:00Z,1.001\n")
    definition = definition_of(program_id("tenths"))
    document = definition.model_dump(mode="json")
    document["prototype"]["transactions"] = "tenths-of-a-cent"
    assert (await stack.post("/programs", document)).status_code == 201
    gate = ids.gate(ids.qualification(definition.program, 1), "strategy", 1)
    await approve(stack, gate, "demo-marketing", "demo-finance")
    await stage_reached(stack, definition.program, "development")
    found = await stack.get(f"/programs/{definition.program}")
    assert "tenths-of-a-cent cannot be used" in found["note"] and "1.001 USD" in found["note"]


async def test_a_program_starts_once(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    other = waiting.definition.model_copy(update={"summary": "Another one"})
    async with unchanged(stack, waiting.program):
        for definition in (waiting.definition, other):
            response = await stack.post("/programs", definition.model_dump(mode="json"))
            found = problem(response, 409, "program_exists")
            assert waiting.program in found["detail"]
            assert "revision" in found["remedy"] and "another id" in found["remedy"]
    assert await runs(stack, ids.lifecycle(waiting.program))
    assert await runs(stack, waiting.gate)


async def test_the_same_start_again_gets_the_same_answer_and_another_body_is_refused(stack: Stack) -> None:
    definition = definition_of(program_id("again"))
    body = definition.model_dump(mode="json")
    first = await stack.post("/programs", body, key="again-1")
    assert first.status_code == 201
    second = await stack.post("/programs", body, key="again-1")
    assert (second.status_code, second.json(), second.headers["Location"]) == (201, first.json(), first.headers["Location"])
    assert second.headers["Idempotency-Replayed"] == "true"
    found = problem(await stack.post("/programs", body | {"summary": "Other"}, key="again-1"), 422, "idempotency_key_reused")
    assert "'again-1'" in found["detail"]


async def test_of_two_starts_at_once_one_begins_the_program(stack: Stack) -> None:
    body = definition_of(program_id("race")).model_dump(mode="json")
    responses = await asyncio.gather(*(stack.post("/programs", body) for _ in range(2)))
    first, second = sorted(responses, key=lambda response: response.status_code)
    assert first.status_code == 201
    problem(second, 409, "program_exists")


async def test_a_rejected_program_neither_starts_again_nor_changes(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    path = f"/programs/{waiting.program}"
    await waiting.vote("demo-marketing", "reject", reason="no")
    await stage_reached(stack, waiting.program, "rejected")
    await stack.temporal.get_workflow_handle(ids.lifecycle(waiting.program)).result()
    body = waiting.definition.model_dump(mode="json")
    async with unchanged(stack, waiting.program):
        problem(await stack.post("/programs", body), 409, "program_exists")
        problem(await stack.post(f"{path}/revisions", body), 409, "program_ended")
        problem(await stack.post(f"{path}/end", {"reason": "again"}), 409, "program_ended")
        problem(await stack.post(f"{path}/evaluations"), 409, "program_ended")


async def test_before_the_launch_there_is_nothing_to_judge_to_end_or_to_join(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    path = f"/programs/{waiting.program}"
    better = waiting.definition.model_copy(update={"summary": "Better"}).model_dump(mode="json")
    member = {"participant": "m-1", "agreement": "1997-01"}
    async with unchanged(stack, waiting.program):
        found = problem(await stack.post(f"{path}/evaluations"), 409, "not_launched")
        assert "not been launched" in found["detail"]
        found = problem(await stack.post(f"{path}/end", {"reason": "doubts"}), 409, "revision_in_qualification")
        assert "gate" in found["remedy"]
        problem(await stack.post(f"{path}/revisions", better), 409, "revision_in_qualification")
        problem(await stack.post(f"{path}/members", member, person="demo-shop"), 409, "enrolment_closed")
    assert await runs(stack, ids.lifecycle(waiting.program))


async def test_a_revision_must_be_of_the_program_and_change_something(sample_program: SampleProgram, stack: Stack) -> None:
    body = sample_program.definition.model_dump(mode="json")
    async with unchanged(stack, sample_program.program):
        problem(await stack.post(f"{sample_program.path}/revisions", body), 409, "revision_unchanged")
        problem(await stack.post(f"{sample_program.path}/revisions", body | {"program": "other"}), 422, "program_differs")
        problem(await stack.post(f"{sample_program.path}/revisions", body | {"money": "dollars"}), 422, "definition_faulty")
    assert await runs(stack, ids.lifecycle(sample_program.program))


_MEMBER = "/programs/nowhere/members"


@pytest.mark.parametrize(
    ("path", "body", "person"),
    [
        ("/programs/nowhere/end", {"reason": "none"}, "demo-owner"),
        ("/programs/nowhere/evaluations", None, "demo-owner"),
        (_MEMBER, {"participant": "m-1", "agreement": "1"}, "demo-shop"),
        (f"{_MEMBER}/m-1/events", {"type": "purchase", "occurred_at": "2026-03-10T09:30:00Z"}, "demo-shop"),
        (f"{_MEMBER}/m-1/redemptions", {"reward": "sampler"}, "demo-shop"),
    ],
)
async def test_nothing_can_be_done_to_a_program_that_is_not_there(stack: Stack, path: str, body: Any, person: str) -> None:
    found = problem(await stack.post(path, body, person=person), 404, "program_unknown")
    assert "'nowhere'" in found["detail"]


async def test_a_revision_that_leaves_members_without_a_tier_is_refused(sample_program: SampleProgram, stack: Stack) -> None:
    body = json.loads(sample_program.definition.model_dump_json(by_alias=True).replace('"curator"', '"keeper"'))
    async with unchanged(stack, sample_program.program):
        found = problem(await stack.post(f"{sample_program.path}/revisions", body), 422, "tier_not_replaced")
        assert (found["field"], "curator" in found["detail"], "replaces: [curator]" in found["remedy"]) == ("tiers", True, True)


async def test_a_revision_that_drops_a_currency_is_refused(sample_program: SampleProgram, stack: Stack) -> None:
    body = json.loads(sample_program.definition.model_dump_json(by_alias=True).replace('"NOTES"', '"COINS"'))
    async with unchanged(stack, sample_program.program):
        found = problem(await stack.post(f"{sample_program.path}/revisions", body), 422, "currency_dropped")
        assert (found["field"], "NOTES" in found["detail"]) == ("other_currencies", True)


async def test_nor_is_a_tier_of_long_ago_left_without_a_place_while_somebody_holds_it(
    sample_program: SampleProgram, stack: Stack
) -> None:
    veteran = await sample_program.member()
    body = sample_program.definition.model_dump(mode="json") | {"summary": "Said otherwise."}
    statement = text("UPDATE store.member SET tier = :tier WHERE program = :program AND participant = :veteran")
    whose = {"program": sample_program.program, "veteran": veteran}
    async with stack.engine.begin() as connection:
        await connection.execute(statement, {"tier": "patron", **whose})
    try:
        async with unchanged(stack, sample_program.program):
            found = problem(await stack.post(f"{sample_program.path}/revisions", body), 422, "tier_not_replaced")
        assert "patron" in found["detail"]
    finally:
        async with stack.engine.begin() as connection:
            await connection.execute(statement, {"tier": sample_program.definition.base_tier.id, **whose})


async def test_a_revision_of_a_program_that_is_not_there_begins_none(stack: Stack) -> None:
    body = definition_of("nowhere").model_dump(mode="json")
    problem(await stack.post("/programs/nowhere/revisions", body), 404, "program_unknown")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/programs/nowhere", "program_unknown"),
        ("/programs/NO%20where", "program_unknown"),
        ("/programs/nowhere/report", "program_unknown"),
        ("/programs/nowhere/evaluations", "program_unknown"),
        ("/programs/nowhere/ledger-check", "program_unknown"),
        ("/programs/nowhere/members/m-1", "program_unknown"),
        ("/programs/nowhere/members/m-1/balance", "program_unknown"),
        ("/programs/nowhere/members/m-1/transactions/1", "program_unknown"),
        ("/gates/program/nowhere/r1/gate/strategy/1", "gate_unknown"),
        ("/transaction-logs/nowhere", "transaction_log_unknown"),
    ],
)
async def test_what_is_not_there_cannot_be_read(stack: Stack, path: str, code: str) -> None:
    problem(await stack.http.get(path, headers=_owner()), 404, code)


@pytest.mark.parametrize("reason", [None, "", "x" * 2001, 5, "nothing\x00"])
async def test_an_end_needs_a_reason_in_words(sample_program: SampleProgram, stack: Stack, reason: Any) -> None:
    async with unchanged(stack, sample_program.program):
        found = problem(await stack.post(f"{sample_program.path}/end", {"reason": reason}), 422, "invalid_request")
    assert found["field"] == "reason"
    assert await runs(stack, ids.lifecycle(sample_program.program))


def _owner() -> dict[str, str]:
    return {"Authorization": "Bearer demo-owner"}
