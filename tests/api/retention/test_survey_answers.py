"""What members answer about the program: kept once, on its scale, from joining on."""

from typing import Any

import pytest
from httpx import Response

from tests.api.sample_program import SHOP, SampleProgram, launched, problem
from tests.stack import Stack


@pytest.fixture(scope="module")
async def sample_program(stack: Stack) -> SampleProgram:
    return await launched(stack, "http://127.0.0.1:9/orders")


async def answer(sample_program: SampleProgram, member: str, key: str | None = None, **given: Any) -> Response:
    return await sample_program.stack.post(f"{sample_program.path}/members/{member}/answers", given, person=SHOP, key=key)


async def answers(sample_program: SampleProgram, member: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await sample_program.stack.get(f"{sample_program.path}/members/{member}/answers", SHOP))[
        "answers"
    ]
    return found


async def test_an_answer_is_kept_once_and_shown_with_the_newest_first(sample_program: SampleProgram) -> None:
    member = await sample_program.member()
    first = await answer(sample_program, member, "a-1", question="recommend", value=9)
    assert first.status_code == 201, first.text
    again = await answer(sample_program, member, "a-1", question="recommend", value=9)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert (await answer(sample_program, member, question="satisfaction", value=1)).status_code == 201
    found = await answers(sample_program, member)
    assert [(each["question"], each["value"]) for each in found] == [("satisfaction", 1), ("recommend", 9)]


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"question": "recommend", "value": 11}, "invalid_request", "from 0 to 10"),
        ({"question": "recommend", "value": -1}, "invalid_request", "from 0 to 10"),
        ({"question": "satisfaction", "value": 0}, "invalid_request", "from 1 to 5"),
        ({"question": "satisfaction", "value": 6}, "invalid_request", "from 1 to 5"),
        ({"question": "colour", "value": 1}, "invalid_request", "recommend"),
        ({"question": "recommend", "value": "much"}, "invalid_request", "value"),
        ({"question": "recommend", "value": 9, "answered_at": "2126-01-01T00:00:00Z"}, "time_out_of_range", "has not come yet"),
        (
            {"question": "recommend", "value": 9, "answered_at": "2020-01-01T00:00:00Z"},
            "time_out_of_range",
            "before the member",
        ),
    ],
)
async def test_what_is_no_answer_is_refused_and_changes_nothing(
    sample_program: SampleProgram, given: dict[str, Any], code: str, says: str
) -> None:
    member = await sample_program.member()
    response = await answer(sample_program, member, **given)
    found = problem(response, 422, code)
    assert says in response.text, found
    assert found["field"] == (
        "answered_at" if "answered_at" in given else "question" if "colour" in given.values() else "value"
    )
    assert await answers(sample_program, member) == []


async def test_only_members_answer(sample_program: SampleProgram) -> None:
    problem(await answer(sample_program, "m-stranger", question="recommend", value=9), 404, "member_unknown")
    member = await sample_program.member()
    left = await sample_program.stack.post(
        f"{sample_program.path}/members/{member}/departure", {"reason": "moves"}, person=SHOP
    )
    assert left.status_code == 200, left.text
    problem(await answer(sample_program, member, question="recommend", value=9), 409, "member_left")
