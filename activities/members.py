"""What happens to a member: joining, the review of their tier and activity, the end of the membership."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain import expiry, tiers
from domain.definition import Definition
from domain.journey import journey_stage, silence
from domain.lifecycle import MemberReview, Membership, OfferTerms
from domain.model import Message
from domain.stages import MemberStatus
from domain.waves import is_open_to
from ledger import Forfeit, Ledger, Reschedule
from store import members, programs


class Joining(Message):
    program: str
    participant: str
    agreement: str
    at: datetime


class MemberAt(Message):
    """A member, looked at from an instant of business time; `last_offer_at` is the last offer that their workflow began."""

    program: str
    participant: str
    at: datetime
    last_offer_at: datetime | None = None


class Closing(Message):
    """The end of a membership; what is left of the points is forfeited."""

    program: str
    participant: str
    status: MemberStatus
    why: str
    at: datetime


class MemberActivities:
    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    @activity.defn
    async def establish_member(self, joining: Joining) -> Membership:
        """Write the member with the agreement they accepted; refuses whom the open waves do not reach."""
        async with self._engine.begin() as connection:
            program = await programs.find(connection, joining.program)
            in_force = await programs.in_force_at(connection, joining.program, joining.at)
            if in_force is None or (program.enrolment_until is not None and joining.at >= program.enrolment_until):
                raise ApplicationError("The program is not open for enrolment.", type="enrolment_closed", non_retryable=True)
            if not is_open_to(program.salt, joining.participant, program.open_buckets):
                raise ApplicationError(
                    "The waves opened so far do not reach this member.", type="not_in_wave", non_retryable=True
                )
            standing = tiers.joined(in_force.definition, joining.at)
            await members.establish(
                connection,
                Membership(
                    program=joining.program,
                    participant=joining.participant,
                    status="active",
                    tier=standing.tier,
                    tier_since=standing.since,
                    tier_until=standing.until,
                    joined_at=joining.at,
                    agreement=joining.agreement,
                    journey_stage="onboarding",
                ),
            )
            return await members.find(connection, joining.program, joining.participant)

    @activity.defn
    async def review_member(self, look: MemberAt) -> MemberReview:
        """Look at the member's counters and last activity; move their tier where the rules say so; say when to look again."""
        async with self._engine.connect() as connection:
            definition = await _definition_at(connection, look)
            record = await members.find(connection, look.program, look.participant)
            ends = (await programs.find(connection, look.program)).enrolment_until
        since = definition.qualification_window.before(look.at, definition.zone)
        counters = await self._ledger.counters(look.program, look.participant, since, look.at)
        last_activity = await self._ledger.last_activity(look.program, look.participant)

        review = tiers.review(definition, record.standing, counters, look.at)
        quiet = silence(definition, last_activity or record.joined_at, look.last_offer_at, look.at)
        stage = journey_stage(has_activity=last_activity is not None, silent=quiet.has_come)
        # The lots first: once the move is written, a repetition would no longer see that they are due for it.
        await self._reschedule_lots(definition, record, review.standing.tier, look.at)
        async with self._engine.begin() as connection:
            if review.standing != record.standing:
                await members.move(connection, record, review.standing, review.change, look.at)
            if stage != record.journey_stage:
                await members.set_journey_stage(connection, look.program, look.participant, stage)
            membership = await members.find(connection, look.program, look.participant)
        return MemberReview(
            membership=membership,
            silent=quiet.has_come,
            offer=_offer(definition) if quiet.offer_due and ends is None else None,
            look_again_at=min((at for at in (review.standing.until, quiet.look_at) if at is not None), default=None),
        )

    @activity.defn
    async def close_membership(self, closing: Closing) -> Membership:
        """End the membership and forfeit what is left; the ledger keeps its entries."""
        async with self._engine.begin() as connection:
            definition = await _definition_at(connection, closing)
            await members.close(connection, closing.program, closing.participant, closing.status, closing.at)
            membership = await members.find(connection, closing.program, closing.participant)
        for currency, key in _currencies(definition):
            await self._ledger.forfeit(
                Forfeit(
                    program=closing.program,
                    participant=closing.participant,
                    currency=currency,
                    key=f"close/{closing.participant}{key}",
                    effective_at=membership.left_at or closing.at,
                    details={"why": closing.why},
                )
            )
        return membership

    async def _reschedule_lots(self, definition: Definition, record: members.MemberRecord, tier: str, at: datetime) -> None:
        """On moving to a tier whose points lapse otherwise, every open lot gets the expiry that the new tier gives."""
        if not expiry.tier_change_reschedules(definition, record.tier, tier):
            return
        for currency, key in _currencies(definition):
            await self._ledger.reschedule(
                Reschedule(
                    program=record.program,
                    participant=record.participant,
                    currency=currency,
                    key=f"tier/{record.participant}/{tier}/{at.isoformat()}{key}",
                    effective_at=at,
                    expires_at=expiry.lot_expiry(definition, tier, at),
                    details={"tier": tier},
                )
            )


def _currencies(definition: Definition) -> list[tuple[str, str]]:
    """Every currency of the program, with what tells the key of a step in it from the same step in the first one."""
    others = [(each.code, f"/{each.code}") for each in definition.other_currencies]
    return [(definition.currency.code, ""), *others]


def _offer(definition: Definition) -> OfferTerms | None:
    policy = definition.retention
    if policy is None:
        return None
    seconds = policy.answer_within.approximate().total_seconds()
    return OfferTerms(points=policy.offer.points, message=policy.offer.message, answer_within_seconds=seconds)


async def _definition_at(connection: AsyncConnection, look: MemberAt | Closing) -> Definition:
    """The definition in force; once in force there always is one, so that none means a program that was never launched."""
    in_force = await programs.in_force_at(connection, look.program, look.at)
    if in_force is None:
        raise ApplicationError(
            f"Program {look.program} was not in force at {look.at}.", type="not_launched", non_retryable=True
        )
    return in_force.definition
