"""Votes that do not count: whose they are, what they are for, when they come; each is told why, and the gate waits on."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain import ids
from store import idempotency
from tests.api.sample_program import Waiting, problem, report, runs, unanswered, unchanged
from tests.stack import Stack

Begin = Callable[[], Awaitable[Waiting]]


@pytest.fixture(scope="module")
async def waiting(begin: Begin) -> Waiting:
    """A gate at which nothing ever counts, so that all these tests share it."""
    return await begin()


@pytest.mark.parametrize(
    ("person", "vote", "status", "code"),
    [
        ("demo-owner", {}, 403, "four_eyes"),
        ("demo-owner", {"role": "finance"}, 403, "four_eyes"),
        ("demo-shop", {}, 403, "role_not_asked"),
        ("demo-legal", {}, 403, "role_not_asked"),
        ("demo-marketing", {"role": "finance"}, 403, "role_not_asked"),
        ("demo-marketing", {"role": "legal"}, 403, "role_not_asked"),
        ("demo-marketing", {"digest": "0" * 64}, 409, "subject_changed"),
        ("demo-marketing", {"answer": "reject"}, 422, "reason_missing"),
        ("demo-marketing", {"answer": "request_changes", "reason": "  "}, 422, "reason_missing"),
    ],
)
async def test_a_vote_that_cannot_count_is_kept_as_refused_and_changes_nothing(
    waiting: Waiting, stack: Stack, person: str, vote: dict[str, Any], status: int, code: str
) -> None:
    before = await report(stack, waiting.program)
    response = await waiting.vote(person, **({"answer": "approve"} | vote))
    problem(response, status, code)
    after = await report(stack, waiting.program)
    *earlier, refused = after.pop("decisions")
    assert earlier == before.pop("decisions")
    assert (refused["person"], refused["refusal"], refused["gate"]) == (person, code, waiting.gate)
    assert after == before
    assert await runs(stack, waiting.gate)
    assert await runs(stack, ids.lifecycle(waiting.program))


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "token_missing"),
        ({"Authorization": "Bearer nobodys"}, 401, "token_refused"),
        ({"Authorization": "Basic demo-marketing"}, 401, "token_missing"),
        ({"Authorization": "Bearer demo-guest"}, 403, "not_allowed"),
    ],
)
async def test_a_stranger_has_no_vote(waiting: Waiting, stack: Stack, headers: dict[str, str], status: int, code: str) -> None:
    before = await report(stack, waiting.program)
    body = {"answer": "approve", "digest": waiting.digest}
    response = await stack.http.post(
        f"/gates/{waiting.gate}/decisions", json=body, headers=headers | {"Idempotency-Key": "stranger"}
    )
    problem(response, status, code)
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert await report(stack, waiting.program) == before
    assert await runs(stack, waiting.gate)


@pytest.mark.parametrize(
    "vote",
    [
        {"answer": "perhaps"},
        {"digest": "abc"},
        {"digest": None},
        {"reason": "x" * 2001},
        {"reason": "nothing\x00"},
        {"role": "king"},
        {"person": "demo-finance"},
    ],
)
async def test_a_vote_of_the_wrong_shape_never_reaches_the_gate(waiting: Waiting, stack: Stack, vote: dict[str, Any]) -> None:
    before = await report(stack, waiting.program)
    response = await waiting.vote("demo-marketing", **({"answer": "approve"} | vote))
    found = problem(response, 422, "invalid_request")
    assert [error["field"] for error in found["errors"]] == list(vote)
    assert await report(stack, waiting.program) == before
    assert await runs(stack, waiting.gate)


async def test_nobody_votes_at_a_gate_that_is_not_there(waiting: Waiting, stack: Stack) -> None:
    body = {"answer": "approve", "digest": waiting.digest}
    response = await stack.post(f"/gates/{waiting.gate}0/decisions", body, person="demo-marketing")
    problem(response, 404, "gate_unknown")


async def test_to_read_a_gate_never_decides(waiting: Waiting, stack: Stack) -> None:
    response = await stack.http.get(f"/gates/{waiting.gate}/decisions", headers={"Authorization": "Bearer demo-marketing"})
    problem(response, 404, "gate_unknown")
    assert (await stack.get(f"/gates/{waiting.gate}"))["votes"] == []


async def test_one_person_counts_once_and_nobody_after_the_decision(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    first = await waiting.vote("demo-marketing", key="vote-1")
    assert first.status_code == 201
    again = await waiting.vote("demo-marketing", key="vote-1")
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (201, first.json(), "true")
    problem(await waiting.vote("demo-marketing", "reject", reason="no", key="vote-1"), 422, "idempotency_key_reused")
    problem(await waiting.vote("demo-marketing"), 409, "already_voted")
    problem(await waiting.vote("demo-marketing", "reject", reason="no, after all"), 409, "already_voted")
    assert await stack.get(f"/gates/{waiting.gate}") == first.json()
    assert await runs(stack, waiting.gate)

    decided = await waiting.vote("demo-finance")
    assert decided.json()["outcome"] == "approved"
    await stack.temporal.get_workflow_handle(waiting.gate).result()
    for person in ("demo-finance", "demo-marketing", "demo-owner"):
        problem(await waiting.vote(person, "reject", reason="too late"), 409, "gate_decided")
    problem(await waiting.vote("demo-finance"), 409, "gate_decided")
    assert await stack.get(f"/gates/{waiting.gate}") == decided.json()
    assert await runs(stack, ids.lifecycle(waiting.program))
    trail = (await stack.get(f"/programs/{waiting.program}/report"))["decisions"]
    assert [(each["person"], each["refusal"]) for each in trail if each["gate"] == waiting.gate] == [
        ("demo-marketing", None),
        ("demo-marketing", "already_voted"),
        ("demo-marketing", "already_voted"),
        ("demo-finance", None),
        ("demo-finance", "gate_decided"),
        ("demo-marketing", "gate_decided"),
        ("demo-owner", "gate_decided"),
        ("demo-finance", "gate_decided"),
    ]


async def test_a_vote_whose_answer_was_lost_gets_it_when_it_is_repeated_after_the_decision(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    decided = await waiting.vote("demo-marketing", "reject", reason="no", key="lost-vote")
    await stack.temporal.get_workflow_handle(ids.lifecycle(waiting.program)).result()
    await unanswered(stack, "lost-vote")
    async with stack.engine.begin() as connection:
        await idempotency.release(connection, "demo-marketing", "lost-vote")
    async with unchanged(stack, waiting.program):
        again = await waiting.vote("demo-marketing", "reject", reason="no", key="lost-vote")
    assert (again.status_code, again.json()) == (201, decided.json())
