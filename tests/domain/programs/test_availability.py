"""What a program is open for: each purpose over the stages, the instants of a wind-down, stopped rollouts and holds."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, get_args

import pytest

from domain.programs.availability import Closed, Purpose, closed_for, has_stopped_earning
from domain.programs.holds import EVERYTHING, Capability, ProgramHold
from domain.programs.stages import ENDED, Stage

LAUNCH = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ANNOUNCED, EARNED, LATE_UNTIL, REDEEMED = (LAUNCH + days * DAY for days in (10, 20, 25, 30))
BEFORE_ANYTHING_ENDS = LAUNCH + 5 * DAY
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


class Stop(NamedTuple):
    """A time in which a rollout was stopped."""

    since: datetime
    until: datetime | None = None


class Known(NamedTuple):
    """A program as far as it matters here; by itself one in operation, about whose end nothing is said."""

    stage: Stage = "operation"
    launched_at: datetime | None = LAUNCH
    enrolment_until: datetime | None = None
    earning_until: datetime | None = None
    late_until: datetime | None = None
    redeeming_until: datetime | None = None
    rollout_paused_at: datetime | None = None
    stops: tuple[Stop, ...] = ()
    holds: tuple[ProgramHold, ...] = ()


ENDING = Known(
    stage="wind_down", enrolment_until=ANNOUNCED, earning_until=EARNED, late_until=LATE_UNTIL, redeeming_until=REDEEMED
)


def _hold(*stops: Capability, since: datetime = LAUNCH, until: datetime | None = None, **more: Any) -> ProgramHold:
    said: dict[str, Any] = {"id": 1, "kind": "hold", "reason": "two tills count twice", "begun_by": "olga"} | more
    return ProgramHold(stops=stops, since=since, until=until, **said)


def _reasons(program: Known, at: datetime, **circumstances: Any) -> dict[str, str]:
    """For what the program is closed, and why."""
    found = {purpose: closed_for(program, purpose, at, **circumstances) for purpose in PURPOSES}
    return {purpose: closed.reason for purpose, closed in found.items() if closed is not None}


def test_a_program_in_operation_is_open_for_everything() -> None:
    assert _reasons(Known(), BEFORE_ANYTHING_ENDS) == {}


@pytest.mark.parametrize("stage", get_args(Stage))
def test_no_stage_alone_closes_a_program_but_one_that_has_ended(stage: Stage) -> None:
    judged = ("evaluation", "schedules", "changes")
    assert _reasons(Known(stage=stage), BEFORE_ANYTHING_ENDS) == (
        dict.fromkeys(judged, "program_ended") if stage in ENDED else {}
    )


def test_before_the_launch_nobody_joins_but_who_a_pilot_lets_in() -> None:
    waits = Known(stage="acceptance_test", launched_at=None)
    not_judged = dict.fromkeys(("evaluation", "schedules"), "not_launched")
    assert _reasons(waits, LAUNCH, in_force=False) == not_judged | {
        "enrolment": "enrolment_closed",
        "earning": "earning_closed",
        "redeeming": "redeeming_closed",
        "settling": "redeeming_closed",
        "offers": "not_launched",
    }
    assert _reasons(waits, LAUNCH, piloted=False) == not_judged | {"enrolment": "enrolment_closed"}
    assert _reasons(waits, LAUNCH, piloted=True) == not_judged


_ANNOUNCED = {"offers": "enrolment_closed"}
_NO_ENROLMENT = _ANNOUNCED | {"enrolment": "enrolment_closed"}
_NO_EARNING = _NO_ENROLMENT | dict.fromkeys(("earning", "expiry", "schedules"), "earning_closed")
_NO_LATE_FILES = _NO_EARNING | {"late_files": "late_files_closed"}
_NO_REDEEMING = _NO_LATE_FILES | dict.fromkeys(("redeeming", "settling"), "redeeming_closed")
_A_TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "closed"),
    [
        (BEFORE_ANYTHING_ENDS, _ANNOUNCED),
        (ANNOUNCED - _A_TICK, _ANNOUNCED),
        (ANNOUNCED, _NO_ENROLMENT),
        (EARNED - _A_TICK, _NO_ENROLMENT),
        (EARNED, _NO_EARNING),
        (LATE_UNTIL - _A_TICK, _NO_EARNING),
        (LATE_UNTIL, _NO_LATE_FILES),
        (REDEEMED - _A_TICK, _NO_LATE_FILES),
        (REDEEMED, _NO_REDEEMING),
    ],
)
def test_a_program_that_ends_closes_for_one_thing_after_the_other_at_the_very_instant(
    at: datetime, closed: dict[str, str]
) -> None:
    assert _reasons(ENDING, at) == closed
    assert has_stopped_earning(ENDING, at) == ("earning" in closed)


def test_what_happened_before_earning_stopped_is_posted_until_late_files_close() -> None:
    happened = EARNED - DAY
    assert closed_for(ENDING, "earning", happened, now=LATE_UNTIL - _A_TICK) is None
    assert closed_for(ENDING, "earning", happened, now=LATE_UNTIL) == Closed("late_files_closed", LATE_UNTIL)
    # What had not been earned in time is no late file.
    assert closed_for(ENDING, "earning", EARNED, now=LATE_UNTIL) == Closed("earning_closed", EARNED)


@pytest.mark.parametrize(
    ("at", "is_stopped"),
    [
        (LAUNCH + 2 * DAY - _A_TICK, False),
        (LAUNCH + 2 * DAY, True),
        (LAUNCH + 3 * DAY - _A_TICK, True),
        (LAUNCH + 3 * DAY, False),
    ],
)
def test_while_a_rollout_is_stopped_nobody_joins_a_wave_nothing_is_earned_and_nobody_is_approached(
    at: datetime, is_stopped: bool
) -> None:
    stopped = Known(stage="rollout", stops=(Stop(LAUNCH + 2 * DAY, LAUNCH + 3 * DAY),))
    assert _reasons(stopped, at) == (
        {"waves": "rollout_stopped", "earning": "earning_stopped", "offers": "rollout_stopped"} if is_stopped else {}
    )


def test_a_rollout_that_is_paused_lets_nobody_new_join_and_takes_nothing_from_members() -> None:
    paused = Known(stage="rollout", rollout_paused_at=LAUNCH + DAY)
    assert _reasons(paused, LAUNCH + 2 * DAY) == {"waves": "rollout_paused"}
    assert closed_for(paused, "waves", LAUNCH + 2 * DAY) == Closed("rollout_paused", LAUNCH + DAY)
    # A stop says more than a pause.
    assert _reasons(paused._replace(stops=(Stop(LAUNCH),)), LAUNCH + 2 * DAY)["waves"] == "rollout_stopped"


@pytest.mark.parametrize(
    ("capability", "closed"),
    [
        ("enrolment", {"enrolment", "offers"}),
        ("earning", {"earning", "offers"}),
        ("redeeming", {"redeeming", "expiry", "offers"}),
        ("rollout", {"offers"}),
    ],
)
def test_a_hold_closes_what_it_stops_as_long_as_it_stands(capability: Capability, closed: set[str]) -> None:
    hold = _hold(capability, since=LAUNCH + DAY, until=LAUNCH + 2 * DAY)
    held = Known(holds=(hold,))
    for at in (LAUNCH + DAY, LAUNCH + 2 * DAY - _A_TICK):
        assert _reasons(held, at) == dict.fromkeys(closed, "on_hold")
    for at in (LAUNCH + DAY - _A_TICK, LAUNCH + 2 * DAY):
        assert _reasons(held, at) == {}
    for purpose in closed - {"offers"}:
        found = closed_for(held, purpose, LAUNCH + DAY)  # type: ignore[arg-type]
        assert found == Closed("on_hold", hold.since, hold, capability)


def test_a_halt_closes_everything_for_members_and_lets_begun_redemptions_settle() -> None:
    halt = _hold(*EVERYTHING, kind="suspended_insolvency")
    assert _reasons(Known(holds=(halt,)), LAUNCH + DAY) == dict.fromkeys(
        ("enrolment", "earning", "redeeming", "offers", "expiry"), "on_hold"
    )


def test_what_has_ended_for_good_is_said_before_a_hold_and_a_hold_first_where_it_only_delays() -> None:
    halted = ENDING._replace(holds=(_hold(*EVERYTHING),))
    found = _reasons(halted, REDEEMED)
    assert found == _NO_REDEEMING | {"offers": "on_hold", "expiry": "on_hold"}
    stopped = Known(stops=(Stop(LAUNCH),), holds=(_hold("earning"),))
    assert _reasons(stopped, LAUNCH + DAY)["earning"] == "earning_stopped"
