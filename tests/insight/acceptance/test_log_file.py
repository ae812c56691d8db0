"""Logs of events: columns guessed or named, and every row that cannot be used counted by kind, or left out if asked."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from domain.definition.document import Definition
from domain.definition.reading.file import read_definition
from insight.acceptance.event_log import UnusableLog
from insight.acceptance.log_file import Columns, RowsFaulty, frame_of, read_log, reading_of
from tests.domain.definitions import small

HILTON = Path(__file__).parents[3] / "examples" / "hilton-honors-2025.yaml"
BAD = """Member,Date,Value,Type,Nights,color
a,2025-01-01,12.50,stay,2,x
a,2025-01-01,12.50,stay,2,x
b,2025-01-02 10:00,-3,stay,1,x
,2025-01-02 10:00,3,stay,1,x
c,02/13/2025,3,stay,1,x
c,2025-02-30,3,stay,1,x
c,2025-03-09 02:30,3,stay,1,x
c,2025-02-03T10:00:00Z,abc,stay,1,x
c,2025-02-03T10:00:00Z,1e13,stay,1,x
c,2025-02-03T10:00:00+02:00,1.005,stay,1,x
c,2025-02-03T10:00:00.5Z,1.5,stay,1.5,x
c,2025-02-03T10:00:00Z,1.5,stay,-1,x
c,2025-02-03T10:00:00Z,1.50,fly,,x
c,20250203,1e2,stay,,x
"""


@pytest.fixture(scope="module")
def hilton() -> Definition:
    found = read_definition(HILTON.read_bytes())
    assert isinstance(found, Definition)
    return found


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.csv"
    file.write_text(BAD)
    return file


def test_every_bad_row_is_counted_by_its_kind_with_its_line_and_the_log_refused(hilton: Definition, bad: Path) -> None:
    with pytest.raises(RowsFaulty) as refused:
        read_log(hilton, bad)
    reading = refused.value.reading
    assert {fault.kind: fault.lines for fault in reading.faults} == {
        "no customer": (5,),
        "bad date": (6, 7, 8),  # the last was never on a clock of New York
        "bad amount": (9, 10),
        "return": (4,),
        "finer than the smallest unit": (11,),
        "bad attribute": (12, 13),
        "duplicate": (3,),
    }
    assert (reading.rows, reading.used) == (14, 3)
    assert next(fault.example for fault in reading.faults if fault.kind == "return") == "b,2025-01-02 10:00,-3,stay,1"
    assert "--good-rows-only" in refused.value.remedy


def test_the_good_rows_alone_are_used_if_asked(hilton: Definition, bad: Path) -> None:
    log = read_log(hilton, bad, good_rows_only=True)
    assert log.frame.rows() == [
        ("a", datetime(2025, 1, 1, 5, tzinfo=UTC), 1250, "stay", 2),
        ("c", datetime(2025, 2, 3, 5, tzinfo=UTC), 10_000, "stay", None),
        ("c", datetime(2025, 2, 3, 10, tzinfo=UTC), 150, "fly", None),
    ]


def test_what_is_guessed_and_assumed_is_said(hilton: Definition, bad: Path) -> None:
    reading = read_log(hilton, bad, good_rows_only=True).reading
    assert reading is not None
    assert reading.columns == {"customer": "Member", "at": "Date", "amount": "Value", "event": "Type", "nights": "Nights"}
    zone, unknown, missing = reading.notes
    assert "8 dates have no time zone; they are taken to be of America/New_York" in zone
    assert "'fly'" in unknown
    assert "brand" in missing


def test_equal_rows_are_kept_if_they_are_said_to_be_separate(tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text("customer,at,amount\nann,2025-01-01,5\nann,2025-01-01,5\n")
    with pytest.raises(RowsFaulty):
        read_log(small(), file)
    assert read_log(small(), file, keep_duplicates=True).frame.height == 2


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        ("who,at,amount\nann,2025-01-01,5\n", Columns(), "no column that could be the customer; it has 'who'"),
        ("customer,at,amount\nann,2025-01-01,5\n", Columns(at="day"), "no column 'day' for the at"),
        ("customer,at,amount\nann,2025-01-01,5\n", Columns(attributes={"nights": "n"}), "no column 'n' for the nights"),
        ("customer,at,amount\n", Columns(), "no rows"),
        ("", Columns(), "is empty"),
        ("customer,at,amount\nann,2025-01-01\n\x00,,,,,,\n", Columns(), "cannot be read"),
    ],
)
def test_a_file_that_is_no_log_is_refused_in_words(tmp_path: Path, text: str, columns: Columns, words: str) -> None:
    file = tmp_path / "log.csv"
    file.write_text(text)
    with pytest.raises(UnusableLog, match=words):
        read_log(small(), file, columns)


def test_columns_can_be_named_and_the_zone_given(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("who,day,paid,sort\nann,2025-07-01,5.00,\nann,2025-07-02,6,visit\n")
    columns = Columns("who", "day", "paid", "sort", event_type="purchase", zone="Europe/Paris")
    log = read_log(small(), file, columns)
    assert log.frame.rows() == [
        ("ann", datetime(2025, 6, 30, 22, tzinfo=UTC), 500, "purchase"),
        ("ann", datetime(2025, 7, 1, 22, tzinfo=UTC), 600, "visit"),
    ]


def test_parquet_gives_the_same_log_as_csv(tmp_path: Path, hilton: Definition) -> None:
    rows = [("ann", datetime(2025, 1, 1, 12, tzinfo=UTC), "12.50", 2), ("bob", datetime(2025, 1, 2, tzinfo=UTC), "7", 1)]
    frame = pl.DataFrame(rows, schema=["customer", "at", "amount", "nights"], orient="row")
    typed = frame.with_columns(pl.col("amount").cast(pl.Decimal(12, 2)), pl.col("nights").cast(pl.Float64))
    csv, parquet = tmp_path / "log.csv", tmp_path / "log.parquet"
    frame.with_columns(pl.col("at").dt.to_string("iso:strict")).write_csv(csv)
    typed.write_parquet(parquet)
    assert read_log(hilton, csv).frame.equals(read_log(hilton, parquet).frame)


def test_revisions_that_ask_for_other_columns_read_the_same_log(hilton: Definition) -> None:
    frame, digest = frame_of([("ann", datetime(2025, 1, 1, tzinfo=UTC), Decimal("5.00"))])
    first = reading_of(hilton, frame, "log", digest)
    second = reading_of(small(time_zone=hilton.time_zone), frame, "log", digest)
    assert first.digest == second.digest
