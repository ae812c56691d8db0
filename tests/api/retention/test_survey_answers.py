"""What members answer about the program: kept once, on its scale, from joining on."""

from typing import Any

import pytest
from httpx import Response

from tests.api.club import SHOP, Club, launched, problem
from tests.house import House


@pytest.fixture(scope="module")
async def club(house: House) -> Club:
    return await launched(house, "http://127.0.0.1:9/orders")


async def answer(club: Club, member: str, key: str | None = None, **given: Any) -> Response:
    return await club.house.post(f"{club.path}/members/{member}/answers", given, person=SHOP, key=key)


async def answers(club: Club, member: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await club.house.get(f"{club.path}/members/{member}/answers", SHOP))["answers"]
    return found


async def test_an_answer_is_kept_once_and_shown_with_the_newest_first(club: Club) -> None:
    member = await club.member()
    first = await answer(club, member, "a-1", question="recommend", value=9)
    assert first.status_code == 201, first.text
    again = await answer(club, member, "a-1", question="recommend", value=9)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert (await answer(club, member, question="satisfaction", value=1)).status_code == 201
    found = await answers(club, member)
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
    club: Club, given: dict[str, Any], code: str, says: str
) -> None:
    member = await club.member()
    response = await answer(club, member, **given)
    found = problem(response, 422, code)
    assert says in response.text, found
    assert found["field"] == (
        "answered_at" if "answered_at" in given else "question" if "colour" in given.values() else "value"
    )
    assert await answers(club, member) == []


async def test_only_members_answer(club: Club) -> None:
    problem(await answer(club, "m-stranger", question="recommend", value=9), 404, "member_unknown")
    member = await club.member()
    left = await club.house.post(f"{club.path}/members/{member}/departure", {"reason": "moves"}, person=SHOP)
    assert left.status_code == 200, left.text
    problem(await answer(club, member, question="recommend", value=9), 409, "member_left")
