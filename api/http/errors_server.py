"""The problems that are none of the caller's making."""

from domain.errors import TenureError


class Internal(TenureError):
    """A fault of ours; what it was is in the log alone."""

    code = "internal"
    category = "internal"
    title = "Something went wrong"

    def __init__(self) -> None:
        super().__init__(
            "The request could not be answered, through no fault of yours.",
            remedy="Repeat it with the same Idempotency-Key; if it fails again, tell the operator, whose log has the details.",
        )


class ServiceUnavailable(TenureError):
    """The database or Temporal is away or overloaded. What was begun goes on, and is found by the same key."""

    code = "service_unavailable"
    category = "unavailable"
    title = "A part of Tenure cannot be reached"
    example = {"what": "The database"}

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} cannot be reached or did not answer in time.", remedy="Repeat the request with the same Idempotency-Key."
        )
