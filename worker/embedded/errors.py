"""Errors of the embedded stack, each with one clear sentence and a remedy."""

from domain.errors import TenureError


class StackError(TenureError):
    """The embedded stack cannot start, or cannot go on."""

    code = "stack_error"
    title = "The embedded stack cannot run"


class PortTaken(StackError):
    """Another process listens where one of ours should."""

    code = "port_taken"


class ExecutableMissing(StackError):
    """A server's program is not installed, and could not be fetched."""

    code = "executable_missing"


class FolderForeign(StackError):
    """The data folder holds something that Tenure did not put there."""

    code = "folder_foreign"


class FolderFull(StackError):
    """There is too little space left to keep data safely."""

    code = "folder_full"


class StackAlreadyRuns(StackError):
    """Another stack runs on the same folder."""

    code = "stack_already_runs"


class ProgramFailed(StackError):
    """A program of the stack did not start, or keeps ending."""

    code = "program_failed"


class ServiceUnreachable(StackError):
    """A server elsewhere, named in the environment, does not let us in."""

    code = "service_unreachable"


class SearchAttributesMissing(StackError):
    """Temporal lacks search attributes that Tenure sets, and they could not be added."""

    code = "search_attributes_missing"


class Interrupted(StackError):
    """A signal asked the stack to stop, and it has stopped."""

    code = "interrupted"
