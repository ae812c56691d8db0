"""The rows of the benchmark's table, as text and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One measurement. `ratio` compares it with its floor (1: as good), `target` is the requirement on `ratio` or `value`.

    `met` is None if there is no target; `limited_by` explains the remaining cost.
    """

    area: str
    name: str
    value: float
    unit: str
    floor: float | None
    ratio: float | None
    target: str | None
    met: bool | None
    limited_by: str


def show(rows: Sequence[Row]) -> str:
    """Format the table as text."""
    cells = [("area", "what", "value", "unit", "floor", "ratio", "target", "met", "limited by")]
    cells += [
        (
            row.area,
            row.name,
            _figure(row.value),
            row.unit,
            _figure(row.floor),
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.target or "",
            "" if row.met is None else "yes" if row.met else "no",
            row.limited_by,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the table as a JSON list."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
