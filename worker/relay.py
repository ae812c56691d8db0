"""The relay: it sends committed nudges as signals to workflows and starts the delivery of notices, at least once."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from asyncpg import InterfaceError, PostgresError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ledger import outbox
from store.notices import notices
from worker.notice_relay import start_deliveries

logger = logging.getLogger(__name__)

_BATCH = 100
_QUIET = 5.0
"""Seconds after which the relay reads even without a notification: a lost notification only delays a nudge."""
_PAUSE = 1.0
_KEPT = timedelta(days=7)
_NOTICES_KEPT = timedelta(days=90)
"""How long a delivered notice is kept, with its address."""


async def relay(engine: AsyncEngine, client: Client) -> None:
    """Send nudges and start deliveries until cancelled; wait while the database or Temporal cannot be reached."""
    while True:
        try:
            await _listen_and_send(engine, client)
        except (SQLAlchemyError, PostgresError, InterfaceError, OSError, RPCError) as error:
            logger.warning("the relay goes on after: %s", error)
            await asyncio.sleep(_PAUSE)


async def send_waiting(engine: AsyncEngine, client: Client) -> int:
    """Send one batch of waiting nudges; return their number. They stay unsent while Temporal cannot be reached."""
    async with engine.begin() as connection:
        waiting = await outbox.claim(connection, _BATCH)
        wanted = {(row.workflow_id, row.signal) for row in waiting}
        await asyncio.gather(*(_signal(client, workflow_id, signal) for workflow_id, signal in wanted))
        await outbox.mark_sent(connection, [row.id for row in waiting])
    return len(waiting)


async def _listen_and_send(engine: AsyncEngine, client: Client) -> None:
    # The event is cleared before the outbox is read, so that a notification that comes meanwhile is not lost. A lost connection
    # sets it too, which ends the loop; `relay` then connects again.
    noticed = asyncio.Event()
    async with engine.connect() as listening:
        raw = (await listening.get_raw_connection()).driver_connection
        if raw is None:
            return

        def notice(*_: object) -> None:
            noticed.set()

        await raw.add_listener(outbox.CHANNEL, notice)
        raw.add_termination_listener(notice)
        try:
            while not raw.is_closed():
                noticed.clear()
                while await send_waiting(engine, client) + await start_deliveries(engine, client):
                    pass
                try:
                    await asyncio.wait_for(noticed.wait(), _QUIET)
                except TimeoutError:
                    await _clear(engine)
        finally:
            if not raw.is_closed():
                await raw.remove_listener(outbox.CHANNEL, notice)
                raw.remove_termination_listener(notice)


async def _clear(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await outbox.clear_sent(connection, datetime.now(UTC) - _KEPT)
        await notices.clear_delivered(connection, datetime.now(UTC) - _NOTICES_KEPT)


async def _signal(client: Client, workflow_id: str, signal: str) -> None:
    try:
        await client.get_workflow_handle(workflow_id).signal(signal)
    except RPCError as error:
        # A workflow that has ended needs no nudge. A signal that is refused as such, because a run has had too many, would be
        # refused again, and must not delay the others.
        if error.status == RPCStatusCode.INVALID_ARGUMENT:
            logger.error("%s cannot be signalled: %s", workflow_id, error)
        elif error.status != RPCStatusCode.NOT_FOUND:
            raise
