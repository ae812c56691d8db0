"""The refusals of a program that is not open for a purpose."""

from datetime import datetime
from typing import assert_never

from domain.errors import TenureError
from domain.members.errors import EnrolmentClosed, RolloutPaused, RolloutStopped
from domain.points.errors import EarningClosed, EarningStopped, LateFilesClosed
from domain.programs.availability import Closed, Purpose, closed_for
from domain.programs.errors import NotLaunched, ProgramEnded
from domain.programs.errors_holds import stopped
from domain.rewards.errors import RedeemingClosed
from store.programs.programs import ProgramRecord


def require_open(
    program: ProgramRecord,
    purpose: Purpose,
    at: datetime,
    *,
    in_force: bool = True,
    piloted: bool = False,
    now: datetime | None = None,
) -> None:
    """Raise the refusal if a program is not open for a purpose at an instant, by `domain.programs.availability.closed_for`.

    Raises EnrolmentClosed, RolloutStopped, RolloutPaused, EarningClosed, EarningStopped, LateFilesClosed, RedeemingClosed,
    ProgramOnHold, ProgramHalted, NotLaunched, ProgramEnded.
    """
    closed = closed_for(program, purpose, at, in_force=in_force, piloted=piloted, now=now)
    if closed is not None:
        raise problem(closed, program.id)


def problem(closed: Closed, program: str) -> TenureError:
    """Return the refusal for the reason why a program is closed."""
    match closed.reason:
        case "enrolment_closed":
            return EnrolmentClosed(program)
        case "rollout_stopped":
            return RolloutStopped(program)
        case "rollout_paused":
            assert closed.since is not None
            return RolloutPaused(program, closed.since)
        case "earning_closed":
            return EarningClosed(program)
        case "earning_stopped":
            return EarningStopped(program)
        case "late_files_closed":
            assert closed.since is not None
            return LateFilesClosed(program, closed.since)
        case "redeeming_closed":
            return RedeemingClosed(program)
        case "on_hold":
            assert closed.hold is not None and closed.capability is not None
            return stopped(closed.hold, program, closed.capability)
        case "not_launched":
            return NotLaunched(program)
        case "program_ended":
            return ProgramEnded(program)
        case _:
            assert_never(closed.reason)
