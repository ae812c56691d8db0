"""An operational report as one self-contained page: its summary, its plots, its rows."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from html import escape
from zoneinfo import ZoneInfo

from domain.reports.tables import Cell, Plot, Report, column
from pages.frame import TIER_COLOURS, table, whole
from pages.plots import Series, lines, stacked

_LINES = ("a", "b", "c")


def page(report: Report) -> str:
    """Compose the report's page; texts from people are escaped."""
    outline, zone = report.outline, ZoneInfo(report.time_zone)
    title = f"{outline.title}: {report.program}"
    notes = "".join(f"<p>{escape(note)}</p>" for note in report.notes)
    columns = [_words(each.name) for each in outline.columns]
    rows = [[_shown(cell, zone) for cell in row] for row in report.rows]
    numbers = {place for place, each in enumerate(outline.columns) if each.kind in ("count", "money", "hours")}
    body = table(columns, rows, numbers=numbers) if rows else "<p>Nothing to tell.</p>"
    return whole(
        title,
        [
            f"<h1>{escape(title)}</h1>",
            f'<p class="quiet">As of {report.as_of.astimezone(zone):%-d %B %Y %H:%M} ({escape(report.time_zone)}): '
            f"{escape(outline.tells)}. Money in {escape(report.money)}.</p>{notes}",
            f'<h2>Pictures</h2><div class="plots">{"".join(_plots(report))}</div>' if outline.plots and rows else "",
            f"<h2>Figures</h2>{body}",
        ],
    )


def _words(name: str) -> str:
    """Return a column's name as words."""
    return name.replace("_", " ")


def _plots(report: Report) -> list[str]:
    """Compose each plot, once for each currency if the rows have one."""
    names = [each.name for each in report.outline.columns]
    if "currency" not in names:
        return [_plot(plot, report, report.outline.title) for plot in report.outline.plots]
    place = names.index("currency")
    made = []
    for currency in dict.fromkeys(str(row[place]) for row in report.rows):
        of_it = report.model_copy(update={"rows": tuple(row for row in report.rows if row[place] == currency)})
        made += [_plot(plot, of_it, currency) for plot in report.outline.plots]
    return made


def _plot(plot: Plot, report: Report, of: str) -> str:
    places = [[each.name for each in report.outline.columns].index(name) for name in plot.columns]
    known = tuple(row for row in report.rows if all(row[place] is not None for place in places))  # not known is not zero
    report = report.model_copy(update={"rows": known})
    labels = [str(label) for label in column(report, plot.along)]
    colours: Sequence[str] = _LINES if plot.kind == "lines" else [f"t{number}" for number in range(TIER_COLOURS)]
    series = [
        Series(_words(name), colours[place % len(colours)], [_number(cell) for cell in column(report, name)])
        for place, name in enumerate(plot.columns)
    ]
    title = f"{plot.title}, {of}" if "currency" in [each.name for each in report.outline.columns] else plot.title
    return lines(title, labels, series) if plot.kind == "lines" else stacked(title, labels, series)


def _number(cell: Cell) -> float:
    assert isinstance(cell, (int, Decimal))
    return float(cell)


def _shown(cell: Cell, zone: ZoneInfo) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, datetime):
        return f"{cell.astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(cell, (int, Decimal)) and not isinstance(cell, bool):
        return f"{cell:,}"
    return str(cell)
