"""Operational reports: what there are, and each of them as of any day, as JSON, as CSV, or as a page with plots."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.authorization import require
from api.http.dependencies import Services, WithServices
from api.http.openapi import Responses, raises, together
from api.http.rate_limits import Rates, rates_of
from api.http.read_retry import RetryReadRoute
from domain.definition.document import Definition
from domain.identity.person import Person
from domain.model import Value
from domain.reports.errors import AsOfWrong, ReportUnknown
from domain.reports.tables import OUTLINES, Column, Name, Outline, as_csv, as_json
from domain.window import Moment
from pages.frame import POLICY
from pages.report import page
from services.reports import rows as report_rows
from store.programs import programs

router = APIRouter(prefix="/programs/{program}/reports", tags=["reports"], route_class=RetryReadRoute)

_LONGEST = 200
_TEXT = {"schema": {"type": "string"}}
_IN_THREE_FORMS: Responses = {
    200: {
        "content": {"text/csv": _TEXT, "text/html": _TEXT},
        "description": "As JSON; as CSV, with the names of the columns in its first line; or as a page for people.",
    }
}


class ReportKind(Value):
    """A report that there is: what it tells, its columns, and where it is."""

    name: Name
    title: str
    tells: str
    columns: tuple[Column, ...]
    address: str


class OperationalReport(Outline):
    """A report as of an instant: each row by the names of its columns. Null is what is not known.

    Fractions are texts, and so are instants. `notes` say what a reader must know to read it right.
    """

    program: str
    as_of: AwareDatetime
    time_zone: str
    money: str
    rows: tuple[dict[str, str | int | bool | None], ...]
    notes: tuple[str, ...]


@router.get("", dependencies=[Depends(require("read programs"))])
async def list_reports(program: str, services: WithServices) -> list[ReportKind]:
    """The operational reports that there are. They are the same for every program, and few: the list has no pages."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
    return [
        ReportKind(
            **outline.model_dump(include={"name", "title", "tells", "columns"}),
            address=f"/programs/{program}/reports/{outline.name}",
        )
        for outline in OUTLINES.values()
    ]


@router.get(
    "/{report}",
    response_model=OperationalReport,
    responses=together(_IN_THREE_FORMS, raises(ReportUnknown, AsOfWrong)),
)
async def show_operational_report(
    program: str,
    report: Annotated[str, Path(max_length=_LONGEST)],
    services: WithServices,
    person: Annotated[Person, Depends(require("read programs"))],
    rates: Annotated[Rates, Depends(rates_of)],
    as_of: Annotated[str | None, Query(description="A day, up to its end in the program's zone: 2026-03-01")] = None,
    format: Literal["json", "csv", "html"] = "json",
) -> Response:
    """A report as of the end of a day (without one, as of now), from what had happened by then."""
    async with services.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        record = await programs.find(connection, program)
        if report not in OUTLINES:
            raise ReportUnknown(report, list(OUTLINES))
        then = await _then(services, connection, record, as_of)
        if report == "exceptions" and then.is_now:  # which looks for drift
            await rates.spend("ledger", person.id)
        made = await report_rows.report(then, OUTLINES[report])
    if format == "csv":
        file = f"{program}-{report}-{made.as_of.astimezone(then.definition.zone):%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{file}"'}
        return PlainTextResponse(as_csv(made), media_type="text/csv", headers=headers)
    if format == "html":
        return HTMLResponse(page(made), headers={"Content-Security-Policy": POLICY})
    return JSONResponse(OperationalReport.model_validate(as_json(made)).model_dump(mode="json"))


async def _then(
    services: Services, connection: AsyncConnection, record: programs.ProgramRecord, as_of: str | None
) -> report_rows.Then:
    """The program as of the end of that day, or as of now. Raises AsOfWrong."""
    now = datetime.now(UTC)
    at, latest = now, (await programs.revisions(connection, record.id))[-1].number
    definition = await programs.definition(connection, record.id, record.revision_in_force or latest)
    if as_of is not None:
        at = min(now, _end_of(as_of, definition, record.started_at, now))
    in_force = await programs.in_force_at(connection, record.id, at)
    definition = in_force.definition if in_force else await programs.definition(connection, record.id, 1)
    return report_rows.Then(services.ledger, connection, record, definition, at, is_now=at == now)


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
    end = day.end(definition.zone)
    first: date = started.astimezone(definition.zone).date()
    if end < started:
        raise AsOfWrong(f"The program was started on {first}, after {written}", f"Name {first} or a later day.")
    return end
