"""`tenure program hold`, `halt`, `resume`, `holds`: what people type, and what they are told."""

import json
from collections.abc import Callable

from tests.cli.conftest import Ask
from tests.program_steps import launch, sample_definition
from tests.stack import Stack


async def test_a_program_is_held_halted_and_resumed_and_each_says_how_to_go_on(
    stack: Stack, ask_as: Callable[[str], Ask]
) -> None:
    ask = ask_as("demo-operations")
    program = sample_definition("held-by-hand").program
    await launch(stack, sample_definition(program))
    reason = ("--reason", "two tills count twice")

    held = await ask("program", "hold", program, *reason, "--stops", "earning", "--stops", "enrolment")
    assert held.exit_code == 0, held.output
    assert "on hold: enrolment, earning stopped" in held.stdout and f"tenure program resume {program}" in held.stdout
    again = await ask("program", "hold", program, *reason)
    assert again.exit_code == 1 and "already_on_hold" in again.stderr and "demo-operations" in again.stderr
    halted = await ask("program", "halt", program, "--reason", "an administrator came", "--json", person="demo-finance")
    assert json.loads(halted.stdout)["kind"] == "suspended_insolvency"

    shown = " ".join((await ask("program", "status", program)).stdout.split())
    assert "on hold since" in shown and "halted since" in shown and "two tills count twice" in shown

    lifted = await ask("program", "resume", program, "--reason", "mended")
    assert lifted.exit_code == 0, lifted.output
    assert "no longer halted" in lifted.stdout and "still on hold, which stops enrolment, earning" in lifted.stdout
    other = json.loads((await ask("program", "resume", program, "--reason", "mended", "--json")).stdout)
    assert (other["lifted"]["kind"], other["standing"]) == ("hold", [])
    none = await ask("program", "resume", program, "--reason", "again")
    assert none.exit_code == 1 and "not_on_hold" in none.stderr

    listed = " ".join((await ask("program", "holds", program)).stdout.split())
    assert "2 holds" in listed and "mended" in listed and "administrator" in listed
    assert len(json.loads((await ask("program", "holds", program, "--json")).stdout)["items"]) == 2
    unknown = await ask("program", "hold", program, *reason, "--stops", "everything")
    assert unknown.exit_code == 2
