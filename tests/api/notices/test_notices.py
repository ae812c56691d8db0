"""Notices by the API: pages, one notice, a replay, a test of the channels; and what is wrong in a request is named."""

import pytest
from httpx import Response

from domain import ids
from domain.notices.gate_notices import notice_id
from store.notices import notices
from tests.anchors import AT
from tests.api.sample_program import problem
from tests.notices import LOG, posted
from tests.stack import Stack, program_id
from tests.waiting import ended

OPERATOR = "demo-operations"


async def _dead(stack: Stack, many: int) -> tuple[str, list[str]]:
    """A program with so many notices that could not be delivered; their ids, the newest first."""
    program = program_id("dead")
    made = [await posted(stack.engine, LOG, program=program, kind="reminded", number=n, dead=True) for n in range(1, many + 1)]
    return program, [notice.id for [notice] in reversed(made)]


async def test_the_dead_are_listed_page_by_page_newest_first(stack: Stack) -> None:
    program, dead = await _dead(stack, 5)
    found: list[str] = []
    address = f"/notices?state=dead&program={program}&limit=2"
    page = await stack.get(address, OPERATOR)
    found += [item["id"] for item in page["items"]]
    await posted(stack.engine, LOG, program=program, kind="reminded", number=9, dead=True)  # a new one moves no page
    while page["next"]:
        page = await stack.get(f"{address}&cursor={page['next']}", OPERATOR)
        found += [item["id"] for item in page["items"]]
    assert found == dead
    assert await stack.get(f"/notices?state=delivered&program={program}", OPERATOR) == {"items": [], "next": None}


async def test_one_notice_says_what_was_told_and_why_it_failed(stack: Stack) -> None:
    program, [dead] = await _dead(stack, 1)
    shown = await stack.get(f"/notices/{dead}", OPERATOR)
    assert shown["subject"].startswith("Reminder, waits for marketing, finance")
    assert (shown["program"], shown["channel"], shown["state"]) == (program, "log", "dead")
    assert (shown["last_error"], shown["settled_at"]) == ("The log is full.", AT.isoformat().replace("+00:00", "Z"))


async def test_a_dead_notice_is_sent_again_once_for_each_key(stack: Stack) -> None:
    _, [dead] = await _dead(stack, 1)
    response = await stack.post(f"/notices/{dead}/replay", person=OPERATOR, key="again")
    assert (response.status_code, response.json()["state"]) == (202, "waiting")
    assert response.headers["Location"] == f"/notices/{dead}"
    await _delivered(stack, dead, 2)
    repeated = await stack.post(f"/notices/{dead}/replay", person=OPERATOR, key="again")
    assert (repeated.status_code, repeated.headers["Idempotency-Replayed"]) == (202, "true")
    refused = problem(await stack.post(f"/notices/{dead}/replay", person=OPERATOR), 409, "notice_not_dead")
    assert "is delivered" in refused["detail"]
    assert (await stack.get(f"/notices/{dead}", OPERATOR))["state"] == "delivered"


async def test_a_test_is_posted_to_every_recipient_once_for_each_key(stack: Stack) -> None:
    first, again = [await stack.post("/notices/test", person=OPERATOR, key="try") for _ in range(2)]
    assert (first.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    [item] = first.json()["items"]
    assert item["id"] == notice_id(ids.asked(OPERATOR, "try"), "test", 1, "log", "log")
    await _delivered(stack, item["id"], 1)
    assert (await stack.get(f"/notices/{item['id']}", OPERATOR))["state"] == "delivered"


@pytest.mark.parametrize("cursor", ["", "x", "MA", "LTE", "!!", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ"])
async def test_a_cursor_that_is_none_is_one_clear_problem(stack: Stack, cursor: str) -> None:
    found = problem(await _get(stack, f"/notices?cursor={cursor}"), 422, "cursor_invalid")
    assert found["field"] == "query.cursor"


@pytest.mark.parametrize(
    ("query", "field"), [("state=lost", "state"), ("limit=0", "limit"), ("limit=201", "limit"), ("limit=many", "limit")]
)
async def test_what_is_wrong_in_a_list_is_named(stack: Stack, query: str, field: str) -> None:
    found = problem(await _get(stack, f"/notices?{query}"), 422, "invalid_request")
    assert [error["field"] for error in found["errors"]] == [f"query.{field}"]


async def test_a_notice_that_is_not_there_is_told_so(stack: Stack) -> None:
    missing = "0" * 32
    problem(await _get(stack, f"/notices/{missing}"), 404, "notice_unknown")
    problem(await stack.post(f"/notices/{missing}/replay", person=OPERATOR), 404, "notice_unknown")
    problem(await _get(stack, "/notices/nothing"), 422, "invalid_request")


async def _get(stack: Stack, path: str) -> Response:
    return await stack.http.get(path, headers={"Authorization": f"Bearer {OPERATOR}"})


async def _delivered(stack: Stack, notice: str, round_: int) -> None:
    """Wait until the stack's own relay and worker have delivered a round of a notice."""
    while (await _state(stack, notice)) == "waiting":
        pass  # before the relay has started it there is nothing to wait for; the API tells it to whoever asks
    await ended(stack.temporal, ids.notice(notice, round_))


async def _state(stack: Stack, notice: str) -> str:
    async with stack.engine.connect() as connection:
        return (await notices.find(connection, notice)).state
