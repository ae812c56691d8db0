"""Prints a member's statement."""

from typing import Any

from rich.console import Console

from cli.core.output import facts, heading, table
from cli.core.text import count, instant, number, words


def print_statement(console: Console, found: dict[str, Any]) -> None:
    """Print a statement: opening balance, entries with their reasons, closing balance, lots with expiry, and holds."""
    console.print(heading(f"Statement of {found['participant']} in {found['program']}, {found['currency']}"))
    console.print(
        facts(
            {
                "after": f"{instant(found['since'])} UTC" if found["since"] else None,
                "up to": f"{instant(found['until'])} UTC" if found["until"] else None,
                "as known at": f"{instant(found['as_of'])} UTC" if found["as_of"] else None,
                "opening": number(found["opening"]),
                "closing": number(found["closing"]),
                "held": number(found["held"]) if found["held"] else None,
                "pending": number(found["pending"]) if found["pending"] else None,
                "owed": number(found["owed"]) if found["owed"] else None,
            }
        )
    )
    console.print()
    entries = [
        [
            entry["txn_id"],
            instant(entry["effective_at"]),
            words(entry["kind"]),
            _signed(entry["points"]),
            _signed(entry["held"]) if entry["held"] else "",
            number(entry["balance"]),
            _reason(entry),
        ]
        for entry in found["entries"]
    ]
    columns = ("Number", "At (UTC)", "Kind", "Points", "Held", "Balance", "Why")
    right = ("Number", "Points", "Held", "Balance")
    console.print(table(count(len(entries), "entry", "entries"), columns, entries, right=right))
    lots = [
        [
            instant(lot["earned_at"]),
            number(lot["amount"]),
            number(lot["remaining"]),
            number(lot["held"]) if lot["held"] else "",
            instant(lot["expires_at"], nothing="never"),
        ]
        for lot in found["lots"]
    ]
    columns_of_lots = ("Earned (UTC)", "Amount", "Remaining", "Held", "Expires (UTC)")
    console.print(table(count(len(lots), "lot"), columns_of_lots, lots, right=("Amount", "Remaining", "Held")))
    if found["holds"]:
        holds = [
            [instant(hold["effective_at"]), number(hold["points"]), instant(hold["expires_at"])] for hold in found["holds"]
        ]
        console.print(table(count(len(holds), "hold"), ("Since (UTC)", "Points", "Until (UTC)"), holds, right=("Points",)))


def _signed(points: int) -> str:
    return f"{'+' if points > 0 else ''}{number(points)}"


def _reason(entry: dict[str, Any]) -> str:
    """The details of an entry: reason, event, reward, the other member, the transaction that it reverses."""
    details = entry["details"]
    said = [
        entry["reason"],
        details.get("event"),
        details.get("reward"),
        f"{number(details['pending'])} pending" if "pending" in details else None,
        f"to {details['to_participant']}" if "to_participant" in details else None,
        f"from {details['from_participant']}" if "from_participant" in details else None,
        f"into {number(details['received'])} {details['to_currency']}" if "to_currency" in details else None,
        f"from {number(details['given'])} {details['from_currency']}" if "from_currency" in details else None,
        f"by {details['author']}" if "author" in details else None,
        f"of {entry['reverses']}" if entry["reverses"] else None,
    ]
    return ", ".join(str(each) for each in said if each)
