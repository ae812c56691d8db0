"""A program in force and its members with what they have bought, posted as the API posts it, for what looks at all of them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.members.members import Joining, MemberActivities, ReviewRequest
from domain.definition.document import Definition, digest
from domain.programs.amendment_impact import Impact, MemberImpact
from domain.rollout.openings import WaveOpening
from insight.programs.amendment_impact import compute
from ledger import PostingResult
from services.points.earn_requests import seen_under_caps
from services.points.rating import EventIn, capped_rules, rated
from store.members import members
from store.programs import amendment_impacts, programs
from tests.stack import Stack, first_revision

START = datetime(2026, 1, 10, 9, tzinfo=UTC)
THEN = datetime(2026, 7, 1, 9, tzinfo=UTC)


class Population:
    """A program in force, and its members with what they have bought, posted as the API posts it."""

    def __init__(self, stack: Stack, definition: Definition) -> None:
        self.stack, self.definition, self.program = stack, definition, definition.program
        self.activities = MemberActivities(stack.engine, stack.ledger)

    async def open(self) -> "Population":
        async with self.stack.engine.begin() as connection:
            await programs.register(connection, first_revision(self.definition, START))
            await programs.put_in_force(connection, self.program, 1, START)
            opening = WaveOpening(program=self.program, revision=1, wave="all", share=Decimal(100), at=START)
            await programs.open_wave(connection, opening)
        return self

    async def amend(self, number: int = 2, **changes: Any) -> Definition:
        """Hand in an amendment: it is written, and no more."""
        plain = self.definition.model_dump(mode="json", by_alias=True, exclude_defaults=True) | changes
        amended = Definition.model_validate(plain)
        revision = first_revision(amended, THEN).model_copy(update={"number": number, "digest": digest(amended)})
        async with self.stack.engine.begin() as connection:
            await programs.add_revision(connection, revision)
        return amended

    async def join(self, *people: str, at: datetime = START) -> None:
        for person in people:
            await self.activities.establish_member(
                Joining(program=self.program, participant=person, agreement="1997-01", at=at)
            )

    async def buy(self, person: str, amount: str, at: datetime, *, event: str = "purchase", **more: Any) -> PostingResult:
        async with self.stack.engine.connect() as connection:
            record = await programs.find(connection, self.program)
            member = await members.find(connection, self.program, person)
            revisions = await programs.revisions_in_force(connection, self.program)
        said = EventIn(type=event, occurred_at=at, amount=Decimal(amount), **more)
        (seen,) = await seen_under_caps(self.stack.ledger, self.program, [(person, capped_rules(member, revisions, said))])
        key = f"{person}/{at.isoformat()}/{event}"
        return await self.stack.ledger.earn(rated(record, member, revisions, said, key=key, now=at, seen=seen))

    async def look(self, person: str, at: datetime) -> str:
        request = ReviewRequest(program=self.program, participant=person, at=at)
        return (await ActivityEnvironment().run(self.activities.review_member, request)).membership.tier

    async def impact(self, at: datetime = THEN) -> Impact:
        return await compute(self.stack.engine, self.program, 2, 1, at)

    async def rows(self) -> dict[str, MemberImpact]:
        async with self.stack.engine.connect() as connection:
            found = await amendment_impacts.members(connection, self.program, 2, None, 1000)
        return {each.participant: each for each in found}
