"""Short ways to ask the ledger for something, at days counted from the first of January 2026."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ledger import Answer, Burn, Earn, Forfeit, Ledger, Reschedule

PROGRAM, CURRENCY = "stars", "STAR"


def day(number: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def _common(member: str, key: str, at: float) -> dict[str, Any]:
    return {"program": PROGRAM, "participant": member, "currency": CURRENCY, "key": key, "effective_at": day(at)}


def an_earn(key: str, points: int, *, member: str = "ann", at: float = 0, lapses: float | None = None, **more: Any) -> Earn:
    expires_at = None if lapses is None else day(lapses)
    return Earn(**_common(member, key, at), points=points, expires_at=expires_at, **more)


def a_burn(key: str, points: int, *, member: str = "ann", at: float = 1, **more: Any) -> Burn:
    return Burn(**_common(member, key, at), points=points, **more)


def a_forfeit(key: str, *, member: str = "ann", at: float = 1, **more: Any) -> Forfeit:
    return Forfeit(**_common(member, key, at), **more)


def a_reschedule(key: str, lapses: float | None, *, member: str = "ann", at: float = 1, **more: Any) -> Reschedule:
    return Reschedule(**_common(member, key, at), expires_at=None if lapses is None else day(lapses), **more)


async def posted(ledger: Ledger, member: str = "ann") -> int:
    return (await ledger.balance(PROGRAM, member, CURRENCY)).posted


async def lots(ledger: Ledger, member: str = "ann") -> list[tuple[int, float | None]]:
    """What remains in each open lot, and the day on which it lapses."""
    open_lots = (await ledger.balance(PROGRAM, member, CURRENCY)).lots
    return [(lot.remaining, _number(lot.expires_at) if lot.expires_at else None) for lot in open_lots]


def _number(at: datetime) -> float:
    return (at - day(0)) / timedelta(days=1)


async def totals(ledger: Ledger) -> dict[str, int]:
    (figures,) = await ledger.totals(PROGRAM)
    told = figures.model_dump(exclude={"currency"})
    return {name: told[name] for name in ("issued", "burned", "expired", "forfeited", "outstanding")}


def again(answer: Answer) -> Answer:
    """The answer that the same request gets when it comes again."""
    return answer.model_copy(update={"duplicate": True})
