"""`tenure rollout`: what it shows, and what it does, against the real API; what it prints of a rollout in trouble."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from cli.rollout.rollout import print_rollout
from store.rollout import holdout
from tests.cli.conftest import Ask
from tests.program_steps import begin, launch, sample_definition
from tests.stack import Stack, program_id

WAVES = [
    {"id": "few", "share": 20, "minimum_time": "P30D", "minimum_sample": 50},
    {"id": "all", "share": 100, "minimum_time": "P30D"},
]


@pytest.fixture
def ask(ask_as: Callable[[str], Ask]) -> Ask:
    return ask_as("demo-operations")


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


async def test_a_rollout_is_shown_paused_resumed_and_aborted(ask: Ask, stack: Stack) -> None:
    definition = sample_definition(program_id("cli-rollout"), waves=WAVES, holdout={"share": 5})
    program = definition.program
    nothing = await ask("rollout", "show", program)
    assert (nothing.exit_code, "program_unknown" in nothing.stderr) == (1, True)
    await launch(stack, definition)
    lines = _lines((await ask("rollout", "show", program)).stdout)
    assert lines[0] == f"Rollout of {program}, revision 1: running"
    assert "holdout 5 % stay out to the end; 0 of them would have joined by now" in lines
    assert any(line.startswith("few open 20 % ") and line.endswith(" 0 of 50") for line in lines), lines
    assert "all to come 100 % - - 0" in lines
    paused = await ask("rollout", "pause", program, "--reason", "The till is down")
    assert paused.stdout.strip() == f"The rollout of {program} is paused; nobody new joins.", paused.output
    shown = _lines((await ask("rollout", "show", program)).stdout)
    assert shown[0].endswith(": paused")
    assert f"rollout paused; see `tenure rollout show {program}`" in _lines((await ask("program", "status", program)).stdout)
    assert any(line.startswith("paused ") and line.endswith("UTC by demo-operations: The till is down") for line in shown)
    held = await ask("rollout", "release", program, "--reason", "why not")
    assert (held.exit_code, "rollout_not_held" in held.stderr) == (1, True)
    assert (await ask("rollout", "resume", program, "--reason", "It is back")).exit_code == 0
    not_allowed = await ask("rollout", "abort", program, "--reason", "no", person="demo-finance")
    assert (not_allowed.exit_code, "not_allowed" in not_allowed.stderr) == (1, True)
    aborted = await ask("rollout", "abort", program, "--reason", "It gives double points", "--json")
    assert json.loads(aborted.stdout)["status"] == "stopped", aborted.output
    assert _lines((await ask("rollout", "show", program)).stdout)[0].endswith(": stopped")
    assert (await ask("rollout", "pause", program)).exit_code == 2


def test_who_holds_it_and_the_last_looks_are_told() -> None:
    look: dict[str, Any] = {"value": "0.25", "status": "failing"}
    found = {
        "program": "club", "revision": 2, "status": "held", "paused": None, "paused_with_program": None, "stopped": None,
        "holds": [{"what": "active", "wave": "few", "why": "active_rate is 0.25", "since": "2026-03-10T09:30:00Z"}],
        "warnings": [], "holdout": None,
        "waves": [
            {"wave": "staff", "state": "passed", "share": None, "cohort": "staff", "opened_at": "2026-03-01T00:00:00Z",
             "open_until": "2026-03-08T00:00:00Z", "joined": 1200, "minimum_sample": None, "gate": None},
        ],
        "guardrails": [
            {"guardrail": "active", "kpi": "active_rate", "at_least": "0.3", "at_most": None, "on_failure": "hold",
             "wave": "few", "looks": [look, {"value": None, "status": "no_data"}]},
            {"guardrail": "late", "kpi": "points_outstanding", "at_least": None, "at_most": "1000", "on_failure": "stop",
             "wave": None, "looks": []},
        ],
    }  # fmt: skip
    written = io.StringIO()
    print_rollout(Console(file=written, width=160), found)
    lines = _lines(written.getvalue())
    assert lines[0] == "Rollout of club, revision 2: held"
    assert "held by active since 2026-03-10 09:30:00 UTC: active_rate is 0.25" in lines
    assert "staff passed cohort staff 2026-03-01 00:00:00 2026-03-08 00:00:00 1,200" in lines
    assert "active active rate at least 0.3 hold few 25.0 % failing, no data" in lines
    assert "late points outstanding at most 1,000 stop - not looked at yet" in lines


async def test_who_is_held_out_is_listed(ask: Ask, stack: Stack) -> None:
    definition = sample_definition(program_id("cli-held-out"), holdout={"share": 5})
    await begin(stack, definition)
    async with stack.engine.begin() as connection:
        await holdout.hold_out(connection, definition.program, "c-00042", datetime(2026, 3, 10, 9, tzinfo=UTC))
    lines = _lines((await ask("member", "held-out", definition.program)).stdout)
    assert "1 held out" in lines and "c-00042 2026-03-10 09:00:00" in lines, lines
    found = json.loads((await ask("member", "held-out", definition.program, "--json")).stdout)
    assert [each["participant"] for each in found["items"]] == ["c-00042"]
