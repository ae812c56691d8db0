"""The problems of operational reports."""

from collections.abc import Sequence
from typing import ClassVar

from domain.errors import TenureError


class ReportUnknown(TenureError):
    """The list of a program's reports has every name that there is."""

    code = "report_unknown"
    category = "not_found"
    title = "There is no such report"
    example: ClassVar = {"report": "everything", "known": ("status", "members", "movement")}

    def __init__(self, report: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no report {report!r}.", remedy=f"Ask for one of: {', '.join(known)}.", field="report")


class AsOfWrong(TenureError):
    """A report tells what was so at the end of a day between the program's start and today, written as 2026-03-01."""

    code = "as_of_wrong"
    category = "invalid"
    title = "There is no report as of that day"
    example: ClassVar = {"problem": "2031-01-01 has not come yet", "remedy": "Name today or a day before, or none for now."}

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}.", remedy=remedy, field="as_of")
