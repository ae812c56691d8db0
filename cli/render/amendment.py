"""Prints the impact of an amendment on existing members."""

from typing import Any

from rich.console import Console

from cli.core.output import facts, heading, table
from cli.core.text import count, instant, number, words


def print_impact(out: Console, found: dict[str, Any]) -> None:
    """Print the impact of an amendment on existing members."""
    out.print(heading(f"What revision {found['revision']} means for {count(found['members'], 'member')}"))
    out.print(
        facts(
            {
                "compared with": f"revision {found['compared_with']}",
                "transition": words(found["transition"]),
                "events rated": f"{number(found['events'])}, {instant(found['since'])} to {instant(found['at'])} UTC",
                "points": f"{number(found['points_before'])} before, {number(found['points_after'])} after",
                "gain": f"{count(found['members_gaining'], 'member')}, {number(found['points_gained'])} points",
                "lose": f"{count(found['members_losing'], 'member')}, {number(found['points_lost'])} points",
                "a point's worth": f"{found['value_before']} {found['money']} before, {found['value_after']} after",
                "all points' worth": f"{found['value_change']} {found['money']} more" if found["outstanding"] else None,
            }
        )
    )
    rows = [
        [words(which), each["from_tier"], each["to_tier"], number(each["members"])]
        for which, moves in (("at its date", found["moves"]), ("by its rules alone", found["without_transition"]))
        for each in moves
    ]
    if rows:
        out.print(table("Who would move tier", ("When", "From", "To", "Members"), rows, right=("Members",)))
    else:
        out.print("Nobody would move tier.")
