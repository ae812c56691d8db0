"""The base of all errors: each says what is wrong and what to do next, under a code that never changes."""

from typing import ClassVar, Literal

Category = Literal[
    "malformed",
    "unauthenticated",
    "forbidden",
    "not_found",
    "method_not_allowed",
    "not_acceptable",
    "conflict",
    "gone",
    "precondition_failed",
    "too_large",
    "unsupported_media_type",
    "invalid",
    "rate_limited",
    "internal",
    "unavailable",
]
"""What kind of error it is, whoever hears of it; the API gives each its HTTP status."""


class TenureError(Exception):
    """An error that a person can act on.

    `code` is stable and names the problem; `category` is the kind of problem that it is; `remedy` says what to do; `field`
    names the input that is at fault, where one is.
    """

    code: ClassVar[str] = "internal"
    category: ClassVar[Category] = "internal"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, remedy: str, field: str | None = None) -> None:
        super().__init__(f"{detail} {remedy}")
        self.detail = detail
        self.remedy = remedy
        self.field = field
