"""A member's order for a reward, placed by the API and carried out by the redemption's workflow."""

from datetime import datetime

from domain.definition.rewards import Reward
from domain.model import Message


class RedemptionOrder(Message):
    """An order for a reward; `id` is the redemption's workflow id, and `hold_until` the last instant of its hold."""

    id: str
    program: str
    participant: str
    currency: str
    reward: Reward
    asked_at: datetime
    hold_until: datetime
    fulfil_within_seconds: float

    @property
    def hold_key(self) -> str:
        """The ledger's key of the hold."""
        return f"{self.id}/hold"
