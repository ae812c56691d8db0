"""What is done to deliver notices: one attempt, what became of it, and tests of all channels."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.notices.channels import DeliveryFailed, NoticeChannel
from activities.queues import ActivityGroup
from domain.ids import NOTICES_QUEUE
from domain.model import Message
from domain.notices.gate_notices import Channel, Delivery, Routing
from store.notices import notices


class Settling(Message):
    """How a round of a delivery ended, and why where it failed."""

    notice: str
    round: int
    state: Literal["delivered", "dead"]
    at: datetime
    why: str = ""


class TestOrder(Message):
    """A test of the channels, once for each key."""

    __test__ = False

    key: str
    at: datetime


class NoticeActivities(ActivityGroup):
    QUEUE = NOTICES_QUEUE

    def __init__(self, engine: AsyncEngine, channels: Mapping[Channel, NoticeChannel], routing: Routing) -> None:
        self._engine = engine
        self._channels = channels
        self._routing = routing

    @activity.defn
    async def send_notice(self, delivery: Delivery) -> None:
        """One attempt; a round that is over is not sent again.

        After the other side has taken the notice nothing is left that could fail here: what is written of it is a step of its
        own. So it goes twice only where the answer itself is lost, or the worker dies between the two.
        """
        async with self._engine.begin() as connection:
            notice = await notices.begin_attempt(connection, delivery.notice, delivery.round)
        if notice is None:
            return
        try:
            channel = self._channels.get(notice.channel)
            if channel is None:
                raise DeliveryFailed(f"The notices file says nothing of {notice.channel}.")
            await channel.send(notice)
        except DeliveryFailed as failure:
            async with self._engine.begin() as connection:
                error = f"{failure.reason} {failure.said}".rstrip()
                await notices.note_error(connection, delivery.notice, delivery.round, error)
            raise ApplicationError(failure.reason, type="notice_not_delivered", non_retryable=failure.permanent) from None

    @activity.defn
    async def settle_notice(self, settling: Settling) -> None:
        """Write how the round ended."""
        async with self._engine.begin() as connection:
            await notices.settle(connection, settling.notice, settling.round, settling.state, settling.at, error=settling.why)

    @activity.defn
    async def post_test_notices(self, order: TestOrder) -> list[str]:
        """Post a test to everybody whom the notices file names; the ids of the notices."""
        async with self._engine.begin() as connection:
            return await notices.post_test(connection, order.key, order.at, self._routing)
