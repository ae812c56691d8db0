"""The end of a program as people see it: its ten steps and their dates, what is told to whom, what is paid for points left."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.openapi import raises
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from domain.model import Value
from domain.programs.stages import Stage
from domain.programs.wind_down import TITLES, Step
from ledger.ending import Payout
from store.errors import NotEnding
from store.programs import announcements, programs, wind_down
from store.programs.announcements import END, NoticeRecord

router = APIRouter(prefix="/programs/{program}/wind-down", tags=["wind-down"], route_class=RetryReadRoute)


class StepOut(Value):
    """A step: when it is due, began and ended, what it did, how often it was tried, what last went wrong."""

    number: int
    step: Step
    title: str
    state: Literal["waiting", "under_way", "done"]
    due: AwareDatetime | None
    began_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    told: str
    attempts: int
    trouble: str
    figures: dict[str, Any]


class WindDownOut(Value):
    """The end of a program; null is what has no date, or none yet. `notices` are counted by their kind."""

    program: str
    name: str
    stage: Stage
    time_zone: str
    remainder: Literal["forfeit", "cash_out", "convert"]
    enrolment_until: AwareDatetime | None
    earning_until: AwareDatetime | None
    late_until: AwareDatetime | None
    redeeming_until: AwareDatetime | None
    data_until: AwareDatetime | None
    data_erased_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    steps: Sequence[StepOut]
    notices: dict[str, int]


_CLOSINGS = ("enrolment_until", "earning_until", "late_until", "redeeming_until", "data_until", "data_erased_at", "closed_at")


@router.get("", dependencies=[Depends(require("read programs"))], responses=raises(NotEnding))
async def show_wind_down(program: str, services: WithServices) -> WindDownOut:
    """The end in its ten steps: when each is due, began and ended, what it did, how often it was tried, what last went wrong.

    The first one, the case, is there as soon as the gate of the end is open. `time_zone` is the one in which the program counts
    its dates; instants are in UTC.
    """
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        steps = await wind_down.steps(connection, program)
        if not steps:
            raise NotEnding(program)
        definition = await programs.definition(connection, program, record.revision_in_force or 1)
        notices = await announcements.noticed(connection, program, END)
    return WindDownOut(
        program=program,
        name=record.name,
        stage=record.stage,
        time_zone=definition.time_zone,
        remainder=definition.wind_down.remainder,
        **record.model_dump(include=set(_CLOSINGS)),
        steps=[
            StepOut(**step.model_dump(), title=TITLES[step.step], state=_state(step.began_at, step.ended_at)) for step in steps
        ],
        notices=notices,
    )


@router.get("/notices", dependencies=[Depends(require("read members"))])
async def list_end_notices(program: str, services: WithServices, paged: Paged) -> Page[NoticeRecord]:
    """What is to be told to members, to those invited and to partners, by reference, for whoever writes to them.

    In the order in which it was written; a notice is written once for each recipient, so that nobody is told the same thing
    twice by a reader who remembers where they were.
    """
    (after,) = paged.after(int) or (0,)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await announcements.notices(connection, program, END, after, paged.one_more)
    return paged.page(found, lambda notice: (notice.id,))


@router.get("/payouts", dependencies=[Depends(require("read members"))])
async def list_payouts(program: str, services: WithServices, paged: Paged) -> Page[Payout]:
    """What members get for the points that were left: money, or a partner's points; one item for each member and currency."""
    (after,) = paged.after(int) or (0,)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
    found = await services.ledger.payouts(program, after, paged.one_more)
    return paged.page(found, lambda payout: (payout.transaction,))


def _state(began_at: datetime | None, ended_at: datetime | None) -> Literal["waiting", "under_way", "done"]:
    if ended_at is not None:
        return "done"
    return "under_way" if began_at is not None else "waiting"
