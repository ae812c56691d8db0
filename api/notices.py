"""Notices: what was told, what could not be delivered and is sent again, and a test of all channels."""

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from temporalio.common import WorkflowIDConflictPolicy

from api.errors import InvalidRequest
from api.once import Answer, Key, once
from api.people import may
from api.reading import ReadAgain
from api.services import WithServices
from api.workflow_calls import in_time
from domain import ids
from domain.gates import Person
from domain.model import Message
from store import notices
from store.notices import NoticeRecord, State
from workflows.notice_delivery import NoticeTest

router = APIRouter(prefix="/notices", tags=["notices"], route_class=ReadAgain)

Seer = Annotated[Person, Depends(may("see to notices"))]
NoticeId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
_PAGE, _LARGEST_PAGE = 50, 200
_HIDDEN = {"number", "round"}


class Page(Message):
    """Notices, and where the next page begins; None is the end."""

    items: list[dict[str, Any]]
    next: str | None


@router.get("")
async def list_notices(
    services: WithServices,
    person: Seer,
    state: State | None = None,
    program: str | None = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=_LARGEST_PAGE)] = _PAGE,
) -> Page:
    """Notices, the newest first; `state=dead` leaves those that could not be delivered."""
    before = _number(cursor) if cursor is not None else None
    async with services.engine.connect() as connection:
        found = await notices.listed(connection, state=state, program=program, before=before, limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    return Page(items=[_shown(notice) for notice in page], next=_cursor(page[-1].number) if more else None)


@router.post("/test", status_code=202)
async def test_channels(request: Request, services: WithServices, key: Key, person: Seer) -> JSONResponse:
    """Send a test by every channel to every recipient that the worker's notices file names; what becomes of it, GET tells."""

    async def act() -> Answer:
        order = ids.asked(person.id, key)
        posted = await in_time(
            services.temporal.execute_workflow(
                NoticeTest.run,
                order,
                id=ids.notice_test(person.id, key),
                task_queue=ids.NOTICES_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary="Test of the notices",
            ),
            "The worker",
        )
        async with services.engine.connect() as connection:
            items = [_shown(await notices.find(connection, notice)) for notice in posted]
        return Answer(202, {"items": items})

    return await once(request, services, person, key, act)


@router.get("/{notice}")
async def show_notice(notice: NoticeId, services: WithServices, person: Seer) -> dict[str, Any]:
    """One notice: its words, to whom it goes, how often that was tried, and what went wrong last."""
    async with services.engine.connect() as connection:
        return _shown(await notices.find(connection, notice))


@router.post("/{notice}/replay", status_code=202)
async def replay_notice(notice: NoticeId, request: Request, services: WithServices, key: Key, person: Seer) -> JSONResponse:
    """Have a dead notice delivered after all; the receiver can tell by its id that it is the same."""

    async def act() -> Answer:
        async with services.engine.begin() as connection:
            return Answer(202, _shown(await notices.replay(connection, notice)), f"/notices/{notice}")

    return await once(request, services, person, key, act)


def _shown(notice: NoticeRecord) -> dict[str, Any]:
    return notice.model_dump(mode="json", exclude=_HIDDEN)


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def _number(cursor: str) -> int:
    """The number that a cursor stands for. Raises InvalidRequest."""
    try:
        number = int(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        number = 0
    if not 1 <= number < 2**63:
        raise InvalidRequest([{"field": "cursor", "problem": "it is no `next` of an earlier page; leave it out to begin anew"}])
    return number
