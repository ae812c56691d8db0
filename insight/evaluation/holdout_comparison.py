"""The comparison with the holdout: purchases of members in a window, against those of participants who are held out."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.evaluation.figures import Experiment
from domain.statistics import Arm, rounded

_NOBODY = Arm(n=0, mean=Decimal(0), variance=Decimal(0))


async def compare(engine: AsyncEngine, program: str, since: datetime, until: datetime) -> Experiment:
    """Return the purchases of both arms in (since, until], in units of money: members, and participants held out on joining.

    Chance has assigned them when they requested to join, so only the program makes them differ. Each counts from then on for
    ever, whether or not they bought anything or have left since (as assigned). Purchases reversed by `until` do not count, or
    in part if they were reversed in part.
    """
    async with engine.connect() as connection:
        await connection.execute(_MEMORY)
        rows = (await connection.execute(_ARMS, {"program": program, "since": since, "until": until})).all()
    arms = {row.held_out: Arm(n=row.n, mean=rounded(row.mean), variance=rounded(row.variance)) for row in rows}
    return Experiment(treated=arms.get(False, _NOBODY), control=arms.get(True, _NOBODY))


_MEMORY = text("SET LOCAL work_mem = '256MB'")
# A reversal of an earn that was pending names its confirmation, and the earn's points are in `pending`.
_ARMS = text(
    """
WITH back AS (
    SELECT reverses, sum(points) AS points FROM ledger.txn
    WHERE program = :program AND effective_at > :since AND effective_at <= :until
        AND reverses IS NOT NULL AND outcome = 'posted'
    GROUP BY reverses
), seen AS (
    SELECT participant, false AS held_out, CAST(0 AS numeric) AS amount
    FROM store.member WHERE program = :program AND joined_at <= :until
    UNION ALL
    SELECT participant, true, 0 FROM store.held_out WHERE program = :program AND held_out.since <= :until
    UNION ALL
    SELECT participant, false, amount FROM store.outside_event
    WHERE program = :program AND occurred_at > :since AND occurred_at <= :until
    UNION ALL
    SELECT account.participant, false, CAST(txn.details ->> 'amount' AS numeric) * CASE
        WHEN back.points IS NULL THEN 1
        WHEN coalesce(pending.points, txn.points) = 0 THEN 0
        ELSE 1 - back.points / CAST(coalesce(pending.points, txn.points) AS numeric) END
    FROM ledger.txn
    JOIN ledger.account ON account.id = txn.account_id
    LEFT JOIN ledger.pending ON pending.txn_id = txn.id
    LEFT JOIN back ON back.reverses = coalesce(pending.ended_by, txn.id)
    WHERE txn.program = :program AND txn.effective_at > :since AND txn.effective_at <= :until
        AND txn.kind = 'earn' AND txn.outcome = 'posted' AND txn.details ? 'amount'
        AND (pending.state IS NULL OR pending.state <> 'cancelled')
), person AS (
    SELECT bool_or(held_out) AS held_out, sum(amount) AS amount FROM seen GROUP BY participant
)
SELECT held_out, count(*) AS n, avg(amount) AS mean, coalesce(var_samp(amount), 0) AS variance FROM person GROUP BY held_out
"""
)
