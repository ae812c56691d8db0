"""A program with as many members as a test asks for, who are in the store alone: nobody waits for their workflows to begin."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from httpx import Response
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.definition.document import Definition
from store.programs import programs
from store.tables import member
from tests.api.sample_program import SHOP, definition_of
from tests.stack import Stack, first_revision, program_id


async def in_force(engine: AsyncEngine, definition: Definition, since: datetime) -> None:
    """Have a program's first revision rate what happens from this instant on."""
    async with engine.begin() as connection:
        await programs.register(connection, first_revision(definition, since))
        await programs.put_in_force(connection, definition.program, 1, since)


async def joined(engine: AsyncEngine, definition: Definition, participants: Sequence[str], at: datetime) -> None:
    """Make members of them all, at this instant."""
    row = {"program": definition.program, "agreement": definition.agreement.version, "joined_at": at, "status": "active"}
    tier = {"tier": definition.base_tier.id, "tier_since": at, "tier_until": None, "journey_stage": "using"}
    async with engine.begin() as connection:
        await connection.execute(insert(member), [{"participant": each} | row | tier for each in participants])


class BulkMembers:
    """A program in force for a hundred days, and its members."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.definition = definition_of(program_id("crowd"))
        self.since = datetime.now(UTC) - timedelta(days=100)
        self._numbers = count()

    @property
    def program(self) -> str:
        return self.definition.program

    @property
    def path(self) -> str:
        return f"/programs/{self.program}"

    async def members(self, number: int = 1) -> list[str]:
        """So many new members, who joined a hundred days ago."""
        participants = [f"c-{next(self._numbers)}" for _ in range(number)]
        await joined(self.stack.engine, self.definition, participants, self.since)
        return participants

    def event(self, member: str, /, **changes: Any) -> dict[str, Any]:
        """A purchase of a member, with a key that no other has: 29.33 bring 293 points. A change to None takes a field away."""
        number = next(self._numbers)
        when = (self.since + timedelta(seconds=number + 1)).isoformat()
        details = {"key": f"till/{number}", "participant": member, "type": "purchase", "occurred_at": when, "amount": "29.33"}
        return {name: value for name, value in (details | changes).items() if value is not None}

    async def post(self, events: Any, *, person: str = SHOP) -> Response:
        """A batch, without any Idempotency-Key."""
        headers = {"Authorization": f"Bearer {person}"}
        return await self.stack.http.post(f"{self.path}/events", json={"events": events}, headers=headers)

    async def post_one(self, event: dict[str, Any], *, person: str = SHOP) -> Response:
        """The event of a batch, posted by itself."""
        body = {name: value for name, value in event.items() if name not in ("key", "participant")}
        path = f"{self.path}/members/{event['participant']}/events"
        return await self.stack.post(path, body, person=person, key=event["key"])
