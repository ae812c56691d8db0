"""Gates and the audit trail of decisions: what waits for whom, and who decided what."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.definition import Role
from domain.gates import Answer, Decision, GateState
from domain.model import Message
from store.errors import GateUnknown
from store.tables import decision, gate, person


class DecisionRecord(Message):
    """A row of the audit trail; `refusal` is the code of why it did not count, None where it did."""

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
    await connection.execute(
        insert(decision)
        .values(
            gate=state.id,
            program=state.subject.program,
            person=made.person.id,
            role=role,
            answer=made.answer,
            reason=made.reason,
            digest=made.digest,
            key=made.key,
            refusal=refusal,
            at=at,
        )
        .on_conflict_do_nothing()
    )


async def has_counted(connection: AsyncConnection, gate_id: str, person_id: str, key: str) -> bool:
    """Whether this person's decision under this key is one that counted."""
    mine = (decision.c.gate == gate_id) & (decision.c.person == person_id) & (decision.c.key == key)
    return await connection.scalar(select(decision.c.id).where(mine, decision.c.refusal.is_(None))) is not None


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
    """The program's audit trail, in the order in which it was written."""
    columns = [decision.c[name] for name in DecisionRecord.model_fields if name != "name"]
    rows = await connection.execute(
        select(*columns, person.c.name)
        .select_from(decision.outerjoin(person, person.c.id == decision.c.person))
        .where(decision.c.program == program_id)
        .order_by(decision.c.id)
    )
    return [DecisionRecord.model_validate(dict(row)) for row in rows.mappings()]
