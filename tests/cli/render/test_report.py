"""The report as a person reads it: everything that the API told is in it, at any width."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.render.program_report import print_evaluations, print_report, print_verdict

REPORT = Path(__file__).parent / "report.json"
"""What the API answered about a program that ran for a few seconds."""


@pytest.fixture
def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(REPORT.read_text())
    return found


def _printed(report: dict[str, Any], *, width: int = 140) -> str:
    written = io.StringIO()
    print_report(Console(file=written, width=width), report)
    return written.getvalue()


def _line(text: str, *words: str) -> str:
    """The line that has all these words, with single blanks."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return next(line for line in lines if all(word in line for word in words))


def test_the_whole_life_is_told_in_its_order(report: dict[str, Any]) -> None:
    text = _printed(report)

    parts = [
        "Report: CD Club (club5)",
        "Stages",
        "Gates",
        "Decisions",
        "Prototype of revision 1",
        "Tests",
        "Waves",
        "Members: 2",
    ]
    parts += ["tier movement", "interventions", "Points", "Evaluations", "Ledger check"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_stages_decisions_and_evidence_have_their_times_and_names(report: dict[str, Any]) -> None:
    text = _printed(report)

    assert "UTC, all on 2026-11-21" in text
    assert _line(text, "acceptance test") == "acceptance test 19:19:44 2.4 s revision 1"
    assert _line(text, "Demo Legal") == "19:19:46 Demo Legal legal approve launch r1 fine [b]by me[/b]"
    assert _line(text, "points per member") == "points per member 501.33 at least 300, at most 700 passed"
    assert _line(text, "rules r1").endswith("scenario passed 7 of 7 scenarios passed")
    assert _line(text, "early r1") == "early r1 40 % 19:19:47"


def test_members_points_and_the_ledger_check_are_told(report: dict[str, Any]) -> None:
    text = _printed(report)

    assert _line(text, "tier movement") == "tier movement joined 2, upgrade 1"
    assert _line(text, "NOTES") == "NOTES 1,445 1,000 0 0 445"
    assert _line(text, "active rate") == "19:20:00 active rate 50.0 % 1 / 2 45.7 s continue"
    assert text.rstrip().endswith("Ledger check: 2 accounts and 3 postings checked, zero drift.")


def test_a_life_of_several_days_has_a_date_at_every_time(report: dict[str, Any]) -> None:
    report["decisions"][-1]["at"] = "2026-11-23T08:00:00Z"

    text = _printed(report)

    assert "all on" not in text
    assert _line(text, "Demo Legal").startswith("2026-11-23 08:00:00 Demo Legal")
    assert _line(text, "acceptance test").startswith("acceptance test 2026-11-21 19:19:44")


def test_what_went_wrong_is_told(report: dict[str, Any]) -> None:
    report["decisions"][0] |= {"refusal": "four_eyes", "name": None, "person": "demo-owner", "role": None}
    report["tests"][0]["evidence"]["scenarios"][0] |= {"passed": False, "points": 1290}
    for criterion in report["prototypes"][0]["result"]["criteria"]:
        if criterion["figure"] == "cost_share_of_revenue":
            criterion |= {"value": None, "passed": False}
    del report["prototypes"][0]["result"]["figures"]["cost_share_of_revenue"]
    report["evaluations"][0]["verdict"]["results"][0] |= {"value": None, "consequence": "continue"}
    report["ledger_check"] |= {
        "clean": False,
        "drifts": [
            {
                "account": 7,
                "participant": "m-a",
                "currency": "NOTES",
                "what": "balance against its lots",
                "expected": 445,
                "found": 446,
            }
        ],
    }

    text = _printed(report, width=200)

    assert "approve, not counted: four eyes" in _line(text, "demo-owner", "not counted")
    assert "6 of 7 scenarios passed" in text
    assert "got 1,290 and listener" in text
    assert "failed" in _line(text, "cost share of revenue", "failed")
    assert "immature" in _line(text, "active rate")
    assert "zero drift" not in text
    assert _line(text, "balance against its lots") == "balance against its lots m-a 7 NOTES 445 446"


def test_a_program_that_has_just_begun_has_a_report_too(report: dict[str, Any]) -> None:
    report["stages"] = report["stages"][:1]
    for empty in ("decisions", "gates", "prototypes", "tests", "waves", "evaluations", "points"):
        report[empty] = []
    for empty in ("movement", "interventions"):
        report[empty] = {}
    report["members"] = {"status": {}, "tier": {}, "journey_stage": {}}
    report["lifetime"] = dict.fromkeys(report["lifetime"], 0)

    text = _printed(report)

    assert "Members: 0 in all" in text
    assert "Evaluations: none yet" in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_word_is_cut_off_on_a_narrow_terminal(report: dict[str, Any], width: int) -> None:
    text = _printed(report, width=width)

    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= width


def test_a_verdict_says_each_formula_in_words(report: dict[str, Any]) -> None:
    written = io.StringIO()
    print_verdict(Console(file=written, width=160), report["evaluations"][0]["verdict"])

    assert "points redeemed in the window / points issued in it = 1000 / 1445" in written.getvalue()


def test_evaluations_keep_the_order_in_which_they_are_given(report: dict[str, Any]) -> None:
    later = report["evaluations"][0] | {"at": "2026-11-22T10:00:00Z"}
    written = io.StringIO()
    print_evaluations(Console(file=written, width=160), [later, report["evaluations"][0]])

    text = written.getvalue()
    assert text.index("2026-11-22 10:00:00") < text.index("2026-11-21 19:20:00")
