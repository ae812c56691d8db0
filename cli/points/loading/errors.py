"""The errors of posting a file of events."""

from pathlib import Path

from cli.core.errors import UNREACHABLE, CommandError, WrongCall


class FileUnusable(WrongCall):
    """The file, or a file beside it, cannot be used; nothing was posted."""

    code = "event_file_unusable"


class FileChanged(WrongCall):
    code = "event_file_changed"

    def __init__(self, file: Path, lines: int) -> None:
        super().__init__(
            f"{file} is not what it was when its first {lines:,} lines were posted.",
            remedy="Give `--again` to begin anew: what was posted before is not paid twice, since its keys repeat.",
        )


class BegunOtherwise(WrongCall):
    """The load was begun by another person or for another program, whose keys differ: events would bring points twice."""

    code = "event_load_begun_otherwise"

    def __init__(self, file: Path, note: Path, begun: str, now: str) -> None:
        super().__init__(
            f"Posting {file} was begun {begun}; {now}, all of it would count once more.",
            remedy=f"Go on {begun}, or remove {note} if it is meant to count once more.",
        )


class LoadStopped(CommandError):
    """The API stopped answering; events posted before stay posted."""

    code = "event_load_stopped"
    exit_code = UNREACHABLE

    def __init__(self, reason: str, so_far: str) -> None:
        super().__init__(
            f"{reason} {so_far}",
            remedy="Run the same command again once the API answers (`tenure up` starts it): it goes on from there.",
        )


class LoadInterrupted(CommandError):
    code = "event_load_interrupted"
    exit_code = 130
    """The usual exit code of a command ended by Ctrl-C."""

    def __init__(self, so_far: str) -> None:
        super().__init__(f"Interrupted. {so_far}", remedy="Run the same command again: it goes on from there.")
