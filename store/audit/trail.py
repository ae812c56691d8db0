"""The audit trail: facts are appended to their program's chain, listed page by page, and verified.

The application's role can append and nothing else. A trigger moves the chain's head (`store.audit_head`) in the name of the
tables' owner and refuses an entry that does not follow upon it. Who owns the database can make a chain anew from the entry that
he changed: against that, note the head of the chain somewhere else, and verify against it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.audit.chain import AuditEntry, AuditHead, AuditMisfit, Fact, entered, head_of, problem_of
from domain.model import Message
from store.tables import audit, audit_head

_LOCK = 0x6175_6474
"""The advisory locks of those who append: "audt" in ASCII, and with it the program."""
_PAGE = 500
_HEXED = ("previous", "hash")


class AuditVerification(Message):
    """What was found in a page of a chain: how many entries were hashed again, and the first that does not fit (None: all do).

    `total` is the number of entries that the chain has by now, `head` the last that was looked at and is sound, `next` where
    the page after this one goes on (None: there is nothing more to look at).
    """

    entries: int
    total: int
    head: AuditHead | None
    next: AuditHead | None
    misfit: AuditMisfit | None
    sound: bool


async def append(connection: AsyncConnection, fact: Fact) -> AuditEntry:
    """Write a fact behind the head of its program's chain. One whose key the chain has already is not written again: what was
    written first is returned.

    Until the transaction ends nobody else can append to this chain: append last.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(fact.program))))
    # In a statement of its own, which sees what whoever held the lock before has written.
    if fact.key is not None and (known := await find(connection, fact.program, fact.key)) is not None:
        return known
    now = select(func.clock_timestamp().label("now")).subquery()
    behind = select(now.c.now, audit_head.c.number, audit_head.c.hash)
    of_program = audit_head.c.program == fact.program
    row = (await connection.execute(behind.select_from(now.outerjoin(audit_head, of_program)))).one()
    entry = entered(fact, _head(row), row.now)
    hashes = {name: bytes.fromhex(getattr(entry, name)) for name in _HEXED}
    await connection.execute(insert(audit).values(entry.model_dump() | hashes))
    return entry


async def find(connection: AsyncConnection, program: str, key: str) -> AuditEntry | None:
    """The entry that was written under a key."""
    row = (await connection.execute(select(audit).where(audit.c.program == program, audit.c.key == key))).one_or_none()
    return _entry(row) if row is not None else None


async def listed(
    connection: AsyncConnection, program: str, *, after: int = 0, limit: int, about: str | None = None
) -> Sequence[AuditEntry]:
    """The entries behind the one numbered `after`, the newest last; `about` leaves those about one gate, revision or key."""
    query = _behind(program, after).limit(limit)
    if about is not None:
        query = query.where(audit.c.about == about)
    return [_entry(row) for row in await connection.execute(query)]


async def head(connection: AsyncConnection, program: str) -> AuditHead | None:
    """The head of a program's chain, or None where nothing was written yet."""
    row = (await connection.execute(select(audit_head).where(audit_head.c.program == program))).one_or_none()
    return _head(row) if row is not None else None


async def verify(
    engine: AsyncEngine,
    program: str,
    *,
    noted: AuditHead | None = None,
    after: AuditHead | None = None,
    most: int | None = None,
) -> AuditVerification:
    """Hash every entry again, in one snapshot of the database, and name the first that is not what was written.

    With `most`, no more entries than that; with `after`, from the entry behind that one on, which must still be what the page
    before has found. `noted` is a head that the chain must still have.
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return await verify_within(connection, program, noted=noted, after=after, most=most)


async def verify_within(
    connection: AsyncConnection,
    program: str,
    *,
    noted: AuditHead | None = None,
    after: AuditHead | None = None,
    most: int | None = None,
) -> AuditVerification:
    """`verify` in a transaction that sees one snapshot, beside what else is read in it."""
    newest = await head(connection, program)
    last, looked_at, misfit = after, 0, await _unlike(connection, program, after)
    ended = False
    while misfit is None and not ended and (most is None or looked_at < most):
        size = _PAGE if most is None else min(_PAGE, most - looked_at)
        rows = (await connection.execute(_behind(program, last.number if last else 0).limit(size))).all()
        ended = len(rows) < size
        for entry in map(_entry, rows):
            misfit = problem_of(last, entry) or _against(entry, noted, newest)
            if misfit is not None:
                break
            last, looked_at = head_of(entry), looked_at + 1
    if misfit is None and ended:
        misfit = _cut_off(last, noted, newest)
    return AuditVerification(
        entries=looked_at,
        total=newest.number if newest else 0,
        head=last,
        next=last if misfit is None and not ended else None,
        misfit=misfit,
        sound=misfit is None,
    )


def _against(entry: AuditEntry, noted: AuditHead | None, newest: AuditHead | None) -> AuditMisfit | None:
    """What is wrong with an entry that fits into its chain, by the heads that are known from elsewhere."""
    if newest is None or entry.number > newest.number:
        return AuditMisfit(number=entry.number, problem="inserted")
    if any(known is not None and known.number == entry.number and known != head_of(entry) for known in (noted, newest)):
        return AuditMisfit(number=entry.number, problem="changed")
    return None


def _cut_off(last: AuditHead | None, noted: AuditHead | None, newest: AuditHead | None) -> AuditMisfit | None:
    """Whether the chain ends before a head that it has had."""
    end = last.number if last else 0
    if any(known is not None and known.number > end for known in (noted, newest)):
        return AuditMisfit(number=end + 1, problem="missing")
    return None


async def _unlike(connection: AsyncConnection, program: str, after: AuditHead | None) -> AuditMisfit | None:
    """What is wrong with the entry that an earlier page ended with."""
    if after is None:
        return None
    row = (await connection.execute(_behind(program, after.number - 1).limit(1))).one_or_none()
    if row is None or row.number != after.number:
        return AuditMisfit(number=after.number, problem="missing")
    return None if head_of(_entry(row)) == after else AuditMisfit(number=after.number, problem="changed")


def _head(row: Any) -> AuditHead | None:
    return AuditHead(number=row.number, hash=row.hash.hex()) if row.number is not None else None


def _behind(program: str, number: int) -> Select[Any]:
    return select(audit).where(audit.c.program == program, audit.c.number > number).order_by(audit.c.number)


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry.model_validate(dict(row._mapping) | {name: row._mapping[name].hex() for name in _HEXED})
