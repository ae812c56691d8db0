"""`python -m worker`: a worker process, which also runs the relay and reconciles the Schedules. SIGTERM drains it."""

import asyncio
import logging
import signal
import sys
from datetime import timedelta

from domain.errors import TenureError
from runtime.database import create_engine
from runtime.logs import configure_logs
from runtime.notices_file import read_notices
from runtime.settings import Settings, settings
from runtime.temporal import connect
from worker.hosting import hosted
from worker.relay import relay
from worker.schedules import keep_schedules

logger = logging.getLogger(__name__)


async def run(configured: Settings) -> None:
    """Host every queue until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    notices = read_notices(configured)
    engine = create_engine(configured.required_database_url, pool_size=configured.database_pool)
    client = await connect()
    try:
        async with hosted(
            client,
            engine,
            max_cached_workflows=configured.max_cached_workflows,
            notices=notices,
            everybody_is_known=configured.directory_is_closed,
            build_id=configured.build_id,
        ):
            beside = [
                asyncio.create_task(relay(engine, client)),
                asyncio.create_task(keep_schedules(client, engine, timedelta(seconds=configured.seal_every))),
            ]
            logger.info("polling")
            await stop.wait()
            for task in beside:
                task.cancel()
        logger.info("drained")
    finally:
        await engine.dispose()


def main() -> None:
    configured = settings()
    configure_logs(configured.log_level)
    try:
        asyncio.run(run(configured))
    except TenureError as error:
        sys.exit(str(error))
    except RuntimeError as error:
        sys.exit(f"Temporal cannot be reached: {error}. Start it with `tenure up`, or set TEMPORAL_ADDRESS.")


if __name__ == "__main__":
    main()
