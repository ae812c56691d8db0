"""Prints the end of a program as a timeline of its ten steps."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from cli.core.output import facts, heading, table
from cli.core.text import count, instant, number, words

_STATES = {"waiting": "to come", "under_way": "now", "done": "done"}


def print_wind_down(out: Console, found: dict[str, Any]) -> None:
    """Print the steps with their dates in the program's time zone, their results and their errors."""
    zone = found["time_zone"]
    out.print(heading(f"The end of {found['name']} ({found['program']}): {words(found['stage'])}"))
    out.print(
        facts(
            {
                "what is left": words(found["remainder"]),
                "told": ", ".join(f"{words(kind)} {many:,}" for kind, many in found["notices"].items()) or None,
                "closed": _local(found["closed_at"], zone) if found["closed_at"] else None,
                "members' data": _data(found, zone),
                "against the holdout": _holdout(found),
            }
        )
    )
    out.print()
    rows = [
        [
            step["number"],
            _STATES[step["state"]],
            _local(step["began_at"], zone),
            _local(step["due"], zone),
            _local(step["ended_at"], zone),
            _describe(step),
        ]
        for step in found["steps"]
    ]
    out.print(table(f"Steps (times of {zone})", ("Step", "State", "Began", "Due", "Ended", "What"), rows, right=("Step",)))


def _describe(step: dict[str, Any]) -> str:
    lines = [step["title"]]
    if step["told"]:
        lines.append(step["told"])
    if step["attempts"] > 1:
        lines.append(f"tried {count(step['attempts'], 'time')}")
    if step["trouble"]:
        lines.append(f"trouble: {step['trouble']}")
    return "\n".join(lines)


def _holdout(found: dict[str, Any]) -> str | None:
    """The comparison with the holdout in the final report, once there is one."""
    figures = {step["step"]: step["figures"] for step in found["steps"]}
    shown = figures.get("closing", {}).get("report", {}).get("holdout")
    if not shown:
        return None
    money = figures["case"]["money"]
    return " and ".join(
        f"{arm['n']:,} {who} bought for {number(round(Decimal(arm['mean']), 2))} {money} each"
        for who, arm in (("members", shown["treated"]), ("held out", shown["control"]))
    )


def _data(found: dict[str, Any], zone: str) -> str | None:
    if found["data_erased_at"]:
        return f"erased {_local(found['data_erased_at'], zone)}"
    return f"kept until {_local(found['data_until'], zone)}" if found["data_until"] else None


def _local(iso: str | None, zone: str) -> str:
    """An instant in the program's time zone; in UTC if this machine does not know the zone."""
    try:
        return f"{datetime.fromisoformat(iso).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if iso else "-"
    except KeyError:
        return instant(iso)
