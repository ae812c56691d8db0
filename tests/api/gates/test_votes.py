"""Decisions over HTTP: votes taken back, requests sent again, answers that come late, and where to ask for them."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from sqlalchemy import text

from store import idempotency
from tests.api.sample_program import Waiting, problem, unanswered
from tests.stack import Stack

Begin = Callable[[], Awaitable[Waiting]]


async def test_a_vote_can_be_taken_back_and_given_anew(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    problem(await waiting.vote("demo-marketing", "withdraw"), 409, "nothing_to_withdraw")
    assert (await waiting.vote("demo-marketing")).status_code == 201
    taken_back = await waiting.vote("demo-marketing", "withdraw")
    assert (taken_back.status_code, taken_back.json()["votes"], taken_back.json()["outcome"]) == (201, [], None)
    assert [each["person"] for each in (await waiting.vote("demo-marketing")).json()["votes"]] == ["demo-marketing"]
    assert (await waiting.vote("demo-finance")).json()["outcome"] == "approved"
    problem(await waiting.vote("demo-marketing", "withdraw"), 409, "gate_decided")
    trail = (await stack.get(f"/programs/{waiting.program}/report"))["decisions"]
    assert [(each["person"], each["answer"], each["refusal"]) for each in trail if each["gate"] == waiting.gate] == [
        ("demo-marketing", "withdraw", "nothing_to_withdraw"),
        ("demo-marketing", "approve", None),
        ("demo-marketing", "withdraw", None),
        ("demo-marketing", "approve", None),
        ("demo-finance", "approve", None),
        ("demo-marketing", "withdraw", "gate_decided"),
    ]


async def test_a_request_that_is_replayed_after_the_vote_was_taken_back_brings_nothing_back(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    first = await waiting.vote("demo-marketing", key="replayed-vote")
    await waiting.vote("demo-marketing", "withdraw")
    again = await waiting.vote("demo-marketing", key="replayed-vote")
    assert (again.status_code, again.json()) == (201, first.json())
    # As if the API's own memory of the request were lost too: the gate remembers.
    await unanswered(stack, "replayed-vote")
    async with stack.engine.begin() as connection:
        await idempotency.release(connection, "demo-marketing", "replayed-vote")
    once_more = await waiting.vote("demo-marketing", key="replayed-vote")
    assert (once_more.status_code, once_more.json()) == (201, first.json())
    assert (await stack.get(f"/gates/{waiting.gate}"))["votes"] == []


async def test_what_became_of_a_decision_is_told_to_who_took_it(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    key = "a/b:c?d"
    state = (await waiting.vote("demo-marketing", key=key)).json()
    place = f"/gates/{waiting.gate}/decisions/{quote(key, safe='')}"
    assert await stack.get(place, "demo-marketing") == {"key": key, "status": "counted", "refusal": None, "gate": state}
    other = await stack.http.get(place, headers={"Authorization": "Bearer demo-finance"})
    problem(other, 404, "decision_unknown")
    nowhere = await stack.http.get("/gates/nowhere/decisions/k", headers={"Authorization": "Bearer demo-finance"})
    problem(nowhere, 404, "gate_unknown")


async def test_a_gate_that_answers_late_has_the_decision_and_tells_later_what_became_of_it(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    async with stack.engine.begin() as holding:
        await holding.execute(text("SELECT FROM store.gate WHERE id = :id FOR NO KEY UPDATE"), {"id": waiting.gate})
        with stack.waiting(0.2):
            late = await waiting.vote("demo-marketing", "reject", reason="Too dear", key="late-vote")
        assert (late.status_code, late.json()["status"]) == (202, "open")
        place = late.headers["Location"]
        assert (await stack.get(place, "demo-marketing"))["status"] == "open"
    await stack.temporal.get_workflow_handle(waiting.gate).result()
    shown = await stack.get(place, "demo-marketing")
    assert (shown["status"], shown["gate"]["outcome"]) == ("counted", "rejected")
    trail = (await stack.get(f"/programs/{waiting.program}/report"))["decisions"]
    assert [(each["person"], each["refusal"]) for each in trail if each["gate"] == waiting.gate] == [("demo-marketing", None)]
