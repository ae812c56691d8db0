"""The base of all errors: each says what is wrong and what to do next, under a code that never changes."""

from typing import ClassVar


class TenureError(Exception):
    """An error that a person can act on.

    `code` is stable and names the problem; `status` is its HTTP status at the edge; `remedy` says what to do;
    `field` names the input that is at fault, where one is.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, remedy: str, field: str | None = None) -> None:
        super().__init__(f"{detail} {remedy}")
        self.detail = detail
        self.remedy = remedy
        self.field = field
