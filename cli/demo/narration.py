"""The demo's output while it runs: one line for each event, one line for each month."""

from typing import Any

from rich.console import Console
from rich.text import Text

from cli.demo.timeline import Timeline


class Teller:
    """Prints lines with the log's date in front."""

    def __init__(self, console: Console, timeline: Timeline) -> None:
        self._console = console
        self._timeline = timeline

    def event(self, text: str) -> None:
        """Print an event in the program's life."""
        self._print((text, "bold"))

    def gate(self, gate: str, title: str, roles: list[str]) -> None:
        """Print that a gate has opened, and waits for these roles."""
        self._print((f"gate {gate}", "cyan"), f" asks {' and '.join(roles)} about {title}")

    def command(self, command: str, *, waits: bool = False) -> None:
        """Print the command that a person types, or would type."""
        self._console.print(Text.assemble(" " * 12, "waiting for you: " if waits else "$ ", (command, "green")), soft_wrap=True)

    def month(self, report: dict[str, Any], posted: int) -> None:
        """Print one line with the program's state."""
        points = (report["points"] or [{}])[0]
        tiers = ", ".join(f"{name} {count}" for name, count in sorted(report["members"]["tier"].items()))
        active = report["members"]["status"].get("active", 0)
        moved = ", ".join(f"{points.get(what, 0):,} {what}" for what in ("issued", "burned", "expired"))
        stage = report["program"]["stage"].replace("_", " ")
        self._print(f"{stage:<11} {active:>4} members ({tiers}); {posted:>5,} purchases; points: {moved}")

    def _print(self, *parts: str | tuple[str, str]) -> None:
        self._console.print(Text.assemble((f"{self._timeline.now():%Y-%m-%d}", "dim"), "  ", *parts), soft_wrap=True)
