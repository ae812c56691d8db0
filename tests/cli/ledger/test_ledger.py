"""`tenure ledger`, typed by people, against the API on a port of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio.testing import WorkflowEnvironment
from typer.testing import Result

from api.app import create_app
from api.http.dependencies import Services
from ledger import Ledger
from runtime.database import create_engine
from tests.cli.conftest import Tenure
from tests.ledger.requests import a_burn, an_earn
from tests.serving import served
from tests.stack import api_settings, people_in, token_of

Typed = Callable[..., Awaitable[Result]]
"""Types a command as a person, who is the first word."""


@pytest.fixture
async def books(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, tenure: Tenure, tmp_path: Path
) -> AsyncIterator[tuple[Ledger, Typed]]:
    """A ledger on a database of its own, and commands that reach it."""
    ledger = Ledger(engine)
    app = create_app(api_settings(people_in(tmp_path)), services=Services(engine, ledger, temporal_env.client))
    async with served(app) as address:

        async def typed(person: str, *words: str) -> Result:
            return await asyncio.to_thread(tenure, *words, TENURE_API_URL=address, TENURE_TOKEN=token_of(person))

        yield ledger, typed


@pytest.fixture
async def owner(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Who owns the database, and may do what the application may not."""
    url = engine.url.render_as_string(hide_password=False)
    owning = create_engine(url, pool_size=1, role=None, isolation_level="AUTOCOMMIT")
    async with owning.connect() as connection:
        yield connection
    await owning.dispose()


async def test_a_row_that_is_changed_by_hand_after_it_was_sealed_is_named(
    books: tuple[Ledger, Typed], owner: AsyncConnection
) -> None:
    ledger, typed = books
    empty = await typed("demo-finance", "ledger", "verify")
    assert (empty.exit_code, "There is no block yet." in empty.stdout) == (0, True), empty.output
    await ledger.earn(an_earn("e1", 100))
    await ledger.burn(a_burn("b1", 40))
    sealed = await typed("demo-finance", "ledger", "seal")
    assert "sealed in 1 block. Head of the chain: 1:" in sealed.stdout, sealed.output
    head = sealed.stdout.strip().rpartition(" ")[2]
    await ledger.earn(an_earn("e2", 5))

    sound = await typed("demo-finance", "ledger", "verify", "--noted", head)
    assert sound.exit_code == 0, sound.output
    assert "each is what was sealed" in sound.stdout
    assert "1 transaction not sealed yet." in sound.stdout
    assert head in sound.stdout

    await owner.execute(text("UPDATE ledger.posting SET amount = 1000 WHERE id = 1"))
    found = await typed("demo-finance", "ledger", "verify")
    assert found.exit_code == 1
    assert "1 misfit found" in found.stdout
    assert "posting 1" in found.stdout
    assert "changed" in found.stdout
    as_json = await typed("demo-finance", "ledger", "verify", "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["misfits"] == [{"block": 1, "row": "posting 1", "problem": "changed"}]
    drifted = await typed("demo-finance", "ledger", "check")
    assert drifted.exit_code == 1
    assert "ann" in drifted.stdout

    # Who makes the whole chain anew is found out by the head that was kept elsewhere.
    await owner.execute(text("DELETE FROM ledger.seal"))
    assert (await typed("demo-finance", "ledger", "seal")).exit_code == 0
    assert (await typed("demo-finance", "ledger", "verify")).exit_code == 0
    cheated = await typed("demo-finance", "ledger", "verify", "--noted", head)
    assert cheated.exit_code == 1
    assert "seal 1" in cheated.stdout


async def test_a_chain_of_many_pages_is_walked_to_its_end(books: tuple[Ledger, Typed], owner: AsyncConnection) -> None:
    ledger, typed = books
    for number in range(25):
        await ledger.earn(an_earn(f"e{number}", 10))
        await ledger.seal()
    sound = await typed("demo-analyst", "ledger", "verify", "--json")
    whole = json.loads(sound.stdout)
    assert (sound.exit_code, whole["blocks"], whole["head"]["number"], whole["clean"]) == (0, 25, 25, True)
    assert whole["rows"] == (await ledger.verify()).rows
    await owner.execute(text("DELETE FROM ledger.lot_move"))
    await owner.execute(text("UPDATE ledger.posting SET amount = 11 WHERE id IN (3, 24)"))
    found = await typed("demo-analyst", "ledger", "verify")
    assert "2 misfits found" in found.stdout
    assert "posting 24" in found.stdout
    whole_check = await typed("demo-analyst", "ledger", "check")
    assert whole_check.exit_code == 1


async def test_the_whole_ledger_is_checked_where_no_program_is_named(books: tuple[Ledger, Typed]) -> None:
    ledger, typed = books
    await ledger.earn(an_earn("e1", 100))
    checked = await typed("demo-analyst", "ledger", "check")
    assert (checked.exit_code, "1 account and 1 posting checked, zero drift" in checked.stdout) == (0, True), checked.output


@pytest.mark.parametrize("noted", ["1", "1:abc", f"0:{'0' * 64}", f"x:{'0' * 64}"])
def test_a_head_that_is_none_is_a_wrong_call(tenure: Tenure, noted: str) -> None:
    result = tenure("ledger", "verify", "--noted", noted, TENURE_TOKEN="a-token")
    assert result.exit_code == 2
    assert "a head is a number, a colon and 64 hexadecimal" in " ".join(result.stderr.replace("│", " ").split())
