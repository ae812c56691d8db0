"""Events and bonuses become `Earn` requests to the ledger, for the live program, its imports and its rehearsals alike."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from pydantic import JsonValue

from domain import ids
from domain.definition.conditions import UnratableEvent
from domain.definition.document import Definition
from domain.members import tiers
from domain.points import earning, expiry
from domain.points.earning import CappedRule
from ledger import MAX_POINTS, CapUsage, Earn, Ledger


class Earner(Protocol):
    """The member who earns the points: a stored member, or the member of a rehearsal."""

    @property
    def program(self) -> str: ...

    @property
    def participant(self) -> str: ...

    @property
    def tier(self) -> str: ...

    @property
    def tier_until(self) -> datetime | None: ...

    @property
    def joined_at(self) -> datetime: ...


def earn_for_event(
    definition: Definition,
    revision: int,
    earner: Earner,
    event: earning.Event,
    *,
    key: str,
    at: datetime,
    fingerprint: str | None = None,
    pending: bool = False,
    nudge: Sequence[str] = (),
    seen: Sequence[CapUsage] = (),
) -> Earn:
    """Rate an event that happened at an instant, by this revision of the definition; return the request to the ledger.

    `pending`: its points wait even if no rule says so. `nudge` are workflows to signal in any case, `seen` the result of
    `seen_under_caps`. An event that no rule or counter takes becomes an earn of 0 points without `activity`.
    Raises UnratableEvent, also for more points than the ledger accepts.
    """
    rating = earning.rate(definition, earner.tier, event, at=at, already={each.counter: each.amount for each in seen})
    if max((rating.points, *rating.qualifying.values())) > MAX_POINTS:
        raise UnratableEvent("amount", f"the event would bring {rating.points} points, over {MAX_POINTS}")
    gap = expiry.clock_stands_within(definition)
    return Earn(
        program=earner.program,
        participant=earner.participant,
        currency=definition.currency.code,
        key=key,
        fingerprint=fingerprint,
        kind="earn",
        points=rating.points,
        effective_at=at,
        expires_at=expiry.lot_expiry(definition, earner.tier, at),
        qualifying=rating.qualifying,
        details={
            "event": event.type,
            "amount": str(event.amount),
            **({"attributes": {name: _plain(value) for name, value in event.attributes.items()}} if event.attributes else {}),
            "participant": earner.participant,
            "tier": earner.tier,
            "revision": revision,
            "rules": list(rating.rules),
        },
        clock_stands_within=gap.approximate() if gap is not None else None,
        renew_lots=expiry.renews_lots(definition),
        activity=rating.taken,
        pending=pending or rating.pending,
        watches=tiers.watches(definition, earner.tier, at, joined=earner.joined_at, until=earner.tier_until),
        nudge=tuple(nudge),
        nudge_on_watch=ids.member(earner.program, earner.participant),
        seen=tuple(seen),
    )


def earn_for_bonus(
    definition: Definition,
    earner: Earner,
    points: int,
    *,
    key: str,
    at: datetime,
    details: Mapping[str, JsonValue],
    fingerprint: str | None = None,
) -> Earn:
    """Return the request that gives a member points without an event: they are no activity and count for no tier.

    With the key as `fingerprint`, the same bonus is the same request whenever it is sent.
    """
    return Earn(
        program=earner.program,
        participant=earner.participant,
        currency=definition.currency.code,
        key=key,
        fingerprint=fingerprint,
        kind="bonus",
        points=points,
        effective_at=at,
        expires_at=expiry.lot_expiry(definition, earner.tier, at),
        details=dict(details),
        activity=False,
    )


async def seen_under_caps(
    ledger: Ledger, program: str, asked: Sequence[tuple[str, Sequence[CappedRule]]]
) -> list[tuple[CapUsage, ...]]:
    """Return the amounts that each member's capped rules have given, at its place; without such rules nothing is read."""
    sums = [(participant, rule.counter, rule.span.since, rule.span.until) for participant, rules in asked for rule in rules]
    amounts = iter(await ledger.counted(program, sums) if sums else ())
    return [
        tuple(
            CapUsage(counter=rule.counter, since=rule.span.since, until=rule.span.until, amount=next(amounts)) for rule in rules
        )
        for _, rules in asked
    ]


def _plain(value: str | bool | Decimal) -> str | bool:
    return str(value) if isinstance(value, Decimal) else value
