"""Whether a program is open for something at an instant, and if not, why. Pure; no other code decides this.

Four things close a program, or a part of it: no launch yet, a stopped or paused rollout, a hold or a halt, and the dates of
its wind-down. `closed_for` alone decides which of them close what, and in which order they are named.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, assert_never

from domain.programs import holds
from domain.programs.holds import Capability, ProgramHold
from domain.programs.stages import ENDED, Stage

Purpose = Literal[
    "enrolment",
    "waves",
    "earning",
    "late_files",
    "redeeming",
    "settling",
    "offers",
    "expiry",
    "evaluation",
    "schedules",
    "changes",
]
"""The purposes for which a program can be open.

- `enrolment`: joining at all; `waves`: joining by an open wave.
- `earning`: points for events at the instant; `late_files`: corrections of earned points.
- `redeeming`: spending points; `settling`: the end of a redemption that has begun.
- `offers`: offers to silent members; `expiry`: the expiry of points by age.
- `evaluation`: evaluation on demand; `schedules`: scheduled evaluations and sweeps.
- `changes`: changes for a program's future: holds, cohorts, invitations.
"""
Reason = Literal[
    "enrolment_closed", "rollout_stopped", "rollout_paused", "earning_closed", "earning_stopped", "late_files_closed",
    "redeeming_closed", "on_hold", "not_launched", "program_ended",
]  # fmt: skip


class Stop(Protocol):
    """A time in which a rollout is stopped; `until` is the first instant after it."""

    @property
    def since(self) -> datetime: ...
    @property
    def until(self) -> datetime | None: ...


class Program(Protocol):
    """The data of a program that decides for what it is open."""

    @property
    def stage(self) -> Stage: ...
    @property
    def launched_at(self) -> datetime | None: ...
    @property
    def enrolment_until(self) -> datetime | None: ...
    @property
    def earning_until(self) -> datetime | None: ...
    @property
    def late_until(self) -> datetime | None: ...
    @property
    def redeeming_until(self) -> datetime | None: ...
    @property
    def rollout_paused_at(self) -> datetime | None: ...
    @property
    def stops(self) -> Sequence[Stop]: ...
    @property
    def holds(self) -> Sequence[ProgramHold]: ...


class Closed(NamedTuple):
    """Why a program is not open for something, since when if that is known, and the hold if it is one."""

    reason: Reason
    since: datetime | None = None
    hold: ProgramHold | None = None
    capability: Capability | None = None
    """The capability that the hold stops here."""


def closed_for(
    program: Program,
    purpose: Purpose,
    at: datetime,
    *,
    in_force: bool = True,
    piloted: bool = False,
    now: datetime | None = None,
) -> Closed | None:
    """Why a program is not open for something at an instant; None if it is open.

    `in_force`: whether a revision is in force at the instant, including a pilot's. `piloted`: whether a pilot admits the
    person. `now`: when the event of `at` is posted; None: at once.
    """
    match purpose:
        case "enrolment":
            if not in_force or _is_over(program.enrolment_until, at) or (program.launched_at is None and not piloted):
                return Closed("enrolment_closed", program.enrolment_until)
            return _on_hold(program, "enrolment", at)
        case "waves":
            if _is_rollout_stopped(program, at):
                return Closed("rollout_stopped")
            paused = program.rollout_paused_at
            return Closed("rollout_paused", paused) if paused is not None else None
        case "earning":
            if not in_force or has_stopped_earning(program, at):
                return Closed("earning_closed", program.earning_until)
            if _is_rollout_stopped(program, at):
                return Closed("earning_stopped")
            return _late(program, now or at) or _on_hold(program, "earning", at)
        case "late_files":
            return _late(program, at)
        case "redeeming":
            return closed_for(program, "settling", at, in_force=in_force) or _on_hold(program, "redeeming", at)
        case "settling":
            if not in_force or _is_over(program.redeeming_until, at):
                return Closed("redeeming_closed", program.redeeming_until)
            return None
        case "offers":
            return _no_offers(program, at, in_force=in_force)
        case "expiry":
            # A hold comes first: lots stop ageing at its beginning, also in a program that ends.
            stopped = _on_hold(program, "redeeming", at)
            return stopped or (Closed("earning_closed", program.earning_until) if has_stopped_earning(program, at) else None)
        case "evaluation":
            ended = closed_for(program, "changes", at)
            return ended or (Closed("not_launched") if program.launched_at is None or not in_force else None)
        case "schedules":
            if has_stopped_earning(program, at):
                return Closed("earning_closed", program.earning_until)
            return closed_for(program, "evaluation", at, in_force=in_force)
        case "changes":
            return Closed("program_ended") if program.stage in ENDED else None
        case _:
            assert_never(purpose)


def has_stopped_earning(program: Program, at: datetime) -> bool:
    """Whether a program that ends gives no more points for events at an instant."""
    return _is_over(program.earning_until, at)


def _no_offers(program: Program, at: datetime, *, in_force: bool) -> Closed | None:
    """Members get no offers from a program that is on hold, ends or has its rollout stopped.

    The hold comes first, because it is temporary: such a member is reviewed again.
    """
    hold = next((hold for hold in program.holds if hold.stands_at(at)), None)
    if hold is not None:
        return Closed("on_hold", hold.since, hold, hold.stops[0])
    if program.enrolment_until is not None:
        return Closed("enrolment_closed", program.enrolment_until)
    if _is_rollout_stopped(program, at):
        return Closed("rollout_stopped")
    return None if in_force else Closed("not_launched")


def _late(program: Program, now: datetime) -> Closed | None:
    return Closed("late_files_closed", program.late_until) if _is_over(program.late_until, now) else None


def _on_hold(program: Program, capability: Capability, at: datetime) -> Closed | None:
    hold = holds.stopping(program.holds, capability, at)
    return Closed("on_hold", hold.since, hold, capability) if hold is not None else None


def _is_rollout_stopped(program: Program, at: datetime) -> bool:
    return any(each.since <= at and (each.until is None or at < each.until) for each in program.stops)


def _is_over(until: datetime | None, at: datetime) -> bool:
    return until is not None and at >= until
