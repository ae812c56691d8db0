"""The end of a program as people see it: its ten steps and their dates, what is told to whom, what is paid for points left."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from api.people import may
from api.reading import ReadAgain
from api.services import WithServices
from domain.wind_down import TITLES
from store import programs, wind_down
from store.errors import NotEnding

router = APIRouter(prefix="/programs/{program}/wind-down", tags=["wind-down"], route_class=ReadAgain)

_PAGE, _MOST = 200, 5000
After = Annotated[int, Query(ge=0, le=2**63 - 1, description="The `next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=_MOST)]


@router.get("", dependencies=[Depends(may("read programs"))])
async def show_wind_down(program: str, services: WithServices) -> dict[str, Any]:
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
        notices = await wind_down.noticed(connection, program)
    doors = ("enrolment_until", "earning_until", "late_until", "redeeming_until", "data_until", "data_erased_at", "closed_at")
    return {
        "program": program,
        "name": record.name,
        "stage": record.stage,
        "time_zone": definition.time_zone,
        "remainder": definition.wind_down.remainder,
        **record.model_dump(mode="json", include=set(doors)),
        "steps": [
            step.model_dump(mode="json") | {"title": TITLES[step.step], "state": _state(step.began_at, step.ended_at)}
            for step in steps
        ],
        "notices": notices,
    }


@router.get("/notices", dependencies=[Depends(may("read members"))])
async def list_notices(program: str, services: WithServices, after: After = 0, limit: Limit = _PAGE) -> dict[str, Any]:
    """What is to be told to members, to those invited and to partners, by reference, for whoever writes to them.

    Read on `after` the `next` of the page before; null is the end for now. A notice is written once for each recipient, so that
    nobody is told the same thing twice by a reader who remembers where they were.
    """
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await wind_down.notices(connection, program, after, limit)
    return {
        "notices": [each.model_dump(mode="json") for each in found],
        "next": found[-1].id if len(found) == limit else None,
    }


@router.get("/payouts", dependencies=[Depends(may("read members"))])
async def list_payouts(program: str, services: WithServices, after: After = 0, limit: Limit = _PAGE) -> dict[str, Any]:
    """What members get for the points that were left: money, or a partner's points; one line for each member and currency."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
    found = await services.ledger.payouts(program, after, limit)
    return {
        "payouts": [each.model_dump(mode="json") for each in found],
        "next": found[-1].transaction if len(found) == limit else None,
    }


def _state(began_at: datetime | None, ended_at: datetime | None) -> Literal["waiting", "under_way", "done"]:
    if ended_at is not None:
        return "done"
    return "under_way" if began_at is not None else "waiting"
