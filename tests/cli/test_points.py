"""`tenure points`, `tenure member statement` and `tenure ledger`, typed by people, against the API on a port of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio.testing import WorkflowEnvironment
from typer.testing import Result

from api.app import create_app
from api.services import Services
from ledger import Earn, Ledger
from runtime.database import create_engine
from runtime.settings import Settings
from tests.api.club import MORE_POINTS, Club, launched
from tests.cli.conftest import Tenure
from tests.house import House, people_entries
from tests.ledger.asks import a_burn, an_earn
from tests.serving import served

Typed = Callable[..., Awaitable[Result]]
"""Types a command as a person, who is the first word."""


def _app(folder: Path, services: Services) -> FastAPI:
    people = folder / "all-people.json"
    people.write_text(json.dumps(people_entries()))
    return create_app(Settings(people_file=people), services=services)


def _typed(tenure: Tenure, address: str) -> Typed:
    async def run(person: str, *words: str) -> Result:
        return await asyncio.to_thread(tenure, *words, TENURE_API_URL=address, TENURE_TOKEN=person)

    return run


@pytest.fixture
async def typed(house: House, tenure: Tenure, tmp_path: Path) -> AsyncIterator[Typed]:
    """Commands that reach the house's API."""
    async with served(_app(tmp_path, Services(house.engine, house.ledger, house.temporal))) as address:
        yield _typed(tenure, address)


@pytest.fixture(scope="module")
async def club(house: House) -> Club:
    return await launched(house, "http://127.0.0.1:9/orders", **MORE_POINTS)


def _number(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return str(json.loads(result.stdout)["transaction"])


async def test_points_are_given_moved_and_taken_back_by_hand(club: Club, typed: Typed) -> None:
    member, other = await club.member(), await club.member()
    where = (club.program, member)
    given = await typed("demo-operations", "points", "adjust", *where, "--points", "300", "--reason", "The parcel came late")
    assert given.exit_code == 0, given.output
    assert f"Adjustment of 300 points; the balance of {member} is 300 (transaction " in given.stdout
    taken = await typed("demo-operations", "points", "adjust", *where, "--points", "-50", "--reason", "Twice", "--key", "k-50")
    again = await typed("demo-operations", "points", "adjust", *where, "--points", "-50", "--reason", "Twice", "--key", "k-50")
    assert taken.stdout == again.stdout
    moved = await typed("demo-shop", "points", "transfer", *where, other, "30")
    assert f"the balance of {member} is 220" in moved.stdout
    converted = await typed("demo-shop", "points", "convert", *where, "NOTES", "GEMS", "100")
    assert "Convert of 100 points, which became 1 GEMS" in converted.stdout

    purchase = str((await club.event(member, "40.00")).json()["transaction"])
    part = await typed("demo-finance", "points", "reverse", *where, purchase, "--points", "100", "--reason", "Returned")
    assert "Clawback of 100 points" in part.stdout
    refused = await typed("demo-finance", "points", "reverse", *where, purchase, "--points", "400", "--reason", "Returned")
    assert refused.exit_code == 1
    assert f"Of the 400 points of number {purchase}, 300 are left" in refused.stderr
    assert "What to do:" in refused.stderr
    not_theirs = await typed("demo-shop", "points", "reverse", *where, purchase, "--reason", "Returned")
    assert "demo-shop may not correct points" in not_theirs.stderr


async def test_pending_points_are_confirmed_and_cancelled_and_lapsed_ones_come_back(club: Club, typed: Typed) -> None:
    member = await club.member()
    where, now = (club.program, member), datetime.now(UTC)
    common: dict[str, Any] = {"program": club.program, "participant": member, "currency": "NOTES"}
    numbers = [
        (await club.house.ledger.earn(Earn(**common, key=f"{key}/{member}", effective_at=now, points=80, pending=True))).txn_id
        for key in ("first", "second")
    ]
    confirmed = await typed("demo-shop", "points", "confirm", *where, str(numbers[0]))
    assert f"Confirm of 80 points; the balance of {member} is 80" in confirmed.stdout
    cancelled = await typed("demo-shop", "points", "cancel", *where, str(numbers[1]), "--json")
    assert json.loads(cancelled.stdout)["kind"] == "cancel"

    lapsed_at = now - timedelta(days=1)
    lapsing = Earn(**common, key=f"lapsing/{member}", effective_at=now - timedelta(days=2), points=60, expires_at=lapsed_at)
    await club.house.ledger.earn(lapsing)
    await club.house.ledger.expire_due(club.program, lapsed_at)
    statement = json.loads((await typed("demo-shop", "member", "statement", *where, "--json")).stdout)
    (expiry,) = [entry["txn_id"] for entry in statement["entries"] if entry["kind"] == "expire"]
    back = await typed("demo-operations", "points", "reinstate", *where, str(expiry))
    assert f"Reinstate of 60 points; the balance of {member} is 140" in back.stdout


async def test_a_statement_shows_every_entry_and_every_lot(club: Club, typed: Typed) -> None:
    member = await club.member()
    where = (club.program, member)
    await club.event(member, "40.00")
    await typed("demo-operations", "points", "adjust", *where, "--points", "25", "--reason", "The parcel came late")
    shown = await typed("demo-shop", "member", "statement", *where)
    assert shown.exit_code == 0, shown.output
    for words in (
        "statement in NOTES",
        "closing  425",
        "2 entries",
        "+400",
        "+25",
        "The parcel came late",
        "purchase",
        "2 lots",
    ):
        assert words in shown.stdout, shown.stdout
    gems = await typed("demo-shop", "member", "statement", *where, "--currency", "GEMS", "--since", "2026-01-01T00:00:00Z")
    assert "0 entries" in gems.stdout
    for option in ("--since", "--until", "--as-of"):
        refused = await typed("demo-shop", "member", "statement", *where, option, "2026-01-01T00:00:00")
        assert (refused.exit_code, "has no time zone" in refused.stderr) == (1, True)
    refused = await typed("demo-shop", "member", "balance", *where, "--currency", "MILES")
    assert "The definition in force knows: NOTES, GEMS." in refused.stderr


@pytest.fixture
async def books(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, tenure: Tenure, tmp_path: Path
) -> AsyncIterator[tuple[Ledger, Typed]]:
    """A ledger on a database of its own, and commands that reach it."""
    ledger = Ledger(engine)
    async with served(_app(tmp_path, Services(engine, ledger, temporal_env.client))) as address:
        yield ledger, _typed(tenure, address)


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
