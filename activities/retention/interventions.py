"""A retention intervention: the offer is delivered, and later it is measured whether the member answered."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.queues import ActivityGroup
from domain import ids
from domain.ids import MEMBERS_QUEUE
from domain.model import Message
from domain.programs.availability import closed_for
from ledger import Ledger, outbox
from services.points.earn_requests import earn_for_bonus
from store.members import members
from store.programs import programs
from store.retention import interventions


class Delivery(Message):
    """An offer about to be made; `id` is the intervention's workflow id."""

    id: str
    program: str
    participant: str
    points: int
    message: str
    at: datetime
    due: datetime


class Delivered(Message):
    """Whether the offer was made."""

    delivered: bool


class Measuring(Message):
    id: str
    program: str
    participant: str
    at: datetime
    final: bool
    """Whether the time to answer is over."""


class Measured(Message):
    """`outcome` is None while the member may still answer."""

    outcome: str | None


class RetentionActivities(ActivityGroup):
    QUEUE = MEMBERS_QUEUE

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    @activity.defn
    async def deliver_offer(self, delivery: Delivery) -> Delivered:
        """Credit the offered points as a bonus, and keep that the offer was made.

        Who has left gets none, and nobody does while the program is on hold or ends.
        """
        async with self._engine.connect() as connection:
            program = await programs.find(connection, delivery.program)
            in_force = await programs.in_force_at(connection, delivery.program, delivery.at)
            record = await members.find(connection, delivery.program, delivery.participant)
        closed = closed_for(program, "offers", delivery.at, in_force=in_force is not None)
        if in_force is None or closed is not None or record.status != "active":
            return Delivered(delivered=False)
        await self._ledger.earn(
            earn_for_bonus(
                in_force.definition,
                record,
                delivery.points,
                key=f"{delivery.id}/offer",
                at=delivery.at,
                details={"intervention": delivery.id, "message": delivery.message},
            )
        )
        async with self._engine.begin() as connection:
            await interventions.open_intervention(
                connection,
                interventions.Intervention(
                    id=delivery.id,
                    program=delivery.program,
                    participant=delivery.participant,
                    points=delivery.points,
                    message=delivery.message,
                    delivered_at=delivery.at,
                    due=delivery.due,
                ),
            )
        return Delivered(delivered=True)

    @activity.defn
    async def measure_intervention(self, measuring: Measuring) -> Measured:
        """Whether the member was active since the offer; once that is known, or time is over, the intervention is closed.

        A member who has come back is looked at again: their silence is over.
        """
        async with self._engine.connect() as connection:
            delivered = await interventions.find_intervention(connection, measuring.id)
        if delivered is None:
            return Measured(outcome="not_delivered")
        last = await self._ledger.last_activity(measuring.program, measuring.participant)
        answered = last is not None and last > delivered.delivered_at
        if not answered and not measuring.final:
            return Measured(outcome=None)
        outcome = "answered" if answered else "unanswered"
        async with self._engine.begin() as connection:
            await interventions.close_intervention(connection, delivered, outcome, measuring.at)
            if answered:
                await outbox.put(connection, [ids.member(measuring.program, measuring.participant)])
        return Measured(outcome=outcome)
