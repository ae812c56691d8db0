"""Why a hold or a halt of a program cannot begin, and why a person cannot lift one. Pure."""

from collections.abc import Iterable

from domain.gates.errors import FourEyes
from domain.programs.errors_holds import AlreadyHalted, AlreadyOnHold, NotOnHold
from domain.programs.holds import Kind, ProgramHold, active, instant, next_lifted
from domain.refusals import Refused


def refuse_beginning(holds: Iterable[ProgramHold], kind: Kind, program: str) -> Refused | None:
    """Why a hold or a halt cannot begin: there is one of its kind; a halt may come on top of a hold."""
    there = next((hold for hold in active(holds) if hold.kind == kind), None)
    if there is None:
        return None
    on_hold = kind == "hold"
    anew = ", then put the program on hold anew, with what it shall stop" if on_hold else ""
    return (AlreadyOnHold if on_hold else AlreadyHalted)(
        f"Program {program!r} is {'on hold' if on_hold else 'halted'} already, since {instant(there.since)}, "
        f"by {there.begun_by}: {there.reason}",
        f"Lift that first: tenure program resume {program} --reason …{anew}.",
    )


def refuse_lifting(holds: Iterable[ProgramHold], program: str, person: str, owner: str) -> Refused | None:
    """Why a person cannot let a program go on, whatever their roles (`LIFTED_BY`).

    A halt protects members and creditors from the program: who owns it does not lift it.
    """
    hold = next_lifted(holds)
    if hold is None:
        return NotOnHold(f"Program {program!r} is not on hold.")
    if hold.kind != "hold" and person == owner:
        return FourEyes(
            f"{person} owns program {program!r}, and so cannot lift its halt.", "Ask another person in finance or operations."
        )
    return None
