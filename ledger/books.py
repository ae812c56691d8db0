"""The figures that a program's books need from the ledger: points moved and price allocated to them, by period.

One set-based pass over the program's transactions. It reads the points of the transactions and not the postings: `check` proves
them equal. A sale is an earn whose event had an amount. Its price is split at the terms of the period in which it took effect,
by the formula of `domain.accounting.allocated`; a clawback takes back its share of that part.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import DateTime, Numeric, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Integer

from domain.accounting.deferral import Movement

Prices = Mapping[tuple[str, int], Decimal]
"""The stand-alone price of a point in units of money, by currency and by the number of the period."""


async def movements(
    connection: AsyncConnection, program: str, starts: Sequence[datetime], until: datetime | None, prices: Prices
) -> dict[tuple[str, int], Movement]:
    """Return the movements by currency and by the number (from 0) of the period in which they took effect.

    Periods begin at `starts`, in order; each ends where the next begins, the last one at `until` (None: it has no end). A
    transaction before the first period counts in the first. A currency and period without a price has no entry.
    """
    codes = sorted({currency for currency, _ in prices})
    firsts = {code: number * len(starts) for number, code in enumerate(codes)}
    slots = {firsts[currency] + place + 1: (currency, place) for currency, place in prices}
    parameters = {
        "program": program,
        "starts": list(starts),
        "until": until,
        "codes": codes,
        "firsts": list(firsts.values()),
        "slots": list(slots),
        "prices": list(prices.values()),
    }
    await connection.execute(_HASHED)
    rows = await connection.execute(_MOVEMENTS, parameters)
    await connection.execute(_AS_BEFORE)
    names = Movement.model_fields
    return {slots[row["slot"]]: Movement.model_validate({name: row[name] for name in names}) for row in rows.mappings()}


# A pending earn has posted nothing, and its confirmation has no amount of its own: the amount is the earn's. Points that a
# clawback could take neither from lots nor as a debt count as given by the program (`lost`); so do debts written off at the
# program's end. Points paid out or converted at the end count as redeemed: members get something for them.
#
# Three things make the pass quick. Each row's JSON is read once (`OFFSET 0` keeps the planner from repeating the read at every
# use). The few groups are hashed (the planner does not know how many rows the terms join, and would sort them all). Kinds are
# distinguished in the groups, not in the rows.
_HASHED, _AS_BEFORE = text("SET LOCAL enable_sort = off"), text("SET LOCAL enable_sort TO DEFAULT")
_TERM = "unnest(:slots, :prices) AS term (slot, price)"
_CODE = "unnest(:codes, :firsts) AS code (currency, first)"
_SLOT = "first + greatest(width_bucket({effective_at}, :starts), 1)"
"""The number of a period of a currency; a currency's periods have consecutive numbers, which begin after its `first`."""
_MOVEMENTS = text(
    f"""
WITH plain AS (
    SELECT {_SLOT.format(effective_at="effective_at")} AS slot, points,
        CASE txn.kind WHEN 'earn' THEN nullif(CAST(details ->> 'amount' AS numeric), 0) END AS amount,
        CASE WHEN txn.kind = 'adjustment' AND details ->> 'change' LIKE '-%' THEN 'taken' ELSE txn.kind END AS kind
    FROM ledger.txn JOIN (ledger.account JOIN {_CODE} USING (currency)) ON account.id = account_id
    WHERE txn.program = :program AND points > 0 AND outcome = 'posted'
        AND effective_at < coalesce(CAST(:until AS timestamptz), 'infinity')
    OFFSET 0
),
priced AS (
    SELECT slot, CASE WHEN amount IS NULL THEN kind ELSE 'sale' END AS kind, points, amount, points * price AS alone
    FROM plain JOIN {_TERM} USING (slot)
    OFFSET 0
),
grouped AS (
    SELECT slot, kind, sum(points) AS points, sum(amount) AS sales, sum(amount * alone / (amount + alone)) AS allocated
    FROM priced GROUP BY slot, kind
),
moved AS (
    SELECT slot,
        sum(points) FILTER (WHERE kind = 'sale') AS sold,
        sum(points) FILTER (WHERE kind IN ('earn', 'bonus', 'convert_in', 'adjustment', 'write_off')) AS given,
        sum(CASE kind WHEN 'reversal' THEN -points ELSE points END) FILTER (
            WHERE kind IN ('burn', 'capture', 'reversal', 'cash_out', 'convert_out')
        ) AS redeemed,
        sum(CASE kind WHEN 'reinstate' THEN -points ELSE points END) FILTER (
            WHERE kind IN ('expire', 'reinstate')
        ) AS expired,
        sum(points) FILTER (WHERE kind = 'forfeit') AS forfeited,
        sum(points) FILTER (WHERE kind IN ('convert', 'taken')) AS removed,
        sum(sales) AS sales, sum(allocated) AS allocated, 0 AS returned_sold, 0 AS returned_given
    FROM grouped GROUP BY slot
),
later AS MATERIALIZED (
    SELECT first, txn.kind, effective_at, reverses, concerns, txn.id, points
    FROM ledger.txn JOIN (ledger.account JOIN {_CODE} USING (currency)) ON account.id = account_id
    WHERE txn.program = :program AND points > 0 AND outcome = 'posted' AND txn.kind IN ('confirm', 'clawback')
        AND effective_at < coalesce(CAST(:until AS timestamptz), 'infinity')
),
-- What each of them posted or takes back: the earn that had the price, the points of it that were posted, and when.
origin AS (
    SELECT later.*,
        CASE WHEN earn.kind = 'earn' THEN coalesce(CAST(earn.details ->> 'amount' AS numeric), 0) ELSE 0 END AS amount,
        original.points AS all_points,
        {_SLOT.format(effective_at="later.effective_at")} AS slot,
        {_SLOT.format(effective_at="original.effective_at")} AS priced_in
    FROM later
    JOIN ledger.txn AS original ON original.id = CASE later.kind WHEN 'confirm' THEN later.id ELSE later.reverses END
    JOIN ledger.txn AS earn ON earn.id = CASE original.kind WHEN 'confirm' THEN original.concerns ELSE original.id END
),
share AS (
    SELECT origin.*, amount * points / all_points AS part,
        CASE WHEN amount > 0 THEN amount * (all_points * price) / (amount + all_points * price) * points / all_points END
            AS allocated,
        CASE WHEN origin.kind = 'clawback' THEN
            points
            - coalesce((SELECT sum(amount) FROM ledger.lot_move WHERE txn_id = origin.id), 0)
            - coalesce((SELECT amount FROM ledger.debt_move WHERE txn_id = origin.id), 0)
        END AS lost
    FROM origin JOIN {_TERM} ON term.slot = priced_in
),
settled AS (
    SELECT share.slot,
        sum(points) FILTER (WHERE kind = 'confirm' AND amount > 0) AS sold,
        sum(CASE WHEN kind = 'clawback' THEN lost WHEN amount = 0 THEN points END) AS given,
        0 AS redeemed, 0 AS expired, 0 AS forfeited, 0 AS removed,
        sum(CASE kind WHEN 'confirm' THEN part ELSE -part END) FILTER (WHERE amount > 0) AS sales,
        sum(CASE kind WHEN 'confirm' THEN allocated ELSE -allocated END) AS allocated,
        sum(points) FILTER (WHERE kind = 'clawback' AND amount > 0) AS returned_sold,
        sum(points) FILTER (WHERE kind = 'clawback' AND amount = 0) AS returned_given
    FROM share GROUP BY share.slot
)
SELECT slot, coalesce(sum(sold), 0) AS sold, coalesce(sum(given), 0) AS given,
    coalesce(sum(returned_sold), 0) AS returned_sold, coalesce(sum(returned_given), 0) AS returned_given,
    coalesce(sum(redeemed), 0) AS redeemed, coalesce(sum(expired), 0) AS expired,
    coalesce(sum(forfeited), 0) AS forfeited, coalesce(sum(removed), 0) AS removed,
    coalesce(sum(sales), 0) AS sales, coalesce(sum(allocated), 0) AS allocated
FROM (SELECT * FROM moved UNION ALL SELECT * FROM settled) AS every
GROUP BY slot
"""  # noqa: S608
).bindparams(
    bindparam("starts", type_=ARRAY(DateTime(timezone=True))),
    bindparam("codes", type_=ARRAY(Text)),
    bindparam("firsts", type_=ARRAY(Integer)),
    bindparam("slots", type_=ARRAY(Integer)),
    bindparam("prices", type_=ARRAY(Numeric)),
)
