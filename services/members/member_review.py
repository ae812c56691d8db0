"""A member's tier review over the ledger: the sums that it rests on, and what the revisions so far mean for it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.definition.document import Definition
from domain.members import tier_review, tiers
from domain.members.tier_review import Grandfathered, Sums, TierReview
from domain.programs import amendments
from ledger import Ledger
from store.members import members
from store.members.members import MemberRecord
from store.programs.programs import RevisionInForce, RevisionsInForce


class Conditions(NamedTuple):
    """By which revision's conditions a member is reviewed, and what the change of revisions asks of the review."""

    judge: amendments.Judge | None
    amended: bool
    earlier_raises: bool

    @property
    def by_tier_held(self) -> int | None:
        """The number of the earlier revision by which the tier is held, where there is one."""
        return self.judge.number if self.judge is not None else None


def conditions(
    revisions: RevisionsInForce,
    in_force: RevisionInForce,
    record: MemberRecord,
    at: datetime,
    otherwise: Callable[[RevisionInForce, RevisionInForce, str], bool] | None = None,
) -> Conditions:
    """What the revisions up to an instant mean for a member's review by the one in force then.

    A caller that reviews many members hands in an `asks_otherwise` that remembers its answers, as `otherwise`.
    """
    standing_by = revisions.at(record.tier_since)
    ended_by = revisions.at(tiers.window_start(in_force.definition, at, record.joined_at))
    return Conditions(
        judge=amendments.judged_by(revisions.course(record.tier_since, at), record.tier),
        # What this revision leaves as it was is no transition: such a tier is held to its end.
        amended=standing_by is not None and (otherwise or asks_otherwise)(standing_by, in_force, record.tier),
        earlier_raises=ended_by is not None and ended_by.number == in_force.number,
    )


def asks_otherwise(one: RevisionInForce, other: RevisionInForce, tier: str) -> bool:
    """Whether a tier that is held under one revision asks for something else by another."""
    return one.number != other.number and amendments.asks_otherwise(one.definition, other.definition, tier)


async def stays(
    connection: AsyncConnection, program: str, participant: str, definitions: Sequence[Definition]
) -> tier_review.Stays:
    """The member's changes of tier, where any of the definitions asks how long a tier was held; else nothing is read."""
    if not any(map(tiers.asks_time_held, definitions)):
        return ()
    changes = await members.tier_changes(connection, program, participant)
    return [(change.to_tier, change.at) for change in changes]


async def sums(ledger: Ledger, program: str, participant: str, definition: Definition, at: datetime, joined: datetime) -> Sums:
    """The sums that a review by the definition wants; the ledger is asked once for each distinct span."""
    distinct = {span for spans in tier_review.summed_spans(definition, at, joined) for span in spans.values()}
    by_span = {span: await ledger.counters(program, participant, span.since, span.until) for span in distinct}
    return tier_review.summed(definition, at, joined, lambda counter, span: by_span[span].get(counter, 0))


async def review(
    ledger: Ledger, definition: Definition, record: MemberRecord, under: Conditions, held: tier_review.Stays, at: datetime
) -> TierReview:
    """Review a member by the revision in force, or, for a tier that an amendment left to its holders, by an earlier one's."""

    async def summed(by: Definition) -> Sums:
        return await sums(ledger, record.program, record.participant, by, at, record.joined_at)

    grandfathered = Grandfathered(under.judge, await summed(under.judge.definition)) if under.judge is not None else None
    return tier_review.review(
        definition,
        record.standing,
        await summed(definition),
        held,
        at,
        record.joined_at,
        amended=under.amended,
        earlier_raises=under.earlier_raises,
        grandfathered=grandfathered,
    )
