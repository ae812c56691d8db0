"""Refusals: errors that can be made in another process than the one that answers with them, as code, detail and remedy."""

from typing import ClassVar

from domain.error_registry import known
from domain.errors import Category, TenureError


class Refused(TenureError):
    """Refused for a reason that has no page of its own.

    Code and words are those of who refused; status and title are those of the code. The subclasses are the codes: `detail` is
    an example of it, `remedy` what can be done unless who refused says something better.
    """

    code = "refused"
    category: ClassVar[Category] = "conflict"
    title = "Refused"
    detail = "It cannot be done as things stand now."
    remedy = "See where it stands, and try what that allows."

    def __init__(self, detail: str, remedy: str | None = None) -> None:
        super().__init__(detail, remedy=remedy or self.remedy)


def refused(code: str, detail: str, remedy: str | None = None) -> Refused:
    """The refusal that another process made, from what it has sent; category, title and where need be remedy are its code's.

    A code that nobody knows here is answered all the same, as one that has no page of its own.
    """
    kind = known().get(code, Refused)
    error = kind(detail, remedy) if issubclass(kind, Refused) else Refused(detail, remedy)
    error.code = code  # type: ignore[misc]
    error.category = kind.category  # type: ignore[misc]
    error.title = kind.title  # type: ignore[misc]
    return error
