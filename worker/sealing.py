"""The Schedule that seals the ledger: there is one for all programs, and every worker process sees to it that it is there."""

import asyncio
import logging
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from activities.seal import Sealing
from domain import ids
from workflows.ledger_seal import LedgerSeal

logger = logging.getLogger(__name__)

_CATCH_UP = timedelta(minutes=1)
"""What was missed for longer is left out: the next sealing takes it in."""
_PAUSE = 1.0


async def keep_sealing(client: Client, every: timedelta) -> None:
    """Have the Schedule there, with this interval; a Temporal that is away is waited for."""
    while True:
        try:
            await ensure_sealing(client, every)
        except RPCError as error:
            logger.warning("the Schedule of the seal has to wait: %s", error)
            await asyncio.sleep(_PAUSE)
        else:
            return


async def ensure_sealing(client: Client, every: timedelta) -> None:
    """Create the Schedule, or give the one that is there this interval; one that an operator has paused stays paused."""
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)])
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            LedgerSeal.run, Sealing(), id=ids.SEAL_SCHEDULE, task_queue=ids.BULK_QUEUE, static_summary="Seal of the ledger"
        ),
        spec=spec,
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )
    try:
        await client.create_schedule(ids.SEAL_SCHEDULE, schedule)
    except ScheduleAlreadyRunningError:

        def with_interval(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
            there = found.description.schedule
            if [interval.every for interval in there.spec.intervals] == [every]:
                return None
            there.spec = spec
            return ScheduleUpdate(there)

        await client.get_schedule_handle(ids.SEAL_SCHEDULE).update(with_interval)
