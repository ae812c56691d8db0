"""The end of a program as `tenure program wind-down` shows it: the steps, their dates where the program is, what went wrong."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from cli.render.wind_down import print_wind_down
from domain.programs.wind_down import STEPS, TITLES
from tests.cli.conftest import Ask
from tests.program_steps import ask_for_the_end, launch, sample_definition
from tests.stack import Stack
from tests.waiting import gate_open


def _step(number: int, **more: Any) -> dict[str, Any]:
    step = STEPS[number - 1]
    waiting: dict[str, Any] = {
        "state": "waiting",
        "began_at": None,
        "ended_at": None,
        "told": "",
        "attempts": 0,
        "trouble": "",
        "figures": {},
    }
    return waiting | {"number": number, "step": step, "title": TITLES[step], "due": "2026-09-06T01:00:00Z"} | more


@pytest.fixture
def ending() -> dict[str, Any]:
    """A program in the middle of its end."""
    begun = {"state": "done", "began_at": "2026-03-10T01:00:00Z", "ended_at": "2026-03-10T01:00:00Z", "attempts": 1}
    now = {"state": "under_way", "began_at": "2026-03-10T01:00:00Z", "attempts": 3, "trouble": "OSError: \x1b[31mno answer"}
    return {
        "program": "club", "name": "A club", "stage": "wind_down", "time_zone": "America/New_York", "remainder": "cash_out",
        "closed_at": None, "data_until": None, "data_erased_at": None, "notices": {"end": 1200, "reminder-1": 3},
        "steps": [_step(1, **begun, told="12 members"), _step(2, **begun), _step(3, **now), *(_step(n) for n in range(4, 11))],
    }  # fmt: skip


def _printed(found: dict[str, Any]) -> list[str]:
    written = io.StringIO()
    print_wind_down(Console(file=written, width=140), found)
    return [" ".join(line.split()) for line in written.getvalue().splitlines()]


def test_the_timeline_says_what_is_done_what_is_under_way_and_what_is_to_come(ending: dict[str, Any]) -> None:
    lines = _printed(ending)
    assert lines[0] == "The end of A club (club): wind down"
    assert "what is left cash out" in lines
    assert "told end 1,200, reminder-1 3" in lines
    # 1 o'clock in UTC is the evening before in New York, and that is the day that its members were told.
    assert any(line.startswith("1 done 2026-03-09 21:00 2026-09-05 21:00 2026-03-09 21:00 Case and impact") for line in lines)
    assert any(line.startswith("3 now 2026-03-09 21:00 2026-09-05 21:00 - The end is announced") for line in lines)
    assert any(line.startswith("10 to come - 2026-09-05 21:00 - Memberships end") for line in lines)
    assert "12 members" in lines and "tried 3 times" in lines
    assert "trouble: OSError: \N{REPLACEMENT CHARACTER}[31mno answer" in lines, "nothing plays with the reader's terminal"


@pytest.mark.parametrize(
    ("kept", "text"),
    [
        ({"data_until": "2027-09-06T01:00:00Z"}, "members' data kept until 2027-09-05 21:00"),
        (
            {"data_erased_at": "2027-09-06T01:00:01Z"},
            "members' data erased 2027-09-05 21:00",
        ),
    ],
)
def test_until_when_members_data_is_kept_is_said(ending: dict[str, Any], kept: dict[str, str], text: str) -> None:
    assert text in _printed(ending | {"stage": "closed", "closed_at": "2026-09-06T01:00:00Z"} | kept)


async def test_the_case_is_shown_to_who_decides_and_no_end_is_a_clear_problem(
    stack: Stack, ask_as: Callable[[str], Ask]
) -> None:
    ask = ask_as("demo-finance")
    definition = sample_definition("timeline-1")
    await launch(stack, definition)
    none = await ask("program", "wind-down", definition.program)
    assert none.exit_code == 1 and "not_ending" in none.stderr and "tenure program end" in none.stderr
    await gate_open(stack, await ask_for_the_end(stack, definition.program))
    shown = await ask("program", "wind-down", definition.program)
    assert shown.exit_code == 0, shown.output
    assert "0 members, no points outstanding" in " ".join(shown.stdout.split())
