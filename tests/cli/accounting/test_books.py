"""`tenure books`, typed by finance, against the real API."""

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.bookshop import Shop, at
from tests.cli.conftest import Ask, Tenure
from tests.stack import Stack, program_id


@pytest.fixture
async def shop(stack: Stack) -> Shop:
    shop = Shop(stack.engine, program_id("books"))
    await shop.launch(money="USD")
    await shop.sell(at(1, 20), price="100000", points=10_000)
    await shop.redeem(at(1, 25), 4_500)
    return shop


@pytest.fixture
def ask(ask_as: Callable[[str], Ask]) -> Ask:
    return ask_as("demo-finance")


async def test_a_month_is_shown_closed_and_exported(ask: Ask, shop: Shop, tmp_path: Path) -> None:
    open_ = await ask("books", "show", shop.program)
    assert open_.exit_code == 0, open_.output
    lines = [" ".join(line.split()) for line in open_.stdout.splitlines()]
    assert lines[0] == f"Books of {shop.program}, 2026-01: open, provisional (USD)"
    for text in (
        "sold 10,000",
        "redeemed 4,500",
        "deferred revenue at the end 4,566.21",
        "STAR: 95.0 % expected to be redeemed, revision 1",
    ):
        assert text in lines
    closed = await ask("books", "close", shop.program, "2026-01")
    assert (closed.exit_code, "2026-01: closed (USD)" in closed.stdout) == (0, True), closed.output

    file = tmp_path / "journal.csv"
    written = await ask("books", "journal", shop.program, "--csv", str(file))
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert written.stdout.strip() == f"{len(rows)} lines written to {file}."
    assert sum(Decimal(row["debit"]) - Decimal(row["credit"]) for row in rows) == 0
    as_json = await ask("books", "journal", shop.program, "--json")
    assert json.loads(as_json.stdout)["lines"] == rows
    shown = await ask("books", "journal", shop.program, "--period", "2026-01")
    assert "Revenue from breakage" in shown.stdout


async def test_an_estimate_is_entered_and_seen_with_who_and_why(ask: Ask, shop: Shop) -> None:
    words = ("--rate", "0.97", "--reason", "Redemption study", "--period", "2026-01")
    entered = await ask("books", "estimate", shop.program, *words)
    assert entered.stdout.strip() == "From 2026-01 on, 97.0 % of all STAR are expected to be redeemed.", entered.output
    shown = await ask("books", "show", shop.program, "--period", "2026-01")
    assert "97.0 % expected to be redeemed, as demo-finance entered: Redemption study" in shown.stdout


async def test_what_is_refused_or_typed_wrongly_is_told(ask: Ask, shop: Shop, tenure: Tenure, tmp_path: Path) -> None:
    skipped = await ask("books", "close", shop.program, "2026-02")
    assert (skipped.exit_code, "Close 2026-01 first" in skipped.stderr) == (1, True)
    too_much = await ask("books", "estimate", shop.program, "--rate", "97", "--why", "In percent")
    assert (too_much.exit_code, "redemption_rate" in too_much.stderr) == (1, True)
    not_allowed = await ask("books", "close", shop.program, "2026-01", person="demo-analyst")
    assert (not_allowed.exit_code, "roles: finance" in not_allowed.stderr) == (1, True)
    nowhere = await ask("books", "journal", shop.program, "--csv", str(tmp_path / "no" / "journal.csv"))
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (2, True)
    for month in ("2026-3", "2026-13", "March", "../x"):
        wrong = tenure("books", "close", shop.program, month, TENURE_TOKEN="a-token")
        assert (wrong.exit_code, "for instance 2026-03" in " ".join(wrong.stderr.split())) == (2, True)
