"""Lists that come in pages are followed to their end or to a limit, and what takes its time is waited for."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.app import create_app
from api.http.dependencies import Services
from cli.core import client
from tests.api.sample_program import begun, definition_of
from tests.cli.conftest import Tenure
from tests.serving import served
from tests.stack import Stack, api_settings, people_in, program_id, token_of


@pytest.fixture
async def hasty(stack: Stack, tmp_path: Path) -> AsyncIterator[str]:
    """The API over real HTTP, which lets nobody wait for a workflow."""
    app = create_app(
        api_settings(people_in(tmp_path)), services=Services(stack.engine, stack.ledger, stack.temporal, wait_timeout=0.0)
    )
    async with served(app) as address:
        yield address


class Owner:
    """`tenure` as the owner calls it against this API."""

    def __init__(self, tenure: Tenure, address: str) -> None:
        self._tenure = tenure
        self._where = {"TENURE_API_URL": address, "TENURE_TOKEN": token_of("demo-owner")}

    async def __call__(self, *words: str) -> tuple[int, str, str]:
        result = await asyncio.to_thread(self._tenure, *words, **self._where)
        return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def owner(tenure: Tenure, hasty: str) -> Owner:
    return Owner(tenure, hasty)


def _file(folder: Path, program: str, **changes: str) -> str:
    file = folder / f"{program}.json"
    file.write_text(definition_of(program, **changes).model_dump_json())
    return str(file)


async def test_a_program_that_takes_its_time_to_start_is_waited_for(owner: Owner, stack: Stack, tmp_path: Path) -> None:
    await begun(stack)  # so that the log is there
    program = program_id("patient")
    code, text, _ = await owner("program", "start", _file(tmp_path, program))
    assert (code, f"Program {program} has begun." in text) == (0, True)


async def test_a_refusal_that_came_late_is_told_as_any_other(owner: Owner, stack: Stack, tmp_path: Path) -> None:
    definition = await begun(stack)
    code, _, text = await owner("program", "start", _file(tmp_path, definition.program, summary="Another."))
    assert (code, "Error program_exists" in text) == (1, True)
    code, text, _ = await owner("program", "start", _file(tmp_path, definition.program, summary="Another."), "--json")
    assert (code, json.loads(text)["code"]) == (1, "program_exists")


async def test_a_revision_made_from_an_old_one_is_refused(owner: Owner, stack: Stack, tmp_path: Path) -> None:
    definition = await begun(stack)
    file = _file(tmp_path, definition.program, summary="Better.")
    code, _, text = await owner("program", "revise", definition.program, file, "--after", "2")
    assert (code, "Error revision_unknown" in text) == (1, True)
    code, _, text = await owner("program", "revise", definition.program, file, "--after", "1")
    assert (code, "Error revision_in_qualification" in text) == (1, True), "what was read is still the latest one"


async def test_pages_are_followed_to_the_end_or_to_the_limit(
    owner: Owner, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_PAGE", 2)
    monkeypatch.setattr(client, "_TOLD_EVERY", 2)
    for number in range(5):
        rows = "customer,at,amount\nc1,2026-01-01T10:00:00Z,120.00\n"
        assert (await stack.post(f"/transaction-logs/paged-{number}", content=rows)).status_code == 201
    code, text, progress = await owner("log", "list", "--json")
    listed = json.loads(text)
    names = [log["name"] for log in listed["items"]]
    assert (code, listed["next"], names) == (0, None, sorted(set(names)))
    assert {f"paged-{number}" for number in range(5)} <= set(names)
    assert "2 read …" in progress
    code, text, _ = await owner("log", "list", "--limit", "3", "--json")
    some = json.loads(text)
    assert ([log["name"] for log in some["items"]], some["next"] is not None) == (names[:3], True)
    code, text, _ = await owner("log", "list", "--limit", "1")
    assert (code, "1 log" in text, names[0] in text) == (0, True, True)
