"""Posts a file of events in stretches, two batches at a time, with a note after each stretch."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from zlib import crc32

from cli.core.client import Api
from cli.core.errors import ApiUnreachable, Refused
from cli.points.loading.errors import LoadInterrupted, LoadStopped
from cli.points.loading.file import EventFile, Place, Row
from cli.points.loading.note import Note, NoteBeside
from cli.points.loading.refused import RefusedRows, broken

_LANES = 2
"""Batches under way at once: while one is in the database, the API checks the other."""
_AWAY = {"service_unavailable", "internal"}
"""The codes of problems that the request did not cause."""

ProgressReporter = Callable[[Note], None]


@dataclass
class Stretch:
    """Some lines of the file: their rows by lane, the broken rows, and the place where they end.

    A member's rows are all in one lane, and a stretch begins only after the one before has ended: so the events of each
    member are posted in the order of the file, though two batches are under way at once.
    """

    end: Place
    lanes: list[list[Row]] = field(default_factory=lambda: [[] for _ in range(_LANES)])
    broken: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> int:
        """Add a row; return the number of rows in its lane."""
        if row.fault:
            self.broken.append(row)
            return len(self.broken)
        participant = str(row.event.get("participant")).encode(errors="replace")
        lane = self.lanes[crc32(participant) % _LANES]
        lane.append(row)
        return len(lane)


class Load:
    """One run of a load; `note` is the progress of the earlier run, then of this one."""

    def __init__(
        self, api: Api, file: EventFile, note: Note, beside: NoteBeside, batch: int, report_progress: ProgressReporter
    ) -> None:
        self._api = api
        self._file = file
        self._batch = batch
        self._beside = beside
        self._report_progress = report_progress
        self._refused = RefusedRows(file.path, note.refused_bytes)
        self.note = note

    def run(self) -> None:
        """Post the file to its end. Raises LoadStopped, LoadInterrupted, or the Refused of the API."""
        try:
            self._run()
        except KeyboardInterrupt as error:
            raise LoadInterrupted(self.note.so_far) from error
        except ApiUnreachable as error:
            raise LoadStopped(error.detail, self.note.so_far) from error
        except Refused as error:
            if error.code in _AWAY:
                raise LoadStopped(error.detail, self.note.so_far) from error
            raise

    def _run(self) -> None:
        stretches = self._stretches()
        stretch = next(stretches, None)
        with ThreadPoolExecutor(_LANES) as pool:
            while stretch is not None:
                under_way = [pool.submit(self._post, lane) for lane in stretch.lanes if lane]
                following = next(stretches, None)  # read while the others are posted
                results = list(chain.from_iterable(posted.result() for posted in under_way))
                self._settle(stretch, results)
                stretch = following

    def _stretches(self) -> Iterator[Stretch]:
        """The rest of the file, in stretches that end when one of their lanes is a full batch."""
        stretch = Stretch(self._file.place)
        for row in self._file.rows():
            if stretch.add(row) == self._batch:
                stretch.end = self._file.place
                yield stretch
                stretch = Stretch(stretch.end)
        if self._file.place != stretch.end:
            stretch.end = self._file.place
            yield stretch

    def _post(self, rows: Sequence[Row]) -> list[tuple[Row, dict[str, Any]]]:
        """Post a batch; return each row with its result."""
        body = json.dumps({"events": [row.event for row in rows]}, separators=(",", ":")).encode()
        resource = "outside-events" if self.note.outside else "events"
        reply = self._api.post("programs", self.note.program, resource, key=None, content=body)
        return list(zip(rows, reply.data["results"], strict=True))

    def _settle(self, stretch: Stretch, results: Sequence[tuple[Row, dict[str, Any]]]) -> None:
        """Record the result of a stretch: first the refused rows, then the progress."""
        refused = [(row, result["problem"]) for row, result in results if result["status"] == "refused"]
        refused += [(row, broken(row)) for row in stretch.broken]
        counted = {status: sum(result["status"] == status for _, result in results) for status in ("posted", "repeated")}
        listed = self._refused.write(sorted(refused, key=lambda each: each[0].line)) if refused else self.note.refused_bytes
        note = Note(
            program=self.note.program,
            who=self.note.who,
            outside=self.note.outside,
            **stretch.end._asdict(),
            posted=self.note.posted + counted["posted"],
            repeated=self.note.repeated + counted["repeated"],
            refused=self.note.refused + len(refused),
            refused_bytes=listed,
        )
        self._beside.write(note)
        self.note = note
        self._report_progress(note)
