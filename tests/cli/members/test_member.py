"""Joining and rewards by command, against the real API: what each command says, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import Result

from cli.core.attributes import read
from tests.api.sample_program import SampleProgram, launched
from tests.cli.conftest import Ask
from tests.stack import Stack

NOWHERE = "http://127.0.0.1:9/orders"


@pytest.fixture(scope="module")
async def sample_program(stack: Stack) -> SampleProgram:
    """A program that only invited ones may join, who are of age and pay; with a benefit, and rewards that are limited."""
    return await launched(
        stack,
        NOWHERE,
        joining={"requires": [{"attribute": "age", "at_least": 18}], "fee": "9.50", "invitation_only": True},
        benefits=[{"id": "bag", "name": "A record bag", "on": "joining"}],
        rewards=[
            {"id": "vinyl", "name": "A record", "points": 1000, "stock": 3, "per_member": {"count": 1, "per": "P1M"}},
            {"id": "old", "name": "An old one", "points": 10, "until": "2020-01-01"},
        ],
    )


@pytest.fixture
def ask(ask_as: Callable[[str], Ask]) -> Ask:
    """Runs `tenure` as a shop, against the API."""
    return ask_as("demo-shop")


def _lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


async def test_who_is_invited_of_age_and_pays_joins_is_shown_with_what_was_given_and_answers(
    ask: Ask, sample_program: SampleProgram
) -> None:
    program, member = sample_program.program, sample_program.stranger()
    words = ("member", "enrol", program, member, "--agreement", "1997-01")
    uninvited = await ask(*words, "--fee", "9.5", "--attribute", "age=18")
    assert uninvited.exit_code == 1 and "not_invited" in uninvited.stderr and "tenure member invite" in uninvited.stderr
    assert _lines(await ask("member", "invite", program, member))[0].startswith("1 invited to")
    young = await ask(*words, "--fee", "9.5", "--attribute", "age=17")
    assert young.exit_code == 1 and "requirement_not_met: Who joins must meet: age is at least 18." in young.stderr
    unpaid = await ask(*words, "--attribute", "age=18")
    assert unpaid.exit_code == 1 and "fee_differs" in unpaid.stderr
    (joined,) = _lines(await ask(*words, "--fee", "9.5", "--attribute", "age=18"))
    assert joined.startswith(f"{member} is a member of {program}, tier listener") and joined.endswith(
        "9.5 accepted for joining."
    )
    shown = _lines(await ask("member", "show", program, member))
    assert "fee 9.5" in shown
    assert any("A record bag joining listener -" in line for line in shown)
    assert _lines(await ask("member", "invite", program)) == [f"1 invited to {program}, 1 of them have joined."]

    (said,) = _lines(await ask("member", "answer", program, member, "--recommend", "9"))
    assert said.startswith(f"{member} answered recommend with 9, ")
    neither = await ask("member", "answer", program, member)
    assert neither.exit_code == 2 and "one of --recommend and --satisfaction" in " ".join(neither.output.split())


async def test_a_file_of_references_is_invited_and_what_is_none_is_refused(
    ask: Ask, sample_program: SampleProgram, tmp_path: Path
) -> None:
    guests = tmp_path / "guests.txt"
    guests.write_text("".join(f"guest-{number}\n" for number in range(20)))
    assert (await ask("member", "invite", sample_program.program, "--file", str(guests))).exit_code == 0
    again = await ask("member", "invite", sample_program.program, "--file", str(guests), "--json")
    assert json.loads(again.stdout)["added"] == 0
    guests.write_text("Ann Lee@example.org\n")
    assert (await ask("member", "invite", sample_program.program, "--file", str(guests))).exit_code == 2
    guests.write_text("\n")
    for file in (guests, tmp_path / "nowhere.txt"):
        assert (await ask("member", "invite", sample_program.program, "--file", str(file))).exit_code == 2
    assert (await ask("member", "invite", sample_program.program, "m-1", person="demo-finance")).exit_code == 1


async def test_rewards_are_listed_with_what_limits_them(ask: Ask, sample_program: SampleProgram) -> None:
    listed = _lines(await ask("reward", "list", sample_program.program))
    assert listed[0] == "2 rewards"
    assert "vinyl A record 1,000 all 1 in P1M always 0 3 till" in listed
    assert "old An old one 10 all any number ..2020-01-01 0 any number not offered now" in listed
    whole = json.loads((await ask("reward", "list", sample_program.program, "--json")).stdout)
    assert [each["id"] for each in whole] == ["vinyl", "old"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("country=DE", "DE"),
        ("age=18", 18),
        ("rating=4.5", 4.5),
        ("trader=true", True),
        ('code="0049"', "0049"),
        ("sum=a=b", "a=b"),
        ("far=1e999999", "1e999999"),
        ("odd=nan", "nan"),
    ],
)
def test_an_attribute_is_a_number_a_truth_or_a_text(written: str, expected: object) -> None:
    ((name, value),) = read([written]).items()
    assert (name, value, type(value)) == (written.partition("=")[0], expected, type(expected))


@pytest.mark.parametrize("written", ["age", "=18", "age=", ""])
def test_what_is_no_attribute_is_a_wrong_call(written: str) -> None:
    with pytest.raises(typer.BadParameter, match="NAME=VALUE"):
        read([written])
