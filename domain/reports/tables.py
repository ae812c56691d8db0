"""Operational reports: the content and the columns of each, and their form as JSON and CSV.

Every report is as of an instant: it counts the events up to then, as they are known now.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import AwareDatetime

from domain.model import Value

Cell = str | int | Decimal | bool | datetime | None
Name = Literal["status", "members", "movement", "points", "expiry", "redemptions", "decisions", "exceptions"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""The first characters of a text that a spreadsheet would compute."""


class Column(Value):
    """A column: its name never changes, `kind` decides how its values are shown. Money is in units of the program's money."""

    name: str
    kind: Literal["text", "count", "money", "hours", "instant"] = "text"


class Plot(Value):
    """A plot of some columns over the column `along`."""

    title: str
    kind: Literal["lines", "stacked"]
    along: str
    columns: tuple[str, ...]


class Outline(Value):
    """The description of a report, without a program."""

    name: Name
    title: str
    tells: str
    columns: tuple[Column, ...]
    plots: tuple[Plot, ...] = ()


class Report(Value):
    """A report of a program as of an instant; `notes` are hints for reading it correctly."""

    outline: Outline
    program: str
    as_of: AwareDatetime
    time_zone: str
    money: str
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def _counts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind="count") for name in names)


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name) for name in names)


_OUTLINES = (
    Outline(
        name="status",
        title="Where the program stands",
        tells="stage, revision in force, wave, members, open gates, points, and what the newest evaluation said",
        columns=_texts("what", "value"),
    ),
    Outline(
        name="members",
        title="Members by tier and stage",
        tells="how many members there are in each tier, and where they are on their journey",
        columns=(*_texts("tier"), *_counts("onboarding", "using", "lapsing", "members")),
        plots=(
            Plot(title="Members by tier and stage", kind="stacked", along="tier", columns=("onboarding", "using", "lapsing")),
        ),
    ),
    Outline(
        name="movement",
        title="Movement of members by month",
        tells=(
            "who joined and left, and so how many members there were; who was active for the first time, again after a month "
            "without, and no longer, and so how many were active"
        ),
        columns=(
            *_texts("month"),
            *_counts("joined", "left", "members", "new", "reactivated", "lapsed", "active"),
        ),
        plots=(
            Plot(title="Members", kind="lines", along="month", columns=("members", "active")),
            Plot(title="Activity", kind="lines", along="month", columns=("new", "reactivated", "lapsed")),
        ),
    ),
    Outline(
        name="points",
        title="Points and money by month",
        tells="points issued, redeemed, expired, forfeited and otherwise moved; those outstanding, and what they are owed for",
        columns=(
            *_texts("month", "currency"),
            *_counts("issued", "redeemed", "expired", "forfeited", "otherwise", "outstanding"),
            Column(name="liability", kind="money"),
        ),
        plots=(
            Plot(title="Points in the month", kind="lines", along="month", columns=("issued", "redeemed", "expired")),
            Plot(title="Points outstanding", kind="lines", along="month", columns=("outstanding",)),
            Plot(title="Management liability", kind="lines", along="month", columns=("liability",)),
        ),
    ),
    Outline(
        name="expiry",
        title="Points that will expire, by month",
        tells="when the points that are outstanding expire, unless they are redeemed before",
        columns=(*_texts("month", "currency"), *_counts("points", "members")),
        plots=(Plot(title="Points that will expire", kind="stacked", along="month", columns=("points",)),),
    ),
    Outline(
        name="redemptions",
        title="Redemptions by reward",
        tells="how often each reward was asked for, and what became of it",
        columns=(*_texts("reward"), *_counts("asked", "held", "fulfilled", "voided", "refused", "points")),
        plots=(Plot(title="Redemptions", kind="stacked", along="reward", columns=("fulfilled", "held", "voided", "refused")),),
    ),
    Outline(
        name="decisions",
        title="Decisions, and how long the gates took",
        tells="every gate: when it opened, when it was due, how it ended, how long that took, and how many voted",
        columns=(
            *_texts("gate", "about", "outcome"),
            *(Column(name=name, kind="instant") for name in ("opened", "due", "decided")),
            Column(name="hours", kind="hours"),
            *_counts("approvals", "other_votes", "not_counted"),
        ),
    ),
    Outline(
        name="exceptions",
        title="What is stuck or went wrong",
        tells=(
            "what is on hold, steps of the wind-down in trouble or late, overdue gates, gates that nobody could meet, failed "
            "tests and prototypes, verdicts that ask for attention, redemptions in doubt, offers and nudges that wait too "
            "long, notices that could not be delivered, and drift of the ledger"
        ),
        columns=(*_texts("kind", "what"), Column(name="since", kind="instant"), *_texts("told", "remedy")),
    ),
)
OUTLINES: Mapping[str, Outline] = {outline.name: outline for outline in _OUTLINES}
"""Every report by its name."""


def months(first: date, last: date) -> list[date]:
    """The first days of all months from that of `first` to that of `last`."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1) for n in range(count)]


def as_json(report: Report) -> dict[str, Any]:
    """The report for an API answer: each row by the names of its columns."""
    names = [column.name for column in report.outline.columns]
    plain = report.model_dump(mode="json")
    outline: dict[str, Any] = plain.pop("outline")
    return outline | plain | {"rows": [dict(zip(names, row, strict=True)) for row in plain["rows"]]}


def as_csv(report: Report) -> str:
    """The rows under a header with the columns' names; unknown values are empty, and no text is a formula."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([column.name for column in report.outline.columns])
    writer.writerows([_in_csv(cell) for cell in row] for row in report.rows)
    return written.getvalue()


def _in_csv(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return str(cell)


def column(report: Report, name: str) -> Sequence[Cell]:
    """One column of a report, from the top. Raises ValueError for a name that it does not have."""
    place = [each.name for each in report.outline.columns].index(name)
    return [row[place] for row in report.rows]
