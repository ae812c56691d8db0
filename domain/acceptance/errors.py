"""The problems of prototypes and of the logs that they run on."""

from domain.errors import TenureError


class LogMissing(TenureError):
    """No transaction log of this name was loaded."""

    code = "transaction_log_unknown"
    category = "not_found"
    title = "There is no such transaction log"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no transaction log {name!r}.", remedy="Load it with `tenure log load`.", field="name")


class PrototypeUnknown(TenureError):
    """No prototype of this id was asked for, or it was so long ago that it is forgotten."""

    code = "prototype_unknown"
    category = "not_found"
    title = "There is no such prototype"

    def __init__(self, prototype: str) -> None:
        super().__init__(
            f"There is no prototype {prototype!r}; its figures are kept as long as Temporal keeps what has ended.",
            remedy="Ask for it by POST /prototypes; the same definition and log have the same id.",
            field="prototype",
        )


class PrototypeNotDone(TenureError):
    """The prototype still runs, was stopped, or could not be run over its log."""

    code = "prototype_not_done"
    category = "conflict"
    title = "The prototype has no figures"
    example = {"prototype": "0f3d9a7c5e1b4d6f8a2c4e6081b3d5f7", "reason": "it still runs"}

    def __init__(self, prototype: str, reason: str) -> None:
        super().__init__(
            f"The prototype {prototype!r} has no figures: {reason}.",
            remedy="Compare prototypes that are done, as GET /prototypes/{id} shows them.",
            field="prototype",
        )
