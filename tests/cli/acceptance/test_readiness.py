"""`tenure readiness`: show what a launch waits for, sign and unsign, against the real API."""

import json
from collections.abc import Callable

import pytest

from domain import ids
from tests.cli.conftest import Ask, Tenure
from tests.program_steps import begin, pass_to_launch_gate, sample_definition
from tests.stack import Stack, program_id
from tests.waiting import gate_open, timer_started

TILLS = {"id": "tills", "name": "The tills know the card", "owner": "operations"}


@pytest.fixture
def ask(ask_as: Callable[[str], Ask]) -> Ask:
    return ask_as("demo-operations")


async def test_what_a_launch_waits_for_is_shown_signed_and_stands_beside_the_gate(stack: Stack, ask: Ask) -> None:
    program = program_id("clisigns")
    first = await begin(stack, sample_definition(program, readiness={"items": [TILLS]}))
    early = await ask("readiness", "show", program)
    assert f"{program}, revision 1: nobody has looked yet" in early.stdout
    assert "The first look comes once the tests have passed." in early.stdout
    await pass_to_launch_gate(stack, first)
    await timer_started(stack.temporal, ids.readiness(program, 1))
    shown = await ask("readiness", "show", program)
    assert f"{program}, revision 1: not ready" in shown.stdout, shown.output
    assert ": 1 thing missing" in shown.stdout
    assert "not signed" in shown.stdout
    signed = await ask("readiness", "sign", program, "tills", "--note", "On Monday")
    assert (signed.exit_code, signed.stdout.strip()) == (0, f"The item tills of {program} is signed."), signed.output
    await gate_open(stack, f"{first}/gate/launch/1")
    gate = await ask("gate", "show", f"{first}/gate/launch/1")
    assert "Ready at " in gate.stdout
    assert "signed by demo-operations: On" in gate.stdout
    taken = await ask("readiness", "unsign", program, "tills", "--json")
    assert json.loads(taken.stdout)["signature"] is None


async def test_a_refusal_says_whose_it_is(stack: Stack, ask: Ask) -> None:
    program = program_id("clirefuses")
    await begin(stack, sample_definition(program, readiness={"items": [TILLS]}))
    refused = await ask("readiness", "sign", program, "tills", person="demo-legal")
    assert refused.exit_code == 1
    assert "belongs to operations" in refused.stderr
    assert "Have it done by somebody of operations" in refused.stderr


@pytest.mark.parametrize("words", [("sign", "club", "Tills"), ("show", "No Club")])
def test_what_cannot_be_meant_is_a_wrong_call(tenure: Tenure, words: tuple[str, ...]) -> None:
    assert tenure("readiness", *words).exit_code == 2


@pytest.mark.parametrize("command", ["show", "sign", "unsign"])
def test_every_command_has_an_example(tenure: Tenure, command: str) -> None:
    assert "Example: tenure --as" in tenure("readiness", command, "--help").stdout.replace("`", "")
