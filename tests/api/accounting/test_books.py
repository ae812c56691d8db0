"""The books over HTTP: a month read and closed, an estimate entered, the journal exported, and what is refused."""

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from httpx import Response

from tests.api.sample_program import SampleProgram, problem
from tests.bookshop import Shop, at
from tests.stack import Stack, program_id

FINANCE = "demo-finance"


@pytest.fixture
async def shop(stack: Stack) -> Shop:
    """A program that was launched in January 2026, and sold points in it."""
    shop = Shop(stack.engine, program_id("books"))
    await shop.launch(money="USD")
    await shop.sell(at(1, 20), price="100000", points=10_000)
    await shop.redeem(at(1, 25), 4_500)
    return shop


async def _get(stack: Stack, path: str) -> Response:
    return await stack.http.get(path, headers={"Authorization": f"Bearer {FINANCE}"})


@asynccontextmanager
async def _unchanged(stack: Stack, shop: Shop) -> AsyncIterator[None]:
    """Whatever is done within changes nothing in the books."""
    paths = [f"/programs/{shop.program}/books{rest}" for rest in ("?period=2026-01", "/journal", "/estimates")]
    before = [await stack.get(path) for path in paths]
    yield
    assert [await stack.get(path) for path in paths] == before


async def test_a_month_is_read_closed_and_stays_as_it_was(stack: Stack, shop: Shop) -> None:
    path = f"/programs/{shop.program}/books"
    open_ = await stack.get(f"{path}?period=2026-01", "demo-analyst")
    (star,) = open_["currencies"]
    assert (open_["status"], open_["money"], star["deferred"], star["revenue"]) == ("open", "USD", "8675.80", "4109.59")
    closed = await stack.post(f"{path}/2026-01/closing", person=FINANCE)
    assert (closed.status_code, closed.json()["closed_by"], closed.json()["status"]) == (200, FINANCE, "closed")
    assert closed.json()["currencies"] == open_["currencies"]
    assert closed.json()["balances"]["deferred_revenue"] == "-4566.21"
    assert sum(Decimal(amount) for amount in closed.json()["balances"].values()) == 0
    assert {"deferred_revenue", "redemption_payable"} < {account["code"] for account in closed.json()["accounts"]}

    await shop.sell(at(1, 26))
    again = await stack.post(f"{path}/2026-01/closing", person="demo-owner")
    assert (again.status_code, again.json()) == (200, closed.json())
    assert await stack.get(f"{path}?period=2026-01") == closed.json()
    assert (await stack.get(path))["period"] == "2026-02", "without a period: the one to be closed next"
    (late,) = (await stack.get(path))["currencies"]
    assert late["points"]["sold"] == 1000


async def test_an_estimate_is_entered_once_and_makes_its_catch_up(stack: Stack, shop: Shop) -> None:
    path = f"/programs/{shop.program}/books"
    await stack.post(f"{path}/2026-01/closing", person=FINANCE)
    body = {"redemption_rate": "0.97", "reason": "Redemption study", "period": "2026-02"}
    first, second = [await stack.post(f"{path}/estimates", body, person=FINANCE, key="study-1") for _ in range(2)]
    assert (first.status_code, second.json(), second.headers["Idempotency-Replayed"]) == (201, first.json(), "true")
    (entered,) = (await stack.get(f"{path}/estimates"))["items"]
    assert (entered["redemption_rate"], entered["entered_by"], entered["why"]) == ("0.97", FINANCE, "Redemption study")
    (star,) = (await stack.get(f"{path}?period=2026-02"))["currencies"]
    assert (star["revenue"], star["catch_up"], star["terms"]["estimated_by"]) == ("-84.73", "-84.73", FINANCE)
    (later,) = (await stack.get(f"{path}?period=2026-03"))["currencies"]
    assert (later["revenue"], later["terms"]["redemption_rate"]) == ("0.00", "0.97")


async def test_the_journal_is_exported_and_balances(stack: Stack, shop: Shop) -> None:
    path = f"/programs/{shop.program}/books"
    assert (await stack.get(f"{path}/journal"))["lines"] == [], "nothing is closed yet"
    await stack.post(f"{path}/2026-01/closing", person=FINANCE)
    await stack.post(f"{path}/2026-02/closing", person=FINANCE)
    found = (await stack.get(f"{path}/journal"))["lines"]
    response = await _get(stack, f"{path}/journal?format=csv")
    assert response.headers["content-type"].startswith("text/csv")
    assert f'filename="{shop.program}-journal.csv"' in response.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert rows == found
    assert {row["period"] for row in rows} == {"2026-01"}, "nothing moved in February"
    for entry in {row["entry"] for row in rows}:
        mine = [row for row in rows if row["entry"] == entry]
        assert sum(Decimal(row["debit"]) - Decimal(row["credit"]) for row in mine) == 0
    provisional = (await stack.get(f"{path}/journal?period=2026-03"))["lines"]
    assert provisional == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "because"}, "redemption_rate"),
        ({"redemption_rate": "1.01", "reason": "because"}, "redemption_rate"),
        ({"redemption_rate": "-0.01", "reason": "because"}, "redemption_rate"),
        ({"redemption_rate": "NaN", "reason": "because"}, "redemption_rate"),
        ({"redemption_rate": "0.9"}, "reason"),
        ({"redemption_rate": "0.9", "reason": "  "}, "reason"),
        ({"redemption_rate": "0.9", "reason": "a\x00b"}, "reason"),
        ({"redemption_rate": "0.9", "reason": "because", "period": "2026-13"}, "period"),
        ({"redemption_rate": "0.9", "reason": "because", "currency": "stars"}, "currency"),
        ({"redemption_rate": "0.9", "reason": "because", "rate": 1}, "rate"),
    ],
)
async def test_an_estimate_that_is_none_is_told_by_its_field(
    stack: Stack, shop: Shop, body: dict[str, Any], field: str
) -> None:
    async with _unchanged(stack, shop):
        response = await stack.post(f"/programs/{shop.program}/books/estimates", body, person=FINANCE)
        assert problem(response, 422, "invalid_request")["field"] == field


async def test_what_cannot_be_closed_or_entered_is_told_why(stack: Stack, shop: Shop) -> None:
    path, reason = f"/programs/{shop.program}/books", {"redemption_rate": "0.9", "reason": "because"}
    async with _unchanged(stack, shop):
        skipped = problem(await stack.post(f"{path}/2026-02/closing", person=FINANCE), 409, "period_skipped")
        assert "Close 2026-01 first" in skipped["remedy"]
        before = problem(await stack.post(f"{path}/2025-12/closing", person=FINANCE), 409, "period_unknown")
        assert before["field"] == "period"
        problem(await stack.post(f"{path}/9999-12/closing", person=FINANCE), 409, "period_unknown")
        for wrong in ("2026-1", "2026-13", "March", "0000-01", "99999-01"):
            found = problem(await stack.post(f"{path}/{wrong}/closing", person=FINANCE), 422, "invalid_request")
            assert found["field"] == "path.period"
            problem(await _get(stack, f"{path}?period={wrong}"), 422, "invalid_request")
        problem(await _get(stack, f"{path}/journal?format=xml"), 422, "invalid_request")
        unknown = await stack.post(f"{path}/estimates", reason | {"currency": "GOLD"}, person=FINANCE)
        assert problem(unknown, 422, "currency_unknown")["field"] == "currency"
    await stack.post(f"{path}/2026-01/closing", person=FINANCE)
    async with _unchanged(stack, shop):
        closed = await stack.post(f"{path}/estimates", reason | {"period": "2026-01"}, person=FINANCE)
        assert "2026-02" in problem(closed, 409, "period_closed")["remedy"]


async def test_the_present_month_is_not_over(stack: Stack, sample_program: SampleProgram) -> None:
    async def close() -> tuple[dict[str, Any], Response]:
        books = await stack.get(f"{sample_program.path}/books")
        return books, await stack.post(f"{sample_program.path}/books/{books['period']}/closing", person=FINANCE)

    books, response = await close()
    if response.status_code == 200:  # it was launched on the last day of a month, which is over
        books, response = await close()
    assert (books["status"], books["money"], books["currencies"][0]["currency"]) == ("open", "USD", "NOTES")
    assert books["period"] in problem(response, 409, "period_not_over")["detail"]


async def test_a_program_without_books_is_told(stack: Stack, begin: Any) -> None:
    waiting = await begin()
    for path in ("books", "books/journal", "books?period=2026-01"):
        problem(await _get(stack, f"/programs/{waiting.program}/{path}"), 409, "books_not_open")
    problem(await _get(stack, "/programs/nowhere/books"), 404, "program_unknown")
    problem(await _get(stack, "/programs/nowhere/books/estimates"), 404, "program_unknown")


async def test_events_that_a_shop_posts_are_sales(stack: Stack, sample_program: SampleProgram) -> None:
    """The API keeps an event's amount where the books look for it."""
    before = (await stack.get(f"{sample_program.path}/books"))["currencies"][0]["points"]
    member = await sample_program.member()
    assert (await sample_program.event(member, "29.33")).status_code == 201
    found = (await stack.get(f"{sample_program.path}/books"))["currencies"][0]["points"]
    assert Decimal(found["sales"]) - Decimal(before["sales"]) == Decimal("29.33")
    assert found["sold"] - before["sold"] == 293
