"""Sealing the ledger: what was written since the last block goes into the chain that shows what is changed by hand."""

from datetime import timedelta

from temporalio import activity

from activities.queues import ActivityGroup
from domain.ids import BULK_QUEUE
from domain.model import Message
from ledger import Ledger


class Sealing(Message):
    """How long to wait for transactions that are under way; what waits for them longer is left to the next time."""

    patience_seconds: float = 5.0


class SealingResult(Message):
    """How many blocks with how many rows were sealed; the number and the hash of the last block (0: there is none)."""

    blocks: int
    rows: int
    head: int
    hash: str
    held_back_by: int


class SealActivities(ActivityGroup):
    QUEUE = BULK_QUEUE

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    async def seal_ledger(self, sealing: Sealing) -> SealingResult:
        """Seal all that is decided; a repetition finds it sealed."""
        sealed = await self._ledger.seal(timedelta(seconds=sealing.patience_seconds))
        head = sealed.head
        return SealingResult(
            blocks=sealed.blocks,
            rows=sealed.rows,
            head=head.number if head else 0,
            hash=head.hash if head else "",
            held_back_by=sealed.held_back_by,
        )
