"""A POST is answered once: the same Idempotency-Key gets the same answer, however often it is sent."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse

from api.errors import KeyInvalid, KeyMissing, KeyReused, RequestInFlight
from api.services import Services
from domain.gates import Person
from runtime.errors import TenureError
from store import requests

LONGEST_KEY = 200
KEY = "[!-~]+"
"""What a key may have in it: visible ASCII characters, as any header carries them."""


@dataclass(frozen=True)
class Answer:
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
        return JSONResponse(self.body | (self.shown_once or {}), status_code=self.status, headers=headers)


async def idempotency_key(key: Annotated[str | None, Header(alias="Idempotency-Key")] = None) -> str:
    """The request's key. Raises KeyMissing, KeyInvalid."""
    if not key:
        raise KeyMissing
    if len(key) > LONGEST_KEY or not re.fullmatch(KEY, key):
        raise KeyInvalid(LONGEST_KEY)
    return key


Key = Annotated[str, Depends(idempotency_key)]


async def once(
    request: Request, services: Services, person: Person, key: str, act: Callable[[], Awaitable[Answer]]
) -> JSONResponse:
    """Answer a request by `act`, or by the answer that the key got before.

    A refusal is not kept: once its reason is gone, the same request may succeed, and the key may serve another one. Where a
    failure leaves open whether anything was done, the key stays with its request. Raises KeyReused, RequestInFlight.
    """
    body = await request.body()
    fingerprint = sha256(b"\n".join([request.method.encode(), request.url.path.encode(), body])).hexdigest()
    async with services.engine.begin() as connection:
        before = await requests.begin(connection, person.id, key, fingerprint)
    if before is not None:
        if before.fingerprint != fingerprint:
            raise KeyReused(key)
        if before.status is not None:
            return Answer(before.status, before.answer, before.location).response(replayed=True)
        if not before.abandoned:
            raise RequestInFlight
    try:
        answer = await act()
    except BaseException as error:
        refused = isinstance(error, TenureError) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR
        async with services.engine.begin() as connection:
            await (requests.forget if refused else requests.release)(connection, person.id, key)
        raise
    async with services.engine.begin() as connection:
        await requests.answer(connection, person.id, key, answer.status, answer.body, answer.location)
    return answer.response()
