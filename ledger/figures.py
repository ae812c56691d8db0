"""Figures of a window over all members: one pass over the transactions that took effect in it, summed by member.

Earlier transactions are never read: points outstanding at the window's end = points outstanding now - later changes.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.evaluation.figures import Spread
from domain.model import Value

_MEMORY = text("SET LOCAL work_mem = '256MB'")
"""For a pass over millions of rows: with the default of a few megabytes, joins and groups spill to disk in many parts."""


class WindowFigures(Value):
    """The figures of a window; `outstanding` is the figure at its end, `changed` the change of it in the window.

    Active: had an activity; redeemed: had a burn or a capture. `spread` is the distribution of the points over the members who
    had any; None for several currencies, whose points cannot be added.
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
    """Return the figures of a program's points in (since, until], by effective instant, in one of its currencies or in all.

    Active members and members who redeemed are counted over all currencies. All figures come from one snapshot of the database.
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
    """Sum over all members: `only` for some of the program's currencies; `several` if a member may have many accounts."""
    statement = _MOVED.replace("<of>", _OF_SOME if only else "").replace("<member>", _BY_MEMBER if several else "of_account")
    row = (await connection.execute(text(statement), parameters)).mappings().one()
    return {name: value if isinstance(value, float) else int(value) for name, value in row.items()}


def _sum(kind: str, sign: Sequence[str]) -> str:
    """Compose the SQL sum of a member's postings with the program's accounts of a kind; `sign`: of debits, then of credits."""
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

# The member's side of a posting is the account of its transaction (the ledger's check proves it); the other side is one of the
# program's own accounts, which gives the currency.
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
