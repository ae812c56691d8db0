"""Notices: what was told, what could not be delivered and is sent again, and a test of all channels."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from temporalio.common import WorkflowIDConflictPolicy

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import in_time
from domain import ids
from domain.identity.person import Person
from domain.model import CAN_BE_KEPT, Message
from domain.notices.gate_notices import Channel, NoticeKind
from store.notices import notices
from store.notices.notices import NoticeNotDead, NoticeRecord, NoticeUnknown, State
from workflows.notices.notice_test import NoticeTest

router = APIRouter(prefix="/notices", tags=["notices"], route_class=RetryReadRoute)

Seer = Annotated[Person, Depends(require("see to notices"))]
NoticeId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


class NoticeOut(Message):
    """A notice to one recipient, and what became of it."""

    id: str
    program: str | None
    gate: str | None
    kind: NoticeKind
    channel: Channel
    recipient: str
    subject: str
    body: str
    state: State
    attempts: int
    last_error: str | None
    created_at: datetime
    settled_at: datetime | None


class NoticesPosted(Message):
    """The notices of a test."""

    items: Sequence[NoticeOut]


@router.get("")
async def list_notices(
    services: WithServices,
    person: Seer,
    paged: Paged,
    state: State | None = None,
    program: Annotated[str | None, Query(max_length=200), CAN_BE_KEPT] = None,
) -> Page[NoticeOut]:
    """Notices, the newest first; `state=dead` leaves those that could not be delivered."""
    (before,) = paged.after(int) or (None,)
    async with services.engine.connect() as connection:
        found = await notices.listed(connection, state=state, program=program, before=before, limit=paged.one_more)
    records, following = paged.cut(found, lambda notice: (notice.number,))
    return Page(items=[_shown(notice) for notice in records], next=following)


@router.post("/test", status_code=202, response_model=NoticesPosted)
async def test_channels(request: Request, services: WithServices, key: Key, person: Seer) -> JSONResponse:
    """Send a test by every channel to every recipient that the worker's notices file names; what becomes of it, GET tells."""

    async def act() -> StoredResponse:
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
        return StoredResponse(202, NoticesPosted(items=items).model_dump(mode="json"), "/notices")

    return await idempotent(request, services, person, key, act)


@router.get("/{notice}", responses=raises(NoticeUnknown))
async def show_notice(notice: NoticeId, services: WithServices, person: Seer) -> NoticeOut:
    """One notice: its words, to whom it goes, how often that was tried, and what went wrong last."""
    async with services.engine.connect() as connection:
        return _shown(await notices.find(connection, notice))


@router.post(
    "/{notice}/replay",
    status_code=202,
    response_model=NoticeOut,
    responses=together(
        links(202, show_notice={"notice": "$response.body#/id"}),
        raises(NoticeUnknown, NoticeNotDead),
    ),
)
async def replay_notice(notice: NoticeId, request: Request, services: WithServices, key: Key, person: Seer) -> JSONResponse:
    """Have a dead notice delivered after all; the receiver can tell by its id that it is the same."""

    async def act() -> StoredResponse:
        async with services.engine.begin() as connection:
            sent_again = _shown(await notices.replay(connection, notice))
        return StoredResponse(202, sent_again.model_dump(mode="json"), f"/notices/{notice}")

    return await idempotent(request, services, person, key, act)


def _shown(notice: NoticeRecord) -> NoticeOut:
    return NoticeOut.model_validate(notice.model_dump())
