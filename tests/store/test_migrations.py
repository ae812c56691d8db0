"""The migrations make what the code expects, and the database itself holds what must never break."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.gates.state import Decision, GateState, Refusal, Subject
from domain.identity.person import Person
from ledger.tables import metadata as ledger_tables
from runtime.database import create_engine
from store.gates import gates
from store.gates.gates import GateAnswer
from store.migrate import migrate
from store.programs import programs
from store.tables import metadata as store_tables
from tests.anchors import AT
from tests.stack import example, first_revision


@pytest.mark.parametrize("tables", [store_tables, ledger_tables], ids=["store", "ledger"])
async def test_the_newest_migration_makes_the_tables_that_the_code_declares(database_url: str, tables: MetaData) -> None:
    owner = create_engine(database_url, pool_size=1, role=None)
    schema = tables.schema

    def differences(connection: Connection) -> list[object]:
        options = {"include_schemas": True, "include_name": lambda name, kind, _: kind != "schema" or name == schema}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables))

    async with owner.connect() as connection:
        assert await connection.run_sync(differences) == []
    await owner.dispose()


async def test_a_second_migration_does_no_harm(database_url: str) -> None:
    await migrate(database_url)
    await migrate(database_url)


_STANDS = {
    "store.audit": "actor",
    "store.stage_change": "stage",
    "store.tier_change": "to_tier",
    "store.books_estimate": "redemption_rate",
    "store.books_period": "books",
    "store.readiness_check": "ready",
    "store.guardrail_look": "status",
    "ledger.posting": "amount",
    "ledger.lot_move": "amount",
}


@pytest.mark.parametrize("table", _STANDS)
@pytest.mark.parametrize("change", ["DELETE FROM {table}", "UPDATE {table} SET {column} = {column}", "TRUNCATE {table}"])
async def test_the_application_can_only_append_to_what_must_stand(engine: AsyncEngine, table: str, change: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with engine.begin() as connection:
            await connection.execute(text(change.format(table=table, column=_STANDS[table])))


async def test_a_vote_that_counted_is_written_once(engine: AsyncEngine) -> None:
    state, decision = await _a_gate(engine, "counted")
    async with engine.begin() as connection:
        for _ in range(2):
            await gates.record(connection, state, decision, "finance", AT, refusal=None)
        await gates.record(connection, state, decision, "finance", AT, refusal="already_voted")
        trail = await gates.decisions(connection, state.subject.program)
        assert [(row.person, row.answer, row.role, row.refusal) for row in trail] == [
            ("demo-finance", "approve", "finance", None),
            ("demo-finance", "approve", "finance", "already_voted"),
        ]


async def test_the_first_answer_to_a_decision_stays(engine: AsyncEngine) -> None:
    state, decision = await _a_gate(engine, "answered")
    mine = (state.id, decision.person.id, decision.key)
    refusal = Refusal(code="gate_decided", detail="It is decided.", remedy="Nothing is left to do.")
    async with engine.begin() as connection:
        assert await gates.answer_to(connection, *mine) is None
        await gates.expect_answer(connection, *mine)
        await gates.expect_answer(connection, *mine)
        before = await gates.answer_to(connection, *mine)
        assert before is not None
        assert before.is_open
        await gates.keep_answer(connection, *mine, GateAnswer(state=state))
        await gates.keep_answer(connection, *mine, GateAnswer(refusal=refusal))
        assert await gates.answer_to(connection, *mine) == GateAnswer(state=state)


@pytest.mark.parametrize("change", ["DELETE FROM store.delegation", "UPDATE store.delegation SET until = until"])
async def test_what_was_lent_stays_as_it_was_written(engine: AsyncEngine, change: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with engine.begin() as connection:
            await connection.execute(text(change))


async def test_what_an_activity_wrote_before_it_died_is_taken_up(engine: AsyncEngine) -> None:
    state, _ = await _a_gate(engine, "ahead")
    ahead = state.model_copy(update={"keys": ("k1",)})
    async with engine.begin() as connection:
        assert await gates.latest(connection, state) == state
        await gates.save(connection, ahead)
        assert await gates.latest(connection, state) == ahead


async def test_a_decided_gate_stays_as_it_was_decided(engine: AsyncEngine) -> None:
    state, _ = await _a_gate(engine, "decided")
    decided = state.model_copy(update={"outcome": "approved", "decided_at": AT})
    async with engine.begin() as connection:
        await gates.save(connection, decided)
        await gates.save(connection, state)
        assert (await gates.find(connection, state.id)).outcome == "approved"


async def test_what_happened_is_rated_by_the_revision_that_was_in_force_then(engine: AsyncEngine) -> None:
    first = first_revision(example("starbucks.yaml", "in-force"), AT)
    renamed = first.definition.model_copy(update={"name": "Starbucks Rewards, amended"})
    second = first.model_copy(update={"number": 2, "digest": "2" * 64, "definition": renamed})
    later = AT.replace(month=6)
    async with engine.begin() as connection:
        await programs.register(connection, first)
        await programs.add_revision(connection, second)
        assert await programs.in_force_at(connection, "in-force", later) is None
        await programs.put_in_force(connection, "in-force", 1, AT)
        await programs.put_in_force(connection, "in-force", 2, later)
        instants = [AT.replace(month=2), AT, AT.replace(month=5), later, later.replace(month=8)]
        found = [await programs.in_force_at(connection, "in-force", at) for at in instants]
        assert [each.number if each else None for each in found] == [None, 1, 1, 2, 2]
        history = await programs.revisions_in_force(connection, "in-force")
        assert [history.at(at) for at in instants] == found
        assert (await programs.revisions_in_force(connection, "nowhere")).at(later) is None
        statuses = [record.status for record in await programs.revisions(connection, "in-force")]
    assert statuses == ["superseded", "in_force"]
    assert found[-1] is not None
    assert found[-1].definition.name == "Starbucks Rewards, amended"


async def _a_gate(engine: AsyncEngine, program: str) -> tuple[GateState, Decision]:
    revision = first_revision(example("starbucks.yaml", program), AT)
    subject = Subject(kind="revision", program=program, revision=1, title="the concept", digest=revision.digest)
    state = GateState(
        id=f"program/{program}/r1/gate/strategy/1",
        gate="strategy",
        round=1,
        subject=subject,
        policy=revision.definition.gates.strategy,
        excluded=revision.editors,
        opened_at=AT,
        due=AT.replace(month=4),
    )
    async with engine.begin() as connection:
        await programs.register(connection, revision)
        await gates.save(connection, state)
    person = Person(id="demo-finance", roles=("finance",))
    return state, Decision(person=person, answer="approve", digest=revision.digest, key="k")
