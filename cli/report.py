"""The report of a program's whole life, as a person reads it; `tenure program report` and the demo print it."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from cli.output import cell, facts, heading, table
from cli.text import count, instant, kpi_value, lasted, number, percent, words

_GOOD, _BAD, _QUIET = "green", "bold red", "dim"
_CONSEQUENCE_STYLE = {"continue": _GOOD, "alert": "yellow", "propose_amendment": "bold yellow", "propose_end": _BAD}


def print_report(console: Console, report: dict[str, Any]) -> None:
    """Print what `GET /programs/{program}/report` answered. Instants are in UTC."""
    program = report["program"]
    console.print(heading(f"Report: {program['name']} ({program['id']})"))
    console.print(
        facts(
            {
                "stage": f"{words(program['stage'])} since {instant(program['stage_since'])} UTC ({program['product_status']})",
                "owner": program["owner"],
                "launched": instant(program["launched_at"], nothing="not yet"),
                "revisions": "; ".join(
                    f"{revision['number']} {words(revision['status'])} (by {revision['submitted_by']}, {revision['digest'][:12]})"
                    for revision in report["revisions"]
                ),
            }
        )
    )
    console.print()
    _print_stages(console, report["stages"])
    _print_gates(console, program["id"], report)
    _print_evidence(console, report)
    _print_members(console, report)
    _print_points(console, report)
    print_evaluations(console, list(reversed(report["evaluations"])))
    print_ledger_check(console, report["ledger_check"])


def print_evaluations(console: Console, evaluations: Iterable[dict[str, Any]]) -> None:
    """Print evaluations in the order given: every KPI with its window and its consequence."""
    rows: list[list[object]] = []
    for evaluation in evaluations:
        for position, result in enumerate(evaluation["verdict"]["results"]):
            rows.append([instant(evaluation["at"]) if position == 0 else "", *_result_row(result)])
    if rows:
        console.print(
            table("Evaluations (UTC)", ("At", "KPI", "Value", "Over", "Computed from", "Consequence"), rows, right=("Value",))
        )
    else:
        console.print(heading("Evaluations: none yet"), "", sep="\n")


def print_verdict(console: Console, verdict: dict[str, Any]) -> None:
    """Print one evaluation's verdict."""
    console.print(heading(f"Evaluated at {instant(verdict['at'])} UTC: {words(verdict['consequence'])}"))
    rows = [_result_row(result) for result in verdict["results"]]
    console.print(table("", ("KPI", "Value", "Over", "Computed from", "Consequence"), rows, right=("Value",)))


def print_ledger_check(console: Console, check: dict[str, Any]) -> None:
    """Print what a check of the ledger found: how much was checked, and every drift."""
    checked = f"{count(check['checked_accounts'], 'account')} and {count(check['postings'], 'posting')} checked"
    if check["clean"]:
        console.print(cell(f"Ledger check: {checked}, zero drift.", _GOOD))
        return
    console.print(cell(f"Ledger check: {checked}, {count(len(check['drifts']), 'drift')}.", _BAD))
    rows = [
        [words(drift["what"]), drift["participant"] or "-", drift["account"] or "-", drift["currency"] or "-"]
        + [number(drift["expected"]), number(drift["found"])]
        for drift in check["drifts"]
    ]
    console.print(table("", ("What", "Member", "Account", "Currency", "Expected", "Found"), rows, right=("Expected", "Found")))


def _print_stages(console: Console, stages: list[dict[str, Any]]) -> None:
    nexts = [*(stage["at"] for stage in stages[1:]), None]
    rows = [
        [words(stage["stage"]), instant(stage["at"]), lasted(stage["at"], until) if until else "", stage["note"]]
        for stage, until in zip(stages, nexts, strict=True)
    ]
    console.print(table("Stages (UTC)", ("Stage", "Entered", "Lasted", "Note"), rows, right=("Lasted",)))


def _print_gates(console: Console, program: str, report: dict[str, Any]) -> None:
    rows: list[list[object]] = [
        [
            _gate_name(program, gate["id"]),
            instant(gate["opened_at"]),
            cell(words(gate["outcome"] or "open"), _GOOD if gate["outcome"] == "approved" else "yellow"),
            lasted(gate["opened_at"], gate["decided_at"]) if gate["decided_at"] else f"due {instant(gate['due'])}",
        ]
        for gate in report["gates"]
    ]
    if rows:
        console.print(table("Gates (UTC)", ("Gate", "Opened", "Outcome", "Took"), rows))
    decisions: list[list[object]] = [
        [
            instant(decision["at"]),
            decision["name"] or decision["person"],
            words(decision["role"]),
            _answer(decision),
            _gate_name(program, decision["gate"]),
            decision["reason"],
        ]
        for decision in report["decisions"]
    ]
    if decisions:
        console.print(table("Decisions (UTC)", ("At", "Who", "As", "Answer", "Gate", "Reason"), decisions))


def _answer(decision: dict[str, Any]) -> object:
    if decision["refusal"]:
        return cell(f"{words(decision['answer'])}, not counted: {words(decision['refusal'])}", _QUIET)
    return cell(words(decision["answer"]), _GOOD if decision["answer"] == "approve" else "yellow")


def _gate_name(program: str, gate: str) -> str:
    """The gate's id without what every gate of the program has in its id."""
    return gate.removeprefix(f"program/{program}/").replace("gate/", "")


def _print_evidence(console: Console, report: dict[str, Any]) -> None:
    for run in report["prototypes"]:
        result = run["result"]
        console.print(
            heading(f"Prototype of revision {run['revision']}: "),
            _passed(run["passed"]),
            cell(
                f", {count(result['transactions'], 'purchase')} of the log {run['log']}, "
                f"{instant(result['period_start'])[:10]} to {instant(result['period_end'])[:10]}"
            ),
            sep="",
        )
        bounds = {criterion["figure"]: criterion for criterion in result["criteria"]}
        rows: list[list[object]] = [
            [words(figure), number(value), *_bound(bounds.get(figure))] for figure, value in result["figures"].items()
        ]
        # A figure that could not be computed is among the criteria alone.
        rows += [[words(figure), "-", *_bound(bounds[figure])] for figure in bounds if figure not in result["figures"]]
        rows += [[f"members: {tier}", number(many), "", ""] for tier, many in result["members_by_tier"].items()]
        console.print(table("", ("Figure", "Value", "Asked for", "Result"), rows, right=("Value",)))
    tests: list[list[object]] = [
        [
            f"{test['phase']} (r{test['revision']})",
            instant(test["at"]),
            words(test["kind"]),
            _passed(test["passed"]),
            _evidence(test),
        ]
        for test in report["tests"]
    ]
    if tests:
        console.print(table("Tests (UTC)", ("Phase", "At", "Kind", "Result", "Evidence"), tests))
    waves = [
        [f"{wave['wave']} (r{wave['revision']})", f"{number(wave['share'])} %", instant(wave["at"])] for wave in report["waves"]
    ]
    if waves:
        console.print(table("Waves (UTC)", ("Wave", "Open to", "Opened"), waves, right=("Open to",)))


def _passed(passed: bool) -> object:
    return cell("passed" if passed else "failed", _GOOD if passed else _BAD)


def _bound(criterion: dict[str, Any] | None) -> list[object]:
    if criterion is None:
        return ["", ""]
    asked = " and ".join(
        f"{words} {number(criterion[name])}"
        for name, words in (("at_least", "at least"), ("at_most", "at most"))
        if criterion[name] is not None
    )
    return [asked, _passed(criterion["passed"])]


def _evidence(test: dict[str, Any]) -> str:
    scenarios = test["evidence"].get("scenarios")
    if scenarios is None:
        return str(test["evidence"].get("said", ""))
    failed = [scenario for scenario in scenarios if not scenario["passed"]]
    told = [f"{len(scenarios) - len(failed)} of {count(len(scenarios), 'scenario')} passed"]
    told += [
        f"{scenario['name']}: expected {number(scenario['expected_points'])} points and {scenario['expected_tier']}, "
        f"got {number(scenario['points'])} and {scenario['tier']}"
        for scenario in failed
    ]
    return "\n".join(told)


def _print_members(console: Console, report: dict[str, Any]) -> None:
    members = report["members"]
    kinds = (("By status", "status"), ("By tier", "tier"), ("By journey stage", "journey_stage"))
    total = sum(members["status"].values())
    columns = [_tally(members[kind]) for _, kind in kinds]
    console.print(table(f"Members: {total:,} in all", [name for name, _ in kinds], [columns] if total else []))
    movement, interventions = report["movement"], report["interventions"]
    console.print(
        facts(
            {
                "tier movement": ", ".join(f"{words(change)} {many:,}" for change, many in sorted(movement.items())) or "none",
                "interventions": ", ".join(f"{words(outcome)} {many:,}" for outcome, many in sorted(interventions.items()))
                or "none",
            }
        )
    )
    console.print()


def _tally(counts: dict[str, int]) -> str:
    width = max((len(f"{many:,}") for many in counts.values()), default=0)
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return "\n".join(f"{f'{many:,}':>{width}}  {words(name)}" for name, many in ordered)


def _print_points(console: Console, report: dict[str, Any]) -> None:
    names = ("issued", "burned", "expired", "forfeited", "outstanding")
    rows = [[total["currency"], *(number(total[name]) for name in names)] for total in report["points"]]
    title = "Points (issued = burned + expired + forfeited + outstanding)"
    console.print(
        table(title, ("Currency", *(name.capitalize() for name in names)), rows, right=[name.capitalize() for name in names])
    )
    lifetime = report["lifetime"]
    shares = f"{count(lifetime['active_members'], 'member')} with an activity, {lifetime['members_redeemed']:,} redeemed"
    if lifetime["issued"]:
        shares += f"; {percent(str(lifetime['burned'] / lifetime['issued']))} of the points issued were burned"
    console.print(facts({"whole life": shares}))
    console.print()


def _result_row(result: dict[str, Any]) -> list[object]:
    return [
        words(result["kpi"]),
        kpi_value(result["kpi"], result["value"]),
        lasted(result["window_start"], result["window_end"]),
        result["formula"],
        cell(words(result["consequence"]), _CONSEQUENCE_STYLE.get(result["consequence"], "")),
    ]
