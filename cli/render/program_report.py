"""Prints the report of a program's whole life, for `tenure program report` and the demo."""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.core.output import cell, facts, heading, table
from cli.core.text import audience, count, figure_value, instant, kpi_value, lasted, number, percent, words

_GOOD, _BAD, _QUIET, _CAREFUL = "green", "bold red", "dim", "yellow"
_CONSEQUENCE_STYLE = {"continue": _GOOD, "alert": _CAREFUL, "propose_amendment": "bold yellow", "propose_end": _BAD}
_POINTS = ("issued", "burned", "expired", "forfeited", "outstanding")
_AT_THE_END = ("cashed_out", "converted")
"""The ways in which the remainder was settled at a program's end; shown if there are any."""

When = Callable[[str], str]
"""Writes an instant."""


def print_report(console: Console, report: dict[str, Any]) -> None:
    """Print the answer of `GET /programs/{program}/report`. Instants are in UTC; the date of a one-day life is at the top."""
    program = report["program"]
    days = {day for at in _instants(report) if (day := instant(at)[:10])}
    when = _time_of_day if len(days) == 1 else instant
    console.print(heading(f"Report: {program['name']} ({program['id']})"))
    console.print(
        facts(
            {
                "stage": f"{words(program['stage'])} since {when(program['stage_since'])} ({program['product_status']})",
                "times": f"UTC, all on {days.pop()}" if len(days) == 1 else "UTC",
                "owner": program["owner"],
                "revisions": "; ".join(
                    f"{made['number']} {words(made['status'])} (by {made['submitted_by']}, {made['digest'][:12]})"
                    for made in report["revisions"]
                ),
            }
        )
    )
    console.print()
    _print_stages(console, when, report["stages"])
    _print_gates(console, when, report)
    for run in report["prototypes"]:
        print_prototype(console, run)
    print_tests(console, when, report["tests"])
    _print_waves(console, when, report["waves"])
    _print_members(console, report)
    _print_points(console, report)
    print_evaluations(console, reversed(report["evaluations"]), when)
    print_ledger_check(console, report["ledger_check"])


def print_evaluations(console: Console, evaluations: Iterable[dict[str, Any]], when: When = instant) -> None:
    """Print evaluations in the order given: every KPI with its numbers, its window and its consequence."""
    rows: list[list[object]] = []
    for evaluation in evaluations:
        for position, result in enumerate(evaluation["verdict"]["results"]):
            rows.append(
                [
                    when(evaluation["at"]) if position == 0 else "",
                    words(result["kpi"]),
                    kpi_value(result["kpi"], result["value"], result.get("status", "immature")),
                    _interval(result),
                    _trend(result),
                    result["formula"].partition(" = ")[2].partition(":")[0],
                    lasted(result["window_start"], result["window_end"]),
                    _consequence(result["consequence"]),
                ]
            )
    if rows:
        columns = ("At", "KPI", "Value", "95 %", "Trend", "From", "Window", "Consequence")
        console.print(table("Evaluations", columns, rows, right=("Value", "95 %", "From", "Window")))
    else:
        console.print(heading("Evaluations: none yet"), "", sep="\n")


def print_verdict(console: Console, verdict: dict[str, Any]) -> None:
    """Print one evaluation's verdict, with the formula of each KPI in words."""
    console.print(heading(f"Evaluated at {instant(verdict['at'])} UTC: {words(verdict['consequence'])}"))
    rows = [
        [
            words(result["kpi"]),
            kpi_value(result["kpi"], result["value"], result.get("status", "immature")),
            _interval(result),
            number(result.get("n")),
            _trend(result),
            lasted(result["window_start"], result["window_end"]),
            _consequence(result["consequence"]),
            result["formula"],
        ]
        for result in verdict["results"]
    ]
    columns = ("KPI", "Value", "95 %", "n", "Trend", "Window", "Consequence", "Computed from")
    console.print(table("", columns, rows, right=("Value", "95 %", "n", "Window")))


def print_ledger_check(console: Console, check: dict[str, Any]) -> None:
    """Print the result of a ledger check: the numbers checked, and every drift."""
    checked = f"{count(check['checked_accounts'], 'account')} and {count(check['postings'], 'posting')} checked"
    if check["clean"]:
        console.print(cell(f"Ledger check: {checked}, zero drift.", _GOOD))
        return
    console.print(cell(f"Ledger check: {checked}, {count(len(check['drifts']), 'drift')}.", _BAD))
    rows = [
        [drift["what"], *(drift[of] or "-" for of in ("participant", "account", "currency"))]
        + [number(drift[side]) for side in ("expected", "found")]
        for drift in check["drifts"]
    ]
    console.print(table("", ("What", "Member", "Account", "Currency", "Expected", "Found"), rows, right=("Expected", "Found")))


def print_totals(console: Console, totals: Iterable[dict[str, Any]]) -> None:
    """Print the totals of a program's points, by currency."""
    found = list(totals)
    at_the_end = [name for name in _AT_THE_END if any(total.get(name) for total in found)]
    names = [*_POINTS[:-1], *at_the_end, _POINTS[-1]]
    rows = [[total["currency"], *(number(total[name]) for name in names)] for total in found]
    columns = [words(name).capitalize() for name in names]
    title = f"Points: {names[0]} = {' + '.join(map(words, names[1:]))}"
    console.print(table(title, ("Currency", *columns), rows, right=columns))


def _instants(report: dict[str, Any]) -> list[str]:
    """All instants that the report shows."""
    shown = [("stages", "at"), ("decisions", "at"), ("tests", "at"), ("waves", "at"), ("evaluations", "at")]
    shown += [("gates", "opened_at"), ("gates", "due")]
    return [entry[field] for part, field in shown for entry in report[part]] + [report["program"]["stage_since"]]


def _time_of_day(at: str) -> str:
    return instant(at)[11:]


def _interval(result: dict[str, Any]) -> str:
    """The interval with as many decimals as the value: money in its smallest unit."""
    interval = result.get("interval")
    if not interval:
        return ""
    decimals = len(str(result["value"]).partition(".")[2])
    ends = (str(round(Decimal(interval[end]), max(decimals, 2))) for end in ("low", "high"))
    low, high = (kpi_value(result["kpi"], end) for end in ends)
    return f"{low.removesuffix(' %')} to {high}"


def _trend(result: dict[str, Any]) -> str:
    """The direction and the size of the change since the evaluation before."""
    trend = result.get("trend")
    if not trend:
        return ""
    by = kpi_value(result["kpi"], trend["difference"])
    return f"{trend['direction']} ({'' if by.startswith('-') else '+'}{by})"


def _consequence(consequence: str) -> Text:
    return cell(words(consequence), _CONSEQUENCE_STYLE.get(consequence, ""))


def _passed(passed: bool) -> Text:
    return cell("passed" if passed else "failed", _GOOD if passed else _BAD)


def _print_stages(console: Console, when: When, stages: list[dict[str, Any]]) -> None:
    ends = [*(stage["at"] for stage in stages[1:]), None]
    rows = [
        [words(stage["stage"]), when(stage["at"]), lasted(stage["at"], end) if end else "", stage["note"]]
        for stage, end in zip(stages, ends, strict=True)
    ]
    console.print(table("Stages", ("Stage", "Entered", "Lasted", "Note"), rows, right=("Lasted",)))


def _print_gates(console: Console, when: When, report: dict[str, Any]) -> None:
    gates: list[list[object]] = [
        [
            _gate_name(gate["id"]),
            when(gate["opened_at"]),
            cell(words(gate["outcome"] or "open"), _GOOD if gate["outcome"] == "approved" else _CAREFUL),
            f"after {lasted(gate['opened_at'], gate['decided_at'])}" if gate["decided_at"] else f"due {when(gate['due'])}",
        ]
        for gate in report["gates"]
    ]
    if gates:
        console.print(table("Gates", ("Gate", "Opened", "Outcome", ""), gates))
    decisions: list[list[object]] = [
        [
            when(decision["at"]),
            decision["name"] or decision["person"],
            words(decision["role"]),
            _answer(decision),
            _gate_name(decision["gate"]),
            decision["reason"],
        ]
        for decision in report["decisions"]
    ]
    if decisions:
        console.print(table("Decisions", ("At", "Who", "As", "Answer", "Gate", "Reason"), decisions))


def _answer(decision: dict[str, Any]) -> Text:
    if decision["refusal"]:
        return cell(f"{words(decision['answer'])}, not counted: {words(decision['refusal'])}", _QUIET)
    return cell(words(decision["answer"]), _GOOD if decision["answer"] == "approve" else _CAREFUL)


def _gate_name(gate: str) -> str:
    """A gate's name, its revision and a later round, from its id."""
    about, _, name_and_round = gate.rpartition("/gate/")
    name, _, round_ = name_and_round.rpartition("/")
    revision = re.search(r"/(r\d+)(/|$)", about)
    return (name or gate) + (f" {revision[1]}" if revision else "") + (f", round {round_}" if name and round_ != "1" else "")


def print_prototype(console: Console, run: dict[str, Any]) -> None:
    """Print a prototype's figures with their criteria."""
    result = run["result"]
    period = f"{instant(result['period_start'])[:10]} to {instant(result['period_end'])[:10]}"
    log = f", on {count(result['transactions'], 'purchase')} of the log {run['log']}, {period}"
    console.print(heading(f"Prototype of revision {run['revision']}: "), _passed(run["passed"]), cell(log), sep="")
    bounds = {criterion["figure"]: criterion for criterion in result["criteria"]}
    # First the figures with criteria, then the rest; a figure that could not be computed is among the criteria only.
    figures = [*bounds, *sorted(result["figures"].keys() - bounds.keys())]
    rows: list[list[object]] = [
        [words(figure), figure_value(figure, result["figures"].get(figure)), *_bound(figure, bounds.get(figure))]
        for figure in figures
    ]
    tiers = sorted(result["members_by_tier"].items(), key=lambda item: -item[1])
    rows += [[f"members: {tier}", number(many), "", ""] for tier, many in tiers]
    console.print(table("", ("Figure", "Value", "Asked for", "Result"), rows, right=("Value",)))


def _bound(figure: str, criterion: dict[str, Any] | None) -> list[object]:
    if criterion is None:
        return ["", ""]
    sides = [side for side in ("at_least", "at_most") if criterion[side] is not None]
    asked = ", ".join(f"{words(side)} {figure_value(figure, criterion[side])}" for side in sides)
    return [asked, _passed(criterion["passed"])]


def print_tests(console: Console, when: When, tests: list[dict[str, Any]]) -> None:
    """Print the results of test phases, with their evidence."""
    rows: list[list[object]] = [
        [
            f"{test['phase']} r{test['revision']}" + (f", attempt {test['attempt']}" if test.get("attempt", 1) > 1 else ""),
            when(test["at"]),
            words(test["kind"]),
            _passed(test["passed"]),
            _evidence(test),
        ]
        for test in tests
    ]
    if rows:
        console.print(table("Tests", ("Phase", "At", "Kind", "Result", "Evidence"), rows))


def _evidence(test: dict[str, Any]) -> str:
    scenarios = test["evidence"].get("scenarios")
    if scenarios is None:
        return str(test["evidence"].get("said", ""))
    failed = [scenario for scenario in scenarios if not scenario["passed"]]
    lines = [f"{len(scenarios) - len(failed)} of {count(len(scenarios), 'scenario')} passed"]
    lines += [f"{scenario['name']}: {'; '.join(scenario.get('differs') or _differs(scenario))}" for scenario in failed]
    return "\n".join(lines)


def _differs(scenario: dict[str, Any]) -> list[str]:
    """The difference of a scenario that was stored before differences were."""
    expected = f"expected {number(scenario['expected_points'])} points and {scenario['expected_tier']}"
    return [f"{expected}, got {number(scenario['points'])} and {scenario['tier']}"]


def _print_waves(console: Console, when: When, waves: list[dict[str, Any]]) -> None:
    rows = [[f"{wave['wave']} r{wave['revision']}", audience(wave), when(wave["at"])] for wave in waves]
    if rows:
        console.print(table("Waves", ("Wave", "Open to", "Opened"), rows, right=("Open to",)))


def _print_members(console: Console, report: dict[str, Any]) -> None:
    members = report["members"]
    total = sum(members["status"].values())
    tallies = [_tally(members[kind]) for kind in ("tier", "journey_stage", "status")]
    columns = ("By tier", "By journey stage", "By status")
    console.print(table(f"Members: {total:,} in all", columns, [tallies] if total else []))
    details = {"tier movement": report["movement"], "interventions": report["interventions"]}
    details |= {f"redemptions of {reward}": states for reward, states in sorted(report["redemptions"].items())}
    console.print(
        facts(
            {
                name: ", ".join(f"{words(of)} {many:,}" for of, many in _ordered(counts)) or "none"
                for name, counts in details.items()
            }
        )
    )
    console.print()


def _tally(counts: dict[str, int]) -> str:
    width = max((len(f"{many:,}") for many in counts.values()), default=0)
    return "\n".join(f"{f'{many:,}':>{width}}  {words(name)}" for name, many in _ordered(counts))


def _ordered(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _print_points(console: Console, report: dict[str, Any]) -> None:
    print_totals(console, report["points"])
    lifetime = report["lifetime"]
    text = f"{count(lifetime['active_members'], 'member')} with an activity, {lifetime['members_redeemed']:,} redeemed"
    if lifetime["issued"]:
        text += f"; {percent(str(lifetime['burned'] / lifetime['issued']))} of the points burned"
    console.print(facts({"whole life": text}))
    console.print()
