"""Gates, and the decisions of the audit trail: what waits for whom, and who decided what."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit.chain import Fact
from domain.gates.opening import lacking
from domain.gates.state import Decision, GateState, Refusal, VoteChoice
from domain.identity.roles import Role
from domain.model import Message
from store import tables
from store.audit import trail as audit
from store.errors import GateUnknown
from store.identity import people
from store.tables import gate, gate_answer, person


class GateAnswer(Message):
    """What became of a decision at a gate: the gate after it, or why it did not count; neither while it is open."""

    state: GateState | None = None
    refusal: Refusal | None = None

    @property
    def is_open(self) -> bool:
        return self.state is None and self.refusal is None


class DecisionRecord(Message):
    """A vote, as it stands in the audit trail; `refusal` is the code of why it did not count, None where it did."""

    gate: str
    program: str
    person: str
    name: str | None
    role: Role | None
    on_behalf_of: str | None
    answer: VoteChoice
    reason: str
    digest: str
    refusal: str | None
    at: datetime
    recorded_at: datetime


async def save(connection: AsyncConnection, state: GateState) -> None:
    """Write where a gate stands; a decided gate stays as it was decided."""
    columns = {"outcome": state.outcome, "decided_at": state.decided_at, "state": state.model_dump(mode="json")}
    opened = {"program": state.subject.program, "gate": state.gate, "opened_at": state.opened_at, "due": state.due}
    await connection.execute(
        insert(gate)
        .values(id=state.id, **opened, **columns)
        .on_conflict_do_update(index_elements=["id"], set_=columns, where=gate.c.outcome.is_(None))
    )


async def latest(connection: AsyncConnection, state: GateState) -> GateState:
    """The gate as its workflow knows it, or as it was written where that is ahead; locked until the transaction ends.

    It is ahead where an activity has written and died before its workflow heard of it. Raises GateUnknown.
    """
    written = await connection.scalar(select(gate.c.state).where(gate.c.id == state.id).with_for_update(key_share=True))
    if written is None:
        raise GateUnknown(state.id)
    stored = GateState.model_validate(written)
    return stored if _progress(stored) != _progress(state) else state


async def record(
    connection: AsyncConnection, state: GateState, made: Decision, role: Role | None, at: datetime, refusal: str | None
) -> None:
    """Append a decision to the audit trail; one that counted, written again, changes nothing."""
    mandate = made.on_behalf_of
    fact = Fact(
        program=state.subject.program,
        at=at,
        action="vote",
        actor=made.person.id,
        role=role,
        on_behalf_of=mandate.giver if mandate else None,
        about=state.id,
        key=None if refusal else f"{state.id}/{made.person.id}/{made.key}",
        refusal=refusal,
        details={"answer": made.answer, "reason": made.reason, "digest": made.digest, "key": made.key}
        | ({"delegation": mandate.delegation} if mandate else {}),
    )
    await audit.append(connection, fact)


async def expect_answer(connection: AsyncConnection, gate_id: str, person_id: str, key: str) -> None:
    """Note that a decision is handed to a gate; what became of one that was handed to it before stays as it is."""
    await connection.execute(insert(gate_answer).values(gate=gate_id, person=person_id, key=key).on_conflict_do_nothing())


async def keep_answer(connection: AsyncConnection, gate_id: str, person_id: str, key: str, answer: GateAnswer) -> None:
    """Note what became of a decision; the first answer stays."""
    values = answer.model_dump(mode="json")
    is_open = gate_answer.c.refusal.is_(None) & gate_answer.c.state.is_(None)
    await connection.execute(
        insert(gate_answer)
        .values(gate=gate_id, person=person_id, key=key, **values)
        .on_conflict_do_update(constraint="gate_answer_pkey", set_=values, where=is_open)
    )


async def answer_to(connection: AsyncConnection, gate_id: str, person_id: str, key: str) -> GateAnswer | None:
    """What became of a person's decision under this key; None where no gate was handed such a one."""
    mine = (gate_answer.c.gate == gate_id) & (gate_answer.c.person == person_id) & (gate_answer.c.key == key)
    row = (await connection.execute(select(gate_answer.c.state, gate_answer.c.refusal).where(mine))).one_or_none()
    return GateAnswer(state=row.state, refusal=row.refusal) if row is not None else None


async def find_with_answer(
    connection: AsyncConnection, gate_id: str, person_id: str, key: str
) -> tuple[GateState, GateAnswer | None]:
    """The gate by its id, and what became of a person's decision there under this key. Raises GateUnknown."""
    mine = (gate_answer.c.gate == gate.c.id) & (gate_answer.c.person == person_id) & (gate_answer.c.key == key)
    columns = (gate.c.state, gate_answer.c.key, gate_answer.c.state.label("after"), gate_answer.c.refusal)
    found = select(*columns).select_from(gate.outerjoin(gate_answer, mine)).where(gate.c.id == gate_id)
    row = (await connection.execute(found)).one_or_none()
    if row is None:
        raise GateUnknown(gate_id)
    answer = GateAnswer(state=row.after, refusal=row.refusal) if row.key is not None else None
    return GateState.model_validate(row.state), answer


async def find(connection: AsyncConnection, gate_id: str) -> GateState:
    """The gate by its id. Raises GateUnknown."""
    state = await connection.scalar(select(gate.c.state).where(gate.c.id == gate_id))
    if state is None:
        raise GateUnknown(gate_id)
    return GateState.model_validate(state)


async def listed(
    connection: AsyncConnection,
    program_id: str | None,
    *,
    open_only: bool,
    after: tuple[datetime, str] | None = None,
    limit: int | None = None,
    among: Collection[str] | None = None,
) -> Sequence[GateState]:
    """Gates, oldest first: of one program, of those `among`, or of all; open ones or all.

    `after` is the opening and the id of the gate before.
    """
    query = select(gate.c.state).order_by(gate.c.opened_at, gate.c.id).limit(limit)
    if after is not None:
        opened_at, id_ = after
        query = query.where((gate.c.opened_at > opened_at) | ((gate.c.opened_at == opened_at) & (gate.c.id > id_)))
    if program_id is not None:
        query = query.where(gate.c.program == program_id)
    if among is not None:
        query = query.where(gate.c.program.in_(among))
    if open_only:
        query = query.where(gate.c.outcome.is_(None))
    return [GateState.model_validate(state) for state in await connection.scalars(query)]


async def beyond_reach(
    connection: AsyncConnection, program_id: str | None = None
) -> Sequence[tuple[GateState, dict[Role, int]]]:
    """Open gates, of one program or of all, that nobody left in the directory could meet, and whom they lack."""
    found = []
    for state in await listed(connection, program_id, open_only=True):
        known = await people.directory(connection, state.subject.program)
        if missing := lacking(state.policy, known, state.excluded, state.votes):
            found.append((state, missing))
    return found


async def decisions(connection: AsyncConnection, program_id: str) -> Sequence[DecisionRecord]:
    """Every decision at the program's gates, refused ones too, in the order in which they were written; not what was forged."""
    trail, columns = tables.audit, tables.audit.c
    rows = await connection.execute(
        select(
            columns.about.label("gate"),
            columns.actor.label("person"),
            *(columns[name] for name in ("program", "role", "on_behalf_of", "refusal", "at", "recorded_at")),
            *(columns.details[name].astext.label(name) for name in ("answer", "reason", "digest")),
            person.c.name,
        )
        .select_from(trail.outerjoin(person, person.c.id == columns.actor))
        .where(columns.program == program_id, columns.action == "vote", columns.details.has_key("answer"))
        .order_by(columns.number)
    )
    return [DecisionRecord.model_validate(dict(row)) for row in rows.mappings()]


def _progress(state: GateState) -> tuple[object, ...]:
    """What grows with all that happens at a gate."""
    return state.round, len(state.keys), state.reminded, state.escalated, state.outcome
