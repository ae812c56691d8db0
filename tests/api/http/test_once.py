"""A key that is in use: what the second request under it gets while nobody knows what became of the first."""

from store import idempotency
from tests.api.sample_program import problem, unanswered
from tests.stack import Stack

_ROWS = "customer,at,amount\nc1,2026-01-01T10:00:00Z,1.00\n"
_OTHER = "customer,at,amount\nc1,2026-01-01T10:00:00Z,2.00\n"


async def test_while_the_first_request_is_under_way_the_second_has_to_wait(stack: Stack) -> None:
    path, key = "/transaction-logs/under-way", "under-way"
    first = await stack.post(path, content=_ROWS, key=key)
    assert first.status_code == 201
    await unanswered(stack, key)
    found = problem(await stack.post(path, content=_ROWS, key=key), 409, "request_in_flight")
    assert "in a moment" in found["remedy"]
    problem(await stack.post(path, content=_OTHER, key=key), 422, "idempotency_key_reused")


async def test_once_its_outcome_is_unknown_a_request_may_be_sent_again_and_no_other_one(stack: Stack) -> None:
    path, key = "/transaction-logs/unknown", "unknown-outcome"
    first = await stack.post(path, content=_ROWS, key=key)
    await unanswered(stack, key)
    async with stack.engine.begin() as connection:
        await idempotency.release(connection, "demo-owner", key)
    problem(await stack.post(path, content=_OTHER, key=key), 422, "idempotency_key_reused")
    again = await stack.post(path, content=_ROWS, key=key)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_refusal_gives_the_key_back(stack: Stack) -> None:
    path, key = "/transaction-logs/refused-first", "refused-first"
    problem(await stack.post(path, content="no log", key=key), 422, "invalid_request")
    assert (await stack.post(path, content=_ROWS, key=key)).status_code == 201
