"""`tenure cohort`: gather, list and show cohorts, against the real API."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ask, Tenure
from tests.program_steps import begin
from tests.stack import Stack, example, program_id


@pytest.fixture
def ask(ask_as: Callable[[str], Ask]) -> Ask:
    return ask_as("demo-owner")


@pytest.fixture(scope="module")
async def program(stack: Stack) -> str:
    definition = example("cd-club.yaml", program_id("cohorts"))
    await begin(stack, definition)
    return definition.program


async def test_a_cohort_is_gathered_from_arguments_and_files_and_shown(ask: Ask, program: str, tmp_path: Path) -> None:
    added = await ask("cohort", "add", program, "staff", "c-2", "c-1")
    assert (added.exit_code, added.stdout.strip()) == (0, f"2 in the cohort staff of {program}."), added.output
    file = tmp_path / "staff.csv"
    file.write_text("participant\n" + "\n".join(f"f-{number:05}" for number in range(12_000)) + "\n")
    pages = await ask("cohort", "add", program, "staff", "--file", str(file), "--key", "staff-1")
    assert pages.stdout.strip() == f"12,002 in the cohort staff of {program}.", pages.output
    assert (await ask("cohort", "add", program, "staff", "--file", str(file), "--key", "staff-1")).stdout == pages.stdout
    shown = await ask("cohort", "show", program, "staff", "--limit", "3")
    lines = shown.stdout.splitlines()
    assert lines[0] == f"Cohort staff of {program}: 12,002 participants"
    assert [line for line in lines if line.startswith(("c-", "f-"))] == ["c-1", "c-2", "f-00000"]
    removed = await ask("cohort", "remove", program, "staff", "--file", str(file), "--json")
    assert json.loads(removed.stdout)["size"] == 2
    listed = await ask("cohort", "list", program)
    assert "staff 2 demo-owner not begun" in [" ".join(line.split()) for line in listed.stdout.splitlines()]


async def test_what_is_refused_or_typed_wrongly_is_told(ask: Ask, program: str, tenure: Tenure, tmp_path: Path) -> None:
    await ask("cohort", "add", program, "one", "x-1")
    overlap = await ask("cohort", "add", program, "two", "x-1")
    assert (overlap.exit_code, "x-1 (one)" in overlap.stderr, "tenure cohort remove" in overlap.stderr) == (1, True, True)
    unknown = await ask("cohort", "show", program, "nobody")
    assert (unknown.exit_code, "cohort_unknown" in unknown.stderr) == (1, True)
    for words in (("add", "cd-club", "Staff", "c-1"), ("add", "cd-club", "staff", "Ann Smith"), ("add", "cd-club", "staff")):
        assert tenure("cohort", *words, TENURE_TOKEN="a-token").exit_code == 2
    missing = tenure("cohort", "add", "cd-club", "staff", "--file", str(tmp_path / "none"), TENURE_TOKEN="a-token")
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (2, True)
