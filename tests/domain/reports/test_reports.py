"""Operational reports: months without gaps, and tables that come out of CSV as they went in."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.reports.reports import NAMES
from domain.reports.tables import OUTLINES, Cell, Report, as_csv, as_json, column, months


def report(name: str, *rows: tuple[Cell, ...]) -> Report:
    return Report(
        outline=OUTLINES[name],
        program="p",
        as_of=datetime(2026, 3, 1, tzinfo=UTC),
        time_zone="UTC",
        money="EUR",
        rows=rows,
    )


@given(st.dates(date(1970, 1, 1), date(2200, 1, 1)), st.integers(0, 500))
def test_months_follow_each_other_without_gaps(first: date, more: int) -> None:
    last = date(first.year + (first.month - 1 + more) // 12, (first.month - 1 + more) % 12 + 1, 28)
    found = months(first, last)
    assert found[0] == first.replace(day=1)
    assert found[-1] == last.replace(day=1)
    assert len(found) == more + 1
    assert all((after.year - before.year) * 12 + after.month - before.month == 1 for before, after in pairwise(found))


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r")), st.text('=+-@ab,"\n')),
        max_size=5,
    )
)
def test_what_is_written_as_csv_is_read_as_it_was_and_no_text_is_a_formula(rows: list[tuple[str, str]]) -> None:
    (head, *found) = csv.reader(io.StringIO(as_csv(report("status", *rows)), newline=""))
    assert head == ["what", "value"]
    assert [tuple(cell.removeprefix("'") for cell in row) for row in found] == [
        tuple(cell.removeprefix("'") for cell in row) for row in rows
    ]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in found for cell in row)


def test_what_is_not_known_is_empty_and_numbers_stay_numbers() -> None:
    made = as_csv(report("movement", ("2026-02", 1, 0, 5, 1, 0, None, 4)))
    assert made == "month,joined,left,members,new,reactivated,lapsed,active\n2026-02,1,0,5,1,0,,4\n"
    negative = as_csv(report("points", ("2026-02", "PTS", 0, 0, 0, 0, -5, -5, Decimal("-0.05"))))
    assert negative.endswith("2026-02,PTS,0,0,0,0,-5,-5,-0.05\n")


def test_json_has_each_row_by_the_names_of_its_columns() -> None:
    details = as_json(report("expiry", ("2026-04", "PTS", 10, 2)))
    assert (details["name"], details["as_of"]) == ("expiry", "2026-03-01T00:00:00Z")
    assert details["rows"] == [{"month": "2026-04", "currency": "PTS", "points": 10, "members": 2}]


@pytest.mark.parametrize("name", OUTLINES)
def test_every_plot_is_of_columns_that_are_there(name: str) -> None:
    empty = report(name)
    for plot in OUTLINES[name].plots:
        assert [column(empty, each) for each in (plot.along, *plot.columns)] == [[] for _ in (plot.along, *plot.columns)]


def test_there_is_a_command_for_each_report() -> None:
    assert tuple(OUTLINES) == NAMES
