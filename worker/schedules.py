"""The reconciliation of Schedules at a worker's start: the seal of the ledger, and the Schedules of every program.

Schedules live on the server and outlast the code that made them, and a program's lifecycle may sleep for months.
"""

import asyncio
import logging
from datetime import timedelta

from asyncpg import InterfaceError, PostgresError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleIntervalSpec, ScheduleSpec
from temporalio.service import RPCError, RPCStatusCode

from activities.evaluation.schedules import policy_of, put_schedule, reconcile
from activities.ledger.seal import Sealing
from domain import ids
from store.programs import programs
from workflows.ledger.ledger_seal import LedgerSeal

logger = logging.getLogger(__name__)

_AWAY = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.RESOURCE_EXHAUSTED)
_PAUSE = 1.0
_PAGE = 100


async def keep_schedules(client: Client, engine: AsyncEngine, seal_every: timedelta) -> None:
    """Reconcile every Schedule once; wait while Temporal or the database cannot be reached."""
    while True:
        try:
            await ensure_sealing(client, seal_every)
            await reconcile_programs(client, engine)
        except (SQLAlchemyError, PostgresError, InterfaceError, OSError, RPCError) as error:
            logger.warning("the Schedules have to wait: %s", error)
            await asyncio.sleep(_PAUSE)
        else:
            return


async def ensure_sealing(client: Client, every: timedelta) -> None:
    """Create the Schedule that seals the ledger, or give the existing one this interval; a paused one stays paused."""
    action = ScheduleActionStartWorkflow(
        LedgerSeal.run, Sealing(), id=ids.SEAL_SCHEDULE, task_queue=ids.BULK_QUEUE, static_summary="Seal of the ledger"
    )
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)])
    await put_schedule(client, ids.SEAL_SCHEDULE, Schedule(action, spec, policy=policy_of(every)))


async def reconcile_programs(client: Client, engine: AsyncEngine) -> None:
    """Reconcile the Schedules of every program with its definition in force.

    A program that Temporal refuses, or whose definition cannot be read, is logged and left out. Raises the errors of a Temporal
    or a database that cannot be reached.
    """
    after = ""
    while True:
        async with engine.connect() as connection:
            page = [record.id for record in await programs.listed(connection, after, _PAGE)]
        for program in page:
            try:
                await reconcile(client, engine, program)
            except (SQLAlchemyError, PostgresError, InterfaceError, OSError):
                raise
            except Exception as error:
                if isinstance(error, RPCError) and error.status in _AWAY:
                    raise
                logger.exception("the Schedules of %s stay as they are", program)
        if len(page) < _PAGE:
            return
        after = page[-1]
