"""What the ledger knows: balances, counters, totals and the figures of a window. Windows are (since, until]."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Value
from ledger.tables import account, lot, pending, posting, qualification, txn


class LotView(Value):
    """A lot that is not used up: what remains of it, and when that lapses (None: never)."""

    remaining: int
    earned_at: datetime
    expires_at: datetime | None


class Balance(Value):
    """What a member has: posted, held for redemptions under way, available; and the open lots in the order of their use.

    `pending` points are no part of it until they are confirmed. `owed` is what a clawback took that was spent already: the
    lots have so much more than is posted, or will pay for it as they fill.
    """

    posted: int
    held: int
    available: int
    pending: int = 0
    owed: int = 0
    last_activity_at: datetime | None
    lots: tuple[LotView, ...]


class Totals(Value):
    """All that ever happened to a program's points of one currency, less what was reversed of it.

    issued + adjusted + lost
        = outstanding + burned + expired + forfeited + clawed_back + converted + cashed_out + transferred.
    `adjusted` were given by hand (negative: taken), `lost` were clawed back from the program itself or written off at its end,
    `converted` left for another currency (negative: came from one), `cashed_out` became money at the program's end,
    `transferred` are on their way between two members, which is nothing ever.
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


class WindowFigures(Value):
    """What happened in a window; `outstanding` is at its end. Active: had an activity; redeemed: had a burn or a capture."""

    issued: int
    burned: int
    expired: int
    forfeited: int
    active_members: int
    members_redeemed: int
    outstanding: int


async def balance(connection: AsyncConnection, program: str, participant: str, currency: str) -> Balance:
    """A member's balance; nothing but zeros for one who never had any."""
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
    """The sum of each of a member's counters in (since, until], in its smallest unit; without those that had nothing."""
    query = (
        select(qualification.c.counter, func.sum(qualification.c.amount).label("amount"))
        .where(qualification.c.program == program, qualification.c.participant == participant)
        .where(qualification.c.effective_at > since, qualification.c.effective_at <= until)
        .group_by(qualification.c.counter)
    )
    return {row.counter: int(row.amount) for row in await connection.execute(query)}


async def counted(connection: AsyncConnection, program: str, asked: Sequence[tuple[str, str, datetime, datetime]]) -> list[int]:
    """The sum of each (participant, counter, since, until) at its place, over (since, until]; 0 where nothing counted."""
    if not asked:
        return []
    participant, counter, since, until = (list(column) for column in zip(*asked, strict=True))
    parameters = {"program": program, "participant": participant, "counter": counter, "since": since, "until": until}
    return [int(amount) for amount in await connection.scalars(_COUNTED, parameters)]


async def last_activity(connection: AsyncConnection, program: str, participant: str) -> datetime | None:
    """When the member was last active, in any currency."""
    mine = (account.c.program == program, account.c.participant == participant)
    latest: datetime | None = await connection.scalar(select(func.max(account.c.last_activity_at)).where(*mine))
    return latest


async def totals(connection: AsyncConnection, program: str) -> tuple[Totals, ...]:
    """The program's totals by currency, derived from the postings."""
    query = (
        select(account.c.currency, account.c.kind, func.sum(_SIDES.c.amount).label("amount"))
        .join(_SIDES, _SIDES.c.account_id == account.c.id)
        .where(account.c.program == program)
        .group_by(account.c.currency, account.c.kind)
    )
    by_currency: dict[str, dict[str, int]] = {}
    for row in await connection.execute(query):
        by_currency.setdefault(row.currency, {})[row.kind] = int(row.amount)
    return tuple(Totals(currency=currency, **_figures(kinds)) for currency, kinds in sorted(by_currency.items()))


async def window_figures(connection: AsyncConnection, program: str, since: datetime, until: datetime) -> WindowFigures:
    """What happened to a program's points in (since, until], by when it took effect, over all its currencies."""
    parameters = {"program": program, "since": since, "until": until}
    within = txn.c.effective_at > bindparam("since")
    moved = {
        row.kind: row
        for row in await connection.execute(
            _moved_until()
            .add_columns(func.coalesce(func.sum(_SIDES.c.amount).filter(within), 0).label("in_window"))
            .add_columns(func.sum(_SIDES.c.amount).label("until_end")),
            parameters,
        )
    }
    figures = _figures({kind: int(row.in_window) for kind, row in moved.items()})
    people = (await connection.execute(_PEOPLE, parameters)).one()
    outstanding = int(moved["participant"].until_end) if "participant" in moved else 0
    in_window = {name: figures[name] for name in ("issued", "burned", "expired", "forfeited")}
    return WindowFigures(**in_window, outstanding=outstanding, active_members=people.active, members_redeemed=people.redeemed)


def _figures(kinds: dict[str, int]) -> dict[str, int]:
    """The sums of the postings by the kind of account, as the trade names them."""
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


_SIDES = union_all(
    select(posting.c.txn_id, posting.c.credit_account.label("account_id"), posting.c.amount.label("amount")),
    select(posting.c.txn_id, posting.c.debit_account, -posting.c.amount),
).subquery("side")
"""Both sides of every posting, what an account got as positive."""


def _moved_until() -> Select[Any]:
    return (
        select(account.c.kind)
        .select_from(txn)
        .join(_SIDES, _SIDES.c.txn_id == txn.c.id)
        .join(account, account.c.id == _SIDES.c.account_id)
        .where(txn.c.program == bindparam("program"), txn.c.effective_at <= bindparam("until"))
        .group_by(account.c.kind)
    )


_burned = txn.c.kind.in_(["burn", "capture"]) & (txn.c.outcome == "posted")
_PEOPLE = (
    select(
        func.count(account.c.participant.distinct()).filter(txn.c.activity).label("active"),
        func.count(account.c.participant.distinct()).filter(_burned).label("redeemed"),
    )
    .select_from(txn)
    .join(account, account.c.id == txn.c.account_id)
    .where(txn.c.program == bindparam("program"))
    .where(txn.c.effective_at > bindparam("since"), txn.c.effective_at <= bindparam("until"))
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
