"""What the database itself holds: the application's role cannot rewrite what happened, and no figure can leave its bounds."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import Ledger, LedgerFault
from ledger.entry import Move, Origin, Side, enter
from ledger.tables import metadata
from store.migrate import migrate
from tests.ledger.requests import (
    a_burn,
    a_capture,
    a_confirm,
    a_hold,
    a_reverse,
    a_transfer,
    an_adjustment,
    an_earn,
    day,
)


@pytest.mark.parametrize("table", ["posting", "lot_move", "txn", "qualification", "debt_move"])
@pytest.mark.parametrize("change", ["UPDATE ledger.{} SET txn_id = txn_id", "DELETE FROM ledger.{}", "TRUNCATE ledger.{}"])
async def test_the_application_cannot_change_what_happened(engine: AsyncEngine, table: str, change: str) -> None:
    statement = change.format(table).replace("txn SET txn_id = txn_id", "txn SET points = 0")
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.account",
        "DELETE FROM ledger.lot",
        "UPDATE ledger.hold SET points = 1",
        "UPDATE ledger.hold_lot SET amount = 1",
        "DELETE FROM ledger.hold",
        "UPDATE ledger.pending SET points = 1",
        "DELETE FROM ledger.debt_move",
        "UPDATE ledger.account SET participant = 'bob'",
        "UPDATE ledger.lot SET amount = amount + 1",
        "UPDATE ledger.lot SET account_id = 1",
        "ALTER TABLE ledger.posting DISABLE TRIGGER ALL",
        "SET ROLE postgres; DROP SCHEMA ledger CASCADE",
    ],
)
async def test_the_application_cannot_change_whose_points_they_are(engine: AsyncEngine, statement: str) -> None:
    with pytest.raises(ProgrammingError):
        async with engine.begin() as connection:
            await connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE ledger.account SET posted = -1 WHERE kind = 'participant'", "account_lowest_allowed"),
        ("UPDATE ledger.account SET held = 11 WHERE kind = 'participant'", "account_lowest_allowed"),
        ("UPDATE ledger.account SET held = -1 WHERE kind = 'participant'", "account_held"),
        ("UPDATE ledger.account SET lowest_allowed = -5 WHERE kind = 'participant'", "account_debt"),
        ("UPDATE ledger.account SET debt = -5, lowest_allowed = 5 WHERE kind = 'participant'", "account_debt"),
        ("UPDATE ledger.account SET posted = 9007199254740993 WHERE kind = 'participant'", "account_limit"),
        ("UPDATE ledger.account SET posted = 1 WHERE kind = 'issuance'", "account_system"),
        ("UPDATE ledger.lot SET remaining = 11", "lot_remaining"),
        ("UPDATE ledger.lot SET held = 11", "lot_remaining"),
        ("UPDATE ledger.lot SET held = -1", "lot_remaining"),
        ("UPDATE ledger.lot SET amount = 0, remaining = 0", "lot_amount"),
        ("INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount) VALUES (1, 1, 2, 0)", "posting_amount"),
        ("INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount) VALUES (1, 2, 2, 5)", "posting_sides"),
        ("INSERT INTO ledger.lot_move (txn_id, lot_id, amount) VALUES (1, 1, 0)", "lot_move_amount"),
    ],
)
async def test_no_figure_leaves_its_bounds_whoever_writes(
    ledger: Ledger, owner: AsyncConnection, statement: str, constraint: str
) -> None:
    await ledger.earn(an_earn("e1", 10))
    with pytest.raises(IntegrityError, match=constraint):
        await owner.execute(text(statement))


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE ledger.account SET posted = 7 WHERE participant = 'ann'", "balance against its postings"),
        ("UPDATE ledger.account SET posted = 7 WHERE participant = 'ann'", "balance against its lots"),
        ("UPDATE ledger.account SET posted = 7 WHERE participant = 'ann'", "points outstanding of stars"),
        ("UPDATE ledger.account SET held = 1 WHERE participant = 'ann'", "held against its lots"),
        ("UPDATE ledger.lot SET remaining = 5", "lot 1 against its moves"),
        ("UPDATE ledger.lot SET remaining = 5", "balance against its lots"),
        ("UPDATE ledger.posting SET amount = 11 WHERE amount = 10", "transaction 1 against its postings"),
        ("DELETE FROM ledger.posting WHERE amount = 10", "transaction 1 against its postings"),
        ("DELETE FROM ledger.lot_move", "transaction 2 against its lots"),
        ("DELETE FROM ledger.lot", "lot 1 against its moves"),
        ("DELETE FROM ledger.txn WHERE id = 2", "transaction 2 against its postings"),
        ("UPDATE ledger.posting SET credit_account = 999 WHERE amount = 10", "sides of posting 1"),
        (
            "INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount) SELECT 9, id, id + 1, 3"
            " FROM ledger.account WHERE participant = 'ann'",
            "transaction 9 against its postings",
        ),
    ],
)
async def test_the_check_finds_a_drift_made_by_hand(
    engine: AsyncEngine, owner: AsyncConnection, damage: str, what: str
) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    await ledger.burn(a_burn("b1", 4))
    sound = await ledger.check()
    assert (sound.clean, sound.checked_accounts, sound.postings) == (True, 1, 2)
    await owner.execute(text(damage))
    report = await ledger.check()
    assert not report.clean
    assert what in [drift.what for drift in report.drifts]


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE ledger.hold SET points = 6", "held against its open holds"),
        ("UPDATE ledger.hold_lot SET amount = 4", "held in lot 1 against its holds"),
        ("DELETE FROM ledger.hold_lot", "hold 2 against its lots"),
        ("UPDATE ledger.hold SET state = 'voided', ended_by = 1 WHERE state = 'open'", "hold 2 against its end"),
        ("UPDATE ledger.hold SET captured = 2 WHERE state = 'captured'", "hold 3 against its end"),
        ("UPDATE ledger.lot SET held = held - 1 WHERE held > 0", "held in lot 1 against its holds"),
        ("UPDATE ledger.txn SET points = 8 WHERE key = 'r1'", "reversed of transaction 5"),
        ("UPDATE ledger.lot_move SET amount = -8 WHERE amount < 0", "returned to lot 1 from transaction 5"),
        ("UPDATE ledger.account SET debt = 9, lowest_allowed = -9 WHERE debt > 0", "debt against its moves"),
        ("UPDATE ledger.debt_move SET amount = 2", "debt against its moves"),
        ("UPDATE ledger.pending SET points = 2 WHERE state = 'confirmed'", "pending earn 12 against its end"),
        ("UPDATE ledger.pending SET state = 'cancelled' WHERE state = 'confirmed'", "pending earn 12 against its end"),
        ("DELETE FROM ledger.lot_move WHERE txn_id = 10", "transaction 10 against its lots"),
        ("UPDATE ledger.txn SET account_id = 99 WHERE key = 'c1'", "transaction 4 against its lots"),
        ("UPDATE ledger.posting SET amount = 3 WHERE txn_id = 15", "transfers under way"),
    ],
)  # fmt: skip
async def test_the_check_finds_a_drift_of_holds_reversals_debts_and_transfers(
    engine: AsyncEngine, owner: AsyncConnection, damage: str, what: str
) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 40))
    await ledger.hold(a_hold("h1", 5))
    await ledger.hold(a_hold("h2", 5))
    await ledger.capture(a_capture("c1", "h2", 3))
    await ledger.burn(a_burn("b1", 7))
    await ledger.reverse(a_reverse("r1", "b1", 2))
    await ledger.earn(an_earn("e2", 10, member="bob"))
    await ledger.burn(a_burn("b2", 10, member="bob"))
    await ledger.reverse(a_reverse("r2", "e2", member="bob", shortfall="negative", lowest_allowed=-10))
    await ledger.adjust(an_adjustment("a1", -2))
    await ledger.earn(an_earn("e3", 1, member="bob"))
    await ledger.earn(an_earn("e4", 6, member="cid", pending=True))
    await ledger.confirm(a_confirm("k1", "e4", member="cid"))
    await ledger.transfer(a_transfer("t1", "cid", 4))
    sound = await ledger.check()
    assert sound.clean, sound.drifts
    await owner.execute(text(damage))
    assert what in [drift.what for drift in (await ledger.check()).drifts]


async def test_a_drift_names_the_account_and_both_figures(engine: AsyncEngine, owner: AsyncConnection) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    await ledger.earn(an_earn("e2", 10).model_copy(update={"program": "miles"}))
    await owner.execute(text("UPDATE ledger.account SET posted = 7 WHERE participant = 'ann' AND program = 'stars'"))
    drift = (await ledger.check("stars")).drifts[0]
    assert drift.account is not None
    assert (drift.participant, drift.currency, drift.expected, drift.found) == ("ann", "STAR", 10, 7)
    assert (await ledger.check("miles")).clean
    assert not (await ledger.check()).clean


async def test_the_check_is_not_led_astray_by_what_is_posted_meanwhile(ledger: Ledger) -> None:
    import asyncio

    async def post() -> None:
        for n in range(40):
            await ledger.earn(an_earn(f"e{n}", 5))
            await ledger.burn(a_burn(f"b{n}", 3))

    async def look() -> bool:
        return all([(await ledger.check()).clean for _ in range(10)])

    _, clean = await asyncio.gather(post(), look())
    assert clean


async def test_the_tables_in_code_are_those_of_the_migrations(owner: AsyncConnection) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == "ledger",
                "compare_type": True,
            },
        )
        return list(compare_metadata(context, metadata))

    assert await owner.run_sync(differences) == []


async def test_to_migrate_again_changes_nothing(engine: AsyncEngine, ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10))
    await migrate(engine.url.render_as_string(hide_password=False))
    assert (await ledger.check()).postings == 1


async def test_an_entry_that_does_not_add_up_is_not_written(ledger: Ledger, engine: AsyncEngine) -> None:
    """Whatever an operation asks for: what goes to an account goes to its lots, and only its own lots are moved."""
    await ledger.earn(an_earn("e1", 10))
    await ledger.earn(an_earn("e2", 10, member="bob"))
    async with engine.connect() as connection:
        lots = (await connection.execute(text("SELECT lot.id, account_id FROM ledger.lot ORDER BY id"))).all()
        opposite = (await connection.execute(text("SELECT id FROM ledger.account WHERE kind = 'redemption'"))).scalar_one()
    (ann_lot, ann), (bob_lot, _) = lots
    for wrong, summary in (
        ({"moves": [Move(ann_lot, taken=4)]}, "posts -5 points, lots change by -4, debt by 0"),
        ({}, "posts -5 points, lots change by 0, debt by 0"),
        ({"moves": [Move(ann_lot, taken=4)], "debt": 2}, "posts -5 points, lots change by -4, debt by 2"),
        ({"moves": [Move(bob_lot, taken=5)]}, "Of 1 lots to be moved, account"),
    ):
        arguments: dict[str, Any] = {"sides": [Side(ann, opposite, 5)], **wrong}
        with pytest.raises(LedgerFault, match=summary):
            async with engine.begin() as connection:
                await enter(connection, ann, Origin("stars", day(1)), "burn", 5, **arguments)


async def test_lots_that_do_not_cover_a_balance_stop_a_hold(ledger: Ledger, owner: AsyncConnection) -> None:
    await ledger.earn(an_earn("e1", 10))
    await owner.execute(text("UPDATE ledger.lot SET remaining = 4"))
    with pytest.raises(LedgerFault, match="gave 4 points where 8"):
        await ledger.hold(a_hold("h1", 8))
    await owner.execute(text("UPDATE ledger.lot SET remaining = 10"))
