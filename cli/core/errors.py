"""The errors of commands, and the exit code of each."""

from collections.abc import Mapping
from typing import Any, ClassVar

from cli.core.text import clean
from domain.errors import TenureError
from domain.gates import errors as gate_errors

REFUSED = 1
USAGE = 2
UNREACHABLE = 3
PENDING = 4


class CommandError(TenureError):
    """An error that ends a command; `exit_code` is its exit code."""

    exit_code: ClassVar[int] = REFUSED


class Refused(CommandError):
    """The API refused; `problem` is its RFC 9457 document."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(
            str(problem.get("detail") or problem.get("title") or "Refused."), remedy=str(problem.get("remedy", ""))
        )
        self.code = str(problem["code"])  # type: ignore[misc]
        self.errors = problem.get("errors", [])


class SubjectChanged(CommandError):
    """The gate's subject is not the one that the person has read."""

    code = gate_errors.SubjectChanged.code

    def __init__(self, insisted: str, found: str) -> None:
        super().__init__(
            f"You vote for digest {insisted[:12]}…, the gate is about {found[:12]}….",
            remedy="Nothing was voted. Read the subject again with `tenure gate show`.",
        )


class WrongCall(CommandError):
    """The command cannot run with these arguments or this environment."""

    code = "wrong_call"
    exit_code = USAGE


class NobodyAsks(WrongCall):
    code = "person_missing"

    def __init__(self) -> None:
        super().__init__(
            "The API must know who asks.",
            remedy="Give `--as PERSON` with an id of the people file, or set TENURE_TOKEN to your token or API key.",
        )


class PeopleFileUnusable(WrongCall):
    code = "people_file_unusable"


class IssuerKeyUnusable(WrongCall):
    code = "issuer_key_unusable"


class PersonUnknown(WrongCall):
    code = "person_unknown"


class ApiUnreachable(CommandError):
    """No server answers, or one that is not Tenure's API."""

    code = "api_unreachable"
    exit_code = UNREACHABLE


def describe(error: TenureError) -> str:
    """The error in words: code, detail, every single fault, and the remedy."""
    lines = [f"Error {error.code}: {error.detail}"]
    faults = [describe_fault(fault) for fault in getattr(error, "errors", [])]
    if faults != [error.detail.rstrip(".")]:  # a single fault is often the whole detail
        lines += [f"  - {fault}" for fault in faults]
    if error.remedy:
        lines.append(f"What to do: {error.remedy}")
    return clean("\n".join(lines))


def describe_fault(fault: object) -> str:
    """One entry of a problem's `errors` in words: its place, the problem, and its remedy."""
    if not isinstance(fault, dict):
        return str(fault)
    line, path = fault.get("line"), fault.get("path") or fault.get("field")
    place = ", ".join(part for part in (f"line {line}" if line else "", str(path or "")) if part)
    said = " — ".join(str(fault[part]) for part in ("problem", "remedy") if fault.get(part))
    return f"{place}: {said}" if place else said
