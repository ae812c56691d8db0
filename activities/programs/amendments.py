"""Amendments: weighed, their impact computed, announced, called back; in force, they have those looked at whom they concern."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.queues import ActivityGroup, bulk
from domain import ids
from domain.audit.chain import SYSTEM, Fact
from domain.ids import PROGRAMS_QUEUE
from domain.model import Message
from domain.programs import amendments
from domain.programs.amendments import AmendmentClass, Classification
from insight.programs import amendment_impact
from ledger import outbox, read
from store.audit import trail
from store.members import members
from store.programs import announcements, programs
from store.programs.announcements import ANNOUNCED, RECALLED

_PAGE = 1000


class Amendment(Message):
    """A revision that shall take the place of the one in force, as of an instant of business time."""

    program: str
    number: int
    compared_with: int
    at: datetime
    declared: AmendmentClass | None = None


class ImpactSummary(Message):
    """An amendment's impact in a sentence, and the figures by which a policy may approve."""

    told: str
    figures: dict[str, Decimal]


class Approval(Message):
    """An amendment that is approved at an instant, and from when on it is in force."""

    program: str
    number: int
    compared_with: int
    effective_from: datetime
    at: datetime


class Announced(Message):
    members: int


class Recall(Message):
    """An approved amendment shall not take effect. By nobody: because the program ends, whatever has happened."""

    program: str
    number: int
    effective_from: datetime
    at: datetime
    reason: str
    by: str | None = None


class Recalled(Message):
    """Whether it was called back; not where an event that it rates has been posted already."""

    done: bool


class Amended(Message):
    """A revision of a program has taken the place of the one before."""

    program: str
    before: int
    after: int


class Nudged(Message):
    members: int


class AmendmentActivities(ActivityGroup):
    QUEUE = PROGRAMS_QUEUE

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def weigh_amendment(self, amendment: Amendment) -> Classification:
        """Say and write how much an amendment weighs: by its difference, or more where whoever handed it in says so."""
        async with self._engine.begin() as connection:
            before = await programs.definition(connection, amendment.program, amendment.compared_with)
            after = await programs.definition(connection, amendment.program, amendment.number)
            weighed = amendments.classify(before, after)
            if amendment.declared == "substantial" and weighed.weight == "minor":
                weighed = Classification(weight="substantial", reasons=("It was handed in as substantial.", *weighed.reasons))
            await programs.classify(connection, amendment.program, amendment.number, weighed.weight)
        return weighed

    @activity.defn
    @bulk
    async def compute_impact(self, amendment: Amendment) -> ImpactSummary:
        """Compute what an amendment means for the members that exist, and keep it for whoever decides; over all of them."""
        impact = await amendment_impact.compute(
            self._engine, amendment.program, amendment.number, amendment.compared_with, amendment.at
        )
        return ImpactSummary(told=impact.summary, figures=impact.figures)

    @activity.defn
    async def approve_amendment(self, approval: Approval) -> None:
        """Write from when on an amendment is in force, so that it is, whether or not a worker is there then."""
        async with self._engine.begin() as connection:
            await programs.approve_revision(connection, approval.program, approval.number, approval.effective_from)

    @activity.defn
    @bulk
    async def announce_amendment(self, approval: Approval) -> Announced:
        """Have every member told what changes, and from when on; who has been told already is not told twice."""
        about = announcements.about_revision(approval.number)
        details = announcements.of_amendment(approval.number, approval.compared_with, approval.effective_from)
        async with self._engine.begin() as connection:
            await announcements.record_member_announcements(
                connection, approval.program, about, ANNOUNCED, approval.at, details
            )
            found = await announcements.noticed(connection, approval.program, about)
        return Announced(members=found.get(ANNOUNCED, 0))

    @activity.defn
    @bulk
    async def recall_amendment(self, recall: Recall) -> Recalled:
        """Take an amendment's date back, tell those who were told of it, and keep who did so and why."""
        about = announcements.about_revision(recall.number)
        fact = Fact(
            program=recall.program,
            at=recall.at,
            action="revision_recalled",
            actor=recall.by or SYSTEM,
            about=about,
            key=f"revision_recalled/{recall.number}",
            details={"revision": recall.number, "reason": recall.reason},
        )
        async with self._engine.begin() as connection:
            rated = await read.is_rated_by(connection, recall.program, recall.number, recall.effective_from)
            if rated and recall.by is not None:
                return Recalled(done=False)
            if await programs.withdraw_revision(connection, recall.program, recall.number):
                details = {"revision": recall.number}
                await announcements.record_announcements_to_informed(
                    connection, recall.program, about, RECALLED, recall.at, details
                )
                await trail.append(connection, fact)
        return Recalled(done=True)

    @activity.defn
    @bulk
    async def nudge_concerned(self, amended: Amended) -> Nudged:
        """Have every member nudged whose tier, or a tier above it, asks for something else now; a page at a time.

        A repetition nudges again whom it has nudged, which makes them looked at once more and changes nothing.
        """
        async with self._engine.connect() as connection:
            before = await programs.definition(connection, amended.program, amended.before)
            after = await programs.definition(connection, amended.program, amended.after)
        untouched = amendments.untouched(before, after)
        nudged, last = 0, ""
        while True:
            async with self._engine.begin() as connection:
                page = await members.active_outside(connection, amended.program, untouched, last, _PAGE)
                await outbox.put(connection, [ids.member(amended.program, participant) for participant in page])
            if not page:
                return Nudged(members=nudged)
            nudged, last = nudged + len(page), page[-1]
            activity.heartbeat(nudged)
