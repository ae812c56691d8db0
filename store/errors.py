"""What can be wrong with a reference to something stored."""

from collections.abc import Mapping
from datetime import UTC, datetime

from domain.errors import TenureError


class ProgramUnknown(TenureError):
    """No lifecycle of a program with this id has begun."""

    code = "program_unknown"
    category = "not_found"
    title = "There is no such program"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"There is no program {program!r}.",
            remedy="Check its id in the list of programs, or start its lifecycle first.",
            field="program",
        )


class RevisionUnknown(TenureError):
    """The program has no revision of this number."""

    code = "revision_unknown"
    category = "not_found"
    title = "There is no such revision"

    def __init__(self, program: str, number: int) -> None:
        super().__init__(
            f"Program {program!r} has no revision {number}.", remedy="List the program's revisions.", field="revision"
        )


class GateUnknown(TenureError):
    """No gate of this id has been opened, or not yet."""

    code = "gate_unknown"
    category = "not_found"
    title = "There is no such gate"

    def __init__(self, gate: str) -> None:
        super().__init__(f"There is no gate {gate!r}.", remedy="List the open gates and take an id from there.", field="gate")


class LogUnknown(TenureError):
    """A definition, or who asks for a prototype, names a transaction log that was never loaded."""

    code = "transaction_log_not_loaded"
    category = "invalid"
    title = "The transaction log is not there"

    def __init__(self, name: str, field: str = "prototype.transactions") -> None:
        super().__init__(
            f"There is no transaction log {name!r}.",
            remedy=f"Load it with `tenure log load`, or name another in `{field}`.",
            field=field,
        )


class LogDiffers(TenureError):
    """A log is loaded once; under its name come the same rows or none."""

    code = "transaction_log_differs"
    category = "conflict"
    title = "The log exists with other rows"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"A transaction log {name!r} with other rows is there already.",
            remedy="Load this one under another name.",
            field="name",
        )


class PersonalDataErased(TenureError):
    """The program has ended, and the time is over for which what is known about its members was kept."""

    code = "personal_data_erased"
    category = "gone"
    title = "What was known about the member is erased"
    example = {"program": "cd-club", "erased_at": datetime(2027, 9, 6, tzinfo=UTC)}

    def __init__(self, program: str, erased_at: datetime) -> None:
        super().__init__(
            f"Program {program!r} has ended, and what it knew about its members was erased on {erased_at:%d %B %Y}.",
            remedy="Read the program's final report; its books keep every posting under a reference.",
            field="participant",
        )


class NotEnding(TenureError):
    """A wind-down has steps from the moment on at which its gate is open."""

    code = "not_ending"
    category = "not_found"
    title = "The program is not ending"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The end of program {program!r} has not been asked for.",
            remedy="Ask for it with `tenure program end`, then look again.",
            field="program",
        )


class CohortUnknown(TenureError):
    """Nobody has been put into a cohort of this name."""

    code = "cohort_unknown"
    category = "not_found"
    title = "There is no such cohort"
    example = {"program": "cd-club", "cohort": "staff"}

    def __init__(self, program: str, cohort: str) -> None:
        super().__init__(
            f"Program {program!r} has no cohort {cohort!r}.",
            remedy="Take a name from `tenure cohort list`, or put somebody into it with `tenure cohort add`.",
            field="cohort",
        )


class CohortBegun(TenureError):
    """Who is in a wave or a pilot is settled when it begins."""

    code = "cohort_begun"
    category = "conflict"
    title = "The cohort is in use, and changes no more"
    example = {"cohort": "staff", "by": "wave staff", "at": datetime(2026, 3, 10, 9, 30, tzinfo=UTC)}

    def __init__(self, cohort: str, by: str, at: datetime) -> None:
        super().__init__(
            f"The cohort {cohort!r} has begun with {by} at {at:%Y-%m-%d %H:%M:%S} UTC.",
            remedy="Put those who are to come later into another cohort, with a wave of its own.",
            field="cohort",
        )


class CohortsOverlap(TenureError):
    """Whoever is in one cohort of a program is in no other one, so that every wave's figures are its own."""

    code = "cohorts_overlap"
    category = "conflict"
    title = "Somebody is in another cohort already"
    example = {"cohort": "friends", "many": 2, "some": {"c-00042": "staff", "c-00043": "staff"}}

    def __init__(self, cohort: str, many: int, some: Mapping[str, str]) -> None:
        named = ", ".join(f"{participant} ({other})" for participant, other in some.items())
        more = f" and {many - len(some):,} more" if many > len(some) else ""
        super().__init__(
            f"In other cohorts than {cohort!r} are already {named}{more}; nobody was put into it.",
            remedy="Leave them out, or take them out of the other cohort with `tenure cohort remove` first.",
            field="participants",
        )
