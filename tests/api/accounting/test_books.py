"""The books over HTTP: a month read and closed, an estimate entered, the journal exported, and what is refused."""

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from httpx import Response

from tests.api.club import Club, problem
from tests.bookshop import Shop, at
from tests.house import House, program_id

FINANCE = "demo-finance"


@pytest.fixture
async def shop(house: House) -> Shop:
    """A program that was launched in January 2026, and sold points in it."""
    shop = Shop(house.engine, program_id("books"))
    await shop.launch(money="USD")
    await shop.sell(at(1, 20), price="100000", points=10_000)
    await shop.redeem(at(1, 25), 4_500)
    return shop


async def _get(house: House, path: str) -> Response:
    return await house.http.get(path, headers={"Authorization": f"Bearer {FINANCE}"})


@asynccontextmanager
async def _unchanged(house: House, shop: Shop) -> AsyncIterator[None]:
    """Whatever is done within changes nothing in the books."""
    paths = [f"/programs/{shop.program}/books{rest}" for rest in ("?period=2026-01", "/journal", "/estimates")]
    before = [await house.get(path) for path in paths]
    yield
    assert [await house.get(path) for path in paths] == before


async def test_a_month_is_read_closed_and_stays_as_it_was(house: House, shop: Shop) -> None:
    path = f"/programs/{shop.program}/books"
    open_ = await house.get(f"{path}?period=2026-01", "demo-analyst")
    (star,) = open_["currencies"]
    assert (open_["status"], open_["money"], star["deferred"], star["revenue"]) == ("open", "USD", "8675.80", "4109.59")
    closed = await house.post(f"{path}/2026-01/closing", person=FINANCE)
    assert (closed.status_code, closed.json()["closed_by"], closed.json()["status"]) == (200, FINANCE, "closed")
    assert closed.json()["currencies"] == open_["currencies"]
    assert closed.json()["balances"]["deferred_revenue"] == "-4566.21"
    assert sum(Decimal(amount) for amount in closed.json()["balances"].values()) == 0
    assert {"deferred_revenue", "redemption_payable"} < {account["code"] for account in closed.json()["accounts"]}

    await shop.sell(at(1, 26))
    again = await house.post(f"{path}/2026-01/closing", person="demo-owner")
    assert (again.status_code, again.json()) == (200, closed.json())
    assert await house.get(f"{path}?period=2026-01") == closed.json()
    assert (await house.get(path))["period"] == "2026-02", "without a period: the one to be closed next"
    (late,) = (await house.get(path))["currencies"]
    assert late["points"]["sold"] == 1000


async def test_an_estimate_is_entered_once_and_makes_its_catch_up(house: House, shop: Shop) -> None:
    path = f"/programs/{shop.program}/books"
    await house.post(f"{path}/2026-01/closing", person=FINANCE)
    body = {"redemption_rate": "0.97", "reason": "Redemption study", "period": "2026-02"}
    first, second = [await house.post(f"{path}/estimates", body, person=FINANCE, key="study-1") for _ in range(2)]
    assert (first.status_code, second.json(), second.headers["Idempotency-Replayed"]) == (201, first.json(), "true")
    (entered,) = (await house.get(f"{path}/estimates"))["items"]
    assert (entered["redemption_rate"], entered["entered_by"], entered["why"]) == ("0.97", FINANCE, "Redemption study")
    (star,) = (await house.get(f"{path}?period=2026-02"))["currencies"]
    assert (star["revenue"], star["catch_up"], star["terms"]["estimated_by"]) == ("-84.73", "-84.73", FINANCE)
    (later,) = (await house.get(f"{path}?period=2026-03"))["currencies"]
    assert (later["revenue"], later["terms"]["redemption_rate"]) == ("0.00", "0.97")


async def test_the_journal_is_exported_and_balances(house: House, shop: Shop) -> None:
    path = f"/programs/{shop.program}/books"
    assert (await house.get(f"{path}/journal"))["lines"] == [], "nothing is closed yet"
    await house.post(f"{path}/2026-01/closing", person=FINANCE)
    await house.post(f"{path}/2026-02/closing", person=FINANCE)
    found = (await house.get(f"{path}/journal"))["lines"]
    response = await _get(house, f"{path}/journal?format=csv")
    assert response.headers["content-type"].startswith("text/csv")
    assert f'filename="{shop.program}-journal.csv"' in response.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert rows == found
    assert {row["period"] for row in rows} == {"2026-01"}, "nothing moved in February"
    for entry in {row["entry"] for row in rows}:
        mine = [row for row in rows if row["entry"] == entry]
        assert sum(Decimal(row["debit"]) - Decimal(row["credit"]) for row in mine) == 0
    provisional = (await house.get(f"{path}/journal?period=2026-03"))["lines"]
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
    house: House, shop: Shop, body: dict[str, Any], field: str
) -> None:
    async with _unchanged(house, shop):
        response = await house.post(f"/programs/{shop.program}/books/estimates", body, person=FINANCE)
        assert problem(response, 422, "invalid_request")["field"] == field


async def test_what_cannot_be_closed_or_entered_is_told_why(house: House, shop: Shop) -> None:
    path, reason = f"/programs/{shop.program}/books", {"redemption_rate": "0.9", "reason": "because"}
    async with _unchanged(house, shop):
        skipped = problem(await house.post(f"{path}/2026-02/closing", person=FINANCE), 409, "period_skipped")
        assert "Close 2026-01 first" in skipped["remedy"]
        before = problem(await house.post(f"{path}/2025-12/closing", person=FINANCE), 409, "period_unknown")
        assert before["field"] == "period"
        problem(await house.post(f"{path}/9999-12/closing", person=FINANCE), 409, "period_unknown")
        for wrong in ("2026-1", "2026-13", "March", "0000-01", "99999-01"):
            found = problem(await house.post(f"{path}/{wrong}/closing", person=FINANCE), 422, "invalid_request")
            assert found["field"] == "path.period"
            problem(await _get(house, f"{path}?period={wrong}"), 422, "invalid_request")
        problem(await _get(house, f"{path}/journal?format=xml"), 422, "invalid_request")
        unknown = await house.post(f"{path}/estimates", reason | {"currency": "GOLD"}, person=FINANCE)
        assert problem(unknown, 422, "currency_unknown")["field"] == "currency"
    await house.post(f"{path}/2026-01/closing", person=FINANCE)
    async with _unchanged(house, shop):
        closed = await house.post(f"{path}/estimates", reason | {"period": "2026-01"}, person=FINANCE)
        assert "2026-02" in problem(closed, 409, "period_closed")["remedy"]


async def test_the_present_month_is_not_over(house: House, club: Club) -> None:
    async def close() -> tuple[dict[str, Any], Response]:
        books = await house.get(f"{club.path}/books")
        return books, await house.post(f"{club.path}/books/{books['period']}/closing", person=FINANCE)

    books, response = await close()
    if response.status_code == 200:  # it was launched on the last day of a month, which is over
        books, response = await close()
    assert (books["status"], books["money"], books["currencies"][0]["currency"]) == ("open", "USD", "NOTES")
    assert books["period"] in problem(response, 409, "period_not_over")["detail"]


async def test_a_program_without_books_is_told(house: House, begin: Any) -> None:
    waiting = await begin()
    for path in ("books", "books/journal", "books?period=2026-01"):
        problem(await _get(house, f"/programs/{waiting.program}/{path}"), 409, "books_not_open")
    problem(await _get(house, "/programs/nowhere/books"), 404, "program_unknown")
    problem(await _get(house, "/programs/nowhere/books/estimates"), 404, "program_unknown")


async def test_events_that_a_shop_posts_are_sales(house: House, club: Club) -> None:
    """The API keeps an event's amount where the books look for it."""
    before = (await house.get(f"{club.path}/books"))["currencies"][0]["points"]
    member = await club.member()
    assert (await club.event(member, "29.33")).status_code == 201
    found = (await house.get(f"{club.path}/books"))["currencies"][0]["points"]
    assert Decimal(found["sales"]) - Decimal(before["sales"]) == Decimal("29.33")
    assert found["sold"] - before["sold"] == 293
