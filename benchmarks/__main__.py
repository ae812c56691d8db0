"""`python -m benchmarks [AREA ...]`: measure, print a table, write bench.json."""

import asyncio
import sys
from pathlib import Path

from benchmarks import books, evaluation, gates, growth, http, ledger, prototype, wind_down
from benchmarks.table import Row, show, write

AREAS = {
    "ledger": ledger.measure,
    "http": http.measure,
    "gates": gates.measure,
    "growth": growth.measure,
    "books": books.measure,
    "prototype": prototype.measure,
    "evaluation": evaluation.measure,
    "wind-down": wind_down.measure,
}


def main() -> None:
    """Measure the areas named on the command line, or all."""
    areas = sys.argv[1:] or list(AREAS)
    unknown = sorted(set(areas) - set(AREAS))
    if unknown:
        sys.exit(f"There is no area {', '.join(unknown)}; there are: {', '.join(AREAS)}.")
    rows: list[Row] = []
    for area in areas:
        rows += asyncio.run(AREAS[area]())
    print(show(rows))
    write(rows, Path("bench.json"))


main()
