"""`tenure program schedule`: how often a program is evaluated and when, in words and as JSON."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Ask
from tests.program_steps import launch, sample_definition
from tests.stack import Stack, program_id

KPIS: list[dict[str, Any]] = [
    {"kpi": "active_rate", "window": "P3M", "thresholds": [{"below": "0.5", "consequence": "alert"}]},
]


@pytest.mark.parametrize(
    ("every", "falls_due"), [("P3M", r"on day \d+ at 06:00 America/New_York"), ("P7D", "counted from the launch")]
)
async def test_a_schedule_shows_its_period_and_when_in_it_an_evaluation_falls_due(
    stack: Stack, ask_as: Callable[[str], Ask], every: str, falls_due: str
) -> None:
    ask = ask_as("demo-analyst")
    program = program_id("scheduled-by-hand")
    await launch(stack, sample_definition(program, evaluation={"every": every, "kpis": KPIS}))
    shown = await ask("program", "schedule", "show", program)
    assert shown.exit_code == 0, shown.output
    words = " ".join(shown.stdout.split())
    assert re.search(rf"every {every}, {falls_due}", words)
    found = json.loads((await ask("program", "schedule", "show", program, "--json")).stdout)
    assert (found["every"], found["paused"]) == (every, False)
    assert re.fullmatch(falls_due, found["falls_due"])
