"""The list of refused rows beside a file of events: line, reason, and remedy."""

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cli.points.loading.errors import FileUnusable
from cli.points.loading.file import Row

_COLUMNS = ("line", "key", "code", "field", "problem", "remedy")
_BROKEN = {"code": "line_broken", "remedy": "Correct the line, and post the file again with --again."}


class RefusedRows:
    """A CSV file that is created with the first refused row."""

    def __init__(self, file: Path, size: int) -> None:
        """Go on with a list of this size; rows after it were not noted, and will be refused again."""
        self.path = file.with_name(f"{file.name}.refused.csv")
        self._file = file
        try:
            if size == 0:
                self.path.unlink(missing_ok=True)
            elif self.path.exists() and self.path.stat().st_size > size:
                os.truncate(self.path, size)
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, rows: Iterable[tuple[Row, Mapping[str, Any]]]) -> int:
        """Add these rows, each with its problem; return the size of the list in bytes. Raises FileUnusable."""
        text = io.StringIO()
        writer = csv.writer(text)
        for row, problem in rows:
            # The field's place in its batch means nothing to a reader of the file.
            field = str(problem.get("field", "")).partition("].")[2]
            reason = str(problem.get("detail", "")).rstrip(".")
            key = row.event.get("key", "")
            writer.writerow([row.line, key, problem.get("code", ""), field, reason, problem.get("remedy", "")])
        try:
            with self.path.open("ab") as list_:
                if list_.tell() == 0:
                    list_.write((",".join(_COLUMNS) + "\r\n").encode())
                list_.write(text.getvalue().encode(errors="replace"))
                list_.flush()
                os.fsync(list_.fileno())
                return list_.tell()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> FileUnusable:
        return FileUnusable(
            f"The refused rows of {self._file} cannot be listed in {self.path}: {error.strerror}.",
            remedy="Make its folder writable, or copy the file to one that is; then run the command again.",
        )


def broken(row: Row) -> dict[str, str]:
    """The problem of a line without an event."""
    return {**_BROKEN, "detail": row.fault}
