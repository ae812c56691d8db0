"""The opening of a wave."""

from datetime import datetime
from decimal import Decimal

from domain.definition.rollout import audience
from domain.model import Message


class WaveOpening(Message):
    """The opening of a wave: a percentage of the members, or those of a cohort, may join."""

    program: str
    revision: int
    wave: str
    share: Decimal | None = None
    cohort: str | None = None
    at: datetime

    @property
    def audience(self) -> str:
        """Its audience, in a few words."""
        return audience(self.share, self.cohort)
