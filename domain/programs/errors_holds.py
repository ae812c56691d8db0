"""The problems of a program that is on hold or halted: what it stops meanwhile, and what cannot be done about it."""

from datetime import UTC, datetime

from domain.errors import TenureError
from domain.programs.holds import EVERYTHING, Capability, ProgramHold, describe
from domain.refusals import Refused

_AN_EXAMPLE = {
    "id": 1,
    "reason": "Two tills count twice",
    "begun_by": "demo-operations",
    "since": datetime(2026, 3, 10, 9, 30, tzinfo=UTC),
}


class ProgramOnHold(TenureError):
    """Somebody has put the program on hold, and the hold stops just this; the detail says who, since when and why."""

    code = "program_on_hold"
    category = "conflict"
    title = "The program is on hold"
    example = {
        "hold": ProgramHold(kind="hold", stops=("enrolment", "rollout"), **_AN_EXAMPLE),  # type: ignore[arg-type]
        "program": "cd-club",
        "capability": "enrolment",
    }

    def __init__(self, hold: ProgramHold, program: str, capability: Capability) -> None:
        super().__init__(_detail(hold, program, capability), remedy=_remedy(hold, program, capability))


class ProgramHalted(TenureError):
    """The program is suspended for insolvency: nobody joins, nothing is earned and nothing redeemed until that is lifted."""

    code = "program_halted"
    category = "conflict"
    title = "The program is halted"
    example = {
        "hold": ProgramHold(kind="suspended_insolvency", stops=EVERYTHING, **_AN_EXAMPLE),  # type: ignore[arg-type]
        "program": "cd-club",
        "capability": "earning",
    }

    def __init__(self, hold: ProgramHold, program: str, capability: Capability) -> None:
        super().__init__(_detail(hold, program, capability), remedy=_remedy(hold, program, capability))


def stopped(hold: ProgramHold, program: str, capability: Capability) -> TenureError:
    """The problem of something that a hold or a halt stops."""
    return (ProgramOnHold if hold.kind == "hold" else ProgramHalted)(hold, program, capability)


def _detail(hold: ProgramHold, program: str, capability: Capability) -> str:
    """What is stopped, or was when it happened, and by what."""
    if hold.until is not None:
        return f"{capability.capitalize()} in program {program!r} was stopped when this happened. {describe(hold)}."
    return f"{capability.capitalize()} in program {program!r} is stopped. {describe(hold)}."


def _remedy(hold: ProgramHold, program: str, capability: Capability) -> str:
    """What to do about it; what happened while a stop stood counts for nothing, afterwards neither."""
    if hold.until is not None:
        return "What happened while it was stopped does not count; what happens from now on does."
    return f"Try again once it goes on (tenure program resume {program} --reason …)" + (
        "; what happened before the stop still counts, what happens within it never does." if capability == "earning" else "."
    )


class AlreadyOnHold(Refused):
    """A program has one hold at a time, so that it is clear who lifts which."""

    code = "already_on_hold"
    title = "The program is on hold already"
    detail = "Program 'cd-club' is on hold already, since 10 Mar 2026 09:30:00 UTC, by demo-operations: two tills count twice"
    remedy = "Lift that first, then put the program on hold anew, with what it shall stop."


class AlreadyHalted(Refused):
    """A halt stops everything; a second one would stop nothing more."""

    code = "already_halted"
    title = "The program is halted already"
    detail = (
        "Program 'cd-club' is halted already, since 10 Mar 2026 09:30:00 UTC, by demo-finance: an administrator was appointed"
    )
    remedy = "Nothing is to be done: everything is stopped."


class NotOnHold(Refused):
    """There is nothing that could be lifted."""

    code = "not_on_hold"
    title = "The program is not on hold"
    detail = "Program 'cd-club' is not on hold."
    remedy = "Nothing is to be done: it goes on already."
