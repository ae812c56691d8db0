"""Starts the delivery of each committed notice, once for each round, however often the start is repeated."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain import ids
from domain.notices.gate_notices import Delivery, DeliveryRetries
from store.notices import notices
from store.notices.notices import NoticeRecord
from workflows.details import summary
from workflows.notices.notice_delivery import NoticeDelivery

_BATCH = 100
_DEFAULT = DeliveryRetries()


async def start_deliveries(
    engine: AsyncEngine, client: Client, *, queue: str = ids.NOTICES_QUEUE, retries: DeliveryRetries = _DEFAULT
) -> int:
    """Start one batch of waiting deliveries; return their number. They keep waiting while Temporal cannot be reached.

    The rows stay locked until they are marked, so no delivery ends before that. A delivery that a dead relay has started is
    recognised by its workflow id, which the notice and the round determine and which is used only once.
    """
    async with engine.begin() as connection:
        waiting = await notices.claim(connection, _BATCH)
        await asyncio.gather(*(_start(client, notice, queue, retries) for notice in waiting))
        await notices.mark_started(connection, [notice.id for notice in waiting])
    return len(waiting)


async def _start(client: Client, notice: NoticeRecord, queue: str, retries: DeliveryRetries) -> None:
    what = f"{notice.kind} by {notice.channel}" + (f", {notice.gate}" if notice.gate else "")
    try:
        await client.start_workflow(
            NoticeDelivery.run,
            Delivery(notice=notice.id, round=notice.round, what=what, patience=retries),
            id=ids.notice(notice.id, notice.round),
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=summary(f"Notice: {what}"),
        )
    except WorkflowAlreadyStartedError:
        return
