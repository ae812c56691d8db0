"""An application on a port of its own, as programs outside of this process reach it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve the application as long as the block lasts; its address."""
    started = asyncio.Event()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    startup = server.startup

    async def startup_told(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = startup_told  # type: ignore[method-assign]
    running = asyncio.create_task(server.serve())
    await started.wait()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
