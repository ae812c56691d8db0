"""`tenure definition`: every fault with its place, and a program played faster that reads back as itself."""

import json
from pathlib import Path

import pytest

from cli.definition.definition import _as_yaml
from domain.definition.document import Definition, scaled
from domain.definition.reading.file import read_definition
from tests.cli.conftest import Tenure

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


def _read(text: str) -> Definition:
    found = read_definition(text)
    assert isinstance(found, Definition)
    return found


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    text = next(file for file in EXAMPLES if file.stem == "cd-club").read_text()
    file = tmp_path / "faulty.yaml"
    file.write_text(text.replace("summary:", "sumary:").replace("rounding: half_up", "rounding: sideways"))
    return file


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_a_sound_definition_is_summarized_with_its_digest(tenure: Tenure, file: Path) -> None:
    from domain.definition.document import digest

    result = tenure("definition", "check", str(file))

    definition = _read(file.read_text())
    assert result.exit_code == 0, result.output
    assert digest(definition) in result.stdout
    assert all(reward.id in result.stdout for reward in definition.rewards)


def test_every_fault_is_told_at_once_with_file_line_path_and_remedy(tenure: Tenure, faulty: Path) -> None:
    lines = faulty.read_text().splitlines()
    misspelt = 1 + next(number for number, line in enumerate(lines) if line.startswith("sumary:"))
    sideways = 1 + next(number for number, line in enumerate(lines) if "sideways" in line)

    result = tenure("definition", "check", str(faulty))

    assert result.exit_code == 1
    found = result.stdout.splitlines()
    assert any(line.startswith(f"{faulty}:{misspelt} sumary: ") and "write summary" in line for line in found)
    assert any(line.startswith(f"{faulty}:{sideways} earning[0].rounding: ") and "half_even" in line for line in found)
    assert all(" — " in line for line in found)
    assert f"{len(found)} faults in {faulty}" in result.stderr


def test_faults_as_json_are_the_same_ones(tenure: Tenure, faulty: Path) -> None:
    found = read_definition(faulty.read_text())
    assert isinstance(found, tuple)

    result = tenure("definition", "check", str(faulty), "--json")

    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (answer["clean"], answer["digest"]) == (False, None)
    assert answer["faults"] == [fault.model_dump(mode="json") for fault in found]


def test_control_characters_of_a_definition_do_not_reach_the_terminal(tenure: Tenure, tmp_path: Path) -> None:
    file = tmp_path / "escape.yaml"
    file.write_text('"\\e[2J": 1\n')

    result = tenure("definition", "check", str(file))

    assert result.exit_code == 1
    assert "[2J" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_what_scale_prints_reads_back_as_the_scaled_definition(tenure: Tenure, file: Path) -> None:
    result = tenure("definition", "scale", str(file), "--factor", "86400")

    assert result.exit_code == 0, result.output
    assert _read(result.stdout) == scaled(_read(file.read_text()), 86400)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_a_definition_written_as_yaml_keeps_its_digest(file: Path) -> None:
    definition = _read(file.read_text())

    assert _read(_as_yaml(definition)) == definition


@pytest.mark.parametrize("factor", ["0", "-2", "inf", "nan", "1e30", "fast"])
def test_an_impossible_factor_is_a_wrong_call(tenure: Tenure, factor: str) -> None:
    result = tenure("definition", "scale", str(EXAMPLES[0]), "--factor", factor)

    assert result.exit_code == 2
    assert "--factor" in result.stderr


def test_scale_names_the_faults_of_a_faulty_definition(tenure: Tenure, faulty: Path) -> None:
    result = tenure("definition", "scale", str(faulty), "--factor", "2")

    assert result.exit_code == 1
    assert f"{faulty}:" in result.stdout


def test_a_file_that_is_not_there_is_a_wrong_call(tenure: Tenure) -> None:
    result = tenure("definition", "check", "nowhere.yaml")

    assert result.exit_code == 2
    assert "nowhere.yaml" in result.stderr


HILTON = [str(next(file for file in EXAMPLES if file.stem == f"hilton-honors-{year}")) for year in (2025, 2026)]


def test_the_difference_between_two_definitions_is_told_in_words_the_gravest_first(tenure: Tenure) -> None:
    result = tenure("definition", "diff", *HILTON)

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert any(line.startswith("substantial  Gold now needs 25 nights instead of 40.") for line in lines)
    assert lines[0].startswith("substantial")
    assert lines[-1].startswith("editorial")
    assert "the change is substantial" in result.stderr


def test_the_difference_as_json_is_the_same(tenure: Tenure) -> None:
    from domain.definition.diff import differences

    result = tenure("definition", "diff", *HILTON, "--json")

    old, new = (_read(Path(file).read_text()) for file in HILTON)
    assert json.loads(result.stdout) == differences(old, new).model_dump(mode="json")


def test_two_definitions_that_mean_the_same_have_no_difference(tenure: Tenure) -> None:
    result = tenure("definition", "diff", HILTON[0], HILTON[0])

    assert (result.exit_code, result.stdout) == (0, "The two definitions mean the same.\n")


@pytest.mark.parametrize("words", [["diff", HILTON[0]], ["explain"]])
def test_a_faulty_definition_is_neither_compared_nor_explained(tenure: Tenure, faulty: Path, words: list[str]) -> None:
    result = tenure("definition", *words, str(faulty))

    assert result.exit_code == 1
    assert f"{faulty}:" in result.stdout


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_explained(tenure: Tenure, file: Path) -> None:
    printed = tenure("definition", "explain", str(file))
    sections = json.loads(tenure("definition", "explain", str(file), "--json").stdout)

    assert printed.exit_code == 0, printed.output
    assert sections[0]["heading"] == "Program"
    assert all(section["heading"] in printed.stdout for section in sections)


def test_schema_and_reference_are_printed_as_they_stand_in_the_docs(tenure: Tenure) -> None:
    docs = EXAMPLES[0].parents[1] / "docs"
    assert tenure("definition", "schema").stdout == (docs / "definition.schema.json").read_text()
    assert tenure("definition", "reference").stdout == (docs / "definition.md").read_text()
