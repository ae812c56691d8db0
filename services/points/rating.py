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
from domain.members.errors import MemberGone
from domain.model import Value
from domain.points import earning
from domain.points.earning import CappedRule
from domain.points.errors import EventTypeUnknown, OutOfTime
from ledger import Earn, Seen
from services.points.earn_requests import earn_for_event
from services.programs.availability import require_open
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
    try:
        return earn_for_event(
            in_force.definition,
            in_force.number,
            member,
            earning.Event(type=event.type, amount=event.amount, attributes=event.attributes),
            key=key,
            at=event.occurred_at,
            fingerprint=event.fingerprint,
            pending=event.pending,
            nudge=_nudged_by_activity(member),
            seen=seen,
        )
    except UnratableEvent as error:
        raise InvalidRequest([{"field": error.field, "problem": str(error)}]) from error


def taken_by(program: ProgramRecord, revisions: RevisionsInForce, event: EventIn, now: datetime) -> RevisionInForce:
    """The revision that takes an event, whoever it is of.

    Raises EarningClosed, EarningStopped, LateFilesClosed, ProgramOnHold, ProgramHalted, EventTypeUnknown.
    """
    in_force = revisions.at(event.occurred_at)
    require_open(program, "earning", event.occurred_at, in_force=in_force is not None, now=now)
    assert in_force is not None
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


def _nudged_by_activity(member: MemberRecord) -> tuple[str, ...]:
    """Which workflows any activity of the member concerns: an offer that waits for it, and, where it is news, the member's."""
    offer = (member.open_intervention,) if member.open_intervention else ()
    news = () if member.journey_stage == "using" else (ids.member(member.program, member.participant),)
    return offer + news
