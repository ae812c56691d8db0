"""What somebody has decided at gates, themselves or through a delegate, from the audit trail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gates.state import Outcome, VoteChoice
from domain.identity.roles import Role
from domain.model import Message
from store.tables import audit, gate

Place = tuple[datetime, str, int]
"""Where a decision stands among all: when it was written, and its entry."""


class Decided(Message):
    """A decision that counted: by whom and for whom, and what has become of the gate by now.

    `program` and `entry` are where it stands in the audit trail.
    """

    gate: str
    title: str
    person: str
    on_behalf_of: str | None
    role: Role | None
    answer: VoteChoice
    reason: str
    digest: str
    at: datetime
    outcome: Outcome | None
    decided_at: datetime | None
    program: str
    entry: int
    recorded_at: datetime

    @property
    def place(self) -> Place:
        return self.recorded_at, self.program, self.entry


async def decided_by(connection: AsyncConnection, person: str, *, before: Place | None = None, limit: int) -> Sequence[Decided]:
    """What somebody has decided, or another for them, the latest first; `before` leaves what is older than that."""
    columns = (
        gate.c.id.label("gate"),
        gate.c.state["subject"]["title"].astext.label("title"),
        audit.c.actor.label("person"),
        *(audit.c[name] for name in ("on_behalf_of", "role", "at", "program", "recorded_at")),
        *(audit.c.details[name].astext.label(name) for name in ("answer", "reason", "digest")),
        gate.c.outcome,
        gate.c.decided_at,
        audit.c.number.label("entry"),
    )
    query = _of(select(*columns), person).order_by(audit.c.recorded_at.desc(), audit.c.program.desc(), audit.c.number.desc())
    if before is not None:
        query = query.where(tuple_(audit.c.recorded_at, audit.c.program, audit.c.number) < before)
    return [Decided.model_validate(dict(row)) for row in (await connection.execute(query.limit(limit))).mappings()]


async def count_decided_by(connection: AsyncConnection, person: str) -> int:
    """How much somebody has decided, or another for them."""
    return await connection.scalar(_of(select(func.count()), person)) or 0


def _of(query: Select[Any], person: str) -> Select[Any]:
    mine = or_(audit.c.actor == person, audit.c.on_behalf_of == person)
    counted = (audit.c.action == "vote") & audit.c.refusal.is_(None)
    return query.select_from(audit.join(gate, gate.c.id == audit.c.about)).where(mine, counted)
