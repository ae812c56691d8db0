"""What can be wrong with a reference to something stored."""

from datetime import UTC, datetime

from runtime.errors import TenureError


class ProgramUnknown(TenureError):
    """No lifecycle of a program with this id has begun."""

    code = "program_unknown"
    status = 404
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
    status = 404
    title = "There is no such revision"

    def __init__(self, program: str, number: int) -> None:
        super().__init__(
            f"Program {program!r} has no revision {number}.", remedy="List the program's revisions.", field="revision"
        )


class MemberUnknown(TenureError):
    """Nobody of this reference has joined the program."""

    code = "member_unknown"
    status = 404
    title = "There is no such member"

    def __init__(self, program: str, participant: str) -> None:
        super().__init__(
            f"{participant!r} is no member of program {program!r}.",
            remedy="Check the member's id, or enrol them first.",
            field="participant",
        )


class GateUnknown(TenureError):
    """No gate of this id has been opened, or not yet."""

    code = "gate_unknown"
    status = 404
    title = "There is no such gate"

    def __init__(self, gate: str) -> None:
        super().__init__(f"There is no gate {gate!r}.", remedy="List the open gates and take an id from there.", field="gate")


class LogUnknown(TenureError):
    """A definition, or who asks for a prototype, names a transaction log that was never loaded."""

    code = "transaction_log_not_loaded"
    status = 422
    title = "The transaction log is not there"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no transaction log {name!r}.",
            remedy="Load it with `tenure log load`, or name another in `prototype.transactions`.",
            field="prototype.transactions",
        )


class LogDiffers(TenureError):
    """A log is loaded once; under its name come the same rows or none."""

    code = "transaction_log_differs"
    status = 409
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
    status = 410
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
    status = 404
    title = "The program is not ending"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The end of program {program!r} has not been asked for.",
            remedy="Ask for it with `tenure program end`, then look again.",
            field="program",
        )
