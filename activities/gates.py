"""What a gate writes down: its opening, every decision that counted, its end."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from domain.gates import Decision, GateState, Vote
from domain.model import Message
from store import gates


class DecisionTaken(Message):
    """A decision that counted, and the gate after it."""

    state: GateState
    decision: Decision
    vote: Vote
    at: datetime


class GateActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def save_gate(self, state: GateState) -> None:
        """Write where the gate stands, so that inboxes show it."""
        async with self._engine.begin() as connection:
            await gates.save(connection, state)

    @activity.defn
    async def record_decision(self, taken: DecisionTaken) -> None:
        """Append the decision to the audit trail, and write the gate after it, in one transaction."""
        async with self._engine.begin() as connection:
            await gates.record(connection, taken.state, taken.decision, taken.vote.role, taken.at, refusal=None)
            await gates.save(connection, taken.state)
