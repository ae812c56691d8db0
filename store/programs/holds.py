"""What was stopped of programs, and by whom: written at once by who stops it, lifted by the program's lifecycle.

The truth about a stop lies here, and not in the lifecycle's workflow: the doors (joining, earning, redeeming) look here each
time, so that a halt shuts them with its own transaction, though no worker runs and whatever the lifecycle is busy with. The
workflow is told by the outbox in that same transaction, and reads what stands (`activities/programs/holds.py`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.programs.holds import Capability, Kind, ProgramHold
from store.errors import ProgramUnknown
from store.tables import program, program_hold

_COLUMNS = [program_hold.c[name] for name in ProgramHold.model_fields]


async def lock(connection: AsyncConnection, program_id: str) -> None:
    """One at a time stops a program or lets it go on. Raises ProgramUnknown."""
    mine = select(program.c.id).where(program.c.id == program_id).with_for_update(key_share=True)
    if await connection.scalar(mine) is None:
        raise ProgramUnknown(program_id)


async def begin(
    connection: AsyncConnection,
    program_id: str,
    kind: Kind,
    stops: Sequence[Capability],
    reason: str,
    by: str,
    at: datetime,
    key: str,
) -> ProgramHold:
    """Write that something is stopped from an instant on."""
    row = {"program": program_id, "kind": kind, "stops": list(stops), "reason": reason, "begun_by": by, "since": at, "key": key}
    return _hold((await connection.execute(insert(program_hold).values(row).returning(*_COLUMNS))).mappings().one())


async def lift(connection: AsyncConnection, hold: ProgramHold, by: str, reason: str, at: datetime, key: str) -> ProgramHold:
    """Write that a hold is over from an instant on, which is never before it began."""
    values = {"until": max(at, hold.since), "lifted_by": by, "lifted_why": reason, "lifted_key": key}
    lifted = update(program_hold).where(program_hold.c.id == hold.id, program_hold.c.until.is_(None)).values(values)
    return _hold((await connection.execute(lifted.returning(*_COLUMNS))).mappings().one())


async def begun_by_key(connection: AsyncConnection, program_id: str, key: str) -> ProgramHold | None:
    """The hold that this very request began before, where its answer was lost on the way."""
    return await _one(connection, program_hold.c.program == program_id, program_hold.c.key == key)


async def lifted_by_key(connection: AsyncConnection, program_id: str, key: str) -> ProgramHold | None:
    """The hold that this very request lifted before."""
    return await _one(connection, program_hold.c.program == program_id, program_hold.c.lifted_key == key)


async def of_program(
    connection: AsyncConnection, program_id: str, after: int = 0, limit: int | None = None
) -> Sequence[ProgramHold]:
    """A program's holds, standing and lifted, in the order in which they began, from the one after `after` on."""
    mine = select(*_COLUMNS).where(program_hold.c.program == program_id, program_hold.c.id > after)
    rows = await connection.execute(mine.order_by(program_hold.c.id).limit(limit))
    return [_hold(row) for row in rows.mappings()]


async def _one(connection: AsyncConnection, *where: Any) -> ProgramHold | None:
    row = (await connection.execute(select(*_COLUMNS).where(*where))).mappings().one_or_none()
    return _hold(row) if row is not None else None


def _hold(row: Any) -> ProgramHold:
    return ProgramHold.model_validate(dict(row))
