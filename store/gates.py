"""Gates, and the decisions of the audit trail: what waits for whom, and who decided what."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import Fact
from domain.definition import Role
from domain.gates import Answer, Decision, GateState
from domain.model import Message
from store import audit, tables
from store.errors import GateUnknown
from store.tables import gate, person


class DecisionRecord(Message):
    """A vote, as it stands in the audit trail; `refusal` is the code of why it did not count, None where it did."""

    gate: str
    program: str
    person: str
    name: str | None
    role: Role | None
    answer: Answer
    reason: str
    digest: str
    refusal: str | None
    at: datetime
    recorded_at: datetime


async def save(connection: AsyncConnection, state: GateState) -> None:
    """Write where a gate stands; a decided gate stays as it was decided."""
    columns = {"outcome": state.outcome, "decided_at": state.decided_at, "state": state.model_dump(mode="json")}
    await connection.execute(
        insert(gate)
        .values(
            id=state.id, program=state.subject.program, gate=state.gate, opened_at=state.opened_at, due=state.due, **columns
        )
        .on_conflict_do_nothing()
    )
    await connection.execute(update(gate).where(gate.c.id == state.id, gate.c.outcome.is_(None)).values(**columns))


async def record(
    connection: AsyncConnection, state: GateState, made: Decision, role: Role | None, at: datetime, refusal: str | None
) -> None:
    """Append a decision to the audit trail; one that counted, written again, changes nothing."""
    fact = Fact(
        program=state.subject.program,
        at=at,
        action="vote",
        actor=made.person.id,
        role=role,
        about=state.id,
        key=None if refusal else _key(state.id, made.person.id, made.key),
        refusal=refusal,
        details={"answer": made.answer, "reason": made.reason, "digest": made.digest, "key": made.key},
    )
    await audit.append(connection, fact)


async def has_counted(connection: AsyncConnection, state: GateState, person_id: str, key: str) -> bool:
    """Whether this person's decision under this key is one that counted."""
    return await audit.find(connection, state.subject.program, _key(state.id, person_id, key)) is not None


async def find(connection: AsyncConnection, gate_id: str) -> GateState:
    """The gate by its id. Raises GateUnknown."""
    state = await connection.scalar(select(gate.c.state).where(gate.c.id == gate_id))
    if state is None:
        raise GateUnknown(gate_id)
    return GateState.model_validate(state)


async def listed(connection: AsyncConnection, program_id: str | None, *, open_only: bool) -> Sequence[GateState]:
    """Gates, oldest first: of one program or of all, open ones or all."""
    query = select(gate.c.state).order_by(gate.c.opened_at, gate.c.id)
    if program_id is not None:
        query = query.where(gate.c.program == program_id)
    if open_only:
        query = query.where(gate.c.outcome.is_(None))
    return [GateState.model_validate(state) for state in await connection.scalars(query)]


async def decisions(connection: AsyncConnection, program_id: str) -> Sequence[DecisionRecord]:
    """Every vote at the program's gates, refused ones too, in the order in which they were written."""
    trail, columns = tables.audit, tables.audit.c
    rows = await connection.execute(
        select(
            columns.about.label("gate"),
            columns.actor.label("person"),
            *(columns[name] for name in ("program", "role", "refusal", "at", "recorded_at")),
            *(columns.details[name].astext.label(name) for name in ("answer", "reason", "digest")),
            person.c.name,
        )
        .select_from(trail.outerjoin(person, person.c.id == columns.actor))
        .where(columns.program == program_id, columns.action == "vote")
        .order_by(columns.number)
    )
    return [DecisionRecord.model_validate(dict(row)) for row in rows.mappings()]


async def name_people(connection: AsyncConnection, names: dict[str, str]) -> None:
    """Keep the names that go with the ids of the people who may decide."""
    if not names:
        return
    statement = insert(person).values([{"id": id_, "name": name} for id_, name in sorted(names.items())])
    await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"name": statement.excluded.name}))


def _key(gate_id: str, person_id: str, key: str) -> str:
    return f"{gate_id}/{person_id}/{key}"
