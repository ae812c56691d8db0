"""The chain of sealed blocks: what is changed by hand is found by name, and nothing is sealed before it is decided."""

import asyncio
from datetime import timedelta
from typing import Any, Literal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import Head, Ledger, Misfit, Reverse, Sealed
from ledger.requests_holds import Capture, Hold
from tests.ledger.requests import CURRENCY, PROGRAM, a_burn, an_earn, day

AT_ONCE = timedelta(0)
LONG = timedelta(seconds=60)
_INSERT = "INSERT INTO ledger.txn (program, key, request_hash, kind, points, balance, effective_at)"


def _ann(key: str, at: float) -> dict[str, Any]:
    return {"program": PROGRAM, "participant": "ann", "currency": CURRENCY, "key": key, "effective_at": day(at)}


async def _written(ledger: Ledger) -> None:
    """Some of everything that is sealed: transactions 1 to 7, postings 1 to 5, lots 1 and 2."""
    await ledger.earn(an_earn("e1", 100, details={"type": "purchase"}))
    await ledger.earn(an_earn("e2", 50, expires=90))
    await ledger.burn(a_burn("b1", 60))
    await ledger.hold(Hold(**_ann("h1", 2), points=20, expires_at=day(9)))
    await ledger.capture(Capture(**_ann("c1", 3), hold="h1"))
    await ledger.earn(an_earn("p1", 5, at=3, pending=True))
    await ledger.reverse(Reverse(**_ann("r1", 4), of="e1", shortfall="negative", lowest_allowed=-100))


async def test_what_was_written_is_sealed_once_and_stays_as_it_was(ledger: Ledger) -> None:
    assert await ledger.seal() == Sealed(blocks=0, rows=0, head=None, held_back_by=0)
    assert (await ledger.verify()).clean
    await _written(ledger)
    assert (await ledger.verify()).unsealed == 7
    first = await ledger.seal()
    assert first.blocks == 1 and first.head is not None and first.head.number == 1
    again = await ledger.seal()
    assert again == first.model_copy(update={"blocks": 0, "rows": 0})
    report = await ledger.verify()
    assert (report.clean, report.blocks, report.rows, report.unsealed) == (True, 1, first.rows, 0)
    assert report.head == first.head
    await ledger.burn(a_burn("b2", 1, at=5))
    await ledger.expire_due(PROGRAM, day(99))
    second = await ledger.seal()
    assert second.head is not None and second.head.number == 2
    assert (await ledger.verify(first.head)).clean
    assert (await ledger.verify(second.head)).clean


_DAMAGES: list[tuple[str, list[tuple[str, Literal["changed", "deleted", "inserted"]]]]] = [
    ("UPDATE ledger.posting SET amount = amount + 1 WHERE id = 2", [("posting 2", "changed")]),
    ("UPDATE ledger.posting SET credit_account = credit_account + 1 WHERE id = 2", [("posting 2", "changed")]),
    ("DELETE FROM ledger.posting WHERE id = 3", [("posting 3", "deleted")]),
    ("INSERT INTO ledger.posting VALUES (0, 2, 1, 2, 7)", [("posting 0", "inserted")]),
    ("INSERT INTO ledger.posting VALUES (-5, 2, 1, 2, 7)", [("posting -5", "inserted")]),
    # Two rows that change places: each has the other's content.
    (
        "UPDATE ledger.posting SET id = 100 WHERE id = 1; UPDATE ledger.posting SET id = 1 WHERE id = 2;"
        " UPDATE ledger.posting SET id = 2 WHERE id = 100",
        [("posting 1", "changed"), ("posting 2", "changed")],
    ),
    ("UPDATE ledger.txn SET points = points + 1 WHERE id = 2", [("txn 2", "changed")]),
    ("""UPDATE ledger.txn SET details = '{"type": "visit"}' WHERE id = 1""", [("txn 1", "changed")]),
    ("UPDATE ledger.txn SET effective_at = effective_at + interval '1 microsecond' WHERE id = 1", [("txn 1", "changed")]),
    ("UPDATE ledger.txn SET recorded_at = recorded_at - interval '1 day' WHERE id = 1", [("txn 1", "changed")]),
    ("UPDATE ledger.txn SET concerns = 3 WHERE id = 5", [("txn 5", "changed")]),
    ("DELETE FROM ledger.txn WHERE id = 7", [("txn 7", "deleted")]),
    ("UPDATE ledger.lot_move SET amount = amount + 1 WHERE txn_id = 3 AND lot_id = 2", [("lot_move 3/2", "changed")]),
    (
        "UPDATE ledger.lot_move SET lot_id = 9 WHERE txn_id = 3 AND lot_id = 2",
        [("lot_move 3/2", "deleted"), ("lot_move 3/9", "inserted")],
    ),
    ("UPDATE ledger.lot SET amount = amount + 1 WHERE id = 1", [("lot 1", "changed")]),
    ("UPDATE ledger.lot SET earned_at = now() WHERE id = 1", [("lot 1", "changed")]),
    ("UPDATE ledger.debt_move SET amount = amount + 1", [("debt_move 7", "changed")]),
    ("UPDATE ledger.hold SET points = points + 1", [("hold 4", "changed")]),
    ("DELETE FROM ledger.hold_lot", [("hold_lot 4/1", "deleted")]),
    ("UPDATE ledger.pending SET points = points + 1", [("pending 6", "changed")]),
    ("UPDATE ledger.account SET participant = 'mallory' WHERE participant = 'ann'", [("account", "changed")]),
]


@pytest.mark.parametrize(("damage", "expected"), _DAMAGES)
async def test_a_row_that_is_not_what_was_sealed_is_named(
    engine: AsyncEngine, owner: AsyncConnection, damage: str, expected: list[tuple[str, str]]
) -> None:
    ledger = Ledger(engine)
    await _written(ledger)
    await ledger.seal()
    # What follows is another block, which is as it was.
    await ledger.earn(an_earn("e9", 1, member="bob"))
    await ledger.seal()
    assert (await ledger.verify()).clean
    for statement in damage.split("; "):
        assert (await owner.execute(text(statement))).rowcount == 1
    report = await ledger.verify()
    assert not report.clean
    assert (report.blocks, {misfit.block for misfit in report.misfits}) == (2, {1})
    found = [(misfit.row, misfit.problem) for misfit in report.misfits]
    if expected[0][0] == "account":
        account = (await owner.execute(text("SELECT id FROM ledger.account WHERE participant = 'mallory'"))).scalar_one()
        expected = [(f"account {account}", "changed")]
    assert found == expected


async def test_the_block_of_a_changed_row_is_named_and_the_others_are_looked_at_too(
    engine: AsyncEngine, owner: AsyncConnection
) -> None:
    ledger = Ledger(engine)
    for block in range(1, 5):
        await ledger.earn(an_earn(f"e{block}", 10))
        await ledger.seal()
    await owner.execute(text("UPDATE ledger.posting SET amount = 11 WHERE txn_id IN (2, 4)"))
    assert (await ledger.verify()).misfits == (
        Misfit(block=2, row="posting 2", problem="changed"),
        Misfit(block=4, row="posting 4", problem="changed"),
    )


@pytest.mark.parametrize(
    ("damage", "misfit"),
    [
        ("UPDATE ledger.seal SET " + change + " WHERE number = 2", Misfit(block=2, row="seal 2", problem="changed"))  # noqa: S608
        for change in (
            "content = sha256('x')",
            "hash = sha256('x')",
            "previous = sha256('x')",
            "marks = set_byte(marks, 20, 255 - get_byte(marks, 20))",
            "last_txn = last_txn + 1",
            "last_posting = last_posting - 1",
            "rows = rows + 1",
            "format = 7",
            "recorded_at = recorded_at - interval '1 microsecond'",
        )
    ]
    + [
        ("DELETE FROM ledger.seal WHERE number = 2", Misfit(block=2, row="seal 2", problem="deleted")),
        ("DELETE FROM ledger.seal WHERE number = 1", Misfit(block=1, row="seal 1", problem="deleted")),
        (
            "UPDATE ledger.seal SET number = 9 WHERE number = 2; UPDATE ledger.seal SET number = 2 WHERE number = 3;"
            " UPDATE ledger.seal SET number = 3 WHERE number = 9",
            Misfit(block=2, row="seal 2", problem="changed"),
        ),
    ],
)
async def test_a_seal_that_is_not_what_was_written_is_named(
    ledger: Ledger, owner: AsyncConnection, damage: str, misfit: Misfit
) -> None:
    for block in range(1, 4):
        await ledger.earn(an_earn(f"e{block}", 10))
        await ledger.seal()
    for statement in damage.split("; "):
        assert (await owner.execute(text(statement))).rowcount == 1
    assert (await ledger.verify()).misfits == (misfit,)


async def test_a_chain_made_anew_over_a_changed_row_is_found_by_a_head_that_was_noted(
    engine: AsyncEngine, owner: AsyncConnection
) -> None:
    ledger = Ledger(engine)
    await _written(ledger)
    noted = (await ledger.seal()).head
    await owner.execute(text("DELETE FROM ledger.seal"))
    cut_off = await ledger.verify(noted)
    assert cut_off.misfits == (Misfit(block=1, row="seal 1", problem="deleted"),)
    await owner.execute(text("UPDATE ledger.posting SET amount = 11 WHERE id = 2"))
    await ledger.seal()
    assert (await ledger.verify()).clean
    assert (await ledger.verify(noted)).misfits == (Misfit(block=1, row="seal 1", problem="changed"),)


async def test_a_head_beyond_the_end_of_the_chain_is_missed(ledger: Ledger) -> None:
    await _written(ledger)
    await ledger.seal()
    report = await ledger.verify(Head(number=4, hash="00" * 32))
    assert report.misfits == (Misfit(block=2, row="seal 2", problem="deleted"),)


@pytest.mark.parametrize("change", ["UPDATE ledger.seal SET rows = 0", "DELETE FROM ledger.seal", "TRUNCATE ledger.seal"])
async def test_the_application_can_add_a_seal_and_never_change_one(engine: AsyncEngine, change: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with engine.begin() as connection:
            await connection.execute(text(change))


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_nothing_is_sealed_that_an_open_transaction_could_still_precede(
    engine: AsyncEngine, owner: AsyncConnection, end: str
) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    async with engine.connect() as writer:
        await writer.execute(text(f"{_INSERT} VALUES ('stars', 'slow', sha256('x'), 'note', 0, 0, now())"))
        await ledger.earn(an_earn("e2", 10))
        waiting = await ledger.seal(AT_ONCE)
        assert (waiting.blocks, waiting.held_back_by) == (0, 1)
        await (writer.commit() if end == "commit" else writer.rollback())
    sealed = await ledger.seal(AT_ONCE)
    assert (sealed.blocks, sealed.held_back_by) == (1, 0)
    assert (await owner.execute(text("SELECT count(*) FROM ledger.txn"))).scalar_one() == (3 if end == "commit" else 2)
    report = await ledger.verify()
    assert (report.clean, report.unsealed) == (True, 0)


async def test_who_has_an_id_and_no_transaction_id_yet_is_waited_for_too(engine: AsyncEngine) -> None:
    """As a statement in the moment between taking the ids of its rows and writing the first of them."""
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    async with engine.connect() as writer:
        await writer.execute(text("LOCK TABLE ledger.txn IN ROW EXCLUSIVE MODE"))
        taken = (await writer.execute(text("SELECT nextval('ledger.txn_id_seq')"))).scalar_one()
        assert (await writer.execute(text("SELECT pg_current_xact_id_if_assigned()"))).scalar_one() is None
        await ledger.earn(an_earn("e2", 10))
        assert (await ledger.seal(AT_ONCE)).blocks == 0
        await writer.execute(
            text(_INSERT.replace("(", "(id, ") + " VALUES (:id, 'stars', 'slow', sha256('x'), 'note', 0, 0, now())"),
            {"id": taken},
        )
        await writer.commit()
    assert (await ledger.seal(AT_ONCE)).blocks == 1
    report = await ledger.verify()
    assert (report.clean, report.unsealed) == (True, 0)


async def test_the_sealer_waits_for_who_is_writing_and_not_for_who_comes_later(
    engine: AsyncEngine, owner: AsyncConnection
) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    async with engine.connect() as writer, engine.connect() as later:
        await writer.execute(text(f"{_INSERT} VALUES ('stars', 'slow', sha256('x'), 'note', 0, 0, now())"))
        sealing = asyncio.create_task(ledger.seal(LONG))
        looked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_locks%' AND pid <> pg_backend_pid()"
        async with asyncio.timeout(30):
            while not (await owner.execute(text(looked + " AND state = 'idle'"))).scalar_one():
                pass
        await later.execute(text(f"{_INSERT} VALUES ('stars', 'later', sha256('x'), 'note', 0, 0, now())"))
        assert not sealing.done()
        await writer.commit()
        sealed = await sealing
        assert (sealed.blocks, sealed.held_back_by) == (1, 0)
        await later.commit()
    report = await ledger.verify()
    assert (report.clean, report.unsealed) == (True, 1)
    assert (await ledger.seal()).rows == 1


async def test_who_only_reads_holds_nothing_back(engine: AsyncEngine) -> None:
    ledger = Ledger(engine)
    await ledger.earn(an_earn("e1", 10))
    async with engine.connect() as reader:
        await reader.execute(text("SELECT count(*) FROM ledger.txn JOIN ledger.posting ON txn_id = txn.id"))
        assert (await ledger.seal(AT_ONCE)).blocks == 1


async def test_nothing_slips_between_the_blocks_while_many_write_and_seal(ledger: Ledger, owner: AsyncConnection) -> None:
    writing = True

    async def write(writer: int) -> None:
        for number in range(30):
            member, key = f"m{(writer + number) % 5}", f"{writer}/{number}"
            await ledger.earn(an_earn(f"e{key}", 10, member=member))
            await ledger.burn(a_burn(f"b{key}", 7, member=member))

    async def seal() -> list[Sealed]:
        return [await ledger.seal() for _ in iter(lambda: writing, False)]

    async def look() -> list[bool]:
        return [(await ledger.verify()).clean for _ in iter(lambda: writing, False)]

    sealers, looking = asyncio.gather(seal(), seal()), asyncio.create_task(look())
    await asyncio.gather(*(write(writer) for writer in range(8)))
    writing = False
    sealed = [each for sealer in await sealers for each in sealer]
    assert all(await looking)
    last = await ledger.seal()
    report = await ledger.verify()
    assert (report.clean, report.unsealed) == (True, 0)
    assert report.blocks == sum(each.blocks for each in (*sealed, last)) > 3
    tables = ("account", "txn", "posting", "lot", "lot_move")
    counts = [(await owner.execute(text(f"SELECT count(*) FROM ledger.{table}"))).scalar_one() for table in tables]  # noqa: S608
    assert report.rows == sum(each.rows for each in (*sealed, last)) == sum(counts)


async def _bulk(owner: AsyncConnection, rows: int) -> None:
    """As many transactions, postings and lots as that, of one member each thousand."""
    await owner.execute(
        text(
            "INSERT INTO ledger.txn (program, key, request_hash, kind, account_id, points, balance, effective_at)"
            " SELECT 'stars', 'k' || n, sha256(int4send(n)), 'earn', n / 1000, 10, 10, now()"
            " FROM generate_series(1, CAST(:rows AS int)) AS n"
        ),
        {"rows": rows},
    )
    await owner.execute(
        text(
            "INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount)"
            " SELECT n, n / 1000, 10000000, 10 FROM generate_series(1, CAST(:rows AS int)) AS n"
        ),
        {"rows": rows},
    )
    await owner.execute(
        text(
            "INSERT INTO ledger.lot (account_id, txn_id, amount, remaining, earned_at)"
            " SELECT n / 1000, n, 10, 10, now() FROM generate_series(1, CAST(:rows AS int)) AS n"
        ),
        {"rows": rows},
    )


async def test_more_rows_than_one_block_holds_are_sealed_in_many(engine: AsyncEngine, owner: AsyncConnection) -> None:
    ledger = Ledger(engine)
    await _bulk(owner, 25_000)
    sealed = await ledger.seal()
    assert (sealed.blocks, sealed.rows) == (3, 75_000)
    assert (await ledger.verify()).clean
    await owner.execute(text("UPDATE ledger.posting SET amount = 11 WHERE id = 20001"))
    assert (await ledger.verify()).misfits == (Misfit(block=3, row="posting 20001", problem="changed"),)


@pytest.mark.long
async def test_a_million_transactions_are_verified_within_half_a_minute(engine: AsyncEngine, owner: AsyncConnection) -> None:
    ledger = Ledger(engine)
    await _bulk(owner, 1_000_000)
    assert (await ledger.seal()).rows == 3_000_000
    async with asyncio.timeout(30):
        assert (await ledger.verify()).clean


async def _chain_of(ledger: Ledger, blocks: int) -> Head:
    for number in range(blocks):
        await ledger.earn(an_earn(f"block-{number}", 10))
        sealed = await ledger.seal()
    assert sealed.head is not None and sealed.head.number == blocks
    return sealed.head


async def test_a_chain_is_verified_page_by_page_with_the_same_result(ledger: Ledger, owner: AsyncConnection) -> None:
    head = await _chain_of(ledger, 5)
    whole = await ledger.verify()
    pages = [await ledger.verify(head, blocks=2)]
    while pages[-1].next is not None:
        pages.append(await ledger.verify(head, after=pages[-1].next, blocks=2))
    assert [page.blocks for page in pages] == [2, 2, 1]
    assert {page.chain for page in pages} == {5}
    assert sum(page.rows for page in pages) == whole.rows
    assert (pages[-1].head, whole.head, whole.next) == (head, head, None)
    beyond = await ledger.verify(head.model_copy(update={"number": 9}), after=pages[0].next, blocks=9)
    assert beyond.misfits == (Misfit(block=6, row="seal 6", problem="deleted"),)

    await owner.execute(text("UPDATE ledger.posting SET amount = 99 WHERE id = 4"))
    assert (await ledger.verify(blocks=2)).clean
    assert (await ledger.verify(after=pages[0].next, blocks=2)).misfits == (
        Misfit(block=4, row="posting 4", problem="changed"),
    )
    await owner.execute(text("UPDATE ledger.posting SET amount = 10 WHERE id = 4"))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE ledger.seal SET hash = sha256('another') WHERE number = 2", "changed"),
        ("UPDATE ledger.seal SET last_posting = last_posting + 1 WHERE number = 2", "changed"),
        ("DELETE FROM ledger.seal WHERE number = 2", "deleted"),
    ],
)
async def test_a_page_goes_on_only_from_the_block_that_the_page_before_has_found(
    ledger: Ledger, owner: AsyncConnection, damage: str, problem: Literal["changed", "deleted"]
) -> None:
    await _chain_of(ledger, 4)
    after = (await ledger.verify(blocks=2)).next
    another = await ledger.verify(after=Head(number=2, hash="00" * 32), blocks=2)
    assert another.misfits == (Misfit(block=2, row="seal 2", problem="changed"),)
    await owner.execute(text(damage))
    report = await ledger.verify(after=after, blocks=2)
    assert report.misfits == (Misfit(block=2, row="seal 2", problem=problem),)
    assert (report.blocks, report.next) == (0, None)
