"""Prints an examination: the findings under their headings, with their remedies."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from cli.core.output import cell, console, heading
from cli.core.text import count

if TYPE_CHECKING:
    from worker.doctor.finding import Examination, Finding

_HEADINGS = {
    "installed": "What is installed",
    "machine": "This machine",
    "stack": "The embedded stack",
    "servers": "The servers",
}
_MARKS = {"ok": ("ok", "green"), "off": ("-", "dim"), "warning": ("warning", "yellow"), "wrong": ("wrong", "bold red")}


def print_examination(examination: "Examination") -> None:
    """Print all findings, and in the last line the verdict."""
    from worker.doctor.finding import Topic

    out = console()
    for topic in Topic:
        out.print(heading(_HEADINGS[topic]))
        out.print(_table(examination.of(topic)))
        out.print()
    out.print(heading(verdict(examination)))


def verdict(examination: "Examination") -> str:
    """The numbers of faults and of warnings, in one sentence."""
    found = [str(finding.status) for finding in examination.findings]
    wrong, warnings = found.count("wrong"), found.count("warning")
    said = f"{count(wrong, 'thing')} {'is' if wrong == 1 else 'are'} wrong" if wrong else "Nothing is wrong"
    return f"{said}; {count(warnings, 'warning')}." if warnings else f"{said}."


def _table(findings: "Sequence[Finding]") -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=max(len(text) for text, _ in _MARKS.values()))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        text, style = _MARKS[finding.status]
        detail = cell(finding.detail)
        if finding.remedy:
            detail = Text.assemble(detail, "\n", cell(finding.remedy, "italic"))
        table.add_row(cell(text, style), cell(finding.name), detail)
    return table
