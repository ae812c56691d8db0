"""The sweep that lets due points expire in time; balances are right without it, since a burn expires what is due first."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.queues import ActivityGroup
from domain.ids import BULK_QUEUE
from domain.model import Message
from domain.programs.availability import closed_for
from ledger import Ledger
from store.programs import programs


class Sweep(Message):
    program: str
    at: datetime


class SweepResult(Message):
    lots: int
    points: int
    participants: int


class ExpiryActivities(ActivityGroup):
    QUEUE = BULK_QUEUE

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    @activity.defn
    async def expire_due(self, sweep: Sweep) -> SweepResult:
        """Time out every hold of the program, and let every lot expire, that was due at the instant.

        While nothing can be redeemed only what was due before expires; what was earned meanwhile keeps its time too.
        """
        async with self._engine.connect() as connection:
            closed = closed_for(await programs.find(connection, sweep.program), "expiry", sweep.at)
        if closed is not None and closed.hold is not None:
            await self._ledger.suspend_expiry(sweep.program, closed.hold.since)
        await self._ledger.expire_holds(sweep.program, sweep.at)
        swept = await self._ledger.expire_due(sweep.program, sweep.at)
        return SweepResult(lots=swept.lots, points=swept.points, participants=swept.participants)
