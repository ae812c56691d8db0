"""What happens to a member: joining, the review of their tier and activity, the end of the membership."""

from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.queues import ActivityGroup
from activities.refusals import in_words, refusal
from domain.definition.document import Definition
from domain.definition.rewards import Benefit
from domain.ids import MEMBERS_QUEUE
from domain.members import benefits, tiers
from domain.members.enrolment import NotAdmitted
from domain.members.errors import EnrolmentClosed, NotInvited
from domain.members.journey import journey_stage, silence
from domain.members.membership import MemberReview, Membership, OfferTerms
from domain.members.tier_review import next_review
from domain.model import Message
from domain.points import expiry
from domain.programs.availability import closed_for
from domain.programs.errors import NotLaunched
from domain.programs.errors_holds import stopped
from domain.programs.stages import MemberStatus
from ledger import Forfeit, Ledger, Reschedule
from services.members import member_review
from services.members.admission import admit, note_joined
from services.points.earn_requests import earn_for_bonus
from store.acceptance import pilots
from store.members import benefits as given_benefits
from store.members import members
from store.programs import announcements, programs
from store.programs.announcements import ANNOUNCED
from store.rollout import invitations

_WHILE_ON_HOLD = timedelta(days=7)


class Joining(Message):
    """Who joins, with the version of the agreement and the fee (in units of the program's money) that they accepted."""

    program: str
    participant: str
    agreement: str
    at: datetime
    fee: Decimal | None = None


class ReviewRequest(Message):
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


class MemberActivities(ActivityGroup):
    QUEUE = MEMBERS_QUEUE

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    @activity.defn
    async def establish_member(self, joining: Joining) -> Membership:
        """Write the member with what they accepted; refuses whom the open waves do not reach, and who needs an invitation."""
        async with self._engine.begin() as connection:
            program = await programs.find(connection, joining.program)
            in_force = await programs.in_force_at(connection, joining.program, joining.at)
            # Before the launch there are pilots, whose cohorts alone may join; from then on there are waves.
            piloted = program.launched_at is None and await pilots.admits(
                connection, joining.program, joining.participant, joining.at
            )
            closed = closed_for(program, "enrolment", joining.at, in_force=in_force is not None, piloted=piloted)
            if closed is not None and closed.hold is not None:
                raise refusal(stopped(closed.hold, joining.program, "enrolment"))
            if closed is not None or in_force is None:
                raise in_words(EnrolmentClosed, "The program is not open for enrolment.")
            definition = in_force.definition
            try:
                opening = None if piloted else await admit(connection, program, definition, joining.participant, joining.at)
            except NotAdmitted as refused:
                raise in_words(refused.kind, refused.reason) from None
            if definition.joining.invitation_only and not await invitations.is_invited(
                connection, joining.program, joining.participant
            ):
                raise in_words(
                    NotInvited, "Only who was invited may join, and this member was not.", "Have them invited, then try again."
                )
            tier_status = tiers.joined(definition, joining.at)
            await members.establish(
                connection,
                Membership(
                    program=joining.program,
                    participant=joining.participant,
                    status="active",
                    tier=tier_status.tier,
                    tier_since=tier_status.since,
                    tier_until=tier_status.until,
                    joined_at=joining.at,
                    agreement=joining.agreement,
                    journey_stage="onboarding",
                    fee=joining.fee,
                    wave=opening.wave if opening is not None else None,
                ),
            )
            if opening is not None:
                await note_joined(connection, in_force, opening, joining.at)
            await invitations.accept(connection, joining.program, joining.participant, joining.at)
            await _announce_pending_amendment(connection, program, joining)
            record = await members.find(connection, joining.program, joining.participant)
        # After the member is written; a repetition finds them written as they were, and gives what was not given yet.
        await self._give(definition, record, benefits.on_joining(definition), record.tier, record.joined_at)
        return record

    @activity.defn
    async def review_member(self, request: ReviewRequest) -> MemberReview:
        """Look at the member's counters and last activity; move their tier where the rules say so; say when to look again."""
        async with self._engine.connect() as connection:
            in_force = await _in_force_at(connection, request, request.at)
            definition = in_force.definition
            record = await members.find(connection, request.program, request.participant)
            program = await programs.find(connection, request.program)
            revisions = await programs.revisions_in_force(connection, request.program)
            under = member_review.conditions(revisions, in_force, record, request.at)
            rules = [definition, *([under.judge.definition] if under.judge is not None else [])]
            stays = await member_review.stays(connection, request.program, request.participant, rules)
        review = await member_review.review(self._ledger, definition, record, under, stays, request.at)
        last_activity = await self._ledger.last_activity(request.program, request.participant)
        grandfathered_under = under.by_tier_held if review.standing.since == record.tier_since else None
        quiet = silence(definition, last_activity or record.joined_at, request.last_offer_at, request.at)
        stage = journey_stage(has_activity=last_activity is not None, silent=quiet.has_come)
        # The lots first: once the move is written, a repetition would no longer see that they are due for it.
        if review.reschedules_lots:
            await self._reschedule_lots(definition, record, review.standing.tier, request.at)
        async with self._engine.begin() as connection:
            if review.standing != record.tier_status:
                await members.move(connection, record, review.standing, review.outcome.change, request.at)
            if grandfathered_under != record.judged_by:
                await members.set_judged_by(connection, request.program, request.participant, grandfathered_under)
            if stage != record.journey_stage:
                await members.set_journey_stage(connection, request.program, request.participant, stage)
            membership = await members.find(connection, request.program, request.participant)
            stays = await member_review.stays(connection, request.program, request.participant, [definition])
            changes = await _changes_at(connection, definition, membership, request.at)
        await self._pay_milestones(definition, membership, review.milestones, request.at)
        for change, tier in changes:
            await self._give(definition, membership, benefits.of_change(definition, change, tier), tier, request.at)
        tier_look = next_review(definition, membership.tier_status, stays, request.at)
        no_offers = closed_for(program, "offers", request.at)
        # Who would be offered something is looked at again before long: a hold is lifted without telling each member.
        on_hold = no_offers is not None and no_offers.hold is not None
        after_hold = request.at + _WHILE_ON_HOLD if on_hold and quiet.offer_due else None
        return MemberReview(
            membership=membership,
            silent=quiet.has_come,
            offer=_offer(definition) if quiet.offer_due and no_offers is None else None,
            look_again_at=min((at for at in (tier_look, quiet.look_at, after_hold) if at is not None), default=None),
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

    async def _pay_milestones(
        self, definition: Definition, record: members.MemberRecord, reached: tuple[tiers.Reached, ...], at: datetime
    ) -> None:
        """Pay what was reached, once for each window: the key says which milestone and which window it was."""
        if reached and await self._earning_stopped(record.program, at):
            return
        for milestone, window in reached:
            key = f"milestone/{record.participant}/{milestone.id}/{window.isoformat()}"
            await self._bonus(definition, record, key, milestone.points, at, {"milestone": milestone.id})

    async def _give(
        self, definition: Definition, record: members.MemberRecord, given: tuple[Benefit, ...], tier: str, at: datetime
    ) -> None:
        """Give benefits and keep that they were given, once for the tier and the instant at which they were due."""
        if record.status != "active":
            return
        if any(benefit.points for benefit in given) and await self._earning_stopped(record.program, at):
            given = tuple(benefit for benefit in given if not benefit.points)
        for benefit in given:
            if benefit.points:
                key = f"benefit/{record.participant}/{benefit.id}/{tier}/{at.isoformat()}"
                await self._bonus(definition, record, key, benefit.points, at, {"benefit": benefit.id})
        grants = [
            given_benefits.BenefitGrant(
                benefit=benefit.id, name=benefit.name, occasion=benefit.on, tier=tier, points=benefit.points, at=at
            )
            for benefit in given
        ]
        async with self._engine.begin() as connection:
            await given_benefits.grant(connection, record.program, record.participant, grants)

    async def _earning_stopped(self, program: str, at: datetime) -> bool:
        """Whether a program gives no points: it ends, its rollout was stopped, or its earning is on hold."""
        async with self._engine.connect() as connection:
            record = await programs.find(connection, program)
        return closed_for(record, "earning", at) is not None

    async def _bonus(
        self,
        definition: Definition,
        record: members.MemberRecord,
        key: str,
        points: int,
        at: datetime,
        details: dict[str, JsonValue],
    ) -> None:
        if record.status != "active":
            return
        await self._ledger.earn(
            # The key says all: the same bonus, come by at another look, is the same request.
            earn_for_bonus(definition, record, points, key=key, at=at, details=details, fingerprint=key)
        )

    async def _reschedule_lots(self, definition: Definition, record: members.MemberRecord, tier: str, at: datetime) -> None:
        """On moving to a tier whose points expire otherwise, every open lot gets the expiry that the new tier gives."""
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


async def _announce_pending_amendment(connection: AsyncConnection, program: programs.ProgramRecord, joining: Joining) -> None:
    """Who joins while an amendment waits for its date is told of it, as those were who are members already."""
    waiting = await programs.waiting_revision(connection, program.id)
    if waiting is not None:
        details = announcements.of_amendment(waiting.number, program.revision_in_force, waiting.effective_from)
        about, recipients = announcements.about_revision(waiting.number), {joining.participant: details}
        await announcements.record_announcements(connection, program.id, about, "member", ANNOUNCED, joining.at, recipients)


async def _definition_at(connection: AsyncConnection, look: Closing) -> Definition:
    return (await _in_force_at(connection, look, look.at)).definition


async def _in_force_at(connection: AsyncConnection, request: ReviewRequest | Closing, at: datetime) -> programs.RevisionInForce:
    """The revision in force; once in force there always is one, so that none means a program that was never launched."""
    in_force = await programs.in_force_at(connection, request.program, at)
    if in_force is None:
        raise in_words(NotLaunched, f"Program {request.program} was not in force at {at}.")
    return in_force


async def _changes_at(
    connection: AsyncConnection, definition: Definition, record: members.MemberRecord, at: datetime
) -> list[tuple[str, str]]:
    """What this look, or the same one before a repetition, has changed; read back, so that benefits are given just once."""
    if not any(benefit.on != "joining" for benefit in definition.benefits):
        return []
    changes = await members.tier_changes(connection, record.program, record.participant)
    return [(change.change, change.to_tier) for change in changes if change.at == at]
