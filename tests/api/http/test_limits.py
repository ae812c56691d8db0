"""What is expensive, and tokens that are none, may be asked for so often and not more; then it is said when to come back."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import floor
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient, Response
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.app import create_app
from api.http.dependencies import Services
from api.http.rate_limits import until_free
from runtime.settings import Settings
from tests.api.sample_program import SampleProgram, problem
from tests.api.seeded_history import lived
from tests.stack import Stack, api_settings, client_of, people_in, token_of

Limited = Callable[..., AbstractAsyncContextManager[AsyncClient]]

COUNTS = st.integers(min_value=0, max_value=10_000)
SHARES = st.floats(min_value=0, max_value=1)


@given(COUNTS, SHARES, COUNTS, COUNTS)
def test_after_the_time_that_is_told_there_is_room_and_not_long_before(before: int, share: float, here: int, room: int) -> None:
    window = 60.0
    turns = window * share  # until the fixed window turns; so long the last one counts too

    def counted(later: float) -> float:
        if later < turns:
            return before * (turns - later) / window + here
        return here * max(0.0, 1 - (later - turns) / window)

    assume(floor(counted(0)) > room)
    wait = until_free(before, turns, here, turns, room, window)
    assert floor(counted(wait) - 1e-6) <= room
    assert wait < 1e-6 or floor(counted(max(0.0, wait - 1)) + 1e-6) >= room


@pytest.fixture
def limited(stack: Stack, tmp_path: Path) -> Limited:
    """An API over the stack, with other rates."""

    @asynccontextmanager
    async def over(**rates: str) -> AsyncIterator[AsyncClient]:
        settings = api_settings(people_in(tmp_path), **rates)
        app = create_app(settings, services=Services(stack.engine, stack.ledger, stack.temporal))
        async with app.router.lifespan_context(app), client_of(app) as http:
            yield http

    return over


def _as(person: str, key: str = "limits") -> dict[str, str]:
    return {"Authorization": f"Bearer {person}", "Idempotency-Key": key}


def _too_many(response: Response) -> int:
    found = problem(response, 429, "too_many_requests")
    shown = int(response.headers["Retry-After"])
    assert f"after {shown} second" in found["remedy"]
    return shown


@pytest.mark.parametrize(
    ("setting", "method", "path"),
    [
        ("rate_prototypes", "POST", "/prototypes"),
        ("rate_evaluations", "POST", "/programs/nowhere/evaluations"),
        ("rate_evaluations", "POST", "/programs/nowhere/schedule/trigger"),
        ("rate_ledger", "GET", "/ledger/check"),
        ("rate_ledger", "POST", "/ledger/seal"),
        ("rate_ledger", "GET", "/ledger/verification"),
        ("rate_ledger", "GET", "/programs/nowhere/ledger-check"),
    ],
)
async def test_what_is_expensive_has_a_rate_for_each_person(limited: Limited, setting: str, method: str, path: str) -> None:
    async with limited(**{setting: "3/hour"}) as http:
        for _ in range(3):
            assert (await http.request(method, path, headers=_as("demo-analyst"))).status_code != 429
        assert 1 <= _too_many(await http.request(method, path, headers=_as("demo-analyst"))) <= 2 * 3600
        assert (await http.request(method, path, headers=_as("demo-owner"))).status_code != 429
        assert (await http.get("/programs", headers=_as("demo-analyst"))).status_code == 200


async def test_who_may_not_ask_spends_nothing_of_it(limited: Limited) -> None:
    async with limited(rate_ledger="1/hour") as http:
        for _ in range(3):
            problem(await http.get("/ledger/check", headers=_as("demo-shop")), 403, "not_allowed")


async def test_batches_count_by_their_events(limited: Limited, sample_program: SampleProgram) -> None:
    def batch(number: int) -> dict[str, Any]:
        return {"events": [{"key": f"none-{place}"} for place in range(number)]}

    path = f"{sample_program.path}/events"
    async with limited(rate_events="10/hour") as http:
        assert (await http.post(path, json=batch(6), headers=_as("demo-shop"))).status_code == 200
        _too_many(await http.post(path, json=batch(5), headers=_as("demo-shop")))
        assert (await http.post(path, json=batch(4), headers=_as("demo-shop"))).status_code == 200
        assert (await http.post(path, json=batch(11), headers=_as("demo-app"))).status_code == 200  # all of it at once
        _too_many(await http.post(path, json=batch(1), headers=_as("demo-app")))


async def test_a_backfill_counts_by_its_evaluations_and_to_pause_counts_nothing(limited: Limited, stack: Stack) -> None:
    path = f"/programs/{(await lived(stack)).program}/schedule"
    half_a_year = {"from": "2025-03-01", "to": "2025-08-31"}  # every quarter
    async with limited(rate_evaluations="3/hour") as http:
        first = await http.post(f"{path}/backfill", json=half_a_year, headers=_as("demo-analyst", "first"))
        assert (first.status_code, len(first.json()["begun"])) == (202, 2)
        _too_many(await http.post(f"{path}/backfill", json=half_a_year, headers=_as("demo-analyst", "second")))
        again = await http.post(f"{path}/backfill", json=half_a_year, headers=_as("demo-analyst", "first"))
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (await http.post(f"{path}/backfill", json=half_a_year, headers=_as("demo-owner", "other"))).status_code == 202
        for number in range(4):
            body = {"reason": "audit"}
            problem(
                await http.post(f"{path}/pause", json=body, headers=_as("demo-analyst", f"p{number}")), 409, "not_scheduled"
            )


async def test_what_looks_for_drift_now_is_a_check_of_the_ledger(limited: Limited, stack: Stack) -> None:
    path = f"/programs/{(await lived(stack)).program}/reports"
    async with limited(rate_ledger="1/hour") as http:
        assert (await http.get(f"{path}/exceptions", headers=_as("demo-shop"))).status_code == 200
        _too_many(await http.get(f"{path}/exceptions", headers=_as("demo-shop")))
        for asked in ("exceptions?as_of=2025-06-30", "status"):
            assert (await http.get(f"{path}/{asked}", headers=_as("demo-shop"))).status_code == 200


async def test_an_address_that_shows_many_tokens_that_are_none_is_not_looked_at_for_a_while(limited: Limited) -> None:
    async with limited(rate_failed_tokens="3/hour") as http:
        assert (await http.get("/programs", headers=_as("demo-owner"))).status_code == 200
        for guess in ("one", "tnr_two", "th.r.ee"):
            problem(await http.get("/programs", headers=_as(guess)), 401, "token_refused")
        _too_many(await http.get("/programs", headers=_as("four")))
        _too_many(await http.get("/programs", headers=_as(token_of("demo-analyst"))))
        assert (await http.get("/programs", headers=_as("demo-owner"))).status_code == 200  # who is known goes on
        problem(await http.get("/programs"), 401, "token_missing")


@pytest.mark.parametrize("rate", ["often", "0.5/minute", "60", "60/fortnight", ""])
def test_a_rate_that_is_none_is_named(rate: str) -> None:
    with pytest.raises(ValidationError, match="60/minute"):
        Settings(rate_ledger=rate)
