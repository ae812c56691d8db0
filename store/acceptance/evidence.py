"""The evidence that decisions rest on: prototype runs and test results."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from store.tables import prototype_run, test_result


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
