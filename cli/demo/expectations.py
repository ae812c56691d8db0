"""The demo's expectations, each checked in the program's own report."""

from typing import Any, NamedTuple

from cli.demo.amendment import amended


class Expectation(NamedTuple):
    """An expectation, the value found, and whether it is met."""

    what: str
    found: str
    met: bool


def expectations(report: dict[str, Any], definition: dict[str, Any], members: int) -> list[Expectation]:
    """Check all expectations of the demo."""
    points = report["points"][0] if report["points"] else {}
    movement, interventions = report["movement"], report["interventions"]
    joined = sum(report["members"]["status"].values())
    approvals = [decision for decision in report["decisions"] if decision["answer"] == "approve" and not decision["refusal"]]
    outcomes = {gate["outcome"] for gate in report["gates"]}
    check = report["ledger_check"]
    return [
        _at_least("members joined, or held out to compare with", joined + _held_out(report), members),
        _at_least("waves opened", len(report["waves"]), len(definition["waves"])),
        Expectation("prototype passed", str(bool(report["prototypes"])), _all_passed(report["prototypes"])),
        Expectation("test phases passed", str(len(report["tests"])), _all_passed(report["tests"])),
        _at_least("approvals by named persons", len(approvals), 1),
        Expectation("every gate approved", ", ".join(sorted(map(str, outcomes))), outcomes == {"approved"}),
        _at_least("rollout held, and released by a person", _acts(report, "rollout_released"), len(definition["guardrails"])),
        _at_least("amendments in force", _amendments(report), int(amended(definition) is not None)),
        _at_least("points issued", points.get("issued", 0), 1),
        _at_least("points burned by redemptions", points.get("burned", 0), 1),
        _at_least("points expired", points.get("expired", 0), 1),
        _at_least("upgrades", movement.get("upgrade", 0), 1),
        _at_least("downgrades", movement.get("downgrade", 0), 1),
        _at_least("interventions", sum(interventions.values()), 1),
        _at_least("members who left by themselves", report["members"]["status"].get("left", 0), 1),
        _at_least("evaluations", len(report["evaluations"]), 2),
        _at_least("held out, who bought outside the program", _held_out(report), int(definition["holdout"] is not None)),
        Expectation("memberships still open", str(report["members"]["status"].get("active", 0)), _none_active(report)),
        Expectation("points still outstanding", str(points.get("outstanding")), points.get("outstanding") == 0),
        Expectation("liability and deferred revenue at the end", *_released(report["wind_down"])),
        Expectation("stage", report["program"]["stage"], report["program"]["stage"] == "closed"),
        Expectation("ledger check: drifts", str(len(check["drifts"])), bool(check["clean"])),
    ]


def _acts(report: dict[str, Any], action: str) -> int:
    return sum(1 for entry in report["audit"] if entry["action"] == action and not entry["refusal"])


def _held_out(report: dict[str, Any]) -> int:
    """The size of the control group by the final report; 0 if it bought nothing."""
    (closing,) = (step for step in report["wind_down"]["steps"] if step["step"] == "closing")
    control = (closing["figures"]["report"]["holdout"] or {"control": {"n": 0, "mean": 0}})["control"]
    return int(control["n"]) if float(control["mean"]) > 0 else 0


def _amendments(report: dict[str, Any]) -> int:
    return sum(1 for each in report["revisions"] if each["number"] > 1 and each["effective_from"] is not None)


def _released(wind_down: dict[str, Any]) -> tuple[str, bool]:
    """The remaining liability at the end by the books, in words, and whether it is zero."""
    (books,) = (step["figures"]["books"] for step in wind_down["steps"] if step["step"] == "books")
    return f"{books['liability']} {wind_down.get('money', '')}".strip(), float(books["liability"]) == 0


def _at_least(what: str, found: int, wanted: int) -> Expectation:
    return Expectation(what, f"{found:,}", found >= wanted)


def _all_passed(results: list[dict[str, Any]]) -> bool:
    return bool(results) and all(result["passed"] for result in results)


def _none_active(report: dict[str, Any]) -> bool:
    return not report["members"]["status"].get("active", 0)
