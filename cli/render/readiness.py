"""Prints readiness before a launch: the findings of a check, and the items that people sign."""

from typing import Any

from rich.console import Console

from cli.core.output import cell, table
from cli.core.text import count, instant, words

_STATES = {"ready": "green", "missing": "bold yellow", "unknown": "bold yellow"}


def print_look(out: Console, at: str, findings: list[dict[str, Any]]) -> None:
    """Print the findings of a check, the missing ones first."""
    rows = [
        [cell(each["state"], _STATES[each["state"]]), each["about"], words(each["owner"]), _reason(each)]
        for each in sorted(findings, key=lambda each: each["state"] == "ready")
    ]
    missing = sum(each["state"] != "ready" for each in findings)
    text = f"Readiness at {instant(at)} UTC: {count(missing, 'thing')} missing" if missing else f"Ready at {instant(at)} UTC"
    out.print(table(text, ("State", "What", "Whose", "Why, and what to do"), rows))


def print_items(out: Console, items: list[dict[str, Any]]) -> None:
    """Print the items that people sign, with their signatures."""
    rows = [[item["id"], item["name"], words(item["owner"]), *_signed(item["signature"])] for item in items]
    if rows:
        out.print(table("Signatures", ("Item", "What", "Whose", "Signed by", "At (UTC)", "Note"), rows))


def _reason(finding: dict[str, Any]) -> str:
    return "\n".join(line for line in (finding["why"], finding["how"]) if line)


def _signed(signature: dict[str, Any] | None) -> tuple[str, str, str]:
    return ("-", "-", "") if signature is None else (signature["person"], instant(signature["at"]), signature["note"])
