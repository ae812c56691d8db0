"""The note beside a file of events: its progress, rewritten after each part that the API has acknowledged."""

import os
from pathlib import Path

from pydantic import ValidationError

from cli.points.loading.errors import BegunOtherwise, FileUnusable
from cli.points.loading.file import Place
from domain.model import Value


class Note(Value):
    """The progress of posting a file to a program, the person whose keys are used, and the numbers of results.

    `who` is the person's id, or a name for a token that does not reveal it; `outside`: the events are of people who are held
    out or have left; `refused_bytes` is the part of the list of refused rows that belongs to the posted part.
    """

    program: str
    who: str
    outside: bool = False
    bytes: int
    lines: int
    sha256: str
    posted: int = 0
    repeated: int = 0
    refused: int = 0
    refused_bytes: int = 0

    @property
    def place(self) -> Place:
        return Place(self.bytes, self.lines, self.sha256)

    @property
    def events(self) -> int:
        return self.posted + self.repeated + self.refused

    @property
    def so_far(self) -> str:
        """The progress in words; requests under way may be posted too, and will be repeated."""
        if not self.events:
            return "Nothing of the file is known to be posted yet."
        return f"Up to line {self.lines:,} everything is posted, and noted beside the file."


class NoteBeside:
    """The file beside a file of events that keeps its note."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.path = file.with_name(f"{file.name}.progress.json")
        self._new = file.with_name(f"{file.name}.progress.json.new")

    def read(self, program: str, who: str, *, outside: bool = False) -> Note | None:
        """The note of an earlier run. Raises FileUnusable if it is no note, BegunOtherwise if it is of another load."""
        try:
            found = Note.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise FileUnusable(
                f"{self.path} does not say how far {self._file} is posted.",
                remedy="Remove it to begin anew: what was posted before is not paid twice, since its keys repeat.",
            ) from error
        asked = (program, who, " with --outside" if outside else "")
        before = (found.program, found.who, " with --outside" if found.outside else "")
        if before != asked:
            begun, now = (f"for {program} as {who}{how}" for program, who, how in (before, asked))
            raise BegunOtherwise(self._file, self.path, begun, now)
        return found

    def write(self, note: Note) -> None:
        """Write the note, completely or not at all. Raises FileUnusable if nothing can be written beside the file."""
        try:
            with self._new.open("wb") as new:
                new.write(note.model_dump_json(indent=2).encode() + b"\n")
                new.flush()
                os.fsync(new.fileno())
            self._new.replace(self.path)
        except OSError as error:
            raise FileUnusable(
                f"How far {self._file} is posted cannot be noted in {self.path}: {error.strerror}.",
                remedy="Make its folder writable, or copy the file to one that is; then run the command again.",
            ) from error
