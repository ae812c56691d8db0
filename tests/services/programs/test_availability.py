"""What somebody meets for whom a program is not open: each reason is the problem of its own code."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from domain.programs.availability import Closed, Reason
from domain.programs.holds import EVERYTHING, Kind, ProgramHold
from services.programs.availability import problem

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("reason", [reason for reason in get_args(Reason) if reason != "on_hold"])
def test_a_reason_is_the_code_of_its_problem(reason: Reason) -> None:
    found = problem(Closed(reason, NOON), "cd-club")
    assert found.code == reason
    assert "'cd-club'" in str(found)


@pytest.mark.parametrize(("kind", "code"), [("hold", "program_on_hold"), ("suspended_insolvency", "program_halted")])
def test_a_hold_and_a_halt_say_which_of_them_stops_what(kind: Kind, code: str) -> None:
    hold = ProgramHold(id=1, kind=kind, stops=EVERYTHING, reason="two tills count twice", begun_by="olga", since=NOON)
    found = problem(Closed("on_hold", NOON, hold, "redeeming"), "cd-club")
    assert found.code == code
    assert "Redeeming in program 'cd-club' is stopped" in str(found)
    assert "two tills count twice" in str(found)
