"""The definition file: every fault at once, each with its line, its path, what is wrong and what to write instead."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from domain.definition.document import Definition
from domain.definition.reading.file import LONGEST_TEXT, Fault, cross_check, read_definition
from tests.domain.definitions import SMALL, changed, small

CASES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("definition_faults.yaml"))


def _faults(text: str | bytes) -> tuple[Fault, ...]:
    read = read_definition(text)
    assert isinstance(read, tuple), "the definition was read"
    return read


def _only(text: str | bytes) -> Fault:
    faults = _faults(text)
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


def _line(text: str, start: int) -> int:
    return text[:start].count("\n") + 1


def test_a_faultless_file_is_read_whole() -> None:
    definition = small()
    assert definition.program == "small"
    assert [tier.id for tier in definition.tiers] == ["blue", "silver", "gold"]
    assert str(definition.evaluation.kpis[0].thresholds[0].below) == "0.3"


def test_bytes_and_a_byte_order_mark_are_read() -> None:
    assert read_definition(SMALL.encode("utf-8-sig")) == small()
    assert read_definition("\ufeff" + SMALL) == small()


def test_numbers_are_read_as_they_are_written_and_dates_as_texts() -> None:
    read = read_definition(
        changed(("value_per_point: 0.01", "value_per_point: 0.1"), ('"1"', "2026-03-10"), ("amount: 10", "amount: 1_0.50"))
    )
    assert isinstance(read, Definition)
    assert str(read.currency.value_per_point) == "0.1"
    assert read.agreement.version == "2026-03-10"


@pytest.mark.parametrize("case", CASES, ids=[case["fault"] for case in CASES])
def test_each_fault_is_told_with_its_line_its_path_and_its_cure(case: dict[str, Any]) -> None:
    text = changed((case["replace"], case["by"]), *([tuple(case["also"])] if "also" in case else []))
    start = SMALL.index(case["replace"])
    if "marked_by" in case:
        assert text.count(case["marked_by"]) == 1
        start = text.index(case["marked_by"])
    fault = _only(text)
    assert (fault.line, fault.path) == (_line(text, start), case["path"])
    assert case["problem"] in fault.problem
    assert case["remedy"] in fault.remedy
    assert str(fault).startswith(f"line {fault.line}, {fault.path}: ")


def test_all_faults_are_told_at_once_in_the_order_of_the_lines() -> None:
    faults = _faults(
        changed(
            ("name: Small\n", "nmae: Small\n"),
            ("value_per_point: 0.01", "value_per_point: much"),
            ("at_least: 500", "at_least: 99"),
            ("      gold: 3", "      golden: 3"),
            ("- role: marketing", "- role: product_owner"),
            ("share: 100\n", "share: 90\n"),
        )
    )
    assert [(fault.line, fault.path) for fault in faults] == [
        (1, "name"),
        (3, "nmae"),
        (17, "currency.value_per_point"),
        (43, "tiers[2].reach"),
        (55, "earning[0].tier_rates.golden"),
        (68, "gates.strategy.rules[0].role"),
        (104, "waves[1].share"),
    ]


def test_a_key_written_twice_is_told_where_it_comes_again() -> None:
    fault = _only(changed(("money: GBP\n", "money: GBP\nname: Again\n")))
    assert (fault.line, fault.path) == (7, "name")
    assert fault.problem == "is written twice, first on line 3"


def test_too_long_a_text_is_told() -> None:
    fault = _only(changed(("name: Small\n", f"name: {'x' * 2001}\n")))
    assert (fault.line, fault.path, fault.remedy) == (3, "name", "write at most 2000 characters")


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment alone\n", "---\n", "null"])
def test_an_empty_file_says_what_to_begin_with(text: str) -> None:
    fault = _only(text)
    assert fault.line == 1
    assert "single value" in fault.problem if text == "null" else fault.problem == "the file is empty"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("- format: tenure/1\n", "the file is a list"), ("tenure\n", "a single value"), ("\n\n12\n", "a single value")],
)
def test_a_file_that_is_no_group_of_keys_is_told(text: str, problem: str) -> None:
    fault = _only(text)
    assert problem in fault.problem
    assert "format: tenure/1" in fault.remedy


@pytest.mark.parametrize(
    ("text", "line", "problem", "remedy"),
    [
        ("format: tenure/1\nname: a: b\n", 2, "mapping values", "quotes"),
        ("format: tenure/1\nname: x\n  summary: y\n", 3, "mapping values", "indent"),
        ("tiers:\n\t- id: a\n", 2, "\\t", "not with tabs"),
        ("name: 'open\n", 1, "quoted scalar", "close the quotation mark"),
        ("tiers: [a, b\nwaves: c\n", 2, "it began on line 1", "close the bracket"),
        ("a: 1\n---\nb: 2\n", 2, "another document", "one definition in each file"),
        ("a: 1\nb: \x07\n", 2, "control character", "plain text"),
        ("a: *gold\n", 1, "aliases", "write out"),
        ("a: &g 1\nb: *g\n", 2, "aliases", "write out"),
        ("- a\nb: 1\n", 2, "expected", "check the indent"),
    ],
)
def test_text_that_is_no_yaml_is_told_with_its_line(text: str, line: int, problem: str, remedy: str) -> None:
    fault = _only(text)
    assert fault.line == line
    assert problem in fault.problem
    assert remedy in fault.remedy


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    assert _only(b"name: x\nsummary: \xff\xfe\n").line == 2
    assert "UTF-8" in _only(b"\x89PNG\r\n\x1a\n").problem


def test_a_text_without_measure_is_not_read() -> None:
    assert str(LONGEST_TEXT) in _only("#" * (LONGEST_TEXT + 1)).problem


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 50 + "]" * 50, "a: " + "{b: " * 20_000, "- " * 100_000])
def test_a_text_nested_without_measure_is_not_read(text: str) -> None:
    assert "nested too deeply" in _only(text).problem


def test_tags_and_keys_that_are_no_words_are_told() -> None:
    faults = _faults(changed(("name: Small\n", "name: !person Small\n? [a, b]\n: c\n")))
    assert {(fault.line, fault.path) for fault in faults} >= {(3, "name"), (4, "definition")}
    assert any("tags (!person) are not read" in fault.problem for fault in faults)
    assert any("itself a list" in fault.problem for fault in faults)


@given(st.text(max_size=200))
def test_no_text_whatever_breaks_the_reading(text: str) -> None:
    assert isinstance(read_definition(text), tuple)


@given(st.data())
def test_no_cut_or_doubled_line_breaks_the_reading(data: st.DataObject) -> None:
    lines = SMALL.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.sampled_from(["", "null\n", "- x\n", "  - id: x\n", "    all: 7\n", "  kpi: {}\n", lines[at] * 2]))
    read = read_definition("".join([*lines[:at], other, *lines[at + 1 :]]))
    if isinstance(read, tuple):
        assert all(fault.line is not None and fault.problem and fault.remedy for fault in read)


def test_a_definition_that_came_otherwise_is_checked_the_same_without_lines() -> None:
    assert cross_check(small()) == ()
    waves = [{"id": "few", "share": 10, "minimum_time": "P1M"}]
    faults = cross_check(small(waves=waves, expiry={"kind": "inactivity"}))
    assert [(fault.line, fault.path) for fault in faults] == [(None, "expiry"), (None, "waves[0].share")]
    assert str(faults[1]).startswith("waves[0].share: the last wave reaches only 10 percent")


def test_a_threshold_above_what_the_caps_allow_is_told() -> None:
    cap = "      gold: 3\n    cap:\n      points: 20\n      per: month\n"
    counted = "  - id: spend\n    counts: amount", "  - id: spend\n    counts: points"
    fault = _only(changed(counted, ("      gold: 3\n", cap)))
    assert fault.path == "tiers[2].reach.all[0].at_least"
    assert fault.problem == "500 cannot be reached: the caps of the rules allow 260 in the window"


def test_a_condition_that_asks_for_a_text_and_a_number_is_told_for_both() -> None:
    when = "    when:\n      - attribute: shop\n        is_not: own\n        at_least: 7\n"
    problems = [fault.problem for fault in _faults(changed(("      gold: 3\n", f"      gold: 3\n{when}")))]
    assert any("a text (is_not) and a number (at_least) at once" in problem for problem in problems)


def test_a_tier_has_one_validity() -> None:
    window = "tiers:\n  - id: blue", "qualification_window: anniversary\ntiers:\n  - id: blue"
    last = "          at_least: 5\n    valid_for: P12M\n"
    both = changed(window, (last, f"{last}    valid: {{}}\n"))
    assert _only(both).problem == "a tier has either valid_for or valid"


@pytest.mark.parametrize("text", ["P1M15D", "P2M", "P60D", "P1DT12H", "P1Y6M"])
def test_a_duration_that_is_plain_is_let_through(text: str) -> None:
    assert isinstance(read_definition(changed(("within: P6M", f"within: {text}"))), Definition)
