"""Delegations over HTTP: what is lent, to whom it shows, how it ends, what cannot be lent, and whose vote it makes."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.audit.chain import EVERYWHERE
from store.audit import trail as audit
from tests.api.sample_program import Waiting, problem
from tests.stack import Stack

Begin = Callable[[], Awaitable[Waiting]]


def at(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def lent(stack: Stack, delegator: str, delegate: str, **command: Any) -> dict[str, Any]:
    """A delegation that holds from now on for a day."""
    response = await stack.post("/delegations", {"to": delegate, "until": at(1)} | command, person=delegator)
    assert response.status_code == 201, response.text
    given: dict[str, Any] = response.json()
    assert response.headers["Location"] == f"/delegations/{given['id']}"
    return given


async def end(stack: Stack, given: dict[str, Any], person: str) -> dict[str, Any]:
    response = await stack.post(f"/delegations/{given['id']}/end", person=person)
    assert response.status_code == 200, response.text
    ended: dict[str, Any] = response.json()
    return ended


async def test_both_ends_see_a_delegation_and_nobody_else_does(stack: Stack) -> None:
    given = await lent(stack, "demo-legal", "demo-app", until=at(3))
    assert (given["giver"], given["taker"], given["roles"], given["program"]) == ("demo-legal", "demo-app", ["legal"], None)
    for person in ("demo-legal", "demo-app"):
        assert given in (await stack.get("/delegations", person))["items"]
        assert await stack.get(f"/delegations/{given['id']}", person) == given
    assert given not in (await stack.get("/delegations", "demo-finance"))["items"]
    for path, method in ((f"/delegations/{given['id']}", "GET"), (f"/delegations/{given['id']}/end", "POST")):
        headers = {"Authorization": "Bearer demo-finance", "Idempotency-Key": f"{method} {given['id']}".replace(" ", "-")}
        problem(await stack.http.request(method, path, headers=headers), 404, "delegation_unknown")
    ended = await end(stack, given, "demo-app")
    assert ended["ended_at"] is not None
    assert (await end(stack, given, "demo-legal"))["ended_at"] == ended["ended_at"]


async def test_the_same_wish_again_gets_the_same_delegation(stack: Stack) -> None:
    command = {"to": "demo-app", "until": at(1)}
    first = await stack.post("/delegations", command, person="demo-marketing", key="lend-once")
    again = await stack.post("/delegations", command, person="demo-marketing", key="lend-once")
    assert (first.status_code, again.json()) == (201, first.json())
    await end(stack, first.json(), "demo-marketing")


@pytest.mark.parametrize(
    ("person", "command", "status", "code"),
    [
        ("demo-finance", {"to": "demo-finance"}, 422, "delegation_to_oneself"),
        ("demo-finance", {"since": at(3), "until": at(2)}, 422, "delegation_ends_before_it_begins"),
        ("demo-finance", {"since": at(-3), "until": at(-2)}, 422, "delegation_over"),
        ("demo-finance", {"roles": ["legal"]}, 403, "delegation_of_foreign_role"),
        ("demo-finance", {"roles": []}, 403, "delegation_of_nothing"),
        ("demo-finance", {"to": "demo-nobody"}, 422, "delegate_unknown"),
        ("demo-finance", {"program": "nowhere"}, 404, "program_unknown"),
        ("demo-finance", {"until": None}, 422, "invalid_request"),
        ("demo-finance", {"until": "2099-01-01T00:00:00"}, 422, "time_zone_missing"),
        ("demo-finance", {"giver": "demo-legal"}, 422, "invalid_request"),
        ("demo-guest", {}, 403, "not_allowed"),
    ],
)
async def test_what_cannot_be_lent_is_refused_and_lends_nothing(
    stack: Stack, person: str, command: dict[str, Any], status: int, code: str
) -> None:
    before = await stack.get("/delegations", "demo-finance")
    response = await stack.post("/delegations", {"to": "demo-app", "until": at(1)} | command, person=person)
    problem(response, status, code)
    assert await stack.get("/delegations", "demo-finance") == before


async def test_a_circle_is_refused_until_one_of_it_has_ended(stack: Stack) -> None:
    there = await lent(stack, "demo-operations", "demo-analyst")
    back = {"to": "demo-operations", "until": at(1)}
    problem(await stack.post("/delegations", back, person="demo-analyst"), 409, "delegation_circle")
    await end(stack, there, "demo-operations")
    await end(stack, await lent(stack, "demo-analyst", "demo-operations"), "demo-analyst")
    async with stack.engine.connect() as connection:
        entries = await audit.listed(connection, EVERYWHERE, limit=1000)
    lines = [(entry.action, entry.actor, entry.refusal) for entry in entries if entry.actor in back["to"] or entry.refusal]
    assert ("delegation_given", "demo-operations", None) in lines
    assert ("delegation_given", "demo-analyst", "delegation_circle") in lines
    assert ("delegation_ended", "demo-operations", None) in lines


async def test_a_delegates_vote_counts_as_the_givers_and_both_have_voted(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    problem(await waiting.vote("demo-app", on_behalf_of="demo-marketing"), 403, "no_delegation")
    given = await lent(stack, "demo-marketing", "demo-app", program=waiting.program)
    response = await waiting.vote("demo-app", on_behalf_of="demo-marketing")
    assert response.status_code == 201, response.text
    (vote,) = response.json()["votes"]
    assert (vote["person"], vote["on_behalf_of"], vote["role"], vote["delegation"]) == (
        *("demo-app", "demo-marketing", "marketing"),
        given["id"],
    )
    problem(await waiting.vote("demo-marketing"), 409, "already_voted")
    trail = (await stack.get(f"/programs/{waiting.program}/report"))["decisions"]
    assert (trail[-2]["person"], trail[-2]["on_behalf_of"], trail[-2]["refusal"]) == ("demo-app", "demo-marketing", None)
    taken_back = await waiting.vote("demo-marketing", "withdraw")
    assert (taken_back.status_code, taken_back.json()["votes"]) == (201, [])
    await end(stack, given, "demo-app")
    problem(await waiting.vote("demo-app", on_behalf_of="demo-marketing"), 403, "no_delegation")


async def test_whoever_is_left_out_decides_through_nobody(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    given = await lent(stack, "demo-owner", "demo-app", roles=["finance"], program=waiting.program)
    problem(await waiting.vote("demo-app", on_behalf_of="demo-owner"), 403, "four_eyes")
    other = await lent(stack, "demo-finance", "demo-owner", program=waiting.program)
    problem(await waiting.vote("demo-owner", on_behalf_of="demo-finance"), 403, "four_eyes")
    for each, person in ((given, "demo-owner"), (other, "demo-owner")):
        await end(stack, each, person)


async def test_a_delegation_for_another_program_lends_nothing_here(begin: Begin, stack: Stack) -> None:
    waiting, other = await begin(), await begin()
    given = await lent(stack, "demo-marketing", "demo-app", program=other.program)
    problem(await waiting.vote("demo-app", on_behalf_of="demo-marketing"), 403, "no_delegation")
    await end(stack, given, "demo-marketing")
