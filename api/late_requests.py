"""Requests that take longer than a caller waits: what became of them, by their keys."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.errors_idempotency import RequestUnknown
from api.http.idempotency import KEY, LONGEST_KEY, RequestOut
from api.http.openapi import raises
from api.http.read_retry import RetryReadRoute
from domain.identity.person import Person
from store import idempotency

router = APIRouter(prefix="/requests", tags=["requests"], route_class=RetryReadRoute)


@router.get("/{key:path}", responses=raises(RequestUnknown))
async def show_request(
    key: Annotated[str, Path(pattern=f"^{KEY}$", max_length=LONGEST_KEY)],
    services: WithServices,
    person: Annotated[Person, Depends(require("read programs"))],
) -> RequestOut:
    """What became of a request that you sent under this Idempotency-Key: a 202 answer leads here."""
    async with services.engine.connect() as connection:
        found = await idempotency.find(connection, person.id, key)
    if found is None:
        raise RequestUnknown(key)
    if found.status is None:
        return RequestOut(key=key, state="unknown" if found.abandoned else "under_way")
    return RequestOut(
        key=key,
        state="refused" if found.status >= 400 else "done",
        status=found.status,
        location=found.location,
        answer=found.answer,
    )
