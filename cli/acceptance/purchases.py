"""Purchase logs: CDNOW's, which comes with a wheel, or any CSV; and the choice of invited customers."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from domain.errors import TenureError

_COLUMNS = ("customer", "at", "amount")


class Purchase(NamedTuple):
    """A purchase of a log; the amount is in units of money."""

    customer: str
    at: datetime
    amount: Decimal


class LogFaulty(TenureError):
    code = "log_faulty"
    category = "invalid"
    title = "The purchase log cannot be used"


def cdnow() -> list[Purchase]:
    """The 6,919 purchases of 2,357 customers of CDNOW, January 1997 to June 1998 (Fader and Hardie's sample)."""
    try:
        file = Path(str(distribution("lifetimes").locate_file("lifetimes/datasets/CDNOW_sample.txt")))
        lines = file.read_text().splitlines()
    except (PackageNotFoundError, OSError) as error:
        raise LogFaulty(
            "CDNOW's purchase log is not installed.",
            remedy="Run `make demo`, which installs it, or give a log by --transactions FILE.",
        ) from error
    # Columns: id in the whole log, id in the sample, date, discs, dollars. The log has days only; each purchase is set to noon.
    fields = (line.split() for line in lines)
    return sorted(
        (
            Purchase(f"c{customer}", datetime.strptime(date, "%Y%m%d").replace(hour=12, tzinfo=UTC), Decimal(dollars))
            for _, customer, date, _, dollars in fields
        ),
        key=lambda purchase: purchase.at,
    )


def from_csv(file: Path) -> list[Purchase]:
    """Read a log with the columns customer, at, amount, sorted by instant. Raises LogFaulty with the first bad line."""
    try:
        with file.open(newline="", encoding="utf-8") as text:
            lines = csv.DictReader(text)
            missing = [column for column in _COLUMNS if column not in (lines.fieldnames or ())]
            if missing:
                raise LogFaulty(
                    f"{file} has no column {missing[0]!r}.",
                    remedy=f"Its first line must name {', '.join(_COLUMNS)}.",
                    field=missing[0],
                )
            purchases = [_purchase(file, number, line) for number, line in enumerate(lines, 2)]
    except (OSError, UnicodeDecodeError) as error:
        raise LogFaulty(f"{file} cannot be read: {error}.", remedy="Give the path of a CSV file in UTF-8.") from error
    if len(purchases) < 2:
        raise LogFaulty(f"{file} has {len(purchases)} purchases.", remedy="Give a log of at least some months.")
    return sorted(purchases, key=lambda purchase: purchase.at)


def invited(purchases: Iterable[Purchase], before: datetime, at_most: int) -> list[str]:
    """The customers to invite: those with the most purchases before an instant, regardless of later ones."""
    bought = Counter(purchase.customer for purchase in purchases if purchase.at < before)
    ordered = sorted(bought, key=lambda customer: (-bought[customer], customer))
    return ordered[:at_most]


def as_csv(purchases: Sequence[Purchase]) -> str:
    """The purchases in the API's form of a transaction log."""
    rows = (f"{purchase.customer},{purchase.at.isoformat()},{purchase.amount}" for purchase in purchases)
    return "\n".join([",".join(_COLUMNS), *rows]) + "\n"


def span(purchases: Sequence[Purchase]) -> timedelta:
    """The time from the first purchase to the last of a sorted log."""
    return purchases[-1].at - purchases[0].at


def _purchase(file: Path, number: int, line: dict[str, str]) -> Purchase:
    try:
        at = datetime.fromisoformat(line["at"])
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return Purchase(line["customer"].strip(), at, Decimal(line["amount"]))
    except (ValueError, TypeError, InvalidOperation) as error:
        raise LogFaulty(
            f"{file}, line {number} is no purchase: {line}.", remedy="Write customer, an ISO 8601 instant, and an amount."
        ) from error
