"""Short ways to ask the ledger for something, at days counted from the first of January 2026."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import (
    Adjust,
    Burn,
    Cancel,
    Capture,
    Confirm,
    Convert,
    Earn,
    Forfeit,
    Hold,
    Ledger,
    PostingResult,
    Reinstate,
    Reschedule,
    Reverse,
    Transfer,
    Void,
    outbox,
)

PROGRAM, CURRENCY = "stars", "STAR"


def day(number: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def _common(member: str, key: str, at: float) -> dict[str, Any]:
    return {"program": PROGRAM, "participant": member, "currency": CURRENCY, "key": key, "effective_at": day(at)}


def an_earn(key: str, points: int, *, member: str = "ann", at: float = 0, expires: float | None = None, **more: Any) -> Earn:
    expires_at = None if expires is None else day(expires)
    return Earn(**_common(member, key, at), points=points, expires_at=expires_at, **more)


def a_burn(key: str, points: int, *, member: str = "ann", at: float = 1, **more: Any) -> Burn:
    return Burn(**_common(member, key, at), points=points, **more)


def a_forfeit(key: str, *, member: str = "ann", at: float = 1, **more: Any) -> Forfeit:
    return Forfeit(**_common(member, key, at), **more)


def a_reschedule(key: str, expires: float | None, *, member: str = "ann", at: float = 1, **more: Any) -> Reschedule:
    return Reschedule(**_common(member, key, at), expires_at=None if expires is None else day(expires), **more)


def a_hold(key: str, points: int, *, member: str = "ann", at: float = 1, until: float = 20, **more: Any) -> Hold:
    return Hold(**_common(member, key, at), points=points, expires_at=day(until), **more)


def a_capture(key: str, hold: str, points: int | None = None, *, member: str = "ann", at: float = 2, **more: Any) -> Capture:
    return Capture(**_common(member, key, at), hold=hold, points=points, **more)


def a_void(key: str, hold: str, *, member: str = "ann", at: float = 2, **more: Any) -> Void:
    return Void(**_common(member, key, at), hold=hold, **more)


def a_confirm(key: str, earn: str, *, member: str = "ann", at: float = 2, expires: float | None = None, **more: Any) -> Confirm:
    return Confirm(**_common(member, key, at), earn=earn, expires_at=None if expires is None else day(expires), **more)


def a_cancel(key: str, earn: str, *, member: str = "ann", at: float = 2, **more: Any) -> Cancel:
    return Cancel(**_common(member, key, at), earn=earn, **more)


def a_reverse(key: str, of: str, points: int | None = None, *, member: str = "ann", at: float = 3, **more: Any) -> Reverse:
    return Reverse(**_common(member, key, at), of=of, points=points, **more)


def a_reinstate(key: str, *, member: str = "ann", at: float = 9, expires: float | None = 30, **more: Any) -> Reinstate:
    return Reinstate(**_common(member, key, at), expires_at=None if expires is None else day(expires), **more)


def a_transfer(key: str, to: str, points: int, *, member: str = "ann", at: float = 1, **more: Any) -> Transfer:
    return Transfer(**_common(member, key, at), to_participant=to, points=points, **more)


def a_convert(key: str, points: int, rate: str, *, member: str = "ann", at: float = 1, **more: Any) -> Convert:
    return Convert(**_common(member, key, at), to_currency="GEM", points=points, rate=Decimal(rate), **more)


def an_adjustment(key: str, points: int, *, member: str = "ann", at: float = 1, **more: Any) -> Adjust:
    details = {"reason": "goodwill", "author": "service/7"} | more
    return Adjust(**_common(member, key, at), points=points, **details)


async def posted(ledger: Ledger, member: str = "ann") -> int:
    return (await ledger.balance(PROGRAM, member, CURRENCY)).posted


async def lots(ledger: Ledger, member: str = "ann") -> list[tuple[int, float | None]]:
    """What remains in each open lot, and the day on which it expires."""
    open_lots = (await ledger.balance(PROGRAM, member, CURRENCY)).lots
    return [(lot.remaining, _number(lot.expires_at) if lot.expires_at else None) for lot in open_lots]


def _number(at: datetime) -> float:
    return (at - day(0)) / timedelta(days=1)


async def held(ledger: Ledger, member: str = "ann") -> int:
    return (await ledger.balance(PROGRAM, member, CURRENCY)).held


def outcome(answer: PostingResult) -> tuple[str, int, int]:
    """What became of it: the outcome or the refusal, the points and the balance."""
    return (answer.refusal or answer.outcome, answer.points, answer.balance)


async def totals(ledger: Ledger) -> dict[str, int]:
    (figures,) = await ledger.totals(PROGRAM)
    details = figures.model_dump(exclude={"currency"})
    always = ("issued", "burned", "expired", "forfeited", "outstanding")
    return {name: points for name, points in details.items() if points or name in always}


async def nudged(engine: AsyncEngine) -> list[str]:
    """The nudges that wait, and from now on do no more."""
    async with engine.begin() as connection:
        claimed = await outbox.claim(connection, 1000)
        await outbox.mark_sent(connection, [each.id for each in claimed])
    return sorted(each.workflow_id for each in claimed)


def again(answer: PostingResult) -> PostingResult:
    """The answer that the same request gets when it comes again."""
    return answer.model_copy(update={"duplicate": True})
