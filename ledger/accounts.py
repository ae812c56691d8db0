"""Accounts: members' accounts are locked before any decision about them; a program's own accounts are kept in memory."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Row, String, and_, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.journal import ANSWER
from ledger.requests import Request
from ledger.tables import account, txn

SYSTEM_KINDS = (
    "issuance",
    "redemption",
    "breakage",
    "forfeiture",
    "clawback",
    "loss",
    "transfer",
    "conversion",
    "adjustment",
    "cash_out",
)


class Owner(NamedTuple):
    """The owner of an account, and its currency. Every transaction locks accounts in the order of the sorted owners."""

    program: str
    participant: str
    currency: str


class Locked(NamedTuple):
    """A locked account, and the transaction that the request's key already has, if the request is repeated."""

    id: int
    posted: int
    held: int
    debt: int
    stored: Row[Any] | None


class SystemAccounts:
    """The accounts of a program and currency opposite its members' accounts: they never change, so they are kept in memory."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._known: dict[tuple[str, str], dict[str, int]] = {}

    async def of(self, program: str, currency: str) -> dict[str, int]:
        """The ids by kind: `issuance`, `redemption` and so on."""
        known = self._known.get((program, currency))
        if known is None:
            async with self._engine.begin() as connection:
                known = await _system_accounts(connection, program, currency)
            self._known[program, currency] = known
        return known


async def lock(connection: AsyncConnection, request: Request) -> Locked:
    """Lock the account of a request; create it if it is missing."""
    owner = Owner(request.program, request.participant, request.currency)
    row = (await connection.execute(_LOCK_ONE, {**owner._asdict(), "key": request.key})).one_or_none()
    if row is None:
        await lock_all(connection, [owner])
        row = (await connection.execute(_LOCK_ONE, {**owner._asdict(), "key": request.key})).one()
    return Locked(row.account_id, row.posted, row.held, row.debt, row if row.txn_id is not None else None)


async def lock_all(connection: AsyncConnection, owners: Iterable[Owner]) -> None:
    """Lock the accounts of these owners in their order; create the missing ones."""
    wanted = sorted(set(owners))
    columns: dict[str, Sequence[str]] = dict(zip(Owner._fields, zip(*wanted, strict=True), strict=True))
    arrays = {name: list(values) for name, values in columns.items()}
    found = len((await connection.execute(_LOCK_ALL, arrays)).all())
    if found < len(wanted):
        await connection.execute(insert(account).on_conflict_do_nothing(), [owner._asdict() for owner in wanted])
        await connection.execute(_LOCK_ALL, arrays)


async def lock_program(connection: AsyncConnection, program: str) -> list[int]:
    """Lock every member's account of a program, in the order that every transaction uses; return their ids."""
    mine = (account.c.program == program, account.c.kind == "participant")
    in_order = select(account.c.id).where(*mine).order_by(account.c.participant, account.c.currency)
    return list(await connection.scalars(in_order.with_for_update()))


async def owing(connection: AsyncConnection, accounts: Sequence[int]) -> Sequence[Row[Any]]:
    """Return the accounts with a debt. The ids go in one array, since a statement takes no more than 32,767 parameters."""
    asked = func.unnest(bindparam("ids", list(accounts), type_=ARRAY(BigInteger)))
    return (await connection.execute(select(account).where(account.c.id.in_(select(asked)), account.c.debt > 0))).all()


# This statement reads the key as it takes the lock. It does not see an answer stored while it waited for the lock: then the
# unique key refuses the second transaction, which starts again and sees the answer.
_LOCK_ONE = (
    select(account.c.id.label("account_id"), account.c.posted, account.c.held, account.c.debt, *ANSWER)
    .select_from(account.outerjoin(txn, and_(txn.c.program == account.c.program, txn.c.key == bindparam("key"))))
    .where(*(account.c[name] == bindparam(name) for name in Owner._fields))
    .with_for_update(of=account)
)
_wanted = (
    func.unnest(*(bindparam(name, type_=ARRAY(String)) for name in Owner._fields)).table_valued(*Owner._fields).render_derived()
)
_LOCK_ALL = (
    select(account.c.id)
    .join(_wanted, tuple_(*(account.c[name] for name in Owner._fields)) == tuple_(*(_wanted.c[name] for name in Owner._fields)))
    .order_by(*(account.c[name] for name in Owner._fields))
    .with_for_update(of=account)
)


async def _system_accounts(connection: AsyncConnection, program: str, currency: str) -> dict[str, int]:
    mine = (account.c.program == program, account.c.currency == currency)
    query = select(account.c.kind, account.c.id).where(*mine, account.c.participant.in_([f"@{kind}" for kind in SYSTEM_KINDS]))
    found = {row.kind: row.id for row in await connection.execute(query)}
    if len(found) < len(SYSTEM_KINDS):
        rows = [
            {"program": program, "participant": f"@{kind}", "currency": currency, "kind": kind} for kind in sorted(SYSTEM_KINDS)
        ]
        await connection.execute(insert(account).on_conflict_do_nothing(), rows)
        found = {row.kind: row.id for row in await connection.execute(query)}
    return found
