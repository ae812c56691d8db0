"""The page of a prototype: it stands by itself, and what comes from elsewhere cannot become a part of it."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.acceptance.comparison import compare
from insight.acceptance.event_log import Purchase, of_purchases
from insight.acceptance.simulation import run
from pages.prototype import page
from tests.domain.definitions import small

START = datetime(2025, 1, 1, tzinfo=UTC)
LOG = [Purchase(name, START + timedelta(days=day), Decimal(40)) for day in range(0, 200, 25) for name in ("ann", "<script>bob")]


def test_the_page_has_every_figure_and_fetches_nothing() -> None:
    made = run(small(), of_purchases(small(), LOG, "purchases"))
    text = page(made)
    for figure in made.result.figures:
        assert figure.replace("_", " ") in text or figure not in ("members", "cost", "liability")
    assert text.count("<svg") == 6
    assert all(month.month in text for month in made.result.months)
    assert re.findall(r"(?:src|href|url|@import)\s*[=(]", text) == []
    assert "<script" not in text


def test_a_page_of_two_runs_tells_who_gains_and_loses_in_plain_text() -> None:
    richer = small(earning=[{"id": "base", "event": "purchase", "rate": 4}])
    first = run(small(), of_purchases(small(), LOG, "purchases"))
    second = run(richer, of_purchases(richer, LOG, "purchases"))
    text = page(first, second, compare(first, second))
    assert "2 members gain" in text
    assert "&lt;script&gt;bob" in text
    assert "<script" not in text


def test_a_program_with_one_tier_and_a_log_of_one_month_have_a_page() -> None:
    plain = small(tiers=[{"id": "blue", "name": "Blue"}], counters=[], earning=[{"id": "base", "event": "purchase", "rate": 1}])
    assert "<svg" in page(run(plain, of_purchases(plain, LOG[:2], "purchases")))
