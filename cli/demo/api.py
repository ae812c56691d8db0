"""The demo's client of the API: many requests at a time, for many people."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from domain.errors import TenureError
from runtime.identity.development_issuer import DevelopmentIssuer
from runtime.identity.people_file import read_people

_WAIT_TIMEOUT = 30.0
_ATTEMPTS = 60
_PAUSE = 0.5


class DemoFailed(TenureError):
    code = "demo_failed"
    category = "internal"
    title = "The demo did not come to its end"


class DemoApi:
    """One connection pool for all people. A call that gets no answer, as after a crash, is repeated."""

    def __init__(self, address: str, people: Path, connections: int) -> None:
        issuer = DevelopmentIssuer.read(people)
        self._tokens = {entry.id: partial(issuer.token, entry.id, entry.name, entry.roles) for entry in read_people(people)}
        self._http = httpx.AsyncClient(
            base_url=address, timeout=_WAIT_TIMEOUT, limits=httpx.Limits(max_connections=connections), trust_env=False
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, person: str, path: str, **parameters: str | bool) -> Any:
        """The answer to a GET. Raises DemoFailed for any status but 200."""
        response = await self._sent(person, "GET", path, params=parameters)
        if response.status_code != httpx.codes.OK:
            raise _failed("GET", path, response)
        return response.json()

    async def all_pages(self, person: str, path: str, **parameters: str | bool) -> list[Any]:
        """All pages of a list."""
        items: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(person, path, limit="200", **cursor, **parameters)
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}

    async def post(self, person: str, path: str, body: Any = None, *, content: str | None = None) -> Any:
        """The answer to a POST. Raises DemoFailed for a refusal."""
        response = await self.try_post(person, path, body, content=content)
        if response.is_error:
            raise _failed("POST", path, response)
        return response.json()

    async def try_post(
        self, person: str, path: str, body: Any = None, *, content: str | None = None, key: str | None = None
    ) -> httpx.Response:
        """The response to a POST, which may be a refusal."""
        sent = {"content": content} if content is not None else {"json": body or {}}
        key = key or uuid4().hex
        while True:
            response = await self._sent(person, "POST", path, key=key, **sent)
            if not response.headers.get("Location", "").startswith("/requests/"):
                return response
            # The API answered 202: once the outcome is known, a repetition returns it.
            await self._outcome_known(person, response.headers["Location"])

    async def _outcome_known(self, person: str, place: str) -> None:
        while True:
            if (await self.get(person, place))["state"] != "under_way":
                return
            await asyncio.sleep(_PAUSE)

    async def _sent(self, person: str, method: str, path: str, *, key: str | None = None, **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._tokens[person]()}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        for attempt in range(_ATTEMPTS):
            try:
                response = await self._http.request(method, path, headers=headers, **request)
            except httpx.TransportError:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                in_flight = response.status_code == httpx.codes.CONFLICT and response.json().get("code") == "request_in_flight"
                if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    await asyncio.sleep(float(response.headers["Retry-After"]))  # the API has said how long to wait
                    continue
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE and not in_flight:
                    return response
            await asyncio.sleep(_PAUSE)
        return response


def _failed(method: str, path: str, response: httpx.Response) -> DemoFailed:
    problem = response.json()
    return DemoFailed(
        f"{method} {path}: {problem.get('detail', problem)}", remedy=problem.get("remedy", "See the logs in .tenure/logs.")
    )
