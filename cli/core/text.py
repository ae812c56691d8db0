"""Values in a form for people: instants, lengths of time, numbers, texts from other sources."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unicodedata import category

_RATES = {
    "active_rate",
    "churn_rate",
    "retention_rate",
    "member_redemption_rate",
    "point_redemption_rate",
    "breakage_rate",
    "burn_earn_ratio",
    "return_on_investment",
    "satisfaction",
}
"""The KPIs that are fractions of 1."""


def clean(text: object) -> str:
    """A text from another source, without the control characters that could affect the reader's terminal."""
    return "".join("\N{REPLACEMENT CHARACTER}" if category(c) == "Cc" and c not in "\n\t" else c for c in str(text))


def instant(iso: str | None, *, nothing: str = "-") -> str:
    """An ISO 8601 instant in UTC to the second; `nothing` if there is none."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M:%S}" if iso else nothing


def lasted(since: str, until: str) -> str:
    """The time between two ISO 8601 instants, in its two largest units."""
    seconds = (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    seconds = round(seconds)
    for size, unit, part, part_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // part} {part_unit}"
    raise AssertionError("every length of at least a minute has a unit")


def number(value: str | int | Decimal | None) -> str:
    """A number with separators between the thousands, and without trailing zeros."""
    if value is None:
        return "-"
    text = f"{Decimal(value):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(many: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun: `1 fault`, `2 faults`; `plural` is for an irregular noun."""
    return f"{many:,} {noun if many == 1 else plural or noun + 's'}"


def audience(wave: Mapping[str, Any]) -> str:
    """The audience of a wave: 20 %, or cohort staff."""
    return f"{number(wave['share'])} %" if wave["share"] is not None else f"cohort {wave['cohort']}"


def words(name: str | None) -> str:
    """A code of the API as words: `propose_end` -> `propose end`."""
    return (name or "-").replace("_", " ")


def percent(value: str | Decimal) -> str:
    """A fraction of 1 in percent, to a tenth."""
    return f"{Decimal(value) * 100:.1f} %"


def figure_value(figure: str, value: str | None) -> str:
    """A prototype's figure: shares in percent, all others to two decimals."""
    if value is None:
        return "-"
    return percent(value) if "share" in figure else number(round(Decimal(value), 2))


def kpi_value(kpi: str, value: str | None, status: str = "immature") -> str:
    """A KPI's value in its unit; without a value, the `status`."""
    if value is None:
        return "immature" if status == "computed" else words(status)
    return percent(value) if kpi in _RATES else number(value)
