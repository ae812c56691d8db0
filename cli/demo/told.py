"""What the demo says while it runs: one line per thing that happens, one line per month."""

from typing import Any

from rich.console import Console
from rich.text import Text

from cli.demo.timeline import Timeline


class Teller:
    """Prints with the log's date in front, so that a reader sees the months go by."""

    def __init__(self, console: Console, timeline: Timeline) -> None:
        self._console = console
        self._timeline = timeline

    def event(self, text: str) -> None:
        """Something happened in the program's life."""
        self._print((text, "bold"))

    def gate(self, gate: str, title: str, roles: list[str]) -> None:
        """A gate has opened, and asks these roles."""
        self._print((f"gate {gate}", "cyan"), f" asks {' and '.join(roles)} about {title}")

    def command(self, command: str, *, waits: bool = False) -> None:
        """What a person types, or would."""
        self._console.print(Text.assemble(" " * 12, "waiting for you: " if waits else "$ ", (command, "green")), soft_wrap=True)

    def month(self, report: dict[str, Any], posted: int) -> None:
        """One line of where the program stands."""
        points = (report["points"] or [{}])[0]
        tiers = ", ".join(f"{name} {count}" for name, count in sorted(report["members"]["tier"].items()))
        active = report["members"]["status"].get("active", 0)
        moved = ", ".join(f"{points.get(what, 0):,} {what}" for what in ("issued", "burned", "expired"))
        stage = report["program"]["stage"].replace("_", " ")
        self._print(f"{stage:<11} {active:>4} members ({tiers}); {posted:>5,} purchases; points: {moved}")

    def _print(self, *parts: str | tuple[str, str]) -> None:
        self._console.print(Text.assemble((f"{self._timeline.now():%Y-%m-%d}", "dim"), "  ", *parts), soft_wrap=True)
