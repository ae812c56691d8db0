"""Starts the delivery of each notice that the database has committed; once for each round, however often it is tried."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain import ids
from domain.notices.gate_notices import Delivery, Patience
from store.notices import notices
from store.notices.notices import NoticeRecord
from workflows.details import summary
from workflows.notices.notice_delivery import NoticeDelivery

_BATCH = 100
_DEFAULT = Patience()


async def start_deliveries(
    engine: AsyncEngine, client: Client, *, queue: str = ids.NOTICES_QUEUE, patience: Patience = _DEFAULT
) -> int:
    """Start one batch of what waits; how many notices it was. They go on waiting where Temporal cannot be reached.

    The rows stay locked until they are marked, so that no delivery can be over before. One that was started by a relay that
    died is found to be there: its id is the notice's and the round's, and no id is used twice.
    """
    async with engine.begin() as connection:
        waiting = await notices.claim(connection, _BATCH)
        await asyncio.gather(*(_start(client, notice, queue, patience) for notice in waiting))
        await notices.mark_started(connection, [notice.id for notice in waiting])
    return len(waiting)


async def _start(client: Client, notice: NoticeRecord, queue: str, patience: Patience) -> None:
    what = f"{notice.kind} by {notice.channel}" + (f", {notice.gate}" if notice.gate else "")
    try:
        await client.start_workflow(
            NoticeDelivery.run,
            Delivery(notice=notice.id, round=notice.round, what=what, patience=patience),
            id=ids.notice(notice.id, notice.round),
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=summary(f"Notice: {what}"),
        )
    except WorkflowAlreadyStartedError:
        return
