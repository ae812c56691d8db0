"""What happened in a window, over all members at once: one pass over what took effect in it, member by member.

What came before the window is never read: what was outstanding at its end is what is there now, less what came later.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.evaluation.figures import Spread
from domain.model import Value

_MEMORY = text("SET LOCAL work_mem = '256MB'")
"""For a pass over millions of rows: with the few megabytes of every day, joins and groups go to the disk in many parts."""


class WindowFigures(Value):
    """What happened in a window; `outstanding` is at its end, and `changed` is what it changed by.

    Active: had an activity; redeemed: had a burn or a capture. `spread` is how the points lie over those who had any; None
    over several currencies, whose points are not the same.
    """

    issued: int
    burned: int
    expired: int
    forfeited: int
    changed: int
    active_members: int
    members_redeemed: int
    outstanding: int
    spread: Spread | None = None


async def window_figures(
    engine: AsyncEngine, program: str, since: datetime, until: datetime, currency: str | None = None
) -> WindowFigures:
    """What happened to a program's points in (since, until], by when it took effect, in one of its currencies or in all.

    Who was active and who redeemed is counted over all currencies. All of it is of one moment of the database.
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        await connection.execute(_MEMORY)
        own = (await connection.execute(_OWN, {"program": program})).all()
        currencies = {row.currency for row in own}
        asked = {row.currency for row in own if currency in (None, row.currency)}
        parameters = {
            "program": program,
            "since": since,
            "until": until,
            "currencies": sorted(asked),
            **{kind: [row.id for row in own if row.kind == kind and row.currency in asked] for kind in _KINDS},
            "own": [row.id for row in own if row.currency in asked],
        }
        found = await _moved(connection, parameters, only=asked < currencies, several=len(currencies) > 1)
        now = await connection.scalar(_OUTSTANDING_NOW, parameters)
        later = await connection.scalar(_CHANGED_LATER, parameters) if await connection.scalar(_ANY_LATER, parameters) else 0
    spread = Spread.model_validate({name: found.pop(name) for name in Spread.model_fields})
    outstanding = int(now or 0) - int(later or 0)
    return WindowFigures.model_validate(found | {"outstanding": outstanding, "spread": spread if len(asked) == 1 else None})


async def _moved(
    connection: AsyncConnection, parameters: dict[str, object], *, only: bool, several: bool
) -> dict[str, float | int]:
    """The sums over all members: of `only` some of the program's currencies; in `several`, a member may have many accounts."""
    statement = _MOVED.replace("<of>", _OF_SOME if only else "").replace("<member>", _BY_MEMBER if several else "of_account")
    row = (await connection.execute(text(statement), parameters)).mappings().one()
    return {name: value if isinstance(value, float) else int(value) for name, value in row.items()}


def _sum(kind: str, sign: Sequence[str]) -> str:
    """What went to the program's own accounts of a kind (`sign` is + for debited, - for credited), by member."""
    debited, credited = sign
    return (
        f"coalesce(sum(CASE WHEN posting.debit_account = ANY(:{kind}) THEN {debited}posting.amount "
        f"WHEN posting.credit_account = ANY(:{kind}) THEN {credited}posting.amount END), 0) AS {kind}"
    )


_KINDS = ("issuance", "redemption", "breakage", "forfeiture")
_OWN = text(
    """
SELECT id, kind, currency FROM ledger.account WHERE program = :program AND participant IN (
    '@issuance', '@redemption', '@breakage', '@forfeiture', '@clawback', '@loss', '@transfer', '@conversion', '@adjustment',
    '@cash_out'
)
"""
)
_OUTSTANDING_NOW = text(
    "SELECT sum(posted) FROM ledger.account "
    "WHERE program = :program AND kind = 'participant' AND currency = ANY(CAST(:currencies AS text[]))"
)
_ANY_LATER = text("SELECT EXISTS (SELECT FROM ledger.txn WHERE program = :program AND effective_at > :until)")

# The member's side of a posting is the account of its transaction, which the ledger's check holds; the other side is one of the
# program's own accounts, and says in which currency.
_CHANGE = "CASE WHEN posting.credit_account = txn.account_id THEN posting.amount ELSE -posting.amount END"
_OF_SOME = "AND (posting.debit_account = ANY(:own) OR posting.credit_account = ANY(:own))"
_CHANGED_LATER = text(
    f"""
SELECT sum({_CHANGE}) FROM ledger.txn JOIN ledger.posting ON posting.txn_id = txn.id {_OF_SOME}
WHERE txn.program = :program AND txn.effective_at > :until
"""  # noqa: S608
)
_BY_MEMBER = """(
    SELECT bool_or(active) AS active, bool_or(redeemed) AS redeemed,
        sum(issuance) AS issuance, sum(redemption) AS redemption, sum(breakage) AS breakage, sum(forfeiture) AS forfeiture,
        sum(changed) AS changed
    FROM of_account JOIN ledger.account ON account.id = account_id GROUP BY participant
) AS of_member"""
_MOVED = f"""
WITH of_account AS (
    SELECT txn.account_id,
        bool_or(txn.activity) AS active,
        bool_or(txn.kind IN ('burn', 'capture') AND txn.outcome = 'posted') AS redeemed,
        {_sum("issuance", ("", "-"))},
        {_sum("redemption", ("-", ""))},
        {_sum("breakage", ("-", ""))},
        {_sum("forfeiture", ("-", ""))},
        coalesce(sum({_CHANGE}), 0) AS changed
    FROM ledger.txn LEFT JOIN ledger.posting ON posting.txn_id = txn.id <of>
    WHERE txn.program = :program AND txn.effective_at > :since AND txn.effective_at <= :until AND txn.account_id IS NOT NULL
    GROUP BY txn.account_id
)
SELECT
    coalesce(sum(issuance), 0) AS issued,
    coalesce(sum(redemption), 0) AS burned,
    coalesce(sum(breakage), 0) AS expired,
    coalesce(sum(forfeiture), 0) AS forfeited,
    coalesce(sum(changed), 0) AS changed,
    count(*) FILTER (WHERE active) AS active_members,
    count(*) FILTER (WHERE redeemed) AS members_redeemed,
    count(*) FILTER (WHERE issuance <> 0 OR redemption <> 0) AS members,
    coalesce(sum(CAST(issuance AS float8) * CAST(issuance AS float8)), 0) AS issued_squares,
    coalesce(sum(CAST(redemption AS float8) * CAST(redemption AS float8)), 0) AS burned_squares,
    coalesce(sum(CAST(changed AS float8) * CAST(changed AS float8)), 0) AS changed_squares,
    coalesce(sum(CAST(issuance AS float8) * CAST(redemption AS float8)), 0) AS issued_times_burned,
    coalesce(sum(CAST(redemption AS float8) * CAST(changed AS float8)), 0) AS burned_times_changed
FROM <member>
"""  # noqa: S608
