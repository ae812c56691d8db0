"""A company's own reward service, as it may be: quick, failing, refusing, answering twice, never clear; over real HTTP."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Provider:
    """Hands out a reference per redemption; `moods` say how it answers for a reward."""

    def __init__(self) -> None:
        self.address = ""
        self.moods: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.handed_out: dict[str, str] = {}

    async def hand_out(self, request: Request) -> Response:
        redemption = request.path_params["redemption"]
        self.asked[redemption] += 1
        mood = self.moods.get((await request.json())["participant"], "quick")
        if mood == "refuses":
            return JSONResponse({"why": "The warehouse is empty."}, status_code=422)
        if mood == "never clear" or (mood == "fails once" and self.asked[redemption] == 1):
            return JSONResponse({}, status_code=503)
        self.handed_out.setdefault(redemption, f"order-{len(self.handed_out) + 1}")
        if mood == "loses its answer" and self.asked[redemption] == 1:
            return JSONResponse({}, status_code=500)
        return JSONResponse({"reference": self.handed_out[redemption]}, status_code=201)

    async def take_back(self, request: Request) -> Response:
        gone = self.handed_out.pop(request.path_params["redemption"], None)
        return Response(status_code=404 if gone is None else 204)


@asynccontextmanager
async def serving() -> AsyncIterator[Provider]:
    """The service, on a port of its own, as long as the block lasts."""
    provider = Provider()
    routes = [
        Route("/orders/{redemption}", provider.hand_out, methods=["PUT"]),
        Route("/orders/{redemption}", provider.take_back, methods=["DELETE"]),
    ]
    started = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield

    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes, lifespan=lifespan), host="127.0.0.1", port=0, log_level="error")
    )
    startup = server.startup

    async def startup_told(sockets: object = None) -> None:
        await startup(sockets)  # type: ignore[arg-type]
        started.set()

    server.startup = startup_told  # type: ignore[method-assign]
    running = asyncio.create_task(server.serve())
    await started.wait()
    provider.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/orders"
    try:
        yield provider
    finally:
        server.should_exit = True
        await running
