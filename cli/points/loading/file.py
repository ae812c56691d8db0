"""A file of events, read line by line as CSV or JSON Lines, with at most one line in memory."""

import csv
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from cli.core.attributes import value as attribute
from cli.points.loading.errors import FileChanged, FileUnusable

_NEEDED = ("key", "participant", "type", "occurred_at")
_COLUMNS = (*_NEEDED, "amount", "pending")
_ATTRIBUTE = "attributes."
"""The prefix of columns with attributes of the events; an empty cell means no attribute."""
_LONGEST_LINE = 64 * 1024
"""Bytes; an event has a few hundred, and a file without line breaks must not fill the memory."""
_PIECE = 1024 * 1024


class Place(NamedTuple):
    """How far a file has been read: bytes, lines, and the SHA-256 of that part, which reveals a changed file."""

    bytes: int
    lines: int
    sha256: str


class Row(NamedTuple):
    """A line, counted from 1, with its event or its fault."""

    line: int
    event: dict[str, Any]
    fault: str = ""


class EventFile:
    """An open file of events, for one command at a time. Raises FileUnusable for a file with a wrong beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_csv = path.suffix != ".jsonl"
        self._columns: list[str] = []
        self._bytes = self._lines = 0
        self._sha256 = hashlib.sha256()
        try:
            self._stream = path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            self.size = os.fstat(self._stream.fileno()).st_size
            self._lock()
            self._check_beginning()
        except BaseException as error:
            self._stream.close()
            if isinstance(error, OSError):
                raise self._unreadable(error) from error
            raise

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()

    @property
    def place(self) -> Place:
        """The present place in the file."""
        return Place(self._bytes, self._lines, self._sha256.hexdigest())

    def skip_to(self, place: Place) -> None:
        """Go on at a place of an earlier run. Raises FileChanged if the part before it has changed."""
        self._stream.seek(0)
        self._bytes = self._lines = 0
        self._sha256 = hashlib.sha256()
        last = b"\n"
        while self._bytes < place.bytes and (piece := self._stream.read(min(_PIECE, place.bytes - self._bytes))):
            self._count(piece)
            last = piece[-1:]
        self._lines = place.lines
        # If the file has grown, a last line without a line break may have been incomplete.
        grown_in_the_line = last != b"\n" and self.size > place.bytes
        if self.place != place or grown_in_the_line:
            raise FileChanged(self.path, place.lines)

    def rows(self) -> Iterator[Row]:
        """The rows from here on, without blank lines."""
        while raw := self._next():
            line = self._lines
            if not raw.endswith(b"\n") and len(raw) > _LONGEST_LINE:
                self._skip_rest_of_line()
                yield Row(line, {}, f"the line is longer than {_LONGEST_LINE:,} bytes")
                continue
            if not raw.strip():
                continue
            try:
                text = raw.decode("utf-8-sig" if line == 1 else "utf-8")
            except UnicodeDecodeError:
                yield Row(line, {}, "the line is not UTF-8 text")
                continue
            try:
                yield Row(line, self._from_cells(_cells(text)) if self._is_csv else _from_json(text))
            except ValueError as error:
                yield Row(line, {}, str(error))

    def _lock(self) -> None:
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FileUnusable(
                f"{self.path} is being posted by another command.", remedy="Wait for that one to end, or end it."
            ) from error

    def _unreadable(self, error: OSError) -> FileUnusable:
        return FileUnusable(f"{self.path} cannot be read: {error.strerror or error}.", remedy="Name a file that can be read.")

    def _check_beginning(self) -> None:
        """Read the CSV header, check that there is a first event, and that JSON Lines are JSON; then return before it."""
        if self._is_csv:
            self._columns = self._header()
        beginning = self.place
        first = next(self.rows(), None)
        if first is None:
            raise FileUnusable(f"{self.path} has no events.", remedy="Name a file with one event per line.")
        if first.fault and not self._is_csv:
            raise FileUnusable(
                f"{self.path}, line {first.line}: {first.fault}.",
                remedy="Write one JSON object per line, or name the file .csv if that is what it is.",
            )
        self.skip_to(beginning)

    def _header(self) -> list[str]:
        needed, more = ", ".join(_NEEDED), f"amount, pending and {_ATTRIBUTE}NAME"
        remedy = f"Write the columns {needed} and, if wanted, {more}, in any order, as UTF-8 text."
        try:
            columns = [name.strip() for name in _cells(self._next().decode("utf-8-sig"))]
        except ValueError as error:
            raise FileUnusable(f"{self.path}, line 1: the header is not CSV as UTF-8 text.", remedy=remedy) from error
        missing = [name for name in _NEEDED if name not in columns]
        foreign = [name for name in columns if name not in _COLUMNS and not name.startswith(_ATTRIBUTE)]
        twice = sorted({name for name in columns if columns.count(name) > 1})
        for names, what in ((missing, "has no column"), (foreign, "has the unknown column"), (twice, "has twice the column")):
            if columns and names:
                named = ", ".join(repr(name[:40]) for name in names[:8])
                raise FileUnusable(f"{self.path}, line 1: the header {what} {named}.", remedy=remedy)
        return columns

    def _next(self) -> bytes:
        raw = self._stream.readline(_LONGEST_LINE + 1)
        self._count(raw)
        self._lines += bool(raw)
        return raw

    def _skip_rest_of_line(self) -> None:
        while (piece := self._stream.readline(_PIECE)) and not piece.endswith(b"\n"):
            self._count(piece)
        self._count(piece)

    def _count(self, piece: bytes) -> None:
        self._bytes += len(piece)
        self._sha256.update(piece)

    def _from_cells(self, cells: list[str]) -> dict[str, Any]:
        if len(cells) != len(self._columns):
            raise ValueError(f"the line has {len(cells)} cells, and the header {len(self._columns)}")
        event = dict(zip(self._columns, cells, strict=True))
        if not event.get("pending"):
            event.pop("pending", None)
        named = [column for column in event if column.startswith(_ATTRIBUTE)]
        attributes = {column.removeprefix(_ATTRIBUTE): attribute(text) for column in named if (text := event.pop(column))}
        return {**event, "attributes": attributes} if attributes else event


def _cells(line: str) -> list[str]:
    """The cells of one line, so that an unclosed quote affects that line alone. Raises ValueError."""
    try:
        return next(csv.reader([line.rstrip("\r\n")], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"the line is not CSV ({error})") from error


def _from_json(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"the line is not JSON ({error.msg} at character {error.pos + 1})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("the line is JSON that nobody can read: nested too deeply, or with an endless number") from error
    if not isinstance(found, dict):
        raise ValueError("the line is JSON, but no object")
    return found
