"""Readiness before a launch as it is kept: every look at a revision, and who has signed which of its items."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from domain.acceptance.readiness import Check, Finding, Signature
from store.tables import readiness_check, readiness_signature


async def keep(connection: AsyncConnection, check: Check) -> None:
    """Keep what a look has found; a repetition changes nothing."""
    results = [finding.model_dump(mode="json") for finding in check.findings]
    values = {"program": check.program, "revision": check.revision, "at": check.at, "ready": check.ready, "results": results}
    await connection.execute(insert(readiness_check).values(values).on_conflict_do_nothing())


async def last_check(connection: AsyncConnection, program: str, revision: int, by: datetime | None = None) -> Check | None:
    """The last look at a revision, or the last one by an instant; None where nobody has looked."""
    query = select(readiness_check.c.at, readiness_check.c.results).where(
        readiness_check.c.program == program, readiness_check.c.revision == revision
    )
    if by is not None:
        query = query.where(readiness_check.c.at <= by)
    row = (await connection.execute(query.order_by(readiness_check.c.at.desc()).limit(1))).one_or_none()
    if row is None:
        return None
    findings = tuple(Finding.model_validate(each) for each in row.results)
    return Check(program=program, revision=revision, at=row.at, findings=findings)


async def signatures(connection: AsyncConnection, program: str, revision: int) -> Mapping[str, Signature]:
    """The signatures that count for a revision, by item."""
    columns = [readiness_signature.c[name] for name in Signature.model_fields]
    rows = await connection.execute(select(*columns).where(*_counts(program, revision)))
    return {row.item: Signature.model_validate(row._mapping) for row in rows}


async def sign(connection: AsyncConnection, program: str, revision: int, signature: Signature) -> Signature:
    """Sign an item of a revision; the signature that counts, which is another one where somebody was faster."""
    values = signature.model_dump() | {"program": program, "revision": revision}
    await connection.execute(insert(readiness_signature).values(values).on_conflict_do_nothing())
    return (await signatures(connection, program, revision))[signature.item]


async def take_back(connection: AsyncConnection, program: str, revision: int, item: str, by: str, at: datetime) -> bool:
    """Have an item's signature count no more; False where there was none."""
    taken = await connection.execute(
        update(readiness_signature)
        .where(*_counts(program, revision), readiness_signature.c.item == item)
        .values(taken_back_by=by, taken_back_at=at)
    )
    return bool(taken.rowcount)


def _counts(program: str, revision: int) -> tuple[ColumnElement[bool], ...]:
    mine = readiness_signature.c.program == program, readiness_signature.c.revision == revision
    return (*mine, readiness_signature.c.taken_back_at.is_(None))
