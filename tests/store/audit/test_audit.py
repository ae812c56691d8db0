"""The audit trail in the database: one chain whoever writes at once, and whatever the database's owner changes is named."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.audit.chain import AuditEntry, AuditHead, Fact
from runtime.database import create_engine
from store import migrate
from store.audit import trail as audit
from tests.anchors import AT


def fact(actor: str = "demo-finance", **others: Any) -> Fact:
    made = {"program": "club", "at": AT, "action": "vote", "actor": actor, "role": "finance"} | others
    return Fact.model_validate(made)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Whoever owns the tables, and can do to them what the application cannot."""
    engine = create_engine(database_url, pool_size=1, role=None)
    yield engine
    await engine.dispose()


async def written(engine: AsyncEngine, facts: Sequence[Fact]) -> list[AuditEntry]:
    async with engine.begin() as connection:
        return [await audit.append(connection, each) for each in facts]


async def trail(engine: AsyncEngine) -> Sequence[AuditEntry]:
    async with engine.connect() as connection:
        return await audit.listed(connection, "club", limit=10_000)


async def test_what_is_appended_is_read_back_as_it_was_hashed(engine: AsyncEngine) -> None:
    details = {"reason": "Würde\x00 passen \ud800", "share": 0.1, "large": 10**30, "nested": [{"a": None}], "at": AT}
    entries = await written(
        engine, [fact(about="a gate", details=details), fact(refusal="four_eyes", on_behalf_of="demo-legal")]
    )
    assert await trail(engine) == entries
    found = await audit.verify(engine, "club")
    assert (found.sound, found.entries, found.total, found.next, found.misfit) == (True, 2, 2, None, None)
    assert found.head == AuditHead(number=2, hash=entries[-1].hash)


async def test_a_fact_is_written_once_for_its_key(engine: AsyncEngine) -> None:
    first, other, again = await written(engine, [fact(key="k"), fact(key="l"), fact("demo-legal", key="k")])
    assert (again, other.number) == (first, 2)
    (elsewhere,) = await written(engine, [fact(key="k", program="club-2")])
    assert elsewhere.number == 1


async def test_appends_at_the_same_time_make_one_chain(engine: AsyncEngine) -> None:
    async def write(number: int) -> None:
        await written(engine, [fact(f"demo-{number}", key=f"key-{number % 30}"), fact(f"demo-{number}")])

    await asyncio.gather(*(write(number) for number in range(60)))
    assert [entry.number for entry in await trail(engine)] == list(range(1, 91))
    assert (await audit.verify(engine, "club")).sound


async def test_pages_follow_one_another(engine: AsyncEngine) -> None:
    entries = await written(engine, [fact(about=f"gate {number % 2}") for number in range(7)])
    async with engine.connect() as connection:
        assert await audit.listed(connection, "club", after=3, limit=2) == entries[3:5]
        assert await audit.listed(connection, "club", limit=9, about="gate 1") == entries[1::2]
    page = await audit.verify(engine, "club", most=3)
    looked_at = page.entries
    while page.next:
        page = await audit.verify(engine, "club", after=page.next, most=3)
        looked_at += page.entries
    assert (looked_at, page.sound, page.total) == (7, True, 7)
    assert page.head == AuditHead(number=7, hash=entries[-1].hash)


async def test_an_empty_chain_is_sound(engine: AsyncEngine) -> None:
    found = await audit.verify(engine, "nowhere")
    assert (found.sound, found.entries, found.head, found.next) == (True, 0, None, None)


_SHIFTED = (
    "UPDATE store.audit SET number = -number WHERE number >= 3; UPDATE store.audit SET number = 1 - number WHERE number < 0"
)
_COPIED = (
    "INSERT INTO store.audit SELECT program, {number}, at, action, actor, role, on_behalf_of, about, key, refusal, details,"
    " previous, hash, recorded_at FROM store.audit WHERE number = 2"
)
_BEHIND_THE_HEAD = "UPDATE store.audit_head SET number = 2, hash = two.hash FROM store.audit AS two WHERE two.number = 2"
_UNCHECKED = "ALTER TABLE store.audit DROP CONSTRAINT audit_number"


@pytest.mark.parametrize(
    ("tampering", "number", "problem"),
    [
        ("UPDATE store.audit SET actor = 'demo-legal' WHERE number = 3", 3, "changed"),
        ('UPDATE store.audit SET details = \'{"answer": "reject"}\' WHERE number = 3', 3, "changed"),
        ("UPDATE store.audit SET recorded_at = recorded_at + interval '1 day' WHERE number = 5", 5, "changed"),
        ("UPDATE store.audit SET refusal = NULL WHERE number = 2", 2, "changed"),
        ("DELETE FROM store.audit WHERE number = 1", 1, "missing"),
        ("DELETE FROM store.audit WHERE number = 3", 3, "missing"),
        ("DELETE FROM store.audit WHERE number = 5", 5, "missing"),
        ("DELETE FROM store.audit", 1, "missing"),
        (f"{_UNCHECKED}; {_SHIFTED}; SET session_replication_role = replica; {_COPIED.format(number=3)}", 3, "changed"),
        (f"SET session_replication_role = replica; {_COPIED.format(number=6)}", 6, "changed"),
        ("UPDATE store.audit_head SET hash = sha256('another')", 5, "changed"),
        (_BEHIND_THE_HEAD, 3, "inserted"),
    ],
)
async def test_what_the_owner_of_the_database_changes_is_named(
    engine: AsyncEngine, owner: AsyncEngine, tampering: str, number: int, problem: str
) -> None:
    await written(engine, [fact(f"demo-{each}", refusal="four_eyes") for each in range(5)])
    async with owner.begin() as connection:
        for statement in tampering.split("; "):
            await connection.exec_driver_sql(statement)
    found = await audit.verify(engine, "club")
    assert not found.sound
    assert found.misfit is not None
    assert (found.misfit.number, found.misfit.problem) == (number, problem)
    page = await audit.verify(engine, "club", most=2)
    while page.next:
        page = await audit.verify(engine, "club", after=page.next, most=2)
    assert page.misfit == found.misfit


async def test_a_chain_made_anew_is_found_by_the_head_that_was_noted(engine: AsyncEngine, owner: AsyncEngine) -> None:
    entries = await written(engine, [fact(f"demo-{each}") for each in range(5)])
    noted = AuditHead(number=4, hash=entries[3].hash)
    assert (await audit.verify(engine, "club", noted=noted)).sound
    async with owner.begin() as connection:
        await connection.execute(text("DELETE FROM store.audit"))
        await connection.execute(text("DELETE FROM store.audit_head"))
    await written(engine, [fact("demo-legal"), *(fact(f"demo-{each}") for each in range(1, 4))])
    assert (await audit.verify(engine, "club")).sound
    found = await audit.verify(engine, "club", noted=noted)
    assert found.misfit is not None
    assert (found.misfit.number, found.misfit.problem) == (4, "changed")
    cut = await audit.verify(engine, "club", noted=AuditHead(number=5, hash=entries[4].hash))
    assert cut.misfit is not None
    assert (cut.misfit.number, cut.misfit.problem) == (5, "missing")


@pytest.mark.parametrize(("number", "previous"), [(1, "00"), (2, "00"), (4, "hash"), (3, "00"), (9, "hash")], ids=str)
async def test_the_database_refuses_an_entry_that_does_not_follow_upon_the_head(
    engine: AsyncEngine, number: int, previous: str
) -> None:
    *_, last = await written(engine, [fact(), fact()])
    before = bytes.fromhex(last.hash) if previous == "hash" else bytes(32)
    with pytest.raises(DBAPIError, match=r"does not follow upon its head|audit_pkey"):
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO store.audit (program, number, at, action, actor, details, previous, hash, recorded_at)"
                    " VALUES ('club', :number, now(), 'vote', 'demo-legal', '{}', :previous, sha256('x'), now())"
                ),
                {"number": number, "previous": before},
            )
    assert (await audit.verify(engine, "club")).sound


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE store.audit_head SET number = 0",
        "INSERT INTO store.audit_head VALUES ('x', 1, sha256('x'))",
        "DELETE FROM store.audit_head",
        "TRUNCATE store.audit_head",
        "ALTER TABLE store.audit DISABLE TRIGGER audit_follows",
        "SET session_replication_role = replica",
    ],
)
async def test_the_application_cannot_move_the_head_or_pass_by_the_trigger(engine: AsyncEngine, statement: str) -> None:
    await written(engine, [fact()])
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        async with engine.begin() as connection:
            await connection.execute(text(statement))


async def test_the_decisions_of_an_older_database_become_chains(engine: AsyncEngine, owner: AsyncEngine) -> None:
    def moved(connection: Connection, way: str, to: str) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrate.MIGRATIONS))
        config.attributes["connection"] = connection
        getattr(command, way)(config, to)

    rows = [("one", "demo-finance", None), ("two", "demo-legal", "four_eyes"), ("one", "demo-legal", "four_eyes")]
    async with owner.begin() as connection:
        await connection.run_sync(moved, "downgrade", "0006")
        for program in ("one", "two"):
            await connection.execute(
                text(
                    "INSERT INTO store.program (id, name, owner, stage, stage_since, salt, started_at)"
                    " VALUES (:id, :id, 'o', 'strategy', :at, 's', :at)"
                ),
                {"id": program, "at": AT},
            )
            await connection.execute(
                text(
                    "INSERT INTO store.gate (id, program, gate, opened_at, due, state) VALUES (:id, :id, 'g', :at, :at, '{}')"
                ),
                {"id": program, "at": AT},
            )
        for program, person, refusal in rows:
            await connection.execute(
                text(
                    "INSERT INTO store.decision (gate, program, person, role, answer, reason, digest, key, refusal, at)"
                    " VALUES (:id, :id, :person, NULL, 'approve', 'Wörth it', 'd', 'k', :refusal, :at)"
                ),
                {"id": program, "person": person, "refusal": refusal, "at": AT},
            )
        await connection.run_sync(moved, "upgrade", "head")
    async with engine.begin() as connection:
        one = await audit.listed(connection, "one", limit=9)
        assert [(entry.number, entry.actor, entry.refusal, entry.about) for entry in one] == [
            (1, "demo-finance", None, "one"),
            (2, "demo-legal", "four_eyes", "one"),
        ]
        assert one[0].details == {"answer": "approve", "reason": "Wörth it", "digest": "d", "key": "k"}
        await audit.append(connection, fact(program="one"))
    assert [(found.entries, found.sound) for found in [await audit.verify(engine, each) for each in ("one", "two")]] == [
        (3, True),
        (1, True),
    ]
    async with owner.begin() as connection:
        await connection.run_sync(moved, "downgrade", "0006")
        kept = await connection.execute(text("SELECT gate, person, refusal FROM store.decision ORDER BY id"))
        assert [tuple(row) for row in kept] == [
            ("one", "demo-finance", None),
            ("one", "demo-legal", "four_eyes"),
            ("two", "demo-legal", "four_eyes"),
        ]
        await connection.run_sync(moved, "upgrade", "head")
