"""A workflow that takes its time: 202 with a place to ask, which has the outcome later; a refusal too."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from httpx import AsyncClient
from starlette.types import Message

from api.app import create_app
from api.http.dependencies import Services
from api.http.idempotency import StoredResponse, idempotency_key, idempotent
from domain.identity.person import Person
from domain.programs.errors import NotLaunched
from store import idempotency
from tests.api.sample_program import definition_of, problem, unanswered
from tests.stack import Stack, api_settings, client_of, people_in, program_id

_OWNER = Person(id="demo-owner", roles=("product_owner",))
_HEADERS = {"Authorization": "Bearer demo-owner"}


class Slow:
    """Something that a request does, and that ends when it is told to; its request has to do with no route."""

    def __init__(self, services: Services, key: str) -> None:
        self._services, self._key = services, key
        self.ends: asyncio.Future[StoredResponse] = asyncio.get_running_loop().create_future()
        self.times = 0

    async def _act(self) -> StoredResponse:
        self.times += 1
        return await asyncio.shield(self.ends)

    async def ask(self, wait_timeout: float = 0.0) -> Any:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/slow",
            "query_string": b"",
            "headers": [],
            "server": ("tenure", 80),
        }
        return await idempotent(
            Request(scope, receive), self._services, _OWNER, self._key, self._act, wait_timeout=wait_timeout
        )

    async def settled(self) -> None:
        """Once what goes on behind the 202 has been written down."""
        await asyncio.gather(*self._services.late, return_exceptions=True)


@pytest.fixture
async def hasty(stack: Stack, tmp_path: Path) -> AsyncIterator[tuple[Services, AsyncClient]]:
    """The API for callers who wait for nothing."""
    services = Services(stack.engine, stack.ledger, stack.temporal, wait_timeout=0.0)
    app: FastAPI = create_app(api_settings(people_in(tmp_path)), services=services)
    async with app.router.lifespan_context(app), client_of(app) as http:
        http.headers.update(_HEADERS)
        yield services, http


async def test_what_takes_long_is_answered_202_and_its_place_has_the_outcome(hasty: tuple[Services, AsyncClient]) -> None:
    services, http = hasty
    slow = Slow(services, "slow/1")
    response = await slow.ask()
    assert (response.status_code, response.headers["Retry-After"]) == (202, "1")
    place = response.headers["Location"]
    assert place == "/requests/slow%2F1"
    assert (await http.get(place)).json() == json.loads(response.body)
    assert json.loads(response.body)["state"] == "under_way"
    slow.ends.set_result(StoredResponse(201, {"made": "it"}, "/made/it"))
    await slow.settled()
    found = (await http.get(place)).json()
    assert found == {"key": "slow/1", "state": "done", "status": 201, "location": "/made/it", "answer": {"made": "it"}}
    again = await slow.ask()
    assert (again.status_code, again.headers["Location"], again.headers["Idempotency-Replayed"]) == (201, "/made/it", "true")
    assert slow.times == 1


async def test_while_it_is_under_way_a_repetition_does_nothing_a_second_time(hasty: tuple[Services, AsyncClient]) -> None:
    services, _ = hasty
    slow = Slow(services, "slow-2")
    await slow.ask()
    with pytest.raises(Exception, match="under way"):
        await slow.ask()
    slow.ends.set_result(StoredResponse(200, None))
    await slow.settled()
    assert slow.times == 1


async def test_a_refusal_after_the_202_is_kept_and_told(hasty: tuple[Services, AsyncClient]) -> None:
    services, http = hasty
    slow = Slow(services, "slow-3")
    place = (await slow.ask()).headers["Location"]
    slow.ends.set_exception(NotLaunched("cd-club"))
    await slow.settled()
    found = (await http.get(place)).json()
    assert (found["state"], found["status"], found["answer"]["code"]) == ("refused", 409, "not_launched")
    again = await slow.ask()
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    assert slow.times == 1


async def test_a_failure_after_the_202_leaves_the_key_with_its_request(
    hasty: tuple[Services, AsyncClient], caplog: pytest.LogCaptureFixture
) -> None:
    services, http = hasty
    slow = Slow(services, "slow-4")
    place = (await slow.ask()).headers["Location"]
    slow.ends.set_exception(RuntimeError("words for the operator"))
    await slow.settled()
    assert "words for the operator" in caplog.text
    assert (await http.get(place)).json()["state"] == "unknown"
    slow.ends = asyncio.get_running_loop().create_future()
    slow.ends.set_result(StoredResponse(200, "well"))
    assert (await slow.ask(wait_timeout=30.0)).status_code == 200
    assert slow.times == 2


async def test_what_was_under_way_when_its_process_ended_may_be_sent_again(hasty: tuple[Services, AsyncClient]) -> None:
    services, http = hasty
    slow = Slow(services, "slow-5")
    place = (await slow.ask()).headers["Location"]
    await services.leave_late()
    assert (await http.get(place)).json()["state"] == "unknown"


async def test_a_program_is_started_though_nobody_waits_for_it(
    hasty: tuple[Services, AsyncClient], begin: Any, stack: Stack
) -> None:
    services, http = hasty
    await begin()  # so that the log is there
    definition = definition_of(program_id("late"))
    response = await http.post("/programs", json=definition.model_dump(mode="json"), headers={"Idempotency-Key": "late-1"})
    assert response.status_code == 202, response.text
    await asyncio.gather(*services.late)
    found = (await http.get(response.headers["Location"])).json()
    assert (found["state"], found["status"], found["location"]) == ("done", 201, f"/programs/{definition.program}")
    assert (await stack.get(found["location"]))["id"] == definition.program


async def test_one_sees_ones_own_requests_alone(hasty: tuple[Services, AsyncClient], stack: Stack) -> None:
    _, http = hasty
    response = await stack.post("/transaction-logs/mine", content="customer,at,amount\nc,2026-01-01T10:00:00Z,1\n", key="mine")
    assert response.status_code == 201
    assert (await http.get("/requests/mine")).json()["location"] == "/transaction-logs/mine"
    other = {"Authorization": "Bearer demo-finance"}
    problem(await http.get("/requests/mine", headers=other), 404, "request_unknown")
    problem(await http.get("/requests/never"), 404, "request_unknown")
    await unanswered(stack, "mine")
    assert (await http.get("/requests/mine")).json()["state"] == "under_way"
    async with stack.engine.begin() as connection:
        await idempotency.release(connection, "demo-owner", "mine")
    assert (await http.get("/requests/mine")).json()["state"] == "unknown"


async def test_a_key_may_be_written_as_a_structured_field() -> None:
    assert [await idempotency_key(key) for key in ('"9b2f"', "9b2f", '"', '""')] == ["9b2f", "9b2f", '"', '""']
