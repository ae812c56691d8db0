"""The one registry of problem codes: collected from the error classes, so that no second list can be forgotten."""

from collections.abc import Iterator

from domain.errors import TenureError

_AT_THE_EDGE = ("api", "services", "domain", "ledger", "store")
"""The packages whose errors can become the answer to a request; those of the CLI and of workers cannot."""
_FIRST = ("api.", "domain.")


def kinds() -> Iterator[type[TenureError]]:
    """Every error class with a code that can reach the API, of all loaded modules; base classes first."""
    waiting = list(TenureError.__subclasses__())
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        package = kind.__module__.partition(".")[0]
        if package in _AT_THE_EDGE and "code" in vars(kind) and not kind.__name__.startswith("_"):
            yield kind


def known() -> dict[str, type[TenureError]]:
    """The error class of each code. Classes that share a code have the same category and title; one of the API or of the
    domain counts before one of the ledger or the store.
    """
    found: dict[str, type[TenureError]] = {}
    for kind in kinds():
        first = found.setdefault(kind.code, kind)
        if kind.__module__.startswith(_FIRST) and not first.__module__.startswith(_FIRST):
            found[kind.code] = kind
    return dict(sorted(found.items()))
