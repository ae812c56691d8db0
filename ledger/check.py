"""The reconciliation: every balance, lot, hold and transaction must add up to its postings. Set-based, in one snapshot."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.model import Value


class Drift(Value):
    """A figure that does not add up: the account (None if not a single one), its name, the expected and the found value."""

    account: int | None
    participant: str | None
    currency: str | None
    what: str
    expected: int
    found: int


class CheckReport(Value):
    """The number of accounts and postings checked, and every drift found."""

    checked_accounts: int
    postings: int
    drifts: tuple[Drift, ...]
    clean: bool


async def check(engine: AsyncEngine, program: str | None = None) -> CheckReport:
    """Check a program's ledger, or (None) the whole ledger, against its own postings.

    All queries see one snapshot of the database, so a transaction posted during the check is no drift.
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

# A balance equals the sum of its postings, and the points left in its lots less the debt. Its held points equal those that its
# lots hold, and those that its open holds keep.
_BALANCES = """
WITH posted AS (
    SELECT account_id, sum(amount) AS amount FROM (
        SELECT credit_account AS account_id, amount FROM ledger.posting
        UNION ALL SELECT debit_account, -amount FROM ledger.posting
    ) AS side GROUP BY account_id
), lots AS (
    SELECT account_id, sum(remaining) AS remaining, sum(held) AS held FROM ledger.lot GROUP BY account_id
), holds AS (
    SELECT account_id, sum(points) AS points FROM ledger.hold WHERE state = 'open' GROUP BY account_id
), debts AS (
    SELECT account_id, sum(amount) AS amount FROM ledger.debt_move JOIN ledger.txn ON txn.id = txn_id GROUP BY account_id
)
SELECT account.id AS account, participant, currency, figure.*
FROM ledger.account LEFT JOIN posted ON posted.account_id = account.id LEFT JOIN lots ON lots.account_id = account.id
LEFT JOIN holds ON holds.account_id = account.id LEFT JOIN debts ON debts.account_id = account.id
CROSS JOIN LATERAL (VALUES
    ('balance against its postings', coalesce(posted.amount, 0), account.posted),
    ('balance against its lots', coalesce(lots.remaining, 0) - account.debt, account.posted),
    ('held against its lots', coalesce(lots.held, 0), account.held),
    ('held against its open holds', coalesce(holds.points, 0), account.held),
    ('debt against its moves', coalesce(debts.amount, 0), account.debt)
) AS figure (what, expected, found)
WHERE kind = 'participant' AND expected <> found AND (CAST(:program AS text) IS NULL OR program = :program)
ORDER BY account.id
"""

# A lot has its amount less the sum of its moves.
_LOTS = """
WITH moved AS (SELECT lot_id, sum(amount) AS amount FROM ledger.lot_move GROUP BY lot_id)
SELECT account_id AS account, participant, currency, 'lot ' || coalesce(lot.id, lot_id) || ' against its moves' AS what,
    coalesce(lot.amount, 0) - coalesce(moved.amount, 0) AS expected, coalesce(remaining, 0) AS found
FROM ledger.lot FULL JOIN moved ON lot_id = lot.id LEFT JOIN ledger.account ON account.id = account_id
WHERE coalesce(lot.amount, 0) - coalesce(moved.amount, 0) <> coalesce(remaining, 0)
    AND (CAST(:program AS text) IS NULL OR program = :program)
ORDER BY lot.id
"""

# A transaction posted its points; or none if it only holds, voids, times out, settles or cancels.
_TRANSACTIONS = """
WITH posted AS (SELECT txn_id, sum(amount) AS amount FROM ledger.posting GROUP BY txn_id)
SELECT account.id AS account, participant, account.currency,
    'transaction ' || coalesce(txn.id, txn_id) || ' against its postings' AS what, expected, coalesce(amount, 0) AS found
FROM posted FULL JOIN ledger.txn ON txn.id = txn_id LEFT JOIN ledger.account ON account.id = account_id
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN outcome = 'posted' AND account_id IS NOT NULL
            AND txn.kind NOT IN ('hold', 'void', 'time_out', 'settle', 'cancel') THEN points
        ELSE 0
    END AS expected
) AS figure
WHERE expected <> coalesce(amount, 0) AND (CAST(:program AS text) IS NULL OR txn.program = :program)
ORDER BY txn.id
"""

# The points that a transaction posted to a member equal the change in that member's lots less the change in the debt; and it
# touched no other member.
_MEMBERS = """
WITH side AS (
    SELECT txn_id, credit_account AS account_id, amount FROM ledger.posting
    UNION ALL SELECT txn_id, debit_account, -amount FROM ledger.posting
),
posted AS (
    SELECT txn_id, account_id, sum(amount) AS amount
    FROM side JOIN ledger.account ON account.id = account_id WHERE kind = 'participant' GROUP BY txn_id, account_id
),
in_lots AS (
    SELECT txn_id, account_id, sum(amount) AS amount FROM (
        SELECT txn_id, account_id, amount FROM ledger.lot
        UNION ALL SELECT lot_move.txn_id, account_id, -lot_move.amount FROM ledger.lot_move JOIN ledger.lot ON lot.id = lot_id
        UNION ALL SELECT txn_id, account_id, -amount FROM ledger.debt_move JOIN ledger.txn ON txn.id = txn_id
    ) AS part GROUP BY txn_id, account_id
)
SELECT account.id AS account, participant, currency, 'transaction ' || txn_id || ' against its lots' AS what, expected, found
FROM (
    SELECT txn_id, account_id AS member, coalesce(posted.amount, 0) AS expected, coalesce(in_lots.amount, 0) AS found
    FROM posted FULL JOIN in_lots USING (txn_id, account_id)
) AS figure
LEFT JOIN ledger.account ON account.id = member LEFT JOIN ledger.txn ON txn.id = txn_id
WHERE (expected <> found OR txn.account_id IS DISTINCT FROM member)
    AND (CAST(:program AS text) IS NULL OR account.program = :program)
ORDER BY txn_id
"""

# A lot's held points equal the parts that open holds keep of it; a hold's points equal its parts; a capture spent the points
# that the hold records as captured.
_HOLDS = """
WITH kept AS (
    SELECT lot_id, sum(amount) AS amount FROM ledger.hold_lot JOIN ledger.hold ON hold.txn_id = hold_id
    WHERE state = 'open' GROUP BY lot_id
),
parts AS (SELECT hold_id, sum(amount) AS amount FROM ledger.hold_lot GROUP BY hold_id),
figure AS (
    SELECT lot.account_id, 'held in lot ' || lot.id || ' against its holds' AS what, coalesce(kept.amount, 0) AS expected,
        lot.held AS found
    FROM ledger.lot LEFT JOIN kept ON lot_id = lot.id WHERE lot.held > 0 OR kept.amount > 0
    UNION ALL
    SELECT account_id, 'hold ' || txn_id || ' against its lots', points, coalesce(parts.amount, 0)
    FROM ledger.hold LEFT JOIN parts ON hold_id = txn_id
    UNION ALL
    SELECT hold.account_id, 'hold ' || hold.txn_id || ' against its end', hold.captured,
        CASE WHEN txn.kind = 'capture' THEN txn.points ELSE 0 END
    FROM ledger.hold LEFT JOIN ledger.txn ON txn.id = ended_by AND concerns = hold.txn_id
        AND txn.kind = CASE state WHEN 'captured' THEN 'capture' WHEN 'voided' THEN 'void' ELSE 'time_out' END
    WHERE state <> 'open' AND (txn.id IS NULL OR captured <> CASE WHEN txn.kind = 'capture' THEN txn.points ELSE 0 END)
)
SELECT account_id AS account, participant, currency, what, expected, found
FROM figure JOIN ledger.account ON account.id = account_id
WHERE (expected <> found OR what LIKE '%its end') AND (CAST(:program AS text) IS NULL OR program = :program)
ORDER BY account_id, what
"""

# Reversals take back no more than a transaction posted, and return to each lot no more than it gave.
_REVERSALS = """
WITH reversed AS (
    SELECT reverses, sum(points) AS points FROM ledger.txn WHERE reverses IS NOT NULL AND outcome = 'posted' GROUP BY reverses
),
back AS (
    SELECT reverses, lot_id, -sum(amount) AS amount FROM ledger.txn JOIN ledger.lot_move ON txn_id = txn.id
    WHERE reverses IS NOT NULL AND kind = 'reversal' GROUP BY reverses, lot_id
),
figure AS (
    SELECT reversed.reverses, 'reversed of transaction ' || reversed.reverses AS what, coalesce(txn.points, 0) AS expected,
        reversed.points AS found
    FROM reversed LEFT JOIN ledger.txn ON txn.id = reversed.reverses
    UNION ALL
    SELECT back.reverses, 'returned to lot ' || back.lot_id || ' from transaction ' || back.reverses,
        coalesce(lot_move.amount, 0), back.amount
    FROM back LEFT JOIN ledger.lot_move ON lot_move.txn_id = back.reverses AND lot_move.lot_id = back.lot_id
)
SELECT account_id AS account, participant, currency, what, expected, found
FROM figure LEFT JOIN ledger.txn ON txn.id = figure.reverses LEFT JOIN ledger.account ON account.id = account_id
WHERE found > expected AND (CAST(:program AS text) IS NULL OR txn.program = :program)
ORDER BY figure.reverses, what
"""

# A pending earn posted nothing; its confirmation posted its points.
_PENDING = """
SELECT pending.account_id AS account, participant, currency, 'pending earn ' || pending.txn_id || ' against its end' AS what,
    pending.points AS expected, coalesce(txn.points, 0) AS found
FROM ledger.pending JOIN ledger.account ON account.id = pending.account_id
LEFT JOIN ledger.txn ON txn.id = ended_by AND concerns = pending.txn_id
    AND txn.kind = CASE state WHEN 'confirmed' THEN 'confirm' ELSE 'cancel' END
WHERE state <> 'open' AND txn.points IS DISTINCT FROM pending.points
    AND (CAST(:program AS text) IS NULL OR account.program = :program)
ORDER BY pending.txn_id
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

# Issued = outstanding + burned + expired + forfeited + clawed back, and so on for adjusted, lost and converted points. The
# program's own accounts count by their postings, members' accounts by their balances. Transfers sum to zero.
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

_TRANSFERS = """
SELECT account.id AS account, participant, currency, 'transfers under way' AS what, 0 AS expected, sum(amount) AS found
FROM (
    SELECT credit_account AS account_id, amount FROM ledger.posting
    UNION ALL SELECT debit_account, -amount FROM ledger.posting
) AS side JOIN ledger.account ON account.id = account_id
WHERE kind = 'transfer' AND (CAST(:program AS text) IS NULL OR program = :program)
GROUP BY account.id, participant, currency HAVING sum(amount) <> 0
ORDER BY account.id
"""

_QUERIES = tuple(
    text(query)
    for query in (_BALANCES, _LOTS, _TRANSACTIONS, _MEMBERS, _HOLDS, _REVERSALS, _PENDING, _SIDES, _TOTALS, _TRANSFERS)
)
