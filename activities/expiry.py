"""The sweep that lets due points lapse in time; balances are right without it, since a burn lapses what is due first."""

from datetime import datetime

from temporalio import activity

from domain.model import Message
from ledger import Ledger


class Sweep(Message):
    program: str
    at: datetime


class SweepResult(Message):
    lots: int
    points: int
    participants: int


class ExpiryActivities:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    async def expire_due(self, sweep: Sweep) -> SweepResult:
        """Time out every hold of the program, and let every lot lapse, that was due at the instant."""
        await self._ledger.expire_holds(sweep.program, sweep.at)
        swept = await self._ledger.expire_due(sweep.program, sweep.at)
        return SweepResult(lots=swept.lots, points=swept.points, participants=swept.participants)
