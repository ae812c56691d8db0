"""Holds as rules: what stops what when, which is lifted next and by whom, and what whoever meets a stop is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.programs.errors_holds import stopped
from domain.programs.hold_refusals import refuse_beginning, refuse_lifting
from domain.programs.holds import (
    BY_DEFAULT,
    EVERYTHING,
    LIFTED_BY,
    Capability,
    ProgramHold,
    active,
    banner,
    next_lifted,
    stopping,
)

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _hold(number: int = 1, **more: Any) -> ProgramHold:
    said: dict[str, Any] = {"kind": "hold", "stops": BY_DEFAULT, "reason": "two tills count twice", "begun_by": "olga"}
    return ProgramHold.model_validate({"id": number, "since": NOON} | said | more)


def _halt(number: int = 2, **more: Any) -> ProgramHold:
    said = {"kind": "suspended_insolvency", "stops": EVERYTHING, "begun_by": "fiona", "reason": "an administrator came"}
    return _hold(number, **(said | {"since": NOON + HOUR} | more))


@pytest.mark.parametrize(
    ("at", "stopped"),
    [
        (NOON - timedelta(microseconds=1), False),
        (NOON, True),
        (NOON + HOUR - timedelta(microseconds=1), True),
        (NOON + HOUR, False),
    ],
)
def test_what_happened_before_a_stop_and_after_it_counts_and_what_happened_within_does_not(at: datetime, stopped: bool) -> None:
    lifted = _hold(stops=("earning",), until=NOON + HOUR, lifted_by="olga")
    assert (stopping([lifted], "earning", at) is not None) is stopped


@pytest.mark.parametrize("capability", EVERYTHING)
def test_a_hold_stops_what_it_names_and_a_halt_everything(capability: Capability) -> None:
    assert (stopping([_hold()], capability, NOON) is not None) is (capability in ("enrolment", "rollout"))
    assert stopping([_halt()], capability, NOON + HOUR) == _halt()
    assert stopping([_hold(stops=EVERYTHING), _halt()], capability, NOON + HOUR) == _halt(), "a halt says more"


def test_a_halt_is_lifted_before_the_hold_below_it() -> None:
    held = [_halt(), _hold()]
    assert active(held) == (_hold(), _halt())
    assert next_lifted(held) == _halt()
    assert next_lifted([_hold(), _halt(until=NOON + 2 * HOUR)]) == _hold()
    assert next_lifted([]) is None


def test_there_is_one_hold_at_a_time_and_one_halt_on_top_of_it() -> None:
    assert refuse_beginning([], "hold", "club") is None
    assert refuse_beginning([_hold()], "suspended_insolvency", "club") is None
    assert refuse_beginning([_hold(until=NOON + HOUR)], "hold", "club") is None
    again, twice = refuse_beginning([_hold()], "hold", "club"), refuse_beginning([_halt()], "suspended_insolvency", "club")
    assert again is not None and twice is not None
    assert (again.code, twice.code) == ("already_on_hold", "already_halted")
    assert "by olga: two tills count twice" in again.detail
    assert "tenure program resume club" in again.remedy


def test_who_owns_a_program_lifts_its_hold_and_not_its_halt() -> None:
    assert refuse_lifting([_hold()], "club", "olga", "olga") is None
    assert refuse_lifting([_hold(), _halt()], "club", "fiona", "olga") is None
    own = refuse_lifting([_hold(), _halt()], "club", "olga", "olga")
    assert own is not None and own.code == "four_eyes"
    none = refuse_lifting([_hold(until=NOON)], "club", "fiona", "olga")
    assert none is not None and none.code == "not_on_hold"
    assert "product_owner" in LIFTED_BY["hold"] and "product_owner" not in LIFTED_BY["suspended_insolvency"]


@pytest.mark.parametrize("hold", [_hold(stops=EVERYTHING), _halt()])
def test_whoever_meets_a_stop_is_told_who_says_so_since_when_why_and_what_to_do(hold: ProgramHold) -> None:
    now = stopped(hold, "club", "earning")
    then = stopped(hold.model_copy(update={"until": NOON + 2 * HOUR}), "club", "earning")
    assert now.code == then.code == ("program_on_hold" if hold.kind == "hold" else "program_halted")
    for each in (now, then):
        assert all(word in each.detail for word in (hold.begun_by, hold.reason, "10 Mar 2026", "'club'", "Earning"))
    assert "tenure program resume club" in now.remedy
    assert "until 10 Mar 2026 14:00:00 UTC" in then.detail and "does not count" in then.remedy


def test_the_banner_says_what_stands_and_how_to_act_and_nothing_where_nothing_does() -> None:
    text = banner([_hold(), _halt(), _hold(3, until=NOON + HOUR, reason="long past")], "club")
    assert "On hold since 10 Mar 2026 12:00:00 UTC by olga because: two tills count twice; stops enrolment, rollout" in text
    assert "Halted (suspended, insolvency)" in text and "tenure program resume club" in text
    assert "long past" not in text
    assert banner([], "club") == ""
