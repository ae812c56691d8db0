"""A company's own reward service, as it may be: quick, failing, refusing, answering twice, never clear; over real HTTP."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.serving import served


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
    async with served(Starlette(routes=routes)) as address:
        provider.address = f"{address}/orders"
        yield provider
