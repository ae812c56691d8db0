"""Prints gates, their evidence, inboxes and delegations."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from cli.core.output import cell, console, facts, heading, table
from cli.core.text import count, instant, lasted, words
from cli.render.amendment import print_impact
from cli.render.program_report import print_prototype, print_tests
from cli.render.readiness import print_look

_MARKS = {"substantial": "bold yellow", "minor": "", "editorial": "dim"}


def waits_for(gate: dict[str, Any]) -> str:
    """The roles whose approvals are missing in the open step, with their numbers; a hyphen once it is decided."""
    from domain.gates.state import GateState

    state = GateState.model_validate(gate)
    return "-" if state.outcome is not None else _counted(state.waits_for)


def print_gates(gates: list[dict[str, Any]], *, with_outcome: bool) -> None:
    """Print gates, one per line."""
    columns = ["Gate", "About", "Waits for", "Opened (UTC)", "Due (UTC)"] + ["Outcome"] * with_outcome
    rows = [
        [gate["id"], gate["subject"]["title"], waits_for(gate), instant(gate["opened_at"]), instant(gate["due"])]
        + [words(gate["outcome"] or "open")] * with_outcome
        for gate in gates
    ]
    console().print(table(count(len(rows), "gate"), columns, rows))


def print_waiting(waiting: list[dict[str, Any]], counts: dict[str, int]) -> None:
    """Print the waiting gates of an inbox, with the effect of an approval."""
    rows = [
        [
            each["gate"],
            each["title"],
            words(each["way"]["role"]) + (f", for {each['way']['on_behalf_of']}" if each["way"]["on_behalf_of"] else ""),
            "the gate is then approved" if each["way"]["decides"] else f"waits for {_counted(each['waits_for'])}",
            instant(each["due"]),
        ]
        for each in waiting
    ]
    out = console()
    out.print(table(count(len(rows), "gate"), ("Gate", "About", "You vote as", "If you approve", "Due (UTC)"), rows))
    text = f"In all {counts['waiting']} for you, {counts['delegated']} for who has delegated to you"
    out.print(cell(f"{text}; {count(counts['decided'], 'decision')} of yours so far.", "dim"))


def print_decided(decided: list[dict[str, Any]]) -> None:
    """Print a person's decisions, and the outcome of each gate."""
    rows = [
        [
            each["gate"],
            instant(each["at"]),
            each["person"] + (f" for {each['on_behalf_of']}" if each["on_behalf_of"] else ""),
            words(each["role"]),
            words(each["answer"]),
            words(each["outcome"] or "open"),
            each["reason"],
        ]
        for each in decided
    ]
    columns = ("Gate", "At (UTC)", "Who", "As", "Answer", "Outcome", "Reason")
    console().print(table(count(len(rows), "decision"), columns, rows))


def print_gate(gate: dict[str, Any], evidence: dict[str, Any]) -> None:
    """Print a gate with its votes, and the evidence for its subject."""
    out = console()
    subject, policy = gate["subject"], gate["policy"]
    decided = f"{words(gate['outcome'])} at {instant(gate['decided_at'])} UTC" if gate["outcome"] else "open"
    out.print(heading(f"{gate['id']}: {decided}"))
    steps = max(rule["step"] for rule in policy["rules"])
    rules = (
        f"{rule['count']} {words(rule['role'])}" + (f" (step {rule['step']})" if steps > 1 else "") for rule in policy["rules"]
    )
    out.print(
        facts(
            {
                "about": subject["title"],
                "digest": subject["digest"],
                "program": f"{subject['program']}, revision {subject['revision']}",
                "must approve": ", ".join(rules),
                "waits for": waits_for(gate) if not gate["outcome"] else None,
                "left out (four eyes)": ", ".join(gate["excluded"]) or None,
                "opened": f"{instant(gate['opened_at'])} UTC",
                "due": f"{instant(gate['due'])} UTC",
                "escalates": _escalation(gate),
                "glass broken by": gate["glass"] and f"{gate['glass']['person']}: {gate['glass']['reason']}",
                "approved by": "the written policy, without people" if gate["by_policy"] else None,
                "took": lasted(gate["opened_at"], gate["decided_at"]) if gate["decided_at"] else None,
            }
        )
    )
    out.print()
    if gate["votes"]:
        votes = [
            [
                instant(vote["at"]),
                vote["person"] + (f" for {vote['on_behalf_of']}" if vote["on_behalf_of"] else ""),
                words(vote["role"]),
                words(vote["answer"]),
                vote["reason"],
            ]
            for vote in gate["votes"]
        ]
        out.print(table("Votes", ("At (UTC)", "Who", "As", "Answer", "Reason"), votes))
    _print_evidence(out, evidence)


def print_delegations(delegations: Iterable[dict[str, Any]]) -> None:
    """Print delegations, and whether they were ended early."""
    rows = [
        [
            each["id"],
            each["giver"],
            each["taker"],
            ", ".join(words(role) for role in each["roles"]),
            each["program"] or "all",
            instant(each["since"]),
            instant(each["until"]),
            f"ended {instant(each['ended_at'])}" if each["ended_at"] else "",
        ]
        for each in delegations
    ]
    columns = ("Delegation", "Of", "To", "Roles", "Program", "Since (UTC)", "Until (UTC)", "")
    console().print(table(count(len(rows), "delegation"), columns, rows))


def _print_evidence(out: Console, evidence: dict[str, Any]) -> None:
    edited = ", ".join(evidence["edited_by"])
    out.print(heading(f"What it rests on: revision {evidence['revision']}, edited by {edited}"))
    before = evidence["compared_with"]
    if before is None:
        out.print(cell("There was no revision before it; `tenure definition explain` tells what it says."))
    elif not evidence["differences"]:
        out.print(cell(f"It says the same as revision {before}."))
    else:
        rows = [[cell(words(each["mark"]), _MARKS[each["mark"]]), each["told"]] for each in evidence["differences"]]
        out.print(table(f"Against revision {before}", ("Weight", "Difference"), rows))
    if evidence.get("impact") is not None:
        print_impact(out, evidence["impact"])
    if evidence["prototype"] is not None:
        print_prototype(out, evidence["prototype"])
    print_tests(out, instant, evidence["tests"])
    if evidence.get("readiness") is not None:
        print_look(out, evidence["readiness"]["at"], evidence["readiness"]["findings"])


def _escalation(gate: dict[str, Any]) -> str | None:
    if gate["escalates_at"] is None or gate["policy"]["escalation"] is None:
        return None
    return f"{instant(gate['escalates_at'])} UTC, to {words(gate['policy']['escalation']['to'])}"


def _counted(roles: dict[Any, int]) -> str:
    return ", ".join(role if left == 1 else f"{left} {role}" for role, left in roles.items())
