"""Queries: balances, counters and totals. Windows are (since, until]."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Value
from ledger.accounts import SYSTEM_KINDS
from ledger.tables import account, lot, pending, qualification


class LotView(Value):
    """A lot that is not used up: the points left in it, and when they expire (None: never)."""

    remaining: int
    earned_at: datetime
    expires_at: datetime | None


class Balance(Value):
    """A member's points: posted, held for redemptions under way, available; and the open lots in the order of their use.

    `pending` points are no part of it until they are confirmed. `owed` is the debt from a clawback of points already spent:
    the lots hold that many points more than is posted, or later points will pay it.
    """

    posted: int
    held: int
    available: int
    pending: int = 0
    owed: int = 0
    last_activity_at: datetime | None
    lots: tuple[LotView, ...]


class Totals(Value):
    """The totals of a program's points of one currency since its beginning, less reversals.

    issued + adjusted + lost
        = outstanding + burned + expired + forfeited + clawed_back + converted + cashed_out + transferred.
    `adjusted` were given by hand (negative: taken), `lost` were clawed back from the program itself or written off at its end,
    `converted` left for another currency (negative: came from one), `cashed_out` became money at the program's end,
    `transferred` are on their way between two members: always 0.
    """

    currency: str
    issued: int
    burned: int
    expired: int
    forfeited: int
    clawed_back: int = 0
    lost: int = 0
    adjusted: int = 0
    converted: int = 0
    cashed_out: int = 0
    transferred: int = 0
    outstanding: int


async def balance(connection: AsyncConnection, program: str, participant: str, currency: str) -> Balance:
    """Return a member's balance; zeros for a member who never had points."""
    mine = (account.c.program == program, account.c.participant == participant, account.c.currency == currency)
    open_lots = select(lot).where(lot.c.remaining > 0).subquery()
    not_yet = (pending.c.account_id == account.c.id, pending.c.state == "open")
    waiting = select(func.coalesce(func.sum(pending.c.points), 0)).where(*not_yet).scalar_subquery()
    query = (
        select(
            account.c.posted,
            account.c.held,
            account.c.debt,
            account.c.last_activity_at,
            waiting.label("pending"),
            *(open_lots.c[name] for name in LotView.model_fields),
        )
        .outerjoin(open_lots, open_lots.c.account_id == account.c.id)
        .where(*mine)
        .order_by(open_lots.c.expires_at, open_lots.c.id)
    )
    rows = (await connection.execute(query)).all()
    if not rows:
        return Balance(posted=0, held=0, available=0, last_activity_at=None, lots=())
    first = rows[0]
    lots = tuple(
        LotView(remaining=row.remaining, earned_at=row.earned_at, expires_at=row.expires_at) for row in rows if row.remaining
    )
    return Balance(
        posted=first.posted,
        held=first.held,
        available=first.posted - first.held,
        pending=int(first.pending),
        owed=first.debt,
        last_activity_at=first.last_activity_at,
        lots=lots,
    )


async def counters(
    connection: AsyncConnection, program: str, participant: str, since: datetime, until: datetime
) -> dict[str, int]:
    """Return the sum of each of a member's counters in (since, until], in its smallest unit; without unused counters."""
    query = (
        select(qualification.c.counter, func.sum(qualification.c.amount).label("amount"))
        .where(qualification.c.program == program, qualification.c.participant == participant)
        .where(qualification.c.effective_at > since, qualification.c.effective_at <= until)
        .group_by(qualification.c.counter)
    )
    return {row.counter: int(row.amount) for row in await connection.execute(query)}


async def counted(connection: AsyncConnection, program: str, asked: Sequence[tuple[str, str, datetime, datetime]]) -> list[int]:
    """Return the sum of each (participant, counter, since, until) at its place, over (since, until]; 0 if nothing counted."""
    if not asked:
        return []
    participant, counter, since, until = (list(column) for column in zip(*asked, strict=True))
    parameters = {"program": program, "participant": participant, "counter": counter, "since": since, "until": until}
    return [int(amount) for amount in await connection.scalars(_COUNTED, parameters)]


async def is_rated_by(connection: AsyncConnection, program: str, revision: int, since: datetime) -> bool:
    """Whether this revision has rated an event that happened at the instant or later."""
    asked = {"program": program, "revision": str(revision), "since": since}
    return bool(await connection.scalar(_RATED_BY, asked))


async def last_activity(connection: AsyncConnection, program: str, participant: str) -> datetime | None:
    """Return the instant of the member's last activity, in any currency."""
    mine = (account.c.program == program, account.c.participant == participant)
    latest: datetime | None = await connection.scalar(select(func.max(account.c.last_activity_at)).where(*mine))
    return latest


async def totals(connection: AsyncConnection, program: str) -> tuple[Totals, ...]:
    """Return the program's totals by currency, derived from the postings.

    Every posting has a member on one side and one of the program's own accounts on the other, so these few accounts give all
    totals; the points that they gave and did not get back are outstanding.
    """
    own = {row.id: row for row in await connection.execute(_OWN, {"program": program})}
    by_currency: dict[str, dict[str, int]] = {}
    for row in await connection.execute(_GOT, {"own": list(own)}):
        kinds = by_currency.setdefault(own[row.account_id].currency, {"participant": 0})
        kinds[own[row.account_id].kind] = int(row.amount)
        kinds["participant"] -= int(row.amount)
    return tuple(Totals(currency=currency, **_figures(kinds)) for currency, kinds in sorted(by_currency.items()))


def _figures(kinds: dict[str, int]) -> dict[str, int]:
    """Map the sums by kind of account to the fields of `Totals`."""
    return {
        "issued": -kinds.get("issuance", 0),
        "burned": kinds.get("redemption", 0),
        "expired": kinds.get("breakage", 0),
        "forfeited": kinds.get("forfeiture", 0),
        "clawed_back": kinds.get("clawback", 0),
        "lost": -kinds.get("loss", 0),
        "adjusted": -kinds.get("adjustment", 0),
        "converted": kinds.get("conversion", 0),
        "cashed_out": kinds.get("cash_out", 0),
        "transferred": kinds.get("transfer", 0),
        "outstanding": kinds.get("participant", 0),
    }


_OWN = select(account.c.id, account.c.kind, account.c.currency).where(
    account.c.program == bindparam("program"), account.c.participant.in_([f"@{kind}" for kind in SYSTEM_KINDS])
)
_GOT = text(
    """
SELECT account_id, sum(amount) AS amount FROM (
    SELECT credit_account AS account_id, sum(amount) AS amount FROM ledger.posting
    WHERE credit_account = ANY(:own) GROUP BY credit_account
    UNION ALL
    SELECT debit_account, -sum(amount) FROM ledger.posting WHERE debit_account = ANY(:own) GROUP BY debit_account
) AS side GROUP BY account_id
"""
)
_RATED_BY = text(
    "SELECT EXISTS (SELECT FROM ledger.txn WHERE program = :program AND effective_at >= :since "
    "AND kind = 'earn' AND details ->> 'revision' = :revision)"
)
_COUNTED = text(
    """
SELECT (
    SELECT coalesce(sum(amount), 0) FROM ledger.qualification AS counted
    WHERE counted.program = :program AND counted.participant = asked.participant AND counted.counter = asked.counter
        AND counted.effective_at > since AND counted.effective_at <= until
)
FROM unnest(
    CAST(:participant AS text[]), CAST(:counter AS text[]), CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[])
) WITH ORDINALITY AS asked (participant, counter, since, until, place)
ORDER BY place
"""
)
