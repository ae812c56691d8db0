"""What a program's books need of the ledger: the points that moved, and what of the prices falls to them, by period.

One pass over the program's transactions, set-based. A transaction posted what it says (`check` holds that), so their points are
taken and not the postings'. A sale is an earn whose event had an amount; its price is split at the terms of the period in which
it took effect, by the formula of `domain.accounting.allocated`, and a clawback takes back its share of just that.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import DateTime, Numeric, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Integer

from domain.accounting import Movement

Prices = Mapping[tuple[str, int], Decimal]
"""The stand-alone price of a point in units of money, by currency and by the place of the period."""


async def movements(
    connection: AsyncConnection, program: str, starts: Sequence[datetime], until: datetime | None, prices: Prices
) -> dict[tuple[str, int], Movement]:
    """What moved, by currency and by the place (from 0) of the period in which it took effect; nothing where no price is given.

    Periods begin at `starts`, in their order, each ending where the next begins, the last one at `until` (None: it has no end).
    What took effect before the first is counted in it.
    """
    parameters = {
        "program": program,
        "starts": list(starts),
        "until": until,
        "currencies": [currency for currency, _ in prices],
        "places": [place for _, place in prices],
        "prices": list(prices.values()),
    }
    rows = await connection.execute(_MOVEMENTS, parameters)
    return {
        (row["currency"], row["place"]): Movement.model_validate({name: row[name] for name in Movement.model_fields})
        for row in rows.mappings()
    }


# A pending earn has posted nothing, and its confirmation has no amount of its own: that is the earn's. What a clawback could
# take neither from lots nor as a debt, the program gave (`lost`).
#
# Sums are grouped by (currency, place) alone: the join with the terms is one look into a small hash.
_MOVEMENTS = text(
    """
WITH term AS MATERIALIZED (
    SELECT * FROM unnest(:currencies, :places, :prices) AS term (currency, place, price)
),
account AS MATERIALIZED (
    SELECT id, currency FROM ledger.account
    WHERE program = :program AND kind = 'participant' AND currency = ANY(:currencies)
),
plain AS (
    SELECT account.currency, greatest(width_bucket(effective_at, :starts), 1) - 1 AS place, kind, points,
        CASE WHEN kind = 'earn' THEN CAST(details ->> 'amount' AS numeric) END AS amount,
        CASE WHEN kind = 'adjustment' THEN CAST(details ->> 'change' AS bigint) END AS change
    FROM ledger.txn JOIN account ON account.id = account_id
    WHERE program = :program AND points > 0 AND outcome = 'posted'
        AND effective_at < coalesce(CAST(:until AS timestamptz), 'infinity')
        AND kind IN (
            'earn', 'bonus', 'burn', 'capture', 'reversal', 'expire', 'reinstate', 'forfeit', 'adjustment', 'convert',
            'convert_in'
        )
),
moved AS (
    SELECT currency, place,
        sum(points) FILTER (WHERE amount > 0) AS sold,
        sum(points) FILTER (
            WHERE kind = 'earn' AND coalesce(amount, 0) = 0 OR kind IN ('bonus', 'convert_in') OR change > 0
        ) AS given,
        sum(CASE kind WHEN 'reversal' THEN -points ELSE points END) FILTER (
            WHERE kind IN ('burn', 'capture', 'reversal')
        ) AS redeemed,
        sum(CASE kind WHEN 'reinstate' THEN -points ELSE points END) FILTER (
            WHERE kind IN ('expire', 'reinstate')
        ) AS expired,
        sum(points) FILTER (WHERE kind = 'forfeit') AS forfeited,
        sum(points) FILTER (WHERE kind = 'convert' OR change < 0) AS removed,
        sum(amount) FILTER (WHERE amount > 0) AS sales,
        sum(amount * (points * price) / (amount + points * price)) FILTER (WHERE amount > 0) AS allocated,
        0 AS returned_sold, 0 AS returned_given
    FROM plain JOIN term USING (currency, place)
    GROUP BY currency, place
),
later AS MATERIALIZED (
    SELECT currency, kind, effective_at, reverses, concerns, txn.id, points
    FROM ledger.txn JOIN account ON account.id = account_id
    WHERE program = :program AND points > 0 AND outcome = 'posted' AND kind IN ('confirm', 'clawback')
        AND effective_at < coalesce(CAST(:until AS timestamptz), 'infinity')
),
-- What each of them posted or takes back: the earn that had the price, the points of it that were posted, and when.
origin AS (
    SELECT later.*,
        CASE WHEN earn.kind = 'earn' THEN coalesce(CAST(earn.details ->> 'amount' AS numeric), 0) ELSE 0 END AS amount,
        original.points AS all_points,
        greatest(width_bucket(later.effective_at, :starts), 1) - 1 AS place,
        greatest(width_bucket(original.effective_at, :starts), 1) - 1 AS priced_in
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
    FROM origin JOIN term ON term.currency = origin.currency AND term.place = priced_in
),
settled AS (
    SELECT currency, place,
        sum(points) FILTER (WHERE kind = 'confirm' AND amount > 0) AS sold,
        sum(CASE WHEN kind = 'clawback' THEN lost WHEN amount = 0 THEN points END) AS given,
        0 AS redeemed, 0 AS expired, 0 AS forfeited, 0 AS removed,
        sum(CASE kind WHEN 'confirm' THEN part ELSE -part END) FILTER (WHERE amount > 0) AS sales,
        sum(CASE kind WHEN 'confirm' THEN allocated ELSE -allocated END) AS allocated,
        sum(points) FILTER (WHERE kind = 'clawback' AND amount > 0) AS returned_sold,
        sum(points) FILTER (WHERE kind = 'clawback' AND amount = 0) AS returned_given
    FROM share GROUP BY currency, place
)
SELECT currency, place, coalesce(sum(sold), 0) AS sold, coalesce(sum(given), 0) AS given,
    coalesce(sum(returned_sold), 0) AS returned_sold, coalesce(sum(returned_given), 0) AS returned_given,
    coalesce(sum(redeemed), 0) AS redeemed, coalesce(sum(expired), 0) AS expired,
    coalesce(sum(forfeited), 0) AS forfeited, coalesce(sum(removed), 0) AS removed,
    coalesce(sum(sales), 0) AS sales, coalesce(sum(allocated), 0) AS allocated
FROM (SELECT * FROM moved UNION ALL SELECT * FROM settled) AS every
GROUP BY currency, place
"""
).bindparams(
    bindparam("starts", type_=ARRAY(DateTime(timezone=True))),
    bindparam("currencies", type_=ARRAY(Text)),
    bindparam("places", type_=ARRAY(Integer)),
    bindparam("prices", type_=ARRAY(Numeric)),
)
