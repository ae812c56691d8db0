"""The reconciliation: whether every balance, lot, hold and transaction adds up to its postings. Set-based, in one snapshot."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.model import Value


class Drift(Value):
    """What does not add up: whose (empty where it is no single account), what, what it should be, and what it is."""

    account: int | None
    participant: str | None
    currency: str | None
    what: str
    expected: int
    found: int


class CheckReport(Value):
    """How much was checked, and every drift that was found."""

    checked_accounts: int
    postings: int
    drifts: tuple[Drift, ...]
    clean: bool


async def check(engine: AsyncEngine, program: str | None = None) -> CheckReport:
    """Check a program's ledger, or (None) the whole, against its own postings.

    All queries see the database at one and the same moment, so what is being posted meanwhile is no drift.
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        parameters = {"program": program}
        counts = (await connection.execute(_COUNTS, parameters)).one()
        drifts = [
            Drift(
                account=row.account, participant=row.participant, currency=row.currency, what=row.what,
                expected=int(row.expected), found=int(row.found),
            )
            for query in _QUERIES
            for row in await connection.execute(query, parameters)
        ]  # fmt: skip
    return CheckReport(checked_accounts=counts.accounts, postings=counts.postings, drifts=tuple(drifts), clean=not drifts)


_COUNTS = text(
    """
SELECT
    (SELECT count(*) FROM ledger.account
        WHERE kind = 'participant' AND (CAST(:program AS text) IS NULL OR program = :program)) AS accounts,
    (SELECT count(*) FROM ledger.posting JOIN ledger.txn ON txn.id = txn_id
        WHERE CAST(:program AS text) IS NULL OR program = :program) AS postings
"""
)

# A balance is the sum of its postings, and of what remains in its lots; what it holds is what its lots hold.
_BALANCES = """
WITH posted AS (
    SELECT account_id, sum(amount) AS amount FROM (
        SELECT credit_account AS account_id, amount FROM ledger.posting
        UNION ALL SELECT debit_account, -amount FROM ledger.posting
    ) AS side GROUP BY account_id
), lots AS (
    SELECT account_id, sum(remaining) AS remaining, sum(held) AS held FROM ledger.lot GROUP BY account_id
)
SELECT account.id AS account, participant, currency, figure.*
FROM ledger.account LEFT JOIN posted ON posted.account_id = account.id LEFT JOIN lots ON lots.account_id = account.id
CROSS JOIN LATERAL (VALUES
    ('balance against its postings', coalesce(posted.amount, 0), account.posted),
    ('balance against its lots', coalesce(lots.remaining, 0), account.posted),
    ('held against its lots', coalesce(lots.held, 0), account.held)
) AS figure (what, expected, found)
WHERE kind = 'participant' AND expected <> found AND (CAST(:program AS text) IS NULL OR program = :program)
ORDER BY account.id
"""

# What has gone from a lot is what its moves took, and a lot begins with what its transaction posted.
_LOTS = """
WITH moved AS (SELECT lot_id, sum(amount) AS amount FROM ledger.lot_move GROUP BY lot_id)
SELECT account_id AS account, participant, currency, 'lot ' || coalesce(lot.id, lot_id) || ' against its moves' AS what,
    coalesce(lot.amount, 0) - coalesce(moved.amount, 0) AS expected, coalesce(remaining, 0) AS found
FROM ledger.lot FULL JOIN moved ON lot_id = lot.id LEFT JOIN ledger.account ON account.id = account_id
WHERE coalesce(lot.amount, 0) - coalesce(moved.amount, 0) <> coalesce(remaining, 0)
    AND (CAST(:program AS text) IS NULL OR program = :program)
ORDER BY lot.id
"""

# A transaction moved what it says: between accounts by its postings, into or out of lots by its lots and moves.
_TRANSACTIONS = """
WITH posted AS (SELECT txn_id, sum(amount) AS amount FROM ledger.posting GROUP BY txn_id),
in_lots AS (
    SELECT txn_id, sum(amount) AS amount FROM (
        SELECT txn_id, amount FROM ledger.lot UNION ALL SELECT txn_id, amount FROM ledger.lot_move
    ) AS part GROUP BY txn_id
),
moved AS (
    SELECT txn_id, posted.amount AS posted, in_lots.amount AS in_lots FROM posted FULL JOIN in_lots USING (txn_id)
)
SELECT account.id AS account, participant, account.currency, figure.*
FROM moved FULL JOIN ledger.txn ON txn.id = txn_id LEFT JOIN ledger.account ON account.id = account_id
CROSS JOIN LATERAL (VALUES
    ('transaction ' || coalesce(txn.id, txn_id) || ' against its postings', moved.posted),
    ('transaction ' || coalesce(txn.id, txn_id) || ' against its lots', moved.in_lots)
) AS part (what, amount)
CROSS JOIN LATERAL (VALUES (
    what, CASE WHEN outcome = 'posted' AND account_id IS NOT NULL THEN points ELSE 0 END, coalesce(amount, 0)
)) AS figure (what, expected, found)
WHERE expected <> found AND (CAST(:program AS text) IS NULL OR txn.program = :program)
ORDER BY txn.id
"""

# Both sides of a posting are accounts of one program and currency.
_SIDES = """
SELECT credit.id AS account, credit.participant, credit.currency, 'sides of posting ' || posting.id AS what,
    2 AS expected, num_nonnulls(debit.id, credit.id) AS found
FROM ledger.posting
LEFT JOIN ledger.account AS debit ON debit.id = debit_account
LEFT JOIN ledger.account AS credit ON credit.id = credit_account
    AND (debit.id IS NULL OR (credit.program, credit.currency) = (debit.program, debit.currency))
WHERE (debit.id IS NULL OR credit.id IS NULL)
    AND (CAST(:program AS text) IS NULL OR :program IN (debit.program, credit.program))
ORDER BY posting.id
"""

# Issued = outstanding + burned + expired + forfeited: the program's own accounts by their postings, members' by their balances.
_TOTALS = """
WITH own AS (
    SELECT program, currency, sum(amount) AS amount FROM (
        SELECT debit_account AS account_id, amount FROM ledger.posting
        UNION ALL SELECT credit_account, -amount FROM ledger.posting
    ) AS side JOIN ledger.account ON account.id = account_id WHERE kind <> 'participant' GROUP BY program, currency
),
members AS (SELECT program, currency, sum(posted) AS amount FROM ledger.account GROUP BY program, currency)
SELECT CAST(NULL AS bigint) AS account, CAST(NULL AS text) AS participant, currency,
    'points outstanding of ' || program AS what, coalesce(own.amount, 0) AS expected, members.amount AS found
FROM members LEFT JOIN own USING (program, currency)
WHERE coalesce(own.amount, 0) <> members.amount AND (CAST(:program AS text) IS NULL OR program = :program)
ORDER BY program, currency
"""

_QUERIES = tuple(text(query) for query in (_BALANCES, _LOTS, _TRANSACTIONS, _SIDES, _TOTALS))
