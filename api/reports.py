"""Reports: what a program has come to, from the store and the ledger: its whole life, and figures as of any day."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api import operational
from api.errors import AsOfWrong, ReportUnknown
from api.people import may
from api.reading import ReadAgain
from api.report_page import page
from api.services import Services, WithServices
from domain.definition import Definition
from domain.reports import OUTLINES, as_csv, as_json
from domain.stages import product_status
from domain.window import Moment
from store import evidence, gates, members, programs, redemptions

router = APIRouter(prefix="/programs/{program}", tags=["reports"], route_class=ReadAgain)


@router.get("/report", dependencies=[Depends(may("read programs"))])
async def report(program: str, services: WithServices) -> dict[str, Any]:
    """The program's whole life so far: stages, decisions, evidence, waves, members, points, evaluations."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        found: dict[str, Any] = {
            "program": record.model_dump(mode="json") | {"product_status": product_status(record.stage)},
            "stages": _dumped(await programs.stages(connection, program)),
            "revisions": _dumped(await programs.revisions(connection, program)),
            "decisions": _dumped(await gates.decisions(connection, program)),
            "gates": [
                state.model_dump(mode="json", include={"id", "gate", "opened_at", "due", "outcome", "decided_at"})
                for state in await gates.listed(connection, program, open_only=False)
            ],
            "prototypes": _dumped(await evidence.prototypes(connection, program)),
            "tests": _dumped(await evidence.tests(connection, program)),
            "waves": _dumped(await programs.waves(connection, program)),
            "members": await members.counts(connection, program),
            "movement": await members.movement(connection, program),
            "interventions": await members.interventions(connection, program),
            "redemptions": await redemptions.counts(connection, program),
            "evaluations": _dumped(await evidence.evaluations(connection, program)),
        }
    found["points"] = _dumped(await services.ledger.totals(program))
    lifetime = await services.ledger.window_figures(program, record.started_at, datetime.now(UTC))
    found["lifetime"] = lifetime.model_dump(mode="json", exclude={"changed", "spread"})
    found["ledger_check"] = (await services.ledger.check(program)).model_dump(mode="json")
    return found


@router.get("/reports", dependencies=[Depends(may("read programs"))])
async def index(program: str, services: WithServices) -> list[dict[str, Any]]:
    """The operational reports that there are: what each tells, and its columns."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
    return [
        outline.model_dump(mode="json", exclude={"plots"}) | {"address": f"/programs/{program}/reports/{outline.name}"}
        for outline in OUTLINES.values()
    ]


@router.get("/reports/{name}", dependencies=[Depends(may("read programs"))])
async def operational_report(
    program: str,
    name: str,
    services: WithServices,
    as_of: Annotated[str | None, Query(description="A day, up to its end in the program's zone: 2026-03-01")] = None,
    format: Annotated[Literal["json", "csv", "html"], Query()] = "json",
) -> Response:
    """A report as of the end of a day (without one, as of now), from what had happened by then; as JSON, CSV or a page."""
    async with services.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        record = await programs.find(connection, program)
        if name not in OUTLINES:
            raise ReportUnknown(name, list(OUTLINES))
        made = await operational.report(await _then(services, connection, record, as_of), OUTLINES[name])
    if format == "csv":
        return PlainTextResponse(as_csv(made), media_type="text/csv")
    return HTMLResponse(page(made)) if format == "html" else JSONResponse(as_json(made))


async def _then(
    services: Services, connection: AsyncConnection, record: programs.ProgramRecord, as_of: str | None
) -> operational.Then:
    """The program as of the end of that day, or as of now. Raises AsOfWrong."""
    now = datetime.now(UTC)
    at, latest = now, (await programs.revisions(connection, record.id))[-1].number
    definition = await programs.definition(connection, record.id, record.revision_in_force or latest)
    if as_of is not None:
        at = min(now, _end_of(as_of, definition, record.started_at, now))
    in_force = await programs.in_force_at(connection, record.id, at)
    definition = in_force.definition if in_force else await programs.definition(connection, record.id, 1)
    return operational.Then(services, connection, record, definition, at, is_now=at == now)


def _end_of(written: str, definition: Definition, started: datetime, now: datetime) -> datetime:
    """The last instant of a day in the program's zone. Raises AsOfWrong."""
    try:
        day = Moment.parse(written) if len(written) == 10 else None
    except ValueError:
        day = None
    if day is None:
        raise AsOfWrong(f"{written[:40]!r} is no day", "Write one as 2026-03-01.")
    begin = day.at(definition.zone)
    if begin > now:
        raise AsOfWrong(f"{written} has not come yet", "Name today or a day before, or none for now.")
    end = Moment(day.value + timedelta(days=1)).at(definition.zone) - timedelta(microseconds=1)
    first: date = started.astimezone(definition.zone).date()
    if end < started:
        raise AsOfWrong(f"The program was started on {first}, after {written}", f"Name {first} or a later day.")
    return end


def _dumped(records: Any) -> list[dict[str, Any]]:
    return [record.model_dump(mode="json") for record in records]
