"""Points by command, against the real API: what each command says, and how it ends."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from typer.testing import Result

from tests.api.points.test_points import expired, pending_earn
from tests.api.sample_program import SampleProgram, pooling
from tests.cli.conftest import Ask
from tests.stack import Stack


@pytest.fixture(scope="module")
async def sample_program(stack: Stack) -> SampleProgram:
    """A program that has all that one can do with points."""
    return await pooling(stack, "http://127.0.0.1:9/orders")


@pytest.fixture
def ask(ask_as: Callable[[str], Ask]) -> Ask:
    """Runs `tenure` as an operations manager, against the API."""
    return ask_as("demo-operations")


def _said(result: Result) -> str:
    """What a command that went well said, without the numbers of transactions."""
    assert result.exit_code == 0, result.output
    return result.stdout.partition(" (transaction")[0].strip()


async def test_points_are_given_taken_transferred_and_converted(ask: Ask, sample_program: SampleProgram) -> None:
    program, member, other = sample_program.program, await sample_program.member(), await sample_program.member()
    given = await ask("points", "adjust", program, member, "--points", "1500", "--reason", "a late delivery")
    assert _said(given) == "1,500 points given; the balance is 1,500"
    taken = await ask("points", "adjust", program, member, "--points", "-1", "--reason", "a slip")
    assert _said(taken) == "1 point taken; the balance is 1,499"
    moved = await ask("points", "transfer", program, member, other, "--points", "99", person="demo-shop")
    assert _said(moved) == f"99 points given to {other}; the balance is 1,400"
    words = ("--from", "NOTES", "--to", "GEMS", "--points", "400")
    assert _said(await ask("points", "convert", program, member, *words)) == "400 NOTES became 4 GEMS; the balance is 1,000"
    gems = await ask("member", "balance", program, member, "--currency", "GEMS")
    assert "4 GEMS available" in gems.stdout

    lines = [" ".join(line.split()) for line in (await ask("member", "statement", program, member)).stdout.splitlines()]
    assert lines[0] == f"Statement of {member} in {program}, NOTES"
    assert "closing 1,000" in lines and "4 entries" in lines and "1 lot" in lines
    for end in (
        "adjustment +1,500 1,500 a late delivery, by demo-operations",
        "adjustment -1 1,499 a slip, by demo-operations",
        f"transfer -99 1,400 to {other}, by demo-shop",
        "convert -400 1,000 into 4 GEMS, by demo-operations",
    ):
        assert any(line.endswith(end) for line in lines), (end, lines)


async def test_earlier_transactions_are_taken_back_settled_and_given_back(ask: Ask, sample_program: SampleProgram) -> None:
    program, member = sample_program.program, await sample_program.member()
    earned = (await sample_program.event(member, "60")).json()["transaction"]
    await sample_program.redeem(member)
    entries = (await sample_program.statement(member))["entries"]
    (capture,) = [entry["txn_id"] for entry in entries if entry["kind"] == "capture"]
    words = (program, member, str(capture), "--points", "200", "--reason", "half was broken")
    expected = f"200 points of transaction {capture} returned to the member; the balance is 300"
    assert _said(await ask("points", "reverse", *words)) == expected
    words = (program, member, str(earned), "--points", "100", "--reason", "returned")
    assert (
        _said(await ask("points", "reverse", *words)) == f"100 points of transaction {earned} clawed back; the balance is 200"
    )
    first, second = [await pending_earn(sample_program, member, key) for key in ("one", "two")]
    held = await ask("member", "balance", program, member)
    assert any(line.split() == ["pending", "100"] for line in held.stdout.splitlines())
    assert _said(await ask("points", "confirm", program, member, str(first))).startswith("50 pending points confirmed")
    dropped = await ask("points", "cancel", program, member, str(second), "--reason", "never collected")
    assert _said(dropped) == "50 pending points dropped; the balance is 250"
    number = await expired(sample_program, member, "old", timedelta(days=2))
    back = await ask("points", "reinstate", program, member, str(number))
    assert _said(back) == "40 expired points given back; the balance is 290"


async def test_the_same_key_acts_once_and_json_is_the_apis_own(ask: Ask, sample_program: SampleProgram) -> None:
    program, member = sample_program.program, await sample_program.member()
    words = (program, member, "--points", "5", "--reason", "once", "--key", "k-1", "--json")
    first, second = [await ask("points", "adjust", *words) for _ in range(2)]
    assert (first.exit_code, json.loads(first.stdout)["balance"]) == (0, 5)
    assert second.stdout == first.stdout
    window = await ask("member", "statement", program, member, "--since", "2026-01-01T00:00:00Z", "--json")
    assert json.loads(window.stdout)["closing"] == 5


async def test_a_refusal_ends_with_1_and_a_wrong_call_with_2(ask: Ask, sample_program: SampleProgram) -> None:
    program, member = sample_program.program, await sample_program.member()
    refused = await ask("points", "adjust", program, member, "--points", "-5", "--reason", "too much")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "insufficient_points: 5 points were asked for, and 0 are available." in refused.stderr
    unknown = await ask("points", "reverse", program, member, "99999999", "--reason", "gone")
    assert unknown.exit_code == 1 and "transaction_unknown" in unknown.stderr
    crossed = await ask(
        "member", "statement", program, member, "--since", "2026-02-01T00:00:00Z", "--until", "2026-01-01T00:00:00Z"
    )
    assert crossed.exit_code == 1 and "time_out_of_range" in crossed.stderr
    not_allowed = await ask("points", "adjust", program, member, "--points", "5", "--reason", "mine", person="demo-shop")
    assert not_allowed.exit_code == 1 and "operations" in not_allowed.stderr
    for points in ("1.5", "many"):
        assert (await ask("points", "transfer", program, member, "m-1", "--points", points)).exit_code == 2
    assert (await ask("points", "transfer", program, member, "../m", "--points", "5")).exit_code == 2
    assert (await ask("points", "confirm", program, member, "0")).exit_code == 2
