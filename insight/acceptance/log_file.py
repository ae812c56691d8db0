"""Reading a log of events from a file: CSV or Parquet, columns named or guessed, every unusable row counted.

Faults are found by column, so that ten million rows take seconds; a row is counted under its first fault.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from domain.acceptance.prototype import LogFault, LogReading
from domain.definition.document import Definition
from domain.definition.values import Condition
from domain.money import exponent
from domain.points.earning import event_types
from insight.acceptance.event_log import AT, ATTRIBUTE, EventLog, UnusableLog, default_event, in_order

_GUESSES = {
    "customer": ("customer", "customer_id", "customerid", "member", "member_id", "participant", "client", "user", "user_id"),
    "at": ("at", "occurred_at", "date", "datetime", "timestamp", "time", "purchased_at", "order_date", "invoicedate"),
    "amount": ("amount", "value", "total", "price", "revenue", "spend", "sales", "dollars"),
    "event": ("event", "type", "event_type"),
}
_NEEDED = ("customer", "at", "amount")
_LINES_SHOWN = 5
_LONGEST = 200
_PIECE = 1 << 20
_WHEN = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d")
_NUMBER = pl.Decimal(34, 9)
_MOST = 10**12

_FAULTS = {
    "no customer": f"Give each row a customer: a text of 1 to {_LONGEST} characters.",
    "bad date": "Write for instance 2026-03-10T09:30:00Z, or 2026-03-10 for a day of the program's zone.",
    "bad amount": "Write a number such as 12.50, up to 10^12, without signs of money or separators of thousands.",
    "return": "A prototype plays purchases; take returns off the purchases they belong to, or leave them out.",
    "finer than the smallest unit": "Round amounts to the smallest unit of the program's money.",
    "bad attribute": "Give a number where the definition asks for one: whole, and not below 0, where it is counted.",
    "duplicate": "Leave repeated rows out; where they are separate purchases, say so (--keep-duplicates).",
}


@dataclass(frozen=True)
class Columns:
    """The names of the file's columns; those not named are guessed. `event_type` is the type of every row without one."""

    customer: str | None = None
    at: str | None = None
    amount: str | None = None
    event: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    event_type: str | None = None
    zone: str | None = None


def read_log(
    definition: Definition,
    file: Path,
    columns: Columns = Columns(),
    *,
    good_rows_only: bool = False,
    keep_duplicates: bool = False,
) -> EventLog:
    """Read the log in a file for a definition.

    Raises UnusableLog for an unreadable file or a missing column, and, unless `good_rows_only`, RowsFaulty for unusable rows.
    """
    return reading_of(definition, _file(file), file.name, _digest(file), columns, good_rows_only, keep_duplicates)


def frame_of(rows: Iterable[tuple[str, datetime, Decimal]]) -> tuple[pl.DataFrame, str]:
    """Make the frame of a log from purchases, and return it with its digest."""
    listed = [(customer, at, format(amount, "f")) for customer, at, amount in rows]
    digest = sha256("\n".join(f"{customer},{at.isoformat()},{amount}" for customer, at, amount in listed).encode()).hexdigest()
    schema: dict[str, pl.DataType] = {"customer": pl.String(), "at": AT, "amount": pl.String()}
    return pl.DataFrame(listed, schema=schema, orient="row"), digest


class RowsFaulty(UnusableLog):
    """Rows of the log cannot be used; `reading` counts them by kind."""

    def __init__(self, reading: LogReading) -> None:
        rows = sum(fault.rows for fault in reading.faults)
        super().__init__(
            f"{rows:,} of {reading.rows:,} rows of the log cannot be used",
            "Correct them, or have the good rows alone used (--good-rows-only).",
        )
        self.reading = reading


def reading_of(
    definition: Definition,
    frame: pl.DataFrame,
    name: str,
    digest: str,
    columns: Columns = Columns(),
    good_rows_only: bool = False,
    keep_duplicates: bool = False,
) -> EventLog:
    """Read the log in a frame of texts or of typed columns. Raises UnusableLog, and RowsFaulty as `read_log` does."""
    # Each step adds columns: first the raw ones by their meaning, then customer, instant and amount, then money, event type and
    # attributes, and last the fault, which is null for a good row.
    if frame.is_empty():
        raise UnusableLog("the log holds no rows", "Name a file that has some, under a line with the names of its columns.")
    named = _named(definition, frame.columns, columns)
    zone = columns.zone or definition.time_zone
    numbers, counted = _asked_numbers(definition)
    notes = _Notes()
    read = frame.select(
        (pl.int_range(pl.len(), dtype=pl.UInt32) + 2).alias("line"),
        *(pl.col(column).alias(f"raw.{what}") for what, column in named.items()),
    )
    read = read.with_columns(
        pl.col("raw.customer").cast(pl.String).str.strip_chars().alias("customer"),
        _instants(read.schema["raw.at"], zone, read["raw.at"], notes),
        _decimal("raw.amount", read.schema["raw.amount"]).alias("amount"),
    )
    read = read.with_columns(
        (pl.col("amount") * 10 ** exponent(definition.money)).alias("exact"),
        _event(definition, columns, named),
        *(_attribute(what, read, numbers, counted) for what in named if what.startswith(ATTRIBUTE)),
    ).with_columns(pl.col("exact").round(0).cast(pl.Int64, strict=False).alias("money"))
    read = read.with_columns(_fault(read, named, keep_duplicates).alias("fault"))
    faults = _faults(read)
    bad = read["fault"].is_not_null().sum()
    good = read.filter(pl.col("fault").is_null()) if bad else read
    shown = {what.removeprefix(ATTRIBUTE): column for what, column in named.items()}
    _say_what_is_ignored(definition, good, named, notes)
    reading = LogReading(rows=read.height, used=good.height, columns=shown, notes=tuple(notes.lines), faults=faults)
    if bad and not good_rows_only:
        raise RowsFaulty(reading)
    if good.is_empty():
        raise UnusableLog("no row of the log can be used", "Correct the log.")
    kept = good.select("customer", "at", "money", "event", *(what for what in named if what.startswith(ATTRIBUTE)))
    whose = [named[what] for what in _NEEDED]  # other columns do not make it another log: revisions read different ones
    said = f"{digest}\n{whose}\n{zone}\n{good_rows_only}\n{keep_duplicates}"
    return EventLog(in_order(kept), name, sha256(said.encode()).hexdigest(), reading)


class _Notes:
    """Remarks on how a log was read."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def _file(file: Path) -> pl.DataFrame:
    try:
        with file.open("rb") as opened:
            parquet = opened.read(4) == b"PAR1"
        if parquet:
            return pl.read_parquet(file)
        return pl.read_csv(file, infer_schema=False)
    except pl.exceptions.NoDataError as error:
        raise UnusableLog(f"{file.name} is empty", "Name a file that has rows.") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise UnusableLog(
            f"{file.name} cannot be read ({reason})", "Give CSV as UTF-8 text with a header line, or Parquet."
        ) from error


def _digest(file: Path) -> str:
    made = sha256()
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            made.update(piece)
    return made.hexdigest()


def _named(definition: Definition, there: Sequence[str], columns: Columns) -> dict[str, str]:
    """Map meanings to columns. Raises UnusableLog for a named column that is missing, and for a needed one without a guess."""
    lower = {column.strip().lower(): column for column in reversed(there)}
    found: dict[str, str] = {}
    for what, names in _GUESSES.items():
        asked = getattr(columns, what)
        column = asked if asked is not None else next((lower[name] for name in names if name in lower), None)
        if column is None and what in _NEEDED:
            raise UnusableLog(
                f"the log has no column that could be the {what}; it has {_list(there)}", f"Name it (--{what} COLUMN)."
            )
        if column is not None:
            found[what] = _there(column, there, what)
    asked_attributes = _asked_attributes(definition)
    guessed = {name: lower[name] for name in sorted(asked_attributes) if name in lower and lower[name] not in found.values()}
    for name, column in {**guessed, **columns.attributes}.items():
        found[f"{ATTRIBUTE}{name}"] = _there(column, there, name)
    return found


def _there(column: str, there: Sequence[str], what: str) -> str:
    if column not in there:
        raise UnusableLog(f"the log has no column {column!r} for the {what}; it has {_list(there)}", "Name one of those.")
    return column


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:40]) for name in names[:20])


def _conditions(definition: Definition) -> list[Condition]:
    of_rules = [condition for rule in definition.earning for condition in rule.when]
    return of_rules + [condition for counter in definition.counters for condition in counter.when]


def _asked_numbers(definition: Definition) -> tuple[frozenset[str], frozenset[str]]:
    """Return the attributes that the definition needs as numbers, and those of them that counters sum, as whole numbers."""
    counted = {counter.attribute for counter in definition.counters if counter.attribute}
    rated = {rule.per for rule in definition.earning if rule.rate is not None and rule.per != "amount"}
    compared = {
        each.attribute
        for each in _conditions(definition)
        if any(bound is not None for bound in (each.at_least, each.at_most, each.above, each.below))
    }
    return frozenset(counted | rated | compared), frozenset(counted)


def _asked_attributes(definition: Definition) -> frozenset[str]:
    return _asked_numbers(definition)[0] | {each.attribute for each in _conditions(definition)}


def _instants(kind: pl.DataType, zone: str, raw: pl.Series, notes: _Notes) -> pl.Expr:
    column = pl.col("raw.at")
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return column.dt.convert_time_zone("UTC").cast(AT).alias("at")
    if kind == pl.Date or isinstance(kind, pl.Datetime):
        notes.say(f"Instants have no time zone; they are taken to be of {zone}.")
        return _in_zone(column.cast(pl.Datetime("us")), zone).alias("at")
    if kind.is_integer():
        column = column.cast(pl.String)  # 20260310
    text = column.cast(pl.String).str.strip_chars().str.replace(" ", "T", literal=True)
    zoned = raw.cast(pl.String).str.strip_chars().str.contains(r"(?i)T?\d{2}:\d{2}.*(Z|[+-]\d{2}:?\d{2})$")
    if without := int((~zoned & raw.is_not_null()).sum()):
        notes.say(f"{without:,} dates have no time zone; they are taken to be of {zone}.")
    with_zone = text.str.replace(r"(?i)z$", "+00:00")
    absolute = pl.coalesce(
        with_zone.str.to_datetime(f, time_unit="us", strict=False, time_zone="UTC")
        for f in ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%dT%H:%M%:z", "%Y-%m-%dT%H:%M:%S%.f%z")
    )
    local = pl.coalesce(
        text.str.to_datetime(f, time_unit="us", strict=False)
        if "%H" in f
        else text.str.to_date(f, strict=False).cast(pl.Datetime("us"))
        for f in _WHEN
    )
    if not without:
        return absolute.cast(AT).alias("at")
    return pl.coalesce(absolute.cast(AT), _in_zone(local, zone)).alias("at")


def _in_zone(local: pl.Expr, zone: str) -> pl.Expr:
    """Convert local times to UTC: the earlier instant of a repeated hour, null for an hour that the clocks skip."""
    ZoneInfo(zone)
    return local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC").cast(AT)


def _decimal(name: str, kind: pl.DataType) -> pl.Expr:
    """Read a column as exact numbers, null where a value is no number."""
    column = pl.col(name)
    text = column.str.strip_chars() if kind == pl.String else column.cast(pl.String)
    plain = text.str.contains(r"^[+-]?(\d{1,20}(\.\d{0,9}0*)?|\.\d{1,9}0*)([eE][+-]?\d{1,2})?$")
    exponential = text.str.contains("[eE]")
    value = (
        pl.when(exponential)
        .then(text.cast(pl.Float64, strict=False).cast(_NUMBER, strict=False))
        .otherwise(text.cast(_NUMBER, strict=False))
    )
    return pl.when(plain).then(value)


def _event(definition: Definition, columns: Columns, named: Mapping[str, str]) -> pl.Expr:
    default = pl.lit(columns.event_type or default_event(definition))
    if "event" not in named:
        return default.alias("event")
    written = pl.col("raw.event").cast(pl.String).str.strip_chars()
    return pl.when(written.fill_null("") == "").then(default).otherwise(written).alias("event")


def _attribute(what: str, read: pl.DataFrame, numbers: frozenset[str], counted: frozenset[str]) -> pl.Expr:
    """Read an attribute in the form that the rules need: a number if they compare or count it, else a truth value or a text."""
    # A column of texts counts as truth values only if all its values are `true` or `false`.
    raw, kind, name = f"raw.{what}", read.schema[f"raw.{what}"], what.removeprefix(ATTRIBUTE)
    if name in numbers:
        number = _decimal(raw, kind)
        return (number.cast(pl.Int64, strict=False) if name in counted else number).alias(what)
    if kind == pl.Boolean:
        return pl.col(raw).alias(what)
    text = pl.col(raw).cast(pl.String).str.strip_chars()
    words = set(read[raw].cast(pl.String).str.strip_chars().str.to_lowercase().drop_nulls().unique().head(4).to_list()) - {""}
    if words and words <= {"true", "false"}:
        return pl.when(text.str.to_lowercase().is_in(["true", "false"])).then(text.str.to_lowercase() == "true").alias(what)
    return pl.when(text != "").then(text).alias(what)


def _fault(read: pl.DataFrame, named: Mapping[str, str], keep_duplicates: bool) -> pl.Expr:
    """Return the first fault of each row, null for a good row; the order is that of `_FAULTS`."""
    customer = pl.col("customer")
    spoilt = pl.lit(False)
    for what in named:
        if what.startswith(ATTRIBUTE):
            raw = pl.col(f"raw.{what}").cast(pl.String).str.strip_chars().fill_null("")
            value = pl.col(what)
            spoilt = spoilt | (value.is_null() & (raw != ""))
            if read.schema[what].is_numeric():
                exact = _decimal(f"raw.{what}", read.schema[f"raw.{what}"])
                spoilt = spoilt | (read.schema[what].is_integer() & ((value < 0) | (value.cast(_NUMBER) != exact))).fill_null(
                    False
                )
                spoilt = spoilt | (value.cast(pl.Float64).abs() > _MOST).fill_null(False)
            elif read.schema[what] == pl.String:
                spoilt = spoilt | (value.str.len_chars() > _LONGEST).fill_null(False)
    length = customer.str.len_chars().fill_null(0)
    bad_customer = (length == 0) | (length > _LONGEST) | customer.str.contains("\x00", literal=True).fill_null(True)
    found = (
        pl.when(bad_customer)
        .then(pl.lit("no customer"))
        .when(pl.col("at").is_null())
        .then(pl.lit("bad date"))
        .when(pl.col("amount").is_null() | (pl.col("amount") > _MOST))
        .then(pl.lit("bad amount"))
        .when(pl.col("amount") < 0)
        .then(pl.lit("return"))
        .when(pl.col("exact") != pl.col("exact").round(0))
        .then(pl.lit("finer than the smallest unit"))
        .when(spoilt)
        .then(pl.lit("bad attribute"))
    )
    if keep_duplicates:
        return found
    same = ["customer", "at", "money", "event", *(what for what in named if what.startswith(ATTRIBUTE))]
    return found.when(~pl.struct(same).is_first_distinct()).then(pl.lit("duplicate"))


def _faults(read: pl.DataFrame) -> tuple[LogFault, ...]:
    if not read["fault"].is_not_null().any():
        return ()
    shown = [name for name in read.columns if name.startswith("raw.")]
    bad = read.filter(pl.col("fault").is_not_null())
    found = []
    for kind, remedy in _FAULTS.items():
        of = bad.filter(pl.col("fault") == kind)
        if of.is_empty():
            continue
        example = ",".join("" if value is None else str(value) for value in of.select(shown).row(0))
        lines = tuple(of["line"].head(_LINES_SHOWN).to_list())
        found.append(LogFault(kind=kind, rows=of.height, lines=lines, example=example[:_LONGEST], remedy=remedy))
    return tuple(found)


def _say_what_is_ignored(definition: Definition, good: pl.DataFrame, named: Mapping[str, str], notes: _Notes) -> None:
    known = event_types(definition)
    of_type = {event: many for event, many in good.group_by("event").len().rows() if event not in known}
    for event, many in sorted(of_type.items()):
        notes.say(f"{many:,} events are of the type {event[:40]!r}, which the program does not know: they bring nothing.")
    missing = sorted(name for name in _asked_attributes(definition) if f"{ATTRIBUTE}{name}" not in named)
    if missing:
        notes.say(
            f"The rules look at {', '.join(missing)}, which no column holds (--attribute NAME=COLUMN): "
            "conditions on it fail, and nothing is counted by it."
        )
