"""The chain of sealed blocks behind the write path: any change of a sealed row, even by the database's owner, breaks a hash.

A block covers the rows that the ledger wrote since the block before, by their ids; its hash covers that block's hash too.
`seal` makes it later, so that no posting waits for another's hash. The database's owner can recompute the chain from a changed
row on. Against that, note the head of the chain elsewhere, and verify against it.

Which rows may be sealed: ids are not given in the order of commits, and a block must not close before a row of it is committed.
A transaction with an id holds a lock on the id's table, from before it takes the id until its commit is visible. So every row
up to a sequence's last value is decided once all transactions have ended that held such a lock after that value was read. (The
oldest running transaction id is not enough: a statement takes the ids of its rows before it gets its own transaction id.)
"""

import asyncio
import hashlib
import struct
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import Row, Select, TextClause, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.model import Value
from ledger.tables import seal as seals
from ledger.tables import txn

BLOCK = 10_000
"""Rows of a table in one block, at most: one statement hashes them, and a search for a misfit reads them."""
MOST_MISFITS = 100
_FORMAT = 1
"""The version of the selection of rows and columns, and of their hash."""
_LOCK = 0x7365_616C
"""The advisory lock of the sealer: "seal" in ASCII."""
_LOOK_AGAIN = 0.02
_MARK = 8
"""Bytes of a row's hash that are kept, to identify the row of a block that does not fit."""


class Head(Value):
    """The last block of a chain, and its hash in hexadecimal digits: worth noting elsewhere."""

    number: int
    hash: str


class Sealed(Value):
    """The numbers of blocks and rows that were sealed, and the head of the chain now.

    `held_back_by` is the number of open transactions that may still write earlier rows; the unsealed rows wait for them.
    """

    blocks: int
    rows: int
    head: Head | None
    held_back_by: int


class Misfit(Value):
    """A row that differs from its seal (`posting 17`, `lot_move 3/4`, `seal 2`), and the kind of the change."""

    block: int
    row: str
    problem: Literal["changed", "deleted", "inserted"]


class VerifyReport(Value):
    """The numbers of blocks and rows hashed again, the head of the chain, and the misfits, in the order of the chain.

    Verification stops at a seal that does not fit; the first hundred misfits are named. `unsealed` transactions are not in any
    block yet. For a page, `blocks` and `rows` are the page's own, and `next` is the start of the next page (None: this is the
    last one); `chain` is the number of all blocks by now.
    """

    blocks: int
    rows: int
    chain: int
    unsealed: int
    next: Head | None
    head: Head | None
    misfits: tuple[Misfit, ...]
    clean: bool


class _Sequence(NamedTuple):
    """The last ids of the tables with ids: the end of a block."""

    account: int
    txn: int
    posting: int
    lot: int


_BEGINNING = _Sequence(*[-(2**63)] * 4)


class _Part(NamedTuple):
    """The rows of a table in a block: those with `key[0]` among the block's ids of `sequence`; `columns` never change."""

    table: str
    sequence: str
    key: tuple[str, ...]
    columns: str


_PARTS = (
    _Part("account", "account", ("id",), "id, program, participant, currency, kind, recorded_at"),
    _Part(
        "txn",
        "txn",
        ("id",),
        "id, program, key, request_hash, kind, account_id, outcome, points, balance, activity, refusal, detail, details,"
        " reverses, concerns, effective_at, recorded_at",
    ),
    _Part("posting", "posting", ("id",), "id, txn_id, debit_account, credit_account, amount"),
    _Part("lot", "lot", ("id",), "id, account_id, txn_id, amount, earned_at"),
    _Part("lot_move", "txn", ("txn_id", "lot_id"), "txn_id, lot_id, amount"),
    _Part("debt_move", "txn", ("txn_id",), "txn_id, amount"),
    _Part("hold", "txn", ("txn_id",), "txn_id, account_id, points, expires_at"),
    _Part("hold_lot", "txn", ("hold_id", "lot_id"), "hold_id, lot_id, amount"),
    _Part("pending", "txn", ("txn_id",), "txn_id, account_id, points, expires_at, qualifying"),
)


async def seal(engine: AsyncEngine, wait_timeout: timedelta = timedelta(seconds=5)) -> Sealed:
    """Seal all decided rows, after waiting up to `wait_timeout` for open writers. Safe to repeat, and beside another sealer."""
    upto, writing = await _decided(engine, wait_timeout)
    blocks = rows = 0
    while upto is not None:
        sealed = await _seal_block(engine, upto)
        if sealed is None:
            break
        blocks, rows = blocks + 1, rows + sealed
    async with engine.connect() as connection:
        last = await _last(connection)
    return Sealed(blocks=blocks, rows=rows, head=_head(last) if last else None, held_back_by=writing)


async def verify(
    engine: AsyncEngine, noted: Head | None = None, after: Head | None = None, most: int | None = None
) -> VerifyReport:
    """Hash every sealed row again, and name the rows that differ; `noted` is a head that the chain must still have.

    Block by block, in one snapshot of the database; no posting waits for it. `most` limits the number of blocks. With `after`,
    it begins behind that block, which must still be as the page before found it.
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        latest = await _last(connection)
        start = await _block(connection, after.number) if after else None
        misfits = _unlike(after, start) if after else []
        page = _Page(0, 0, start, goes_on=False, misfits=misfits) if misfits else await _page(connection, start, noted, most)
        unsealed = await connection.scalar(select(func.count()).where(txn.c.id > _upto(latest).txn))
    head = _head(page.last) if page.last else None
    return VerifyReport(
        blocks=page.blocks,
        rows=page.rows,
        chain=latest.number if latest else 0,
        unsealed=unsealed or 0,
        next=head if page.goes_on else None,
        head=head,
        misfits=tuple(page.misfits[:MOST_MISFITS]),
        clean=not page.misfits,
    )


class _Page(NamedTuple):
    """The result of some blocks of the chain, the last of them, and whether more blocks follow."""

    blocks: int
    rows: int
    last: Row[Any] | None
    goes_on: bool
    misfits: list[Misfit]


async def _page(connection: AsyncConnection, last: Row[Any] | None, noted: Head | None, most: int | None) -> _Page:
    """Hash the blocks behind the last one again, at most `most` of them."""
    # A page ends at its number of blocks, or at a seal that does not fit (no hash behind it proves anything). A block with
    # changed rows does not end it, since its seal is sound. A noted head beyond the chain's end means that seals were deleted.
    blocks = rows = 0
    misfits: list[Misfit] = []
    async for block in _chain(connection, last):
        if blocks == most:
            return _Page(blocks, rows, last, goes_on=True, misfits=misfits)
        broken = _broken(last, block, noted)
        if broken:
            return _Page(blocks, rows, last, goes_on=False, misfits=[*misfits, broken])
        hashed, content = await _content(connection, _upto(last), _upto(block))
        if (hashed, content) != (block.rows, block.content):
            misfits += await _compare(connection, last, block)
        blocks, rows, last = blocks + 1, rows + hashed, block
    end = last.number if last else 0
    if noted and noted.number > end:
        misfits.append(Misfit(block=end + 1, row=f"seal {end + 1}", problem="deleted"))
    return _Page(blocks, rows, last, goes_on=False, misfits=misfits)


async def _decided(engine: AsyncEngine, wait_timeout: timedelta) -> tuple[_Sequence | None, int]:
    """Return the last ids up to which no row can be added any more (None: undecided), and the number of writers still open."""
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with autocommit.connect() as connection:
        upto = _Sequence(*(await connection.execute(_LAST_IDS)).one())
        writing = set(await connection.scalars(_WRITING))
        until = asyncio.get_running_loop().time() + wait_timeout.total_seconds()
        while writing and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_LOOK_AGAIN)
            writing &= set(await connection.scalars(_WRITING))
    return (None if writing else upto), len(writing)


async def _seal_block(engine: AsyncEngine, upto: _Sequence) -> int | None:
    """Seal one block of the rows up to these ids; return its number of rows, or None if no rows are left."""
    async with engine.begin() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        last = await _last(connection)
        after = _upto(last)
        ends = (await connection.execute(_ENDS, _bounds(after, upto))).one()
        if not any(ends):
            return None
        end = _Sequence(*(new or old for new, old in zip(ends, after, strict=True)))
        parts = [(await connection.execute(_MARKED[part], _bounds(after, end))).one() for part in _PARTS]
        rows: int = sum(part.rows for part in parts)
        block = {
            "number": last.number + 1 if last else 1,
            "format": _FORMAT,
            **{f"last_{name}": value for name, value in end._asdict().items()},
            "rows": rows,
            "content": _digest(*(part.content for part in parts)),
            "previous": last.hash if last else bytes(32),
            "recorded_at": (await connection.execute(select(func.now()))).scalar_one(),
        }
        marks = b"".join(struct.pack(">q", part.rows) + part.marks for part in parts)
        digest = _block_hash(marks_digest=_digest(marks), **block)
        await connection.execute(insert(seals).values(**block, marks=marks, hash=digest))
        return rows


def _block_hash(
    *,
    number: int,
    format: int,
    rows: int,
    content: bytes,
    previous: bytes,
    recorded_at: datetime,
    marks_digest: bytes,
    **last: int,
) -> bytes:
    at = (recorded_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    numbers = struct.pack(">8q", number, format, rows, at, *(last[f"last_{name}"] for name in _Sequence._fields))
    return _digest(previous, numbers, content, marks_digest)


def _broken(last: Row[Any] | None, block: Row[Any], noted: Head | None) -> Misfit | None:
    """Return the misfit of a seal that follows the last one, or None if it is sound."""
    number = last.number + 1 if last else 1
    if block.number != number:
        return Misfit(block=number, row=f"seal {number}", problem="deleted")
    sound = block.previous == (last.hash if last else bytes(32)) and _is_sound(block)
    if not sound or (noted and noted.number == number and noted != _head(block)):
        return Misfit(block=number, row=f"seal {number}", problem="changed")
    return None


def _is_sound(block: Row[Any]) -> bool:
    """Whether a seal's hash is that of its other columns."""
    columns = {name: value for name, value in block._mapping.items() if name != "hash"}
    return bool(block.hash == _block_hash(**columns))


def _unlike(after: Head, block: Row[Any] | None) -> list[Misfit]:
    """Return the misfit of the block that an earlier page ended with, if there is one."""
    if block is None:
        return [Misfit(block=after.number, row=f"seal {after.number}", problem="deleted")]
    if _head(block) == after and _is_sound(block):
        return []
    return [Misfit(block=after.number, row=f"seal {after.number}", problem="changed")]


async def _compare(connection: AsyncConnection, last: Row[Any] | None, block: Row[Any]) -> list[Misfit]:
    """Return the rows of a block that differ from those sealed, by the marks that the seal keeps."""
    sealed = (await connection.execute(select(seals.c.marks).where(seals.c.number == block.number))).scalar_one()
    misfits, at = [], 0
    for part in _PARTS:
        (rows,) = struct.unpack_from(">q", sealed, at)
        size = rows * (8 * len(part.key) + _MARK)
        before = dict(_marks(part, sealed[at + 8 : at + 8 + size]))
        at += 8 + size
        now = dict(_marks(part, (await connection.execute(_MARKED[part], _bounds(_upto(last), _upto(block)))).one().marks))
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                problem: Any = "changed" if key in before and key in now else "deleted" if key in before else "inserted"
                row = f"{part.table} {'/'.join(map(str, key))}"
                misfits.append(Misfit(block=block.number, row=row, problem=problem))
    return misfits or [Misfit(block=block.number, row="one that cannot be told", problem="changed")]


def _marks(part: _Part, marks: bytes) -> Iterator[tuple[tuple[int, ...], bytes]]:
    for *key, mark in struct.iter_unpack(f">{len(part.key)}q{_MARK}s", marks):
        yield tuple(key), mark


_COLUMNS = [*(column for column in seals.c if column.name != "marks"), func.sha256(seals.c.marks).label("marks_digest")]
"""A seal with the digest of its marks, which its hash covers, in place of the marks themselves, which are long."""


async def _chain(connection: AsyncConnection, after: Row[Any] | None) -> AsyncIterator[Row[Any]]:
    """Yield the seals in order, from the one behind `after` if it is given."""
    number = after.number if after else -(2**63)
    while True:
        query: Select[Any] = select(*_COLUMNS).where(seals.c.number > number)
        page = (await connection.execute(query.order_by(seals.c.number).limit(100))).all()
        if not page:
            return
        for row in page:
            yield row
        number = page[-1].number


async def _block(connection: AsyncConnection, number: int) -> Row[Any] | None:
    return (await connection.execute(select(*_COLUMNS).where(seals.c.number == number))).one_or_none()


async def _content(connection: AsyncConnection, after: _Sequence, upto: _Sequence) -> tuple[int, bytes]:
    """Return the number of a block's rows, and the hash of them all."""
    parts = (await connection.execute(_HASHED, _bounds(after, upto))).all()
    return sum(part.rows for part in parts), _digest(*(part.content for part in parts))


async def _last(connection: AsyncConnection) -> Row[Any] | None:
    columns = [column for column in seals.c if column.name != "marks"]
    return (await connection.execute(select(*columns).order_by(seals.c.number.desc()).limit(1))).one_or_none()


def _upto(block: Row[Any] | None) -> _Sequence:
    return _Sequence(*(getattr(block, f"last_{name}") for name in _Sequence._fields)) if block else _BEGINNING


def _head(block: Row[Any]) -> Head:
    return Head(number=block.number, hash=block.hash.hex())


def _bounds(after: _Sequence, upto: _Sequence) -> dict[str, int]:
    return {f"after_{name}": value for name, value in after._asdict().items()} | {
        f"upto_{name}": value for name, value in upto._asdict().items()
    }


def _digest(*pieces: bytes) -> bytes:
    return hashlib.sha256(b"".join(pieces)).digest()


# The binary form of a row contains the type and the length of each column, so two different rows never have the same form.
def _rows(part: _Part) -> str:
    key = part.key[0]
    return (
        f"SELECT {', '.join(part.key)}, sha256(record_send(ROW({part.columns}))) AS digest FROM ledger.{part.table}"  # noqa: S608
        f" WHERE {key} > CAST(:after_{part.sequence} AS bigint) AND {key} <= CAST(:upto_{part.sequence} AS bigint) OFFSET 0"
    )


def _hashed(part: _Part, place: int) -> str:
    order = ", ".join(part.key)
    return (
        f"SELECT {place} AS place, count(*) AS rows,"  # noqa: S608
        f" sha256(coalesce(string_agg(digest, CAST('' AS bytea) ORDER BY {order}), '')) AS content FROM ({_rows(part)}) AS row"
    )


def _marked(part: _Part) -> TextClause:
    order, key = ", ".join(part.key), " || ".join(f"int8send({name})" for name in part.key)
    mark = f"string_agg({key} || substr(digest, 1, {_MARK}), CAST('' AS bytea) ORDER BY {order})"
    return text(
        f"SELECT count(*) AS rows, coalesce({mark}, '') AS marks,"  # noqa: S608
        f" sha256(coalesce(string_agg(digest, CAST('' AS bytea) ORDER BY {order}), '')) AS content FROM ({_rows(part)}) AS row"
    )


def _end(table: str) -> str:
    some = f"SELECT id FROM ledger.{table} WHERE id > CAST(:after_{table} AS bigint) AND id <= CAST(:upto_{table} AS bigint)"  # noqa: S608
    return f"(SELECT max(id) FROM ({some} ORDER BY id LIMIT {BLOCK}) AS next)"  # noqa: S608


_HASHED = text(" UNION ALL ".join(_hashed(part, place) for place, part in enumerate(_PARTS)) + " ORDER BY place")
_MARKED = {part: _marked(part) for part in _PARTS}

_LAST_IDS = text(
    "SELECT " + ", ".join(f"coalesce(pg_sequence_last_value('ledger.{name}_id_seq'), 0)" for name in _Sequence._fields)
)
_WRITING = text(
    f"""
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation IN ({", ".join(f"CAST('ledger.{name}' AS regclass)" for name in _Sequence._fields)})
"""  # noqa: S608
)
_ENDS = text("SELECT " + ", ".join(map(_end, _Sequence._fields)))
