"""Reading: a GET that finds its connection to the database gone is read once more, on a new one."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError


class RetryReadRoute(APIRoute):
    """After the database has been away, the first use of each old connection fails, and all of them are given up.

    To read again harms nobody. A POST is repeated by its caller, under its Idempotency-Key.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.methods != {"GET"}:
            return handle

        async def read(request: Request) -> Response:
            try:
                return await handle(request)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return await handle(request)

        return read
