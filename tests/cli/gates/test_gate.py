"""`tenure gate`, typed by people: what waits for them, what it rests on, and how each answer ends."""

import json
from collections.abc import Callable

import pytest

from domain import ids
from tests.api.sample_program import begun
from tests.cli.conftest import Ask, Tenure
from tests.stack import Stack
from tests.waiting import gate_open


@pytest.fixture
async def gate(stack: Stack) -> str:
    """A strategy gate that waits for marketing and finance."""
    definition = await begun(stack, "typed")
    gate = ids.gate(ids.qualification(definition.program, 1), "strategy", 1)
    await gate_open(stack, gate)
    return gate


def _program(gate: str) -> str:
    return gate.split("/")[1]


async def test_a_gate_goes_from_one_inbox_to_the_other_and_is_decided(gate: str, ask_as: Callable[[str], Ask]) -> None:
    ask = ask_as("demo-finance")
    mine = await ask("gate", "list", "--mine", "--program", _program(gate))
    assert (mine.exit_code, gate in mine.stdout) == (0, True), mine.output
    assert "waits for marketing, finance" in " ".join(mine.stdout.split())
    by_role = await ask("gate", "list", "--role", "marketing", "--json")
    assert gate in {each["id"] for each in json.loads(by_role.stdout)}
    shown = await ask("gate", "show", gate)
    assert "What it rests on: revision 1, edited by demo-owner" in shown.stdout, shown.output
    as_json = json.loads((await ask("gate", "show", gate, "--json")).stdout)
    assert (as_json["id"], as_json["evidence"]["revision"]) == (gate, 1)

    voted = await ask(
        "gate", "approve", gate, "--reason", "Bounded", "--key", "my-key", "--digest", as_json["subject"]["digest"]
    )
    assert (voted.exit_code, "Your vote counts. The gate still waits for marketing" in voted.stdout) == (0, True), voted.output
    printed = await ask("gate", "decision", gate, "my-key", "--json")
    assert (printed.exit_code, json.loads(printed.stdout)["status"]) == (0, "counted")
    assert json.loads((await ask("gate", "list", "--mine", "--program", _program(gate), "--json")).stdout) == []

    back = await ask("gate", "withdraw", gate, "--reason", "The figures were wrong")
    assert (back.exit_code, "Your vote is taken back" in back.stdout) == (0, True), back.output
    again = await ask("gate", "approve", gate)
    assert again.exit_code == 0, again.output
    decided = await ask("gate", "reject", gate, "--reason", "Too dear", person="demo-marketing")
    assert (decided.exit_code, "The gate is decided: rejected." in decided.stdout) == (0, True), decided.output

    late = await ask("gate", "approve", gate)
    assert (late.exit_code, "gate_decided" in late.stderr) == (1, True), late.output
    listed = await ask("gate", "list", "--decided", "--program", _program(gate))
    assert "3 decisions" in listed.stdout, listed.output
    assert "withdraw" in listed.stdout
    assert "rejected" in listed.stdout
    everything = await ask("gate", "list", "--all", "--program", _program(gate))
    assert "rejected" in everything.stdout


async def test_what_cannot_count_ends_with_1_and_a_reason(gate: str, ask_as: Callable[[str], Ask]) -> None:
    ask = ask_as("demo-owner")
    for words, code in (
        (("approve", gate), "four_eyes"),
        (("break-glass", gate, "--reason", "Points leak"), "four_eyes"),
        (("approve", gate, "--for", "demo-finance"), "no_delegation"),
        (("approve", gate, "--digest", "0" * 12), "subject_changed"),
        (("decision", gate, "no-key"), "decision_unknown"),
        (("show", f"{gate}0"), "gate_unknown"),
    ):
        refused = await ask("gate", *words)
        assert (refused.exit_code, code in refused.stderr) == (1, True), (words, refused.output)
    outsider = await ask("gate", "break-glass", gate, "--reason", "Points leak", person="demo-operations")
    assert (outsider.exit_code, "break_glass_not_allowed" in outsider.stderr) == (1, True), outsider.output
    as_json = await ask("gate", "approve", gate, "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["code"]) == (1, "four_eyes")


async def test_another_decides_for_me_as_long_as_i_let_them(gate: str, ask_as: Callable[[str], Ask]) -> None:
    ask = ask_as("demo-finance")
    delegate = ("gate", "delegate", "demo-analyst", "--program", _program(gate), "--until", "2099-12-31", "--json")
    given = await ask(*delegate)
    assert given.exit_code == 0, given.output
    delegation = json.loads(given.stdout)
    assert delegation["until"].startswith("2100-01-01T00:00:00")
    for person in ("demo-finance", "demo-analyst"):
        listed = await ask("gate", "delegations", person=person)
        assert delegation["id"] in listed.stdout, listed.output
    found = await ask("gate", "list", "--delegated", "--program", _program(gate), person="demo-analyst")
    assert "1 gate" in found.stdout, found.output
    assert "finance, for" in found.stdout
    assert "1 for who has delegated to you" in found.stdout
    voted = await ask("gate", "approve", gate, "--for", "demo-finance", person="demo-analyst")
    assert (voted.exit_code, "Vote for demo-finance to approve" in voted.stdout) == (0, True), voted.output
    assert "demo-analyst for demo-finance" in (await ask("gate", "show", gate)).stdout
    back = await ask("gate", "withdraw", gate, "--reason", "I am back")
    assert back.exit_code == 0, back.output
    ended = await ask("gate", "end-delegation", delegation["id"])
    assert (ended.exit_code, "decides for nobody by it any more" in ended.stdout) == (0, True), ended.output
    over = await ask("gate", "approve", gate, "--for", "demo-finance", person="demo-analyst")
    assert (over.exit_code, "no_delegation" in over.stderr) == (1, True), over.output


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--mine", "--decided"),
        ("list", "--role", "finance", "--all"),
        ("approve", "a-gate", "--digest", "abc"),
        ("reject", "a-gate"),
        ("withdraw", "a-gate"),
        ("delegate", "demo-analyst"),
        ("delegate", "demo-analyst", "--until", "tomorrow"),
        ("delegate", "demo-analyst", "--until", "9999-12-31"),
        ("end-delegation", "a/b"),
    ],
)
def test_a_wrong_call_asks_nobody(tenure: Tenure, words: tuple[str, ...]) -> None:
    result = tenure("gate", *words, TENURE_TOKEN="a-token")
    assert result.exit_code == 2, result.output


@pytest.mark.parametrize(
    "command",
    [
        *("list", "show", "approve", "reject", "request-changes", "withdraw", "break-glass", "decision"),
        *("delegate", "delegations", "end-delegation"),
    ],
)
def test_each_command_has_an_example(tenure: Tenure, command: str) -> None:
    text = " ".join(tenure("gate", command, "--help").stdout.replace("│", " ").split())
    assert f"gate {command}" in text.partition("Example:")[2]
