"""The evidence that decisions rest on: prototype runs, test results, evaluations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.evaluation.kpis import Verdict
from domain.model import Message
from store.tables import evaluation, prototype_run, test_result


class PrototypeRecord(Message):
    revision: int
    log: str
    passed: bool
    result: dict[str, Any]
    at: datetime


class TestRecord(Message):
    """How one attempt at a test phase of a revision ended, and the evidence that it has left; attempts count from 1."""

    revision: int
    phase: str
    attempt: int = 1
    kind: str
    passed: bool
    evidence: dict[str, Any]
    at: datetime


class EvaluationRecord(Message):
    id: str
    consequence: str
    verdict: Verdict
    at: datetime


async def keep_prototype(connection: AsyncConnection, program: str, run: PrototypeRecord) -> None:
    """Keep a prototype's figures; a repetition replaces them by the same ones."""
    values = run.model_dump(mode="python")
    statement = insert(prototype_run).values(program=program, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["program", "revision"], set_=values))


async def keep_test(connection: AsyncConnection, program: str, result: TestRecord) -> None:
    """Keep how an attempt at a test phase ended; a repetition changes nothing."""
    await connection.execute(
        insert(test_result).values(program=program, **result.model_dump(mode="python")).on_conflict_do_nothing()
    )


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


async def prototypes(connection: AsyncConnection, program: str) -> Sequence[PrototypeRecord]:
    columns = [prototype_run.c[name] for name in PrototypeRecord.model_fields]
    rows = await connection.execute(
        select(*columns).where(prototype_run.c.program == program).order_by(prototype_run.c.revision)
    )
    return [PrototypeRecord.model_validate(dict(row)) for row in rows.mappings()]


async def tests(connection: AsyncConnection, program: str) -> Sequence[TestRecord]:
    columns = [test_result.c[name] for name in TestRecord.model_fields]
    rows = await connection.execute(
        select(*columns).where(test_result.c.program == program).order_by(test_result.c.at, test_result.c.attempt)
    )
    return [TestRecord.model_validate(dict(row)) for row in rows.mappings()]


async def evaluations(
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
