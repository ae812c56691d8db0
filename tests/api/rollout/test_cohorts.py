"""Cohorts: handed in as JSON or CSV, never overlapping, settled once a wave or a pilot has begun with them, and erased."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from httpx import Response

from store.programs import wind_down
from store.rollout import cohorts
from tests.anchors import AT
from tests.api.sample_program import Waiting, problem
from tests.stack import Stack

Begin = Callable[[], Awaitable[Waiting]]


@pytest.fixture(scope="module")
async def program(stack: Stack, begin: Begin) -> str:
    return (await begin()).program


async def _put(stack: Stack, program: str, cohort: str, participants: Any, *, path: str = "", **more: Any) -> Response:
    return await stack.post(f"/programs/{program}/cohorts/{cohort}{path}", {"participants": participants}, **more)


async def _those_in(stack: Stack, program: str, cohort: str) -> list[str]:
    found = await stack.get(f"/programs/{program}/cohorts/{cohort}?limit=200")
    return [each["participant"] for each in found["items"]]


async def test_a_cohort_is_gathered_page_by_page_as_json_or_csv(stack: Stack, program: str) -> None:
    first = await _put(stack, program, "staff", ["c-2", "c-1", "c-2"])
    assert (first.status_code, first.headers["Location"]) == (201, f"/programs/{program}/cohorts/staff")
    assert first.json() == {"program": program, "cohort": "staff", "added": 2, "removed": 0, "size": 2}
    headers = {"Authorization": "Bearer demo-marketing", "Idempotency-Key": "staff-csv", "Content-Type": "text/csv"}
    path = f"/programs/{program}/cohorts/staff"
    second = await stack.http.post(path, content="participant\r\nc-3\r\n\r\n c-1\r\n", headers=headers)
    assert (second.json()["added"], second.json()["size"]) == (1, 3), second.text
    assert (await stack.http.post(path, content="participant\r\nc-3\r\n\r\n c-1\r\n", headers=headers)).json() == second.json()
    assert await _those_in(stack, program, "staff") == ["c-1", "c-2", "c-3"]
    (listed,) = [each for each in (await stack.get(f"/programs/{program}/cohorts"))["items"] if each["name"] == "staff"]
    assert (listed["size"], listed["created_by"], listed["begun_at"], listed["begun_by"]) == (3, "demo-owner", None, None)
    gone = await _put(stack, program, "staff", ["c-2", "c-9"], path="/removal")
    assert (gone.json()["removed"], gone.json()["size"]) == (1, 2)
    trail = await stack.get(f"/programs/{program}/audit?about=staff")
    lines = [(each["action"], each["actor"], each["details"]) for each in trail["items"]]
    assert lines == [
        ("cohort_changed", "demo-owner", {"added": 2, "removed": 0, "size": 2}),
        ("cohort_changed", "demo-marketing", {"added": 1, "removed": 0, "size": 3}),
        ("cohort_changed", "demo-owner", {"added": 0, "removed": 1, "size": 2}),
    ]


async def test_a_participant_is_in_one_cohort_only(stack: Stack, program: str) -> None:
    assert (await _put(stack, program, "one", [f"o-{number}" for number in range(7)])).status_code == 201
    refused = await _put(stack, program, "other", ["p-1", *(f"o-{number}" for number in range(7))])
    found = problem(refused, 409, "cohorts_overlap")
    assert found["detail"].startswith("In other cohorts than 'other' are already o-0 (one), o-1 (one)")
    assert "o-4 (one) and 2 more" in found["detail"]
    problem(await stack.http.get(f"/programs/{program}/cohorts/other", headers=_OWNER), 404, "cohort_unknown")
    assert (await _put(stack, program, "one", ["o-0"], path="/removal")).status_code == 201
    assert (await _put(stack, program, "other", ["o-0", "p-1"])).json()["size"] == 2


async def test_two_that_are_gathered_at_once_do_not_overlap_either(stack: Stack, program: str) -> None:
    both = [f"r-{number}" for number in range(200)]
    answers = await asyncio.gather(*(_put(stack, program, name, both) for name in ("left", "right")))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    sizes = {each["name"]: each["size"] for each in (await stack.get(f"/programs/{program}/cohorts"))["items"]}
    assert sizes.get("left", 0) + sizes.get("right", 0) == len(both)


async def test_a_cohort_with_which_something_has_begun_is_changed_no_more(stack: Stack, program: str) -> None:
    await _put(stack, program, "early", ["e-1"])
    async with stack.engine.begin() as connection:
        begun = await cohorts.begin(connection, program, "early", "pilot shop", AT)
        again = await cohorts.begin(connection, program, "early", "wave early", AT.replace(month=4))
        assert begun == again
        assert (begun.size, begun.begun_at, begun.begun_by) == (1, AT, "pilot shop")
        assert await cohorts.cohort_of(connection, program, "e-1") == "early"
    for path in ("", "/removal"):
        found = problem(await _put(stack, program, "early", ["e-1"], path=path), 409, "cohort_begun")
        assert "with pilot shop at 2026-03-10 09:00:00 UTC" in found["detail"]
    assert await _those_in(stack, program, "early") == ["e-1"]


_OWNER = {"Authorization": "Bearer demo-owner"}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("c-1\nc-2\n", "line 1"),
        ("participant\nAnn Smith\nc-2\n", "line 2"),
        ("participant\nc-1,c-2\n", "line 2"),
        ("participant\n", "no participants"),
        ("participant\n" + "\n".join(f"c-{number}" for number in range(10_001)), "at most 10,000"),
        ('{"participants": ["c-1"]}', "line 1"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
async def test_a_list_that_cannot_be_read_is_told_with_its_line(
    stack: Stack, program: str, content: str | bytes, text: str
) -> None:
    headers = _OWNER | {"Idempotency-Key": "csv-fault", "Content-Type": "text/csv"}
    response = await stack.http.post(f"/programs/{program}/cohorts/faulty", content=content, headers=headers)
    assert text in str(problem(response, 422, "invalid_request"))
    problem(await stack.http.get(f"/programs/{program}/cohorts/faulty", headers=_OWNER), 404, "cohort_unknown")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"participants": []}, "participants"),
        ({"participants": ["Ann Smith"]}, "participants.0"),
        ({"participants": "c-1"}, "participants"),
        ({"members": ["c-1"]}, "members"),
        ([], "body"),
    ],
)
async def test_a_body_of_another_shape_is_told_with_its_field(stack: Stack, program: str, body: Any, field: str) -> None:
    found = problem(await stack.post(f"/programs/{program}/cohorts/faulty", body), 422, "invalid_request")
    assert field in [each["field"] for each in found["errors"]]


async def test_names_that_nothing_has_are_told(stack: Stack, program: str) -> None:
    problem(await stack.post(f"/programs/{program}/cohorts/No_Name", {"participants": ["c-1"]}), 422, "invalid_request")
    problem(await _put(stack, program, "nobody", ["c-1"], path="/removal"), 404, "cohort_unknown")
    problem(await _put(stack, "nowhere", "staff", ["c-1"]), 404, "program_unknown")


async def test_an_ended_program_gathers_nobody_and_erasure_covers_cohorts(stack: Stack, begin: Begin) -> None:
    waiting = await begin()
    program = waiting.program
    await _put(stack, program, "staff", ["c-1"])
    assert (await waiting.vote("demo-marketing", "reject", reason="Not now")).status_code == 201
    await stack.temporal.get_workflow_handle(f"program/{program}").result()
    problem(await _put(stack, program, "staff", ["c-2"]), 409, "program_ended")
    async with stack.engine.begin() as connection:
        await wind_down.erase(connection, program, AT)
    assert await _those_in(stack, program, "staff") == []
