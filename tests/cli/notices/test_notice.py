"""`tenure notice`, typed by people, against the API on a port of its own."""

import json
from collections.abc import Callable

import pytest

from domain import ids
from tests.cli.conftest import Ask, Tenure
from tests.notices import LOG, posted
from tests.stack import Stack, program_id
from tests.waiting import ended


@pytest.fixture
def ask(ask_as: Callable[[str], Ask]) -> Ask:
    return ask_as("demo-operations")


async def _dead(stack: Stack, program: str, number: int) -> str:
    [notice] = await posted(stack.engine, LOG, program=program, kind="reminded", number=number, dead=True)
    return notice.id


async def test_who_operates_finds_what_is_dead_and_sends_it_again(stack: Stack, ask: Ask) -> None:
    program = program_id("cli-dead")
    first, second, third = [await _dead(stack, program, number) for number in (1, 2, 3)]
    listed = await ask("notice", "list", "--dead", "--program", program)
    assert listed.exit_code == 0, listed.output
    assert "3 notices" in listed.stdout
    assert all(each in listed.stdout for each in (first, second, third))
    shown = await ask("notice", "show", first)
    assert "The log is full." in shown.stdout
    assert f"tenure gate approve program/{program}/r1/gate/strategy/1" in shown.stdout

    one = await ask("notice", "replay", first)
    assert (one.exit_code, "Sent again: Reminder" in one.stdout) == (0, True), one.output
    twice = await ask("notice", "replay", first)
    assert (twice.exit_code, "notice_not_dead" in twice.stderr) == (1, True), twice.output

    rest = await ask("notice", "replay", "--all-dead", "--json")
    assert rest.exit_code == 0, rest.output
    assert {second, third} <= {item["id"] for item in json.loads(rest.stdout)["items"]}
    for each in (first, second, third):
        while (await stack.get(f"/notices/{each}", "demo-operations"))["state"] == "waiting":
            pass  # before the relay has started it there is nothing to wait for; the API tells it to whoever asks
        await ended(stack.temporal, ids.notice(each, 2))
    nothing = await ask("notice", "list", "--dead", "--program", program, "--json")
    assert json.loads(nothing.stdout) == {"items": [], "next": None}


async def test_a_test_tells_whether_it_has_arrived(ask: Ask) -> None:
    sent = await ask("notice", "test")
    assert sent.exit_code == 0, sent.output
    assert "1 notice" in sent.stdout
    assert "delivered" in sent.stdout


async def test_who_may_not_see_notices_is_told_who_may(ask: Ask) -> None:
    refused = await ask("notice", "list", person="demo-legal")
    assert refused.exit_code == 1
    assert "operations, operator, product_owner" in refused.stderr


@pytest.mark.parametrize("words", [("replay",), ("replay", "0" * 32, "--all-dead"), ("show", "../x"), ("show", "0" * 31)])
def test_a_call_that_cannot_be_meant_is_a_wrong_call(tenure: Tenure, words: tuple[str, ...]) -> None:
    assert tenure("notice", *words, TENURE_TOKEN="a-token").exit_code == 2
