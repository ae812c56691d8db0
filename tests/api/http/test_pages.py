"""Lists that can grow: page after page, nothing twice and nothing left out, whatever comes in between."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import Request, Response
from hypothesis import given
from hypothesis import strategies as st

from api.http.errors import CursorInvalid
from api.http.pagination import Paging
from domain.members.membership import Membership
from store.members import members
from store.rewards import redemptions
from store.rewards.redemptions import RedemptionRecord
from tests.api.sample_program import SHOP, SampleProgram, problem
from tests.stack import Stack


def _paging(path: str = "/things", query: str = "", *, limit: int = 3, cursor: str | None = None) -> Paging:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [],
        "server": ("tenure", 80),
    }
    return Paging(limit, cursor, Request(scope), Response())


_keys = st.tuples(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    st.integers(0, 2**63 - 1),
)


@given(keys=st.lists(_keys, min_size=1, max_size=30, unique=True), limit=st.integers(1, 7))
def test_pages_have_every_item_once_and_in_order(keys: list[tuple[datetime, str, int]], limit: int) -> None:
    keys.sort()
    read: list[tuple[datetime, str, int]] = []
    cursor: str | None = None
    while True:
        paged = _paging(limit=limit, cursor=cursor)
        after = paged.after(datetime, str, int)
        rest = [key for key in keys if after is None or key > after]
        page = paged.page(rest[: paged.one_more], lambda key: key)
        assert len(page.items) <= limit
        read += page.items
        cursor = page.next
        if cursor is None:
            break
    assert read == keys


@given(text=st.text(max_size=60))
def test_no_text_of_ones_own_is_a_cursor(text: str) -> None:
    with pytest.raises(CursorInvalid):
        _paging(cursor=text).after(str)


def test_a_cursor_is_for_its_own_list_with_its_own_filters_alone() -> None:
    first = _paging("/things", "colour=red", limit=1)
    cursor = first.page(["a", "b"], lambda item: (item,)).next
    assert _paging("/things", f"colour=red&limit=7&cursor={cursor}", cursor=cursor).after(str) == ("a",)
    for path, query in (("/others", "colour=red"), ("/things", "colour=blue"), ("/things", "")):
        with pytest.raises(CursorInvalid):
            _paging(path, query, cursor=cursor).after(str)
    with pytest.raises(CursorInvalid):
        _paging("/things", "colour=red", cursor=cursor).after(int)
    with pytest.raises(CursorInvalid):
        _paging("/things", "colour=red", cursor=cursor).after(str, int)


async def _pages(stack: Stack, path: str, person: str) -> AsyncIterator[dict[str, Any]]:
    """Page after page, by the address that each names in its `Link`."""
    address: str | None = path
    while address is not None:
        response = await stack.http.get(address, headers={"Authorization": f"Bearer {person}"})
        assert response.status_code == 200, response.text
        page: dict[str, Any] = response.json()
        yield page
        link = response.links.get("next", {}).get("url")
        assert (link is None) == (page["next"] is None)
        address = str(link) if link is not None else None
        if address is not None:
            assert urlsplit(address).path == urlsplit(path).path
            assert f"cursor={page['next']}" in address


async def _members(sample_program: SampleProgram, stack: Stack, *names: str, tier: str = "listener") -> None:
    now = datetime.now(UTC)
    async with stack.engine.begin() as connection:
        for name in names:
            joining = Membership(
                program=sample_program.program,
                participant=name,
                status="active",
                tier=tier,
                tier_since=now,
                tier_until=None,
                joined_at=now,
                agreement="1997-01",
                journey_stage="onboarding",
            )
            await members.establish(connection, joining)


async def test_members_come_page_by_page_and_who_joins_meanwhile_moves_nobody(pool: SampleProgram, stack: Stack) -> None:
    names = [f"page-{letter}" for letter in "bdfhj"]
    await _members(pool, stack, *names, tier="paged")
    read: list[str] = []
    async for page in _pages(stack, f"{pool.path}/members?tier=paged&limit=2", SHOP):
        read += [each["participant"] for each in page["items"]]
        if len(read) == 2:
            await _members(pool, stack, "page-a", "page-g", tier="paged")
    assert read == ["page-b", "page-d", "page-f", "page-g", "page-h", "page-j"]


async def test_members_are_found_by_tier_and_status(pool: SampleProgram, stack: Stack) -> None:
    await _members(pool, stack, "left-1", "left-2", tier="parting")
    async with stack.engine.begin() as connection:
        await members.close(connection, pool.program, "left-1", "left", datetime.now(UTC))
    for query, expected in (("", ["left-1", "left-2"]), ("&status=left", ["left-1"]), ("&status=active", ["left-2"])):
        found = await stack.get(f"{pool.path}/members?tier=parting{query}", SHOP)
        assert [each["participant"] for each in found["items"]] == expected
    response = await stack.http.get(f"{pool.path}/members?status=lost", headers={"Authorization": f"Bearer {SHOP}"})
    assert problem(response, 422, "invalid_request")["field"] == "query.status"
    response = await stack.http.get("/programs/nowhere/members", headers={"Authorization": f"Bearer {SHOP}"})
    problem(response, 404, "program_unknown")


async def test_redemptions_that_were_asked_for_at_one_instant_come_once_each(
    sample_program: SampleProgram, stack: Stack
) -> None:
    member = await sample_program.member()
    at = datetime.now(UTC)
    async with stack.engine.begin() as connection:
        for number in range(5):
            record = RedemptionRecord(
                id=f"redemption/{member}-{number}",
                program=sample_program.program,
                participant=member,
                reward="sampler",
                points=1,
                state="refused",
                refusal="insufficient_points",
                asked_at=at - timedelta(seconds=number // 3),
                settled_at=at,
            )
            await redemptions.keep(connection, record)
    path = f"{sample_program.path}/members/{member}/redemptions?limit=2"
    read = [each["id"] async for page in _pages(stack, path, SHOP) for each in page["items"]]
    assert read == [f"redemption/{member}-{number}" for number in range(5)]


@pytest.mark.parametrize(
    "path",
    [
        *("/programs", "/gates", "/transaction-logs", "/delegations", "/inbox/decided"),
        *("{club}/revisions", "{club}/evaluations", "{club}/members", "{club}/invitations"),
    ],
)
async def test_a_cursor_that_no_page_gave_is_one_clear_problem(sample_program: SampleProgram, stack: Stack, path: str) -> None:
    headers = {"Authorization": "Bearer demo-owner"}
    address = path.replace("{club}", sample_program.path)
    for cursor in ("x", "%00", "bm8", "WyJ4Il0"):
        found = problem(await stack.http.get(f"{address}?cursor={cursor}", headers=headers), 422, "cursor_invalid")
        assert found["field"] == "query.cursor"
    for limit in ("0", "201", "many"):
        found = problem(await stack.http.get(f"{address}?limit={limit}", headers=headers), 422, "invalid_request")
        assert found["field"] == "query.limit"


async def test_programs_come_in_pages_of_one(begin: Any, stack: Stack) -> None:
    first, second = sorted([(await begin()).program, (await begin()).program])
    read = [each["id"] async for page in _pages(stack, "/programs?limit=1", "demo-owner") for each in page["items"]]
    assert read == sorted(set(read))
    assert {first, second} <= set(read)
