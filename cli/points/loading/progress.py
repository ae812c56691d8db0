"""The progress of a load for people: a bar on a terminal, a line every few seconds elsewhere."""

import time
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.core.output import console
from cli.core.text import count, number
from cli.points.loading.note import Note

_EVERY = 5.0
"""Seconds between two lines."""


class Watched:
    """Shows notes on standard error, so that standard output has the result alone."""

    def __init__(self, begun: Note, size: int) -> None:
        self._out = console(stderr=True)
        self._begun = begun
        self._size = size
        self._started = self._last = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=self._out
        )
        self._task = self._bar.add_task(self._words(begun), total=size, completed=begun.bytes)

    def __enter__(self) -> "Watched":
        if self._out.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._out.is_terminal:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """The running time of the load."""
        return time.monotonic() - self._started

    def report_progress(self, note: Note) -> None:
        """Show the progress of the load."""
        if self._out.is_terminal:
            self._bar.update(self._task, completed=note.bytes, description=self._words(note))
        elif time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            share = note.bytes * 100 // max(self._size, 1)
            self._out.print(f"{share} %, line {number(note.lines)}: {self._words(note)}", soft_wrap=True)

    def _words(self, note: Note) -> str:
        rate = round((note.events - self._begun.events) / max(self.seconds, 0.001))
        counts = f"{number(note.posted)} posted, {number(note.repeated)} repeated, {number(note.refused)} refused"
        return f"{counts}; {count(rate, 'event')} a second"
