"""`tenure report` and `tenure program schedule`, against the real API."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.reports.tables import OUTLINES
from tests.api.seeded_history import SeededHistory, lived
from tests.cli.conftest import Ask, Tenure
from tests.stack import Stack


@pytest.fixture(scope="module")
async def seeded_history(stack: Stack) -> SeededHistory:
    return await lived(stack)


@pytest.fixture
def ask(ask_as: Callable[[str], Ask]) -> Ask:
    return ask_as("demo-owner")


@pytest.mark.parametrize("name", OUTLINES)
async def test_every_report_is_printed_as_of_a_day(seeded_history: SeededHistory, ask: Ask, name: str) -> None:
    result = await ask("report", name, seeded_history.program, "--as-of", "2025-06-30")
    assert result.exit_code == 0, result.output
    assert OUTLINES[name].title in result.stdout
    assert "As of 2025-07-01 03:59:59 UTC" in result.stdout


async def test_the_movement_of_a_month_stands_in_its_line(seeded_history: SeededHistory, ask: Ask) -> None:
    result = await ask("report", "movement", seeded_history.program, "--as-of", "2025-07-15")
    lines = {words[0]: words[1:] for line in result.stdout.splitlines() if len(words := line.split()) == 8}
    assert lines["2025-06"] == ["0", "0", "2", "0", "1", "1", "1"]
    assert lines["2025-07"] == ["0", "0", "2", "0", "0", "-", "0"]


async def test_json_csv_and_the_page_are_what_the_api_answers(seeded_history: SeededHistory, ask: Ask, tmp_path: Path) -> None:
    words = ("report", "points", seeded_history.program, "--as-of", "2025-06-30")
    shown = json.loads((await ask(*words, "--json")).stdout)
    assert shown["rows"][0]["issued"] == 1200
    written = await ask(*words, "--csv", str(tmp_path / "points.csv"))
    assert written.exit_code == 0, written.output
    with (tmp_path / "points.csv").open(newline="") as file:
        assert [int(row["issued"]) for row in csv.DictReader(file)] == [row["issued"] for row in shown["rows"]]
    await ask(*words, "--html", str(tmp_path / "points.html"))
    assert (tmp_path / "points.html").read_text().startswith("<!doctype html>")


async def test_a_day_that_cannot_be_and_a_file_that_cannot_be_written_are_told(
    seeded_history: SeededHistory, ask: Ask, tmp_path: Path
) -> None:
    early = await ask("report", "status", seeded_history.program, "--as-of", "2020-01-01")
    assert (early.exit_code, "as_of_wrong" in early.stderr, "started on 2025-01-10" in early.stderr) == (1, True, True)
    nowhere = await ask("report", "status", seeded_history.program, "--csv", str(tmp_path / "no" / "file"))
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (2, True)
    refused = await ask("report", "status", "nowhere", "--csv", str(tmp_path / "file"))
    assert (refused.exit_code, "program_unknown" in refused.stderr) == (1, True)


def test_the_reports_are_listed_without_asking_anybody(tenure: Tenure) -> None:
    result = tenure("report", "list")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in OUTLINES)
    assert [each["name"] for each in json.loads(tenure("report", "list", "--json").stdout)] == list(OUTLINES)


async def test_a_program_without_a_schedule_is_told_so_by_each_command(seeded_history: SeededHistory, ask: Ask) -> None:
    for words in (("show",), ("pause", "--reason", "x"), ("resume", "--reason", "x"), ("trigger",)):
        result = await ask("program", "schedule", words[0], seeded_history.program, *words[1:])
        assert (result.exit_code, "not_scheduled" in result.stderr) == (1, True)


async def test_a_backfill_says_how_many_evaluations_it_has_begun(seeded_history: SeededHistory, ask: Ask) -> None:
    words = ("program", "schedule", "backfill", seeded_history.program, "--from", "2025-03-01", "--to", "2025-08-31")
    first, again = await ask(*words), await ask(*words)
    assert "2 evaluations of" in first.stdout
    assert "0 evaluations of" in again.stdout
    assert "2 there already" in again.stdout
