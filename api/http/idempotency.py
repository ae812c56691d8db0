"""A POST is answered once: the same Idempotency-Key gets the same answer, however often it is sent."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse

from api.http.dependencies import Services
from api.http.errors_idempotency import KeyInvalid, KeyMissing, RequestInFlight
from api.http.problems import ProblemResponse, document
from api.http.statuses import status_of
from domain.errors import TenureError
from domain.errors_input import KeyReused
from domain.identity.person import Person
from domain.model import Value
from runtime.database import each_by_itself
from store import idempotency

logger = logging.getLogger(__name__)
LONGEST_KEY = 200
_QUOTES = 2
KEY = "[!-~]+"
"""What a key may have in it: visible ASCII characters, as any header carries them."""


@dataclass(frozen=True)
class StoredResponse:
    """What a request is answered with."""

    status: int
    body: Any
    location: str | None = None
    shown_once: dict[str, str] | None = None
    """What is added to the first answer, and kept nowhere: a secret."""

    def response(self, *, replayed: bool = False) -> JSONResponse:
        headers = {"Location": self.location} if self.location else {}
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        kind = ProblemResponse if self.status >= HTTPStatus.BAD_REQUEST else JSONResponse
        body = self.body if self.shown_once is None else self.body | self.shown_once
        return kind(body, status_code=self.status, headers=headers)


class RequestOut(Value):
    """What became of a request under a key: its `status`, `location` and `answer` once they are known.

    `refused` has a problem document as its answer. `unknown`: it was not heard of for a minute; send it again with the same
    key, which finds what was begun and does nothing twice.
    """

    key: str
    state: Literal["under_way", "unknown", "done", "refused"]
    status: int | None = None
    location: str | None = None
    answer: Any = None


ACCEPTED_LATER: dict[int | str, dict[str, Any]] = {
    202: {"model": RequestOut, "description": "It takes longer; ask at Location what becomes of it."}
}
"""For the `responses` of a route that is called with `wait_timeout`."""


async def idempotency_key(key: Annotated[str | None, Header(alias="Idempotency-Key")] = None) -> str:
    """The request's key. Raises KeyMissing, KeyInvalid."""
    if not key:
        raise KeyMissing
    # A structured field's string, as draft-ietf-httpapi-idempotency-key-header writes a key, names the same one as its content.
    if len(key) > _QUOTES and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if len(key) > LONGEST_KEY or not re.fullmatch(KEY, key):
        raise KeyInvalid(LONGEST_KEY)
    return key


Key = Annotated[str, Depends(idempotency_key)]


async def idempotent(
    request: Request,
    services: Services,
    person: Person,
    key: str,
    act: Callable[[], Awaitable[StoredResponse]],
    *,
    wait_timeout: float | None = None,
) -> JSONResponse:
    """Answer a request by `act`, or by the answer that the key got before.

    A refusal is not kept: once its reason is gone, the same request may succeed, and the key may serve another one. Where a
    failure leaves open whether anything was done, the key stays with its request. What takes longer than `wait_timeout` is
    answered 202, and goes on: its outcome, a refusal too, is kept and found at `/requests/{key}` and by a repetition.
    Raises KeyReused, RequestInFlight.
    """
    body = await request.body()
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    fingerprint = sha256(b"\n".join([request.method.encode(), asked.encode(), body])).hexdigest()
    async with each_by_itself(services.engine) as connection:
        before = await idempotency.begin(connection, person.id, key, fingerprint)
    if before is not None:
        if before.fingerprint != fingerprint:
            raise KeyReused(key)
        if before.status is not None:
            return StoredResponse(before.status, before.answer, before.location).response(replayed=True)
        if not before.abandoned:
            raise RequestInFlight
    acting = _Acting(services, person.id, key)
    if wait_timeout is None:
        return (await acting.do(act)).response()
    task = asyncio.create_task(acting.do(act))
    services.late.add(task)
    task.add_done_callback(services.late.discard)
    await asyncio.wait({task}, timeout=wait_timeout)
    if task.done():
        return task.result().response()
    acting.is_late = True
    task.add_done_callback(_heard)
    return under_way(key)


def under_way(key: str) -> JSONResponse:
    """The answer to a request whose outcome is not known yet: where to ask for it."""
    response = RequestOut(key=key, state="under_way")
    headers = {"Location": f"/requests/{quote(key, safe='')}", "Retry-After": "1"}
    return JSONResponse(response.model_dump(mode="json"), status_code=HTTPStatus.ACCEPTED, headers=headers)


class _Acting:
    """What is done for a request, and what is kept of it; `is_late` once the caller has been sent away."""

    def __init__(self, services: Services, person: str, key: str) -> None:
        self._services, self._person, self._key = services, person, key
        self.is_late = False

    async def do(self, act: Callable[[], Awaitable[StoredResponse]]) -> StoredResponse:
        try:
            answer = await act()
        except BaseException as error:
            refused = isinstance(error, TenureError) and status_of(error) < HTTPStatus.INTERNAL_SERVER_ERROR
            if not (refused and self.is_late):
                async with each_by_itself(self._services.engine) as connection:
                    await (idempotency.forget if refused else idempotency.release)(connection, self._person, self._key)
                raise
            assert isinstance(error, TenureError)
            answer = StoredResponse(status_of(error), document(error))
        async with each_by_itself(self._services.engine) as connection:
            await idempotency.answer(connection, self._person, self._key, answer.status, answer.body, answer.location)
        return answer


def _heard(task: asyncio.Task[StoredResponse]) -> None:
    """What went wrong after the caller was sent away is told to the operator alone; the key stays with its request."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a request that was answered 202", exc_info=error)
