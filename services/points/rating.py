"""What an event brings: from what a shop tells, by the revision in force when it happened, to what is asked of the ledger."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import AwareDatetime, Field

from domain import ids
from domain.definition.conditions import UnratableEvent
from domain.definition.values import Amount, AttributeValue
from domain.errors_input import InvalidRequest
from domain.ids import Name
from domain.members import tiers
from domain.members.errors import MemberGone
from domain.model import Value
from domain.points import earning, expiry
from domain.points.earning import CappedRule
from domain.points.errors import EarningClosed, EarningStopped, EventTypeUnknown, LateFilesClosed, OutOfTime
from domain.programs import holds
from domain.programs.errors_holds import stopped
from ledger import MAX_POINTS, Earn, Seen
from store.members.members import MemberRecord
from store.programs.programs import ProgramRecord, RevisionInForce, RevisionsInForce

_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours the clock of a shop may run."""
_ALWAYS_TOLD = {"type", "occurred_at", "amount"}


class EventIn(Value):
    """What happened: its type, when (with a time zone), the amount in units of the program's money, and what else it says.

    `attributes` are those that the definition's rules and counters look at (nights: 2, brand: tru).
    `pending`: its points wait until they are confirmed.
    """

    type: Name
    occurred_at: AwareDatetime
    amount: Amount = Decimal(0)
    attributes: dict[Name, AttributeValue] = Field(default={}, max_length=50)
    pending: bool = False

    @property
    def fingerprint(self) -> str:
        """What tells the event from another one under the same key, however it was posted.

        Its text is kept for ever as part of a hash, so a field that came later is left out while it says nothing.
        """
        later = {name for name in ("attributes", "pending") if getattr(self, name)}
        told = self.model_copy(update={"attributes": dict(sorted(self.attributes.items()))}) if self.attributes else self
        return told.model_dump_json(include=_ALWAYS_TOLD | later)


def rated(
    program: ProgramRecord,
    member: MemberRecord,
    revisions: RevisionsInForce,
    event: EventIn,
    *,
    key: str,
    now: datetime,
    seen: Sequence[Seen] = (),
) -> Earn:
    """What an event asks of the ledger under its ledger key, by the revision that was in force when it happened.

    `seen` is what `looks_at` asks for.
    Raises the reason why it cannot be posted: OutOfTime, MemberGone, EarningClosed, EarningStopped, LateFilesClosed,
    ProgramOnHold, ProgramHalted, EventTypeUnknown, InvalidRequest.
    """
    check_clock(event.occurred_at, now)
    if event.occurred_at < member.joined_at:
        raise OutOfTime(
            f"{event.occurred_at.isoformat()} is before the member joined ({member.joined_at.isoformat()}).",
            remedy="Only what happens from joining on counts.",
            field="occurred_at",
        )
    if member.status != "active":
        raise MemberGone(member.participant)
    in_force = taken_by(program, revisions, event, now)
    definition = in_force.definition
    try:
        rating = earning.rate(
            definition,
            member.tier,
            earning.Event(type=event.type, amount=event.amount, attributes=event.attributes),
            at=event.occurred_at,
            already={each.counter: each.amount for each in seen},
        )
    except UnratableEvent as error:
        raise InvalidRequest([{"field": error.field, "problem": str(error)}]) from error
    pending = event.pending or rating.pending
    if max((rating.points, *rating.qualifying.values())) > MAX_POINTS:
        raise InvalidRequest(
            [{"field": "amount", "problem": f"the event would bring {rating.points} points, over {MAX_POINTS}"}]
        )
    gap = expiry.clock_stands_within(definition)
    return Earn(
        program=program.id,
        participant=member.participant,
        currency=definition.currency.code,
        key=key,
        fingerprint=event.fingerprint,
        kind="earn",
        points=rating.points,
        effective_at=event.occurred_at,
        expires_at=expiry.lot_expiry(definition, member.tier, event.occurred_at),
        qualifying=rating.qualifying,
        details={
            "event": event.type,
            "amount": str(event.amount),
            **({"attributes": {name: _plain(value) for name, value in event.attributes.items()}} if event.attributes else {}),
            "participant": member.participant,
            "tier": member.tier,
            "revision": in_force.number,
            "rules": list(rating.rules),
        },
        clock_stands_within=gap.approximate() if gap is not None else None,
        renew_lots=expiry.renews_lots(definition),
        activity=rating.taken,
        pending=pending,
        watches=tiers.watches(definition, member.tier, event.occurred_at, joined=member.joined_at, until=member.tier_until),
        nudge=_nudged_by_activity(member),
        nudge_on_watch=ids.member(program.id, member.participant),
        seen=tuple(seen),
    )


def taken_by(program: ProgramRecord, revisions: RevisionsInForce, event: EventIn, now: datetime) -> RevisionInForce:
    """The revision that takes an event, whoever it is of.

    Raises EarningClosed, EarningStopped, LateFilesClosed, ProgramOnHold, ProgramHalted, EventTypeUnknown.
    """
    in_force = revisions.at(event.occurred_at)
    if in_force is None or (program.earning_until is not None and event.occurred_at >= program.earning_until):
        raise EarningClosed(program.id)
    if program.is_stopped(event.occurred_at):
        raise EarningStopped(program.id)
    if program.late_until is not None and now >= program.late_until:
        raise LateFilesClosed(program.id, program.late_until)
    if (stop := holds.stopping(program.holds, "earning", event.occurred_at)) is not None:
        raise stopped(stop, program.id, "earning")
    known = earning.event_types(in_force.definition)
    if event.type not in known:
        raise EventTypeUnknown(event.type, sorted(known))
    return in_force


def check_clock(instant: datetime, now: datetime, field: str = "occurred_at") -> None:
    """Raise OutOfTime for what has not happened yet."""
    if instant > now + _CLOCKS_DIFFER:
        raise OutOfTime(f"{instant.isoformat()} has not come yet.", remedy="Post it once it has happened.", field=field)


def looks_at(member: MemberRecord, revisions: RevisionsInForce, event: EventIn) -> tuple[CappedRule, ...]:
    """The counters that say how much of a cap is used up already, and over which spans; none where no rule has such a cap."""
    in_force = revisions.at(event.occurred_at)
    if in_force is None:
        return ()
    return earning.capped(in_force.definition, event.type, event.occurred_at, member.joined_at)


def _plain(value: str | bool | Decimal) -> str | bool:
    return str(value) if isinstance(value, Decimal) else value


def _nudged_by_activity(member: MemberRecord) -> tuple[str, ...]:
    """Which workflows any activity of the member concerns: an offer that waits for it, and, where it is news, the member's."""
    offer = (member.open_intervention,) if member.open_intervention else ()
    news = () if member.journey_stage == "using" else (ids.member(member.program, member.participant),)
    return offer + news
