"""The impact of an amendment on all members that exist: tiers page by page, events in one pass, the value of points in one.

Tiers are reviewed as in a member's own review, once by the revision in force and once by the amendment. Events of the last year
are rated by both, each with the tier that the member had; further points from a change of tier, milestones and benefits are not
included. An event that was reversed whole, or whose points were cancelled, does not count.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.definition.document import Definition
from domain.members import tier_review, tiers
from domain.members.tier_review import Grandfathered, Sums, summed_spans
from domain.points import earning
from domain.points.earning import Event
from domain.programs import amendment_impact, amendments
from domain.programs.amendment_impact import Impact, MemberImpact, Move
from ledger import read
from services.members import member_review
from store.members import members
from store.members.members import MemberRecord
from store.programs import amendment_impacts, programs
from store.programs.programs import RevisionInForce, RevisionsInForce

_PAGE = 2000
_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
_KNOWN = 100_000
"""How many different events are cached with their points: most purchases of a program are like others."""

_Asked = tuple[str, str, datetime, datetime]
"""A participant, a counter, and the span of its sum."""
_Stays = Mapping[str, Sequence[tuple[str, datetime]]]


class _Posted(NamedTuple):
    """An event as recorded in the ledger."""

    participant: str
    joined_at: datetime
    at: datetime
    event: str
    amount: str
    attributes: str | None
    tier: str


async def compute(engine: AsyncEngine, program: str, revision: int, compared_with: int, at: datetime) -> Impact:
    """Compute an amendment's impact as of an instant, and store it; a repetition replaces it."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        revisions = await programs.revisions_in_force(connection, program)
        before = RevisionInForce(compared_with, await programs.definition(connection, program, compared_with))
        after = RevisionInForce(revision, await programs.definition(connection, program, revision))
        async with engine.begin() as writing:
            await amendment_impacts.forget(writing, program, revision)
        since = amendment_impact.LOOKED_BACK.before(at, before.definition.zone)
        moves = _Moves(before, after, revisions, at)
        async for page in _pages(connection, program, before.definition, after.definition):
            rows = await _moved(connection, moves, program, page)
            async with engine.begin() as writing:
                await amendment_impacts.keep_tiers(writing, program, revision, rows)
        rated = _Rated(before.definition, after.definition)
        batch: list[MemberImpact] = []
        async for row in _earned(connection, rated, program, since, at):
            batch.append(row)
            if len(batch) >= _PAGE:
                async with engine.begin() as writing:
                    await amendment_impacts.keep_points(writing, program, revision, batch)
                batch = []
        active = (await members.counts(connection, program))["status"].get("active", 0)
    old, new = before.definition.currency.value_per_point, after.definition.currency.value_per_point
    outstanding, value_change = 0, Decimal(0)
    async with engine.begin() as writing:
        await amendment_impacts.keep_points(writing, program, revision, batch)
        if new != old:
            code = before.definition.currency.code
            outstanding, value_change = await amendment_impacts.keep_value(writing, program, revision, code, new - old)
        sums = await amendment_impacts.sums(writing, program, revision)
        impact = Impact(
            revision=revision,
            compared_with=compared_with,
            at=at,
            since=since,
            transition=after.definition.transition,
            members=active,
            moves=moves.found,
            without_transition=moves.without_transition,
            members_up=moves.up,
            members_down=moves.down,
            events=rated.events,
            unrated=rated.unrated,
            money=after.definition.money,
            value_before=old,
            value_after=new,
            outstanding=outstanding,
            value_change=value_change,
            **sums.model_dump(),
        )
        await amendment_impacts.keep(writing, program, impact)
    return impact


# Tiers


class _Moves:
    """The effect on members' tiers, and the numbers of members by old and new tier."""

    def __init__(self, before: RevisionInForce, after: RevisionInForce, revisions: RevisionsInForce, at: datetime) -> None:
        self.before, self.after, self._revisions, self._at = before, after, revisions, at
        self._strict = after.definition.model_copy(update={"transition": "at_once"})
        self._otherwise: dict[tuple[int, int, str], bool] = {}
        self._moves: dict[tuple[str, str], int] = {}
        self._by_rules: dict[tuple[str, str], int] = {}
        self.up = self.down = 0

    @property
    def definitions(self) -> tuple[Definition, ...]:
        return self.before.definition, self.after.definition

    @property
    def ask_time_held(self) -> bool:
        """Whether any revision by which a member may be reviewed depends on the time that a tier was held."""
        earlier = (each.definition for each in self._revisions.course(_LONG_AGO, self._at))
        return any(map(tiers.asks_time_held, (*self.definitions, *earlier)))

    @property
    def found(self) -> tuple[Move, ...]:
        return _as_moves(self._moves)

    @property
    def without_transition(self) -> tuple[Move, ...]:
        return _as_moves(self._by_rules)

    def judges(self, record: MemberRecord) -> tuple[amendments.GrandfatheredTier | None, amendments.GrandfatheredTier | None]:
        """Return the earlier revision under which a member's tier is grandfathered now, and the one by the amendment."""
        course = self._revisions.course(record.tier_since, self._at)
        return amendments.grandfathered_under(course, record.tier), amendments.grandfathered_under(
            [*course, self.after], record.tier
        )

    def asked(self, record: MemberRecord) -> Iterator[_Asked]:
        """Yield every counter sum that the review of a member needs."""
        judged = {
            grandfathered.number: grandfathered.definition for grandfathered in self.judges(record) if grandfathered is not None
        }
        for definition in (*self.definitions, *judged.values()):
            for spans in summed_spans(definition, self._at, record.joined_at):
                yield from ((record.participant, counter, span.since, span.until) for counter, span in spans.items())

    def look(self, record: MemberRecord, sums: Mapping[_Asked, int], stays: _Stays) -> MemberImpact | None:
        """Return the amendment's impact on a member's tier; None if the tier is the same by both revisions."""
        # Three reviews: by the revision in force; from its result by the amendment with its transition; and by the amendment at
        # once, without a transition. A member counts if either of the last two ends in another rank than the first.
        _, then = self.judges(record)
        came = stays.get(record.participant, ())
        judged_under = self._revisions.at(record.tier_since) or self.before
        under_now = member_review.conditions(self._revisions, self.before, record, self._at, self._is_otherwise)
        as_it_is = self._review(
            self.before.definition,
            record,
            record.tier_status,
            sums,
            came,
            under_now.judge,
            under_now.amended,
            under_now.earlier_raises,
        )
        moved = as_it_is.since != record.tier_since
        if moved:
            # A member who moves anyway gets the new tier by the revision in force, which the amendment then supersedes.
            then = amendments.grandfathered_under([self.before, self.after], as_it_is.tier)
            judged_under = self.before
        amended = self._is_otherwise(judged_under, self.after, as_it_is.tier)
        under = (record, as_it_is, sums, came)
        as_it_will_be = self._review(self.after.definition, *under, then, amended, raises=False)
        by_rules = self._review(self._strict, *under, None, amended, raises=False)
        if self._same(as_it_is.tier, as_it_will_be.tier) and self._same(as_it_is.tier, by_rules.tier):
            return None
        self._count(as_it_is.tier, as_it_will_be.tier, by_rules.tier)
        return MemberImpact(
            participant=record.participant,
            tier_before=as_it_is.tier,
            tier_after=as_it_will_be.tier,
            tier_by_rules=by_rules.tier,
        )

    def _review(
        self,
        definition: Definition,
        record: MemberRecord,
        tier_status: tiers.TierStatus,
        sums: Mapping[_Asked, int],
        came: Sequence[tuple[str, datetime]],
        grandfathered: amendments.GrandfatheredTier | None,
        amended: bool,
        raises: bool,
    ) -> tiers.TierStatus:
        def summed(by: Definition) -> Sums:
            return tier_review.summed(
                by, self._at, record.joined_at, lambda counter, span: sums[record.participant, counter, span.since, span.until]
            )

        return tier_review.review(
            definition,
            tier_status,
            summed(definition),
            came,
            self._at,
            record.joined_at,
            amended=amended,
            earlier_raises=raises,
            grandfathered=Grandfathered(grandfathered, summed(grandfathered.definition)) if grandfathered is not None else None,
        ).standing

    def _is_otherwise(self, judged_under: RevisionInForce, by: RevisionInForce, tier: str) -> bool:
        """Return the cached result of `asks_otherwise`."""
        key = (judged_under.number, by.number, tier)
        if key not in self._otherwise:
            self._otherwise[key] = member_review.asks_otherwise(judged_under, by, tier)
        return self._otherwise[key]

    def _same(self, one: str, other: str) -> bool:
        return amendment_impact.ranked(self.after.definition, one) == amendment_impact.ranked(self.after.definition, other)

    def _count(self, was: str, will_be: str, by_rules: str) -> None:
        rank = amendment_impact.ranked(self.after.definition, was)
        for target, counts in ((will_be, self._moves), (by_rules, self._by_rules)):
            if not self._same(was, target):
                counts[was, target] = counts.get((was, target), 0) + 1
        self.up += amendment_impact.ranked(self.after.definition, will_be) > rank
        self.down += amendment_impact.ranked(self.after.definition, will_be) < rank


async def _pages(
    connection: AsyncConnection, program: str, before: Definition, after: Definition
) -> AsyncIterator[Sequence[MemberRecord]]:
    """Yield the active members whose tier the amendment can affect, page by page."""
    untouched = amendments.untouched(before, after)
    if untouched >= {tier.id for tier in (*before.tiers, *after.tiers)}:
        return
    last = ""
    while page := await members.records_outside(connection, program, untouched, last, _PAGE):
        yield page
        last = page[-1].participant


async def _moved(connection: AsyncConnection, moves: _Moves, program: str, page: Sequence[MemberRecord]) -> list[MemberImpact]:
    """Return the impacts on a page of members: at most two queries, then a review of each."""
    asked = await asyncio.to_thread(lambda: list(dict.fromkeys(each for record in page for each in moves.asked(record))))
    sums = dict(zip(asked, await read.counted(connection, program, asked), strict=True))
    stays: _Stays = {}
    if moves.ask_time_held:
        stays = await members.stays_of(connection, program, [record.participant for record in page])
    looked = await asyncio.to_thread(lambda: [moves.look(record, sums, stays) for record in page])
    return [each for each in looked if each is not None]


def _as_moves(counts: Mapping[tuple[str, str], int]) -> tuple[Move, ...]:
    return tuple(Move(from_tier=was, to_tier=is_, members=many) for (was, is_), many in sorted(counts.items()))


# Events


class _Rated:
    """The points of events by both revisions."""

    def __init__(self, before: Definition, after: Definition) -> None:
        self._sides = (before, after)
        self.types = amendment_impact.events_touched(before, after)
        self._numbers = tuple(amendment_impact.numbers(side) for side in self._sides)
        self._plain = frozenset(
            each for each in self.types if all(amendment_impact.is_plain(side, each) for side in self._sides)
        )
        self._known: dict[tuple[str, str, str | None, str], tuple[int | None, int | None]] = {}
        self.events = self.unrated = 0

    def of_member(self, posted: Sequence[_Posted]) -> MemberImpact | None:
        """Return the impact on the points of a member's events, in order of time; None if both revisions give the same."""
        given: tuple[list[_Given], list[_Given]] = ([], [])
        totals = [0, 0]
        for each in posted:
            self.events += 1
            brought = self._brought(each, given)
            self.unrated += None in brought
            for side, points in enumerate(brought):
                totals[side] += (points or 0) if None not in brought else 0
        if totals[0] == totals[1]:
            return None
        return MemberImpact(participant=posted[0].participant, points_before=totals[0], points_after=totals[1])

    def _brought(self, each: _Posted, given: "tuple[list[_Given], list[_Given]]") -> tuple[int | None, int | None]:
        if each.event not in self._plain:
            return self._rate(each, 0, given[0]), self._rate(each, 1, given[1])
        like = (each.event, each.amount, each.attributes, each.tier)
        known = self._known.get(like)
        if known is None:
            known = self._rate(each, 0, given[0]), self._rate(each, 1, given[1])
            if len(self._known) < _KNOWN:
                self._known[like] = known
        return known

    def _rate(self, each: _Posted, side: int, given: "list[_Given]") -> int | None:
        """Return one side's points for an event, after its earlier points under caps; None if it cannot rate the event."""
        definition = self._sides[side]
        already = {
            rule.counter: sum(
                points for counter, at, points in given if counter == rule.counter and rule.span.since < at <= rule.span.until
            )
            for rule in earning.capped(definition, each.event, each.at, each.joined_at)
        }
        try:
            event = Event(
                type=each.event, amount=Decimal(each.amount), attributes=_attributes(each.attributes, self._numbers[side])
            )
            rating = earning.rate(definition, each.tier, event, at=each.at, already=already)
        except ValueError:
            return None
        given.extend((counter, each.at, rating.qualifying[counter]) for counter in already if counter in rating.qualifying)
        return rating.points


_Given = tuple[str, datetime, int]
"""The counter of a capped rule, the instant, and the amount that it gave."""


async def _earned(
    connection: AsyncConnection, rated: _Rated, program: str, since: datetime, until: datetime
) -> AsyncIterator[MemberImpact]:
    """Yield the impacts on members whose points differ, in one pass over the events whose rules differ."""
    if not rated.types:
        return
    asked = {"program": program, "since": since, "until": until, "types": sorted(rated.types)}
    await connection.execute(_MEMORY)
    async with connection.stream(_EVENTS, asked) as rows:
        waiting: list[_Posted] = []
        async for part in rows.partitions(_PAGE):
            waiting += [_Posted(*row) for row in part]
            # The last member's events may continue in the next part.
            last = waiting[-1].participant
            whole = [each for each in waiting if each.participant != last]
            waiting = [each for each in waiting if each.participant == last]
            for row in await asyncio.to_thread(_rate_all, rated, whole):
                yield row
        for row in _rate_all(rated, waiting):
            yield row


def _rate_all(rated: _Rated, posted: Sequence[_Posted]) -> list[MemberImpact]:
    found = (rated.of_member(list(own)) for _, own in groupby(posted, key=lambda each: each.participant))
    return [each for each in found if each is not None]


def _attributes(written: str | None, numbers: frozenset[str]) -> dict[str, Any]:
    """Read an event's attributes in the form that the rules need: the ledger stores a number as its text."""
    found = json.loads(written) if written else {}
    return {name: _number(value) if name in numbers else value for name, value in found.items()}


def _number(written: Any) -> Any:
    try:
        return Decimal(written) if isinstance(written, str) else written
    except InvalidOperation:
        return written


_MEMORY = text("SET LOCAL work_mem = '256MB'")
_EVENTS = text(
    """
SELECT account.participant, member.joined_at, txn.effective_at, txn.details ->> 'event', txn.details ->> 'amount',
    CAST(txn.details -> 'attributes' AS text), txn.details ->> 'tier'
FROM ledger.txn
JOIN ledger.account ON account.id = txn.account_id
JOIN store.member ON member.program = account.program AND member.participant = account.participant
LEFT JOIN ledger.pending ON pending.txn_id = txn.id
LEFT JOIN (
    SELECT reverses, sum(points) AS points FROM ledger.txn
    WHERE program = :program AND effective_at > :since AND reverses IS NOT NULL AND outcome = 'posted' GROUP BY reverses
) AS back ON back.reverses = coalesce(pending.ended_by, txn.id)
WHERE txn.program = :program AND txn.effective_at > :since AND txn.effective_at <= :until
    AND txn.kind = 'earn' AND txn.outcome = 'posted' AND txn.details ->> 'event' = ANY(:types)
    AND member.status = 'active' AND (pending.state IS NULL OR pending.state <> 'cancelled')
    AND (back.points IS NULL OR back.points < coalesce(pending.points, txn.points))
ORDER BY account.participant, txn.effective_at, txn.id
"""
)
