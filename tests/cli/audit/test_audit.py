"""`tenure audit` and `tenure keys`, typed by people: what they show, what they write, and how they end."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit.chain import Fact
from runtime.database import create_engine
from runtime.identity.keys import ensure_keys
from store.audit import trail
from store.programs import programs
from tests.anchors import AT
from tests.cli.conftest import Ask, Tenure
from tests.stack import Stack, example, first_revision, program_id


@pytest.fixture
async def program(stack: Stack) -> str:
    """A program with a trail of its own, a refused vote in it."""
    first = first_revision(example("starbucks.yaml", program_id("audited")), AT)
    async with stack.engine.begin() as connection:
        await programs.register(connection, first)
        for number in range(3):
            fact = Fact(
                program=first.program,
                at=AT,
                action="vote",
                actor=f"demo-{number}",
                about="a-gate",
                refusal="four_eyes" if number == 1 else None,
                details={"answer": "approve", "reason": "Because\x1b[31m"},
            )
            await trail.append(connection, fact)
    return first.program


@pytest.fixture
async def owner(stack: Stack) -> AsyncIterator[AsyncConnection]:
    """Who owns the database, and may do what the application may not."""
    url = stack.engine.url.render_as_string(hide_password=False)
    owning = create_engine(url, pool_size=1, role=None, isolation_level="AUTOCOMMIT")
    async with owning.connect() as connection:
        yield connection
    await owning.dispose()


async def test_the_trail_is_listed_with_what_was_refused(program: str, ask_as: Callable[[str], Ask]) -> None:
    ask = ask_as("demo-finance")
    listed = await ask("audit", "list", program)
    assert listed.exit_code == 0, listed.output
    assert "3 entries" in listed.stdout
    assert "approve, refused: four eyes" in listed.stdout
    assert "\x1b" not in listed.stdout
    as_json = await ask("audit", "list", program, "--gate", "a-gate", "--json")
    assert [entry["actor"] for entry in json.loads(as_json.stdout)] == ["demo-0", "demo-1", "demo-2"]
    nobodys = await ask("audit", "list", program, person="demo-shop")
    assert (nobodys.exit_code, "not_allowed" in nobodys.stderr) == (1, True)


async def test_what_the_databases_owner_changed_is_named_and_ends_with_1(
    program: str, owner: AsyncConnection, ask_as: Callable[[str], Ask], tmp_path: Path
) -> None:
    ask = ask_as("demo-finance")
    sound = await ask("audit", "verify", program)
    assert (sound.exit_code, "3 entries verified, each is what was written" in sound.stdout) == (0, True), sound.output
    head = sound.stdout.strip().rpartition(" ")[2]
    assert (await ask("audit", "verify", program, "--head", head)).exit_code == 0
    page = tmp_path / "decided.html"
    exported = await ask("audit", "export", program, "--html", str(page))
    assert (exported.exit_code, head in exported.stdout) == (0, True), exported.output
    assert "The audit trail is sound" in page.read_text()

    await owner.execute(text("UPDATE store.audit SET refusal = NULL WHERE program = :p AND number = 2"), {"p": program})
    found = await ask("audit", "verify", program)
    assert found.exit_code == 1
    assert "1 entry verified, then entry 2 is changed" in found.stdout
    as_json = await ask("audit", "verify", program, "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["misfit"]) == (1, {"number": 2, "problem": "changed"})
    exported = await ask("audit", "export", program, "--html", str(page))
    assert exported.exit_code == 1
    assert "entry 2 is changed" in page.read_text()
    exported = await ask("audit", "export", program)
    assert (exported.exit_code, json.loads(exported.stdout)["verification"]["sound"]) == (1, False)

    await owner.execute(text("DELETE FROM store.audit WHERE program = :p AND number = 3"), {"p": program})
    await owner.execute(text("UPDATE store.audit SET refusal = 'four_eyes' WHERE program = :p AND number = 2"), {"p": program})
    cut = await ask("audit", "verify", program, "--head", head)
    assert (cut.exit_code, "entry 3 is missing" in cut.stdout) == (1, True), cut.output


async def test_a_file_that_cannot_be_written_is_told(program: str, ask_as: Callable[[str], Ask], tmp_path: Path) -> None:
    result = await ask_as("demo-finance")("audit", "export", program, "--html", str(tmp_path / "no" / "where.html"))
    assert (result.exit_code, "wrong_call" in result.stderr) == (2, True), result.output


@pytest.mark.parametrize(
    "words",
    [("verify", "a/b"), ("list", "**"), ("verify", "club", "--head", "1:x"), ("export", "club", "--json", "--html", "x")],
)
def test_a_wrong_call_asks_nobody(tenure: Tenure, words: tuple[str, ...]) -> None:
    assert tenure("audit", *words, TENURE_TOKEN="a-token").exit_code == 2


def test_keys_are_listed_rotated_and_retired(tenure: Tenure, tmp_path: Path) -> None:
    missing = tenure("keys", "list", TENURE_HOME=tmp_path)
    assert (missing.exit_code, "keys_unusable" in missing.stderr) == (1, True), missing.output
    ensure_keys(tmp_path / "signing-keys.json", tmp_path / "verification-keys.json", AT)
    (first,) = json.loads(tenure("keys", "list", "--json", TENURE_HOME=tmp_path).stdout)
    later = json.loads(tenure("keys", "rotate", "--after", "PT10M", "--json", TENURE_HOME=tmp_path).stdout)
    assert (datetime.fromisoformat(later["signs_from"]) - datetime.fromisoformat(later["made_at"])).total_seconds() == 600
    refused = tenure("keys", "retire", first["kid"], TENURE_HOME=tmp_path)
    assert (refused.exit_code, "key_signs" in refused.stderr) == (1, True)
    rotated = tenure("keys", "rotate", TENURE_HOME=tmp_path)
    assert rotated.exit_code == 0, rotated.output
    assert tenure("keys", "retire", first["kid"], TENURE_HOME=tmp_path).exit_code == 0
    listed = tenure("keys", "list", TENURE_HOME=tmp_path)
    assert "2 keys" in listed.stdout
    assert first["kid"] not in listed.stdout
    assert tenure("keys", "rotate", "--after", "soon", TENURE_HOME=tmp_path).exit_code == 2
