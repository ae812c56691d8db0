"""The result of a gate."""

from datetime import datetime

from domain.gates.state import Outcome, Vote
from domain.model import Message


class GateResult(Message):
    """How a gate ended."""

    id: str
    outcome: Outcome
    decided_at: datetime
    reasons: str = ""
    glass: Vote | None = None
    """The break-glass approval, if there was one."""
