"""A member's tier review over the ledger: its counter sums, and the conditions that follow from the revisions so far."""

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
    """The revision under which a member's tier is grandfathered, and the effects of the change of revisions on the review."""

    judge: amendments.GrandfatheredTier | None
    amended: bool
    earlier_raises: bool

    @property
    def by_tier_held(self) -> int | None:
        """The number of the earlier revision under which the tier is grandfathered, if there is one."""
        return self.judge.number if self.judge is not None else None


def conditions(
    revisions: RevisionsInForce,
    in_force: RevisionInForce,
    record: MemberRecord,
    at: datetime,
    otherwise: Callable[[RevisionInForce, RevisionInForce, str], bool] | None = None,
) -> Conditions:
    """Return the conditions of a member's review at an instant by the revision in force then.

    A caller that reviews many members passes a cached `asks_otherwise` as `otherwise`.
    """
    judged_under = revisions.at(record.tier_since)
    ended_by = revisions.at(tiers.window_start(in_force.definition, at, record.joined_at))
    return Conditions(
        judge=amendments.grandfathered_under(revisions.course(record.tier_since, at), record.tier),
        # A tier whose conditions this revision does not change has no transition: the member holds it to its end.
        amended=judged_under is not None and (otherwise or asks_otherwise)(judged_under, in_force, record.tier),
        earlier_raises=ended_by is not None and ended_by.number == in_force.number,
    )


def asks_otherwise(one: RevisionInForce, other: RevisionInForce, tier: str) -> bool:
    """Whether a tier held under one revision has other conditions by another."""
    return one.number != other.number and amendments.asks_otherwise(one.definition, other.definition, tier)


async def stays(
    connection: AsyncConnection, program: str, participant: str, definitions: Sequence[Definition]
) -> tier_review.Stays:
    """Read the member's changes of tier if a definition depends on the time that a tier was held; else return none."""
    if not any(map(tiers.asks_time_held, definitions)):
        return ()
    changes = await members.tier_changes(connection, program, participant)
    return [(change.to_tier, change.at) for change in changes]


async def sums(ledger: Ledger, program: str, participant: str, definition: Definition, at: datetime, joined: datetime) -> Sums:
    """Return the sums that a review by the definition needs, with one query for each distinct span."""
    distinct = {span for spans in tier_review.summed_spans(definition, at, joined) for span in spans.values()}
    by_span = {span: await ledger.counters(program, participant, span.since, span.until) for span in distinct}
    return tier_review.summed(definition, at, joined, lambda counter, span: by_span[span].get(counter, 0))


async def review(
    ledger: Ledger, definition: Definition, record: MemberRecord, under: Conditions, held: tier_review.Stays, at: datetime
) -> TierReview:
    """Review a member by the revision in force, and a grandfathered tier by the conditions of its own revision."""

    async def summed(by: Definition) -> Sums:
        return await sums(ledger, record.program, record.participant, by, at, record.joined_at)

    grandfathered = Grandfathered(under.judge, await summed(under.judge.definition)) if under.judge is not None else None
    return tier_review.review(
        definition,
        record.tier_status,
        await summed(definition),
        held,
        at,
        record.joined_at,
        amended=under.amended,
        earlier_raises=under.earlier_raises,
        grandfathered=grandfathered,
    )
