"""The output of commands: tables for people, or the API's JSON."""

import sys
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.core.text import clean

_PIPED_WIDTH = 140
"""The width without a terminal, in columns: 80 would fold lines in a file."""


def console(*, stderr: bool = False) -> Console:
    """A console on standard output (or error) that prints texts unchanged, without markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPED_WIDTH
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


def cell(value: object, style: str = "") -> Text:
    """A value in a form that is safe in a table."""
    return value if isinstance(value, Text) else Text(clean(value), style=style)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[str] = ()) -> Table:
    """A plain table; the columns in `right` are numbers. The first column is never folded: ids stay whole."""
    made = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    numbers = set(right)
    for position, column in enumerate(columns):
        made.add_column(column, justify="right" if column in numbers else "left", no_wrap=position == 0, overflow="fold")
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    return made


def facts(pairs: Mapping[str, object]) -> Table:
    """Names and values, one pair in a line; values of None are left out."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        if value is not None:
            made.add_row(name, cell(value))
    return made


def heading(text: str) -> Text:
    """The heading of a part of the output."""
    return cell(text, "bold")
