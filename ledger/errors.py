"""The ledger's errors. A refusal (too few points) is no error: it is an answer, stored and repeated."""

from domain.errors import TenureError
from domain.errors_input import KeyReused
from domain.rewards.errors import InsufficientPoints


class KeyConflict(TenureError):
    """The idempotency key was used before, for another request."""

    code = KeyReused.code
    category = KeyReused.category
    title = KeyReused.title

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The key {key!r} was used before, for a request with another content.",
            remedy="Send the first request unchanged to get its answer again, or use a new key for a new request.",
            field="key",
        )


class Stale(TenureError):
    """The counters that an earn was composed from have changed since; nothing was posted, and it can be composed again."""

    code = "stale"
    category = "conflict"
    title = "The member has earned in between"

    def __init__(self, key: str) -> None:
        super().__init__(f"What the member had earned under a cap changed before {key!r} was posted.", remedy="Send it again.")


class LedgerFault(TenureError):
    """The figures of a request do not add up; the ledger wrote nothing."""

    code = "ledger_fault"
    category = "internal"
    title = "The ledger does not add up"
    example = {"detail": "Transaction 17 has 20 points fewer in its lots than there are to give back."}

    def __init__(self, detail: str) -> None:
        super().__init__(detail, remedy="Nothing was changed. Run `tenure ledger check` and tell the operator what it finds.")


class Refused(Exception):
    """Raised inside the ledger to refuse a request, before anything is written for it; it never leaves the ledger."""

    def __init__(self, code: str, detail: str, points: int = 0) -> None:
        super().__init__(detail)
        self.code, self.detail, self.points = code, detail, points


def too_few(asked: int, available: int) -> Refused:
    """Return the refusal of a request for more points than are available."""
    return Refused(InsufficientPoints.code, f"{asked} points were asked for, and {max(available, 0)} are available.", asked)
