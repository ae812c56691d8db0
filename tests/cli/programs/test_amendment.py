"""An amendment by command: its difference, its impact, what members are told; called back, and rolled back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment
from typer.testing import Result

from domain import ids
from tests.cli.conftest import Ask
from tests.program_steps import enrol, operate, pass_all_gates, sample_definition
from tests.stack import Stack, program_id
from tests.waiting import done


def _lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


@pytest.fixture
def ask(ask_as: Callable[[str], Ask]) -> Ask:
    """Runs `tenure` as the owner, against the API."""
    return ask_as("demo-owner")


def _file(folder: Path, program: str, **changes: Any) -> str:
    file = folder / f"{program}.json"
    file.write_text(json.dumps(sample_definition(program, **changes).model_dump(mode="json", by_alias=True)))
    return str(file)


async def test_an_amendment_is_compared_weighed_told_and_called_back(
    ask: Ask, stack: Stack, temporal_env: WorkflowEnvironment, tmp_path: Path
) -> None:
    program = program_id("by-command")
    await operate(stack, temporal_env, sample_definition(program))
    await enrol(stack, program, "ann")
    dearer = _file(tmp_path, program, rewards=[{"id": "single", "name": "A CD single", "points": 1200}])
    minor = await ask("program", "revise", program, dearer, "--weight", "minor")
    assert minor.exit_code == 1 and "weight_understated" in minor.stderr
    past = await ask("program", "revise", program, dearer, "--effective-from", "2020-01-01")
    assert past.exit_code == 1 and "effective_date_past" in past.stderr
    day = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}"
    words = ("program", "revise", program, dearer, "--key", f"{program}-2", "--effective-from")
    handed_in = _lines(await ask(*words, day))
    assert _lines(await ask(*words, day)) == handed_in
    other = await ask(*words, f"{datetime.now(UTC) + timedelta(days=50):%Y-%m-%d}")
    assert other.exit_code == 1 and "key_reused" in other.stderr, "the date is part of what a key stands for"
    assert handed_in[0] == f"Program {program} has a new revision." and "weight substantial" in handed_in

    differs = await ask("program", "diff", program, "2")
    assert _lines(differs) == ["substantial A CD single now costs 1,200 points instead of 1,000."]
    assert "1 difference from revision 1; an amendment by it is substantial." in differs.stderr
    as_json = json.loads((await ask("program", "diff", program, "1", "--with", "2", "--json")).stdout)
    assert as_json["differences"][0]["told"] == "A CD single now costs 1,000 points instead of 1,200."
    unknown = await ask("program", "impact", program, "2")
    assert unknown.exit_code == 1 and "impact_unknown" in unknown.stderr

    await pass_all_gates(stack, ids.qualification(program, 2))
    await done(stack.temporal, ids.lifecycle(program), "Tell the members of revision 2")
    impact = _lines(await ask("program", "impact", program, "2"))
    assert impact[0] == "What revision 2 means for 1 member" and "Nobody would move tier." in impact
    assert json.loads((await ask("program", "impact", program, "2", "--members", "--json")).stdout)["items"] == []
    assert _lines(await ask("program", "impact", program, "2", "--members"))[0].startswith("0 members")
    listed = _lines(await ask("program", "announced", program, "2"))
    assert any(line.startswith("ann amendment") for line in listed)
    assert listed[-1] == "A CD single now costs 1,200 points instead of 1,000."
    assert any("approved" in line for line in _lines(await ask("program", "revisions", program)))

    gate = _lines(await ask("gate", "show", f"{ids.qualification(program, 2)}/gate/launch/1"))
    assert impact[0] in gate, "whoever decides sees it beside the difference"

    recalled = _lines(await ask("program", "recall", program, "2", "--reason", "the price stays"))
    assert recalled == [f"Revision 2 of {program} is called back; what is in force stays so."]
    again = await ask("program", "recall", program, "2", "--reason", "the price stays", "--json")
    assert (again.exit_code, json.loads(again.stdout)["code"]) == (1, "nothing_to_recall")


async def test_an_earlier_revision_is_handed_in_again_by_command(
    ask: Ask, stack: Stack, temporal_env: WorkflowEnvironment, tmp_path: Path
) -> None:
    program = program_id("back-by-command")
    await operate(stack, temporal_env, sample_definition(program))
    file = _file(tmp_path, program, rewards=[{"id": "single", "name": "A CD single", "points": 1200}])
    assert (await ask("program", "revise", program, file)).exit_code == 0
    await pass_all_gates(stack, ids.qualification(program, 2))
    await done(stack.temporal, ids.lifecycle(program), "Have the members looked at whom revision 2 concerns")
    lines = _lines(await ask("program", "rollback", program, "--to", "1"))
    assert lines[0] == f"Program {program} has a new revision with the definition of revision 1."
    twice = await ask("program", "rollback", program, "--to", "1")
    assert twice.exit_code == 1 and "revision_in_qualification" in twice.stderr
    never = await ask("program", "rollback", program, "--to", "9")
    assert never.exit_code == 1 and "revision_unknown" in never.stderr
