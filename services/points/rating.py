"""Rating: an event from a shop becomes a request to the ledger, by the revision in force when the event happened."""

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
from ledger import CapUsage, Earn
from services.points.earn_requests import earn_for_event
from services.programs.availability import require_open
from store.members.members import MemberRecord
from store.programs.programs import ProgramRecord, RevisionInForce, RevisionsInForce

_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far a shop's clock may be ahead of ours."""
_ALWAYS_TOLD = {"type", "occurred_at", "amount"}


class EventIn(Value):
    """An event: its type, its instant (with a time zone), the amount in units of the program's money, and attributes.

    `attributes` are those that the definition's rules and counters use (nights: 2, brand: tru).
    `pending`: its points wait until they are confirmed.
    """

    type: Name
    occurred_at: AwareDatetime
    amount: Amount = Decimal(0)
    attributes: dict[Name, AttributeValue] = Field(default={}, max_length=50)
    pending: bool = False

    @property
    def fingerprint(self) -> str:
        """The text that distinguishes the event from another one under the same key, however it was posted.

        It is stored for ever as part of a hash, so a field that was added later is left out while it is empty.
        """
        later = {name for name in ("attributes", "pending") if getattr(self, name)}
        shown = self.model_copy(update={"attributes": dict(sorted(self.attributes.items()))}) if self.attributes else self
        return shown.model_dump_json(include=_ALWAYS_TOLD | later)


def rated(
    program: ProgramRecord,
    member: MemberRecord,
    revisions: RevisionsInForce,
    event: EventIn,
    *,
    key: str,
    now: datetime,
    seen: Sequence[CapUsage] = (),
) -> Earn:
    """Return an event's request to the ledger under its ledger key, by the revision in force when the event happened.

    `seen` has the sums of the counters that `capped_rules` returns.
    Raises the reason why the event cannot be posted: OutOfTime, MemberGone, EarningClosed, EarningStopped, LateFilesClosed,
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
    """Return the revision that takes an event, independent of its member.

    Raises EarningClosed, EarningStopped, LateFilesClosed, ProgramOnHold, ProgramHalted, EventTypeUnknown.
    """
    # The event's own instant decides on everything but late files, which the present instant closes.
    in_force = revisions.at(event.occurred_at)
    require_open(program, "earning", event.occurred_at, in_force=in_force is not None, now=now)
    assert in_force is not None
    known = earning.event_types(in_force.definition)
    if event.type not in known:
        raise EventTypeUnknown(event.type, sorted(known))
    return in_force


def check_clock(instant: datetime, now: datetime, field: str = "occurred_at") -> None:
    """Raise OutOfTime for an instant in the future."""
    if instant > now + _CLOCKS_DIFFER:
        raise OutOfTime(f"{instant.isoformat()} has not come yet.", remedy="Post it once it has happened.", field=field)


def capped_rules(member: MemberRecord, revisions: RevisionsInForce, event: EventIn) -> tuple[CappedRule, ...]:
    """Return the counters that show how much of each cap is used, with their spans; none if no rule for the event has a cap."""
    in_force = revisions.at(event.occurred_at)
    if in_force is None:
        return ()
    return earning.capped(in_force.definition, event.type, event.occurred_at, member.joined_at)


def _nudged_by_activity(member: MemberRecord) -> tuple[str, ...]:
    """Return the workflows to nudge on any activity: an open intervention, and the member's if the journey stage changes."""
    offer = (member.open_intervention,) if member.open_intervention else ()
    news = () if member.journey_stage == "using" else (ids.member(member.program, member.participant),)
    return offer + news
