"""The evaluations of a program, with their verdicts."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.evaluation.kpis import Verdict
from domain.model import Message
from store.tables import evaluation


class EvaluationRecord(Message):
    id: str
    consequence: str
    verdict: Verdict
    at: datetime


async def keep_evaluation(connection: AsyncConnection, program: str, record: EvaluationRecord) -> bool:
    """Keep a verdict; a repetition changes nothing. True where it was new."""
    values = {
        "id": record.id,
        "consequence": record.consequence,
        "verdict": record.verdict.model_dump(mode="json"),
        "at": record.at,
    }
    written = await connection.execute(insert(evaluation).values(program=program, **values).on_conflict_do_nothing())
    return bool(written.rowcount)


async def listed(
    connection: AsyncConnection, program: str, *, after: tuple[datetime, str] | None = None, latest: int | None = None
) -> Sequence[EvaluationRecord]:
    """The program's evaluations, newest first; `after` is the instant and the id of the one before."""
    columns = [evaluation.c[name] for name in EvaluationRecord.model_fields]
    query = select(*columns).where(evaluation.c.program == program)
    if after is not None:
        at, id_ = after
        query = query.where(or_(evaluation.c.at < at, and_(evaluation.c.at == at, evaluation.c.id > id_)))
    rows = await connection.execute(query.order_by(evaluation.c.at.desc(), evaluation.c.id).limit(latest))
    return [EvaluationRecord.model_validate(dict(row)) for row in rows.mappings()]


async def verdicts_before(connection: AsyncConnection, program: str, at: datetime, latest: int) -> Sequence[Verdict]:
    """The last verdicts as of instants before this one, newest first: what a trend is told against."""
    rows = await connection.scalars(
        select(evaluation.c.verdict)
        .where(evaluation.c.program == program, evaluation.c.at < at)
        .order_by(evaluation.c.at.desc(), evaluation.c.id)
        .limit(latest)
    )
    return [Verdict.model_validate(row) for row in rows]


async def find_evaluation(connection: AsyncConnection, evaluation_id: str) -> EvaluationRecord | None:
    columns = [evaluation.c[name] for name in EvaluationRecord.model_fields]
    row = (await connection.execute(select(*columns).where(evaluation.c.id == evaluation_id))).mappings().one_or_none()
    return EvaluationRecord.model_validate(dict(row)) if row is not None else None
