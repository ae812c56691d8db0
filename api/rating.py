"""What an event brings: from what a shop tells, by the revision in force when it happened, to what is asked of the ledger."""

from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import AwareDatetime

from api.errors import EarningClosed, EventTypeUnknown, InvalidRequest, MemberGone, OutOfTime
from domain import earning, expiry, ids, tiers
from domain.definition import Amount
from domain.ids import Name
from domain.model import Value
from ledger import MAX_POINTS, Earn
from store.members import MemberRecord
from store.programs import ProgramRecord, RevisionsInForce

_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours the clock of a shop may run."""
_ALWAYS_TOLD = {"type", "occurred_at", "amount"}


class EventIn(Value):
    """What happened: its type, when (with a time zone), and the amount in units of the program's money.

    `pending`: its points wait until they are confirmed.
    """

    type: Name
    occurred_at: AwareDatetime
    amount: Amount = Decimal(0)
    pending: bool = False

    @property
    def fingerprint(self) -> str:
        """What tells the event from another one under the same key, however it was posted.

        Its text is kept for ever as part of a hash, so a field that came later is left out while it says nothing.
        """
        return self.model_dump_json(include=_ALWAYS_TOLD | {"pending"} if self.pending else _ALWAYS_TOLD)


def rated(
    program: ProgramRecord,
    member: MemberRecord,
    revisions: RevisionsInForce,
    event: EventIn,
    *,
    key: str,
    now: datetime,
) -> Earn:
    """What an event asks of the ledger under its ledger key, by the revision that was in force when it happened.

    Raises the reason why it cannot be posted: OutOfTime, MemberGone, EarningClosed, EventTypeUnknown, InvalidRequest.
    """
    _check_time(event.occurred_at, member, now)
    if member.status != "active":
        raise MemberGone(member.participant)
    in_force = revisions.at(event.occurred_at)
    if in_force is None or (program.earning_until is not None and event.occurred_at >= program.earning_until):
        raise EarningClosed(program.id)
    definition = in_force.definition
    known = {rule.event for rule in definition.earning}
    if event.type not in known:
        raise EventTypeUnknown(event.type, sorted(known))
    try:
        rating = earning.rate(definition, member.tier, earning.Event(type=event.type, amount=event.amount))
    except ValueError as error:
        raise InvalidRequest([{"field": "amount", "problem": str(error)}]) from error
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
            "participant": member.participant,
            "tier": member.tier,
            "revision": in_force.number,
            "rules": list(rating.rules),
        },
        clock_stands_within=gap.approximate() if gap is not None else None,
        renew_lots=expiry.renews_lots(definition),
        pending=event.pending,
        watches=tiers.watches(definition, member.tier, event.occurred_at),
        nudge=_nudged_by_activity(member),
        nudge_on_watch=ids.member(program.id, member.participant),
    )


def _check_time(occurred_at: datetime, member: MemberRecord, now: datetime) -> None:
    if occurred_at > now + _CLOCKS_DIFFER:
        raise OutOfTime(
            f"{occurred_at.isoformat()} has not come yet.", remedy="Post an event once it has happened.", field="occurred_at"
        )
    if occurred_at < member.joined_at:
        raise OutOfTime(
            f"{occurred_at.isoformat()} is before the member joined ({member.joined_at.isoformat()}).",
            remedy="Only what happens from joining on counts.",
            field="occurred_at",
        )


def _nudged_by_activity(member: MemberRecord) -> tuple[str, ...]:
    """Which workflows any activity of the member concerns: an offer that waits for it, and, where it is news, the member's."""
    offer = (member.open_intervention,) if member.open_intervention else ()
    news = () if member.journey_stage == "using" else (ids.member(member.program, member.participant),)
    return offer + news
