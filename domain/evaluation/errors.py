"""The problems of evaluations and of the Schedule that makes them."""

from typing import ClassVar

from domain.errors import TenureError


class EvaluationUnknown(TenureError):
    """The program has no evaluation of this id."""

    code = "evaluation_unknown"
    category = "not_found"
    title = "There is no such evaluation"

    def __init__(self, program: str, evaluation: str) -> None:
        super().__init__(
            f"Program {program!r} has no evaluation {evaluation!r}.",
            remedy="List the program's evaluations.",
            field="evaluation",
        )


class NotScheduled(TenureError):
    """A program is evaluated on its Schedule from its launch until its wind-down, and has none before and after."""

    code = "not_scheduled"
    category = "conflict"
    title = "The program is not evaluated on a Schedule"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} has no Schedule: it begins with the launch, and ends with the wind-down.",
            remedy="See the program's stage; what fell due while it ran can be made up by a backfill.",
            field="program",
        )


class BackfillRefused(TenureError):
    """The span goes beyond the program's past, or no evaluation falls due in it, or too many do."""

    code = "backfill_span_wrong"
    category = "invalid"
    title = "The span cannot be evaluated"
    example: ClassVar = {
        "field": "from",
        "problem": "The program was launched at 2026-01-15 14:00:00 UTC",
        "remedy": "Begin at that instant or later.",
    }

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}.", remedy=remedy, field=field)
