"""`tenure prototype`: simulate a definition on a log of real purchases. Works without the API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.core.errors import REFUSED, CommandError, WrongCall
from cli.core.text import clean
from cli.definition.definition import DefinitionFile, sound
from cli.render.prototype import print_comparison, print_reading, print_run

if TYPE_CHECKING:
    from domain.acceptance.comparison import Comparison
    from domain.acceptance.prototype import PrototypeRun
    from domain.definition.document import Definition
    from insight.acceptance.event_log import EventLog

app = typer.Typer(no_args_is_help=True, help="Simulate a definition on a log of purchases; works without the API.")

CDNOW = "cdnow"
_RUNS = Path(".tenure") / "prototypes"


class LogUnusable(CommandError):
    """The log cannot be simulated, or only in part without `--good-rows-only`."""

    code = "log_unusable"


class RunUnusable(WrongCall):
    code = "prototype_run_unusable"

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(
            f"{file} is no run of a prototype ({reason}).", remedy="Name a file that `tenure prototype run` has written."
        )


Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the figures and plots as one page.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
RunFile = Annotated[
    Path, typer.Argument(metavar="RUN", exists=True, dir_okay=False, readable=True, help="A saved run, as JSON.")
]


@app.command()
def run(
    file: DefinitionFile,
    transactions: Annotated[
        str,
        typer.Option(
            "--transactions", metavar="FILE", help=f"CSV with a header line, or Parquet; or `{CDNOW}`, the demo's log."
        ),
    ],
    customer: Annotated[str | None, typer.Option(metavar="COLUMN", help="The customer.")] = None,
    at: Annotated[str | None, typer.Option(metavar="COLUMN", help="The instant.")] = None,
    amount: Annotated[str | None, typer.Option(metavar="COLUMN", help="The amount, in units of the program's money.")] = None,
    event: Annotated[str | None, typer.Option(metavar="COLUMN", help="The type of the event.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="NAME=COLUMN", help="An attribute of the events, and its column; repeatable.")
    ] = None,
    event_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="The type of every event without one. Default: that of the first rate.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="The zone of dates without a zone. Default: the program's.")
    ] = None,
    good_rows_only: Annotated[bool, typer.Option("--good-rows-only", help="Leave bad rows out instead of refusing.")] = False,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="Equal rows are separate purchases, as in a log that has days only.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="DEFINITION", exists=True, dir_okay=False, help="Another definition, to compare the members with."
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"The file for the run. Default: {_RUNS}/DEFINITION-LOG.json, by their digests."),
    ] = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a definition on a log of purchases: members, points, liability and cost, by month and in total.

    Columns that are not named are guessed and shown. Rows that cannot be used are counted, and refused without
    `--good-rows-only`. Exit code 1 if a criterion of the definition fails or the log is refused.
    Example: `tenure prototype run examples/cd-club.yaml --transactions cdnow --keep-duplicates --html cd-club.html`
    """
    from insight.acceptance.log_file import Columns

    definition = sound(file)
    other = sound(against) if against else None
    columns = Columns(customer, at, amount, event, _attributes(attribute or []), event_type, _zone(zone))
    first = _run(definition, _log(definition, transactions, columns, good_rows_only, keep_duplicates))
    _keep(first, save or _default_file(first))
    second = comparison = None
    if other is not None:
        from domain.acceptance.comparison import compare

        second = _run(other, _log(other, transactions, columns, good_rows_only, keep_duplicates))
        _keep(second, _default_file(second))
        comparison = compare(first, second)
    _write_page(html, first, second, comparison)
    if as_json:
        typer.echo(_as_json(first, second, comparison))
    else:
        print_run(first)
        if comparison is not None:
            print_comparison(comparison)
        typer.echo(clean(f"Kept in {save or _default_file(first)}" + (f"; page in {html}" if html else "")), err=True)
    if not first.result.passed:
        raise typer.Exit(REFUSED)


@app.command()
def compare(before: RunFile, after: RunFile, html: Html = None, as_json: AsJson = False) -> None:
    """Compare two saved runs: each figure with its difference, and the members who gain and lose by the second.

    Example: `tenure prototype compare .tenure/prototypes/A.json .tenure/prototypes/B.json`
    """
    from domain.acceptance.comparison import compare as compared

    first, second = _saved(before), _saved(after)
    found = compared(first, second)
    _write_page(html, first, second, found)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    print_comparison(found)


def _attributes(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not (name and equals and column):
            raise typer.BadParameter(f"{pair!r} is not NAME=COLUMN, for instance nights=room_nights", param_hint="--attribute")
        found[name] = column
    return found


def _zone(name: str | None) -> str | None:
    from zoneinfo import available_timezones

    if name is not None and name not in available_timezones():
        raise typer.BadParameter(f"{name!r} is no time zone; write for instance Europe/London", param_hint="--zone")
    return name


def _log(
    definition: "Definition", transactions: str, columns: "object", good_rows_only: bool, keep_duplicates: bool
) -> "EventLog":
    """Read the log for this definition. Raises LogUnusable after printing the log's faults."""
    from insight.acceptance.event_log import UnusableLog
    from insight.acceptance.log_file import Columns, RowsFaulty, frame_of, read_log, reading_of

    assert isinstance(columns, Columns)
    try:
        if transactions == CDNOW and not Path(CDNOW).exists():
            from cli.acceptance.purchases import cdnow

            frame, digest = frame_of(cdnow())
            return reading_of(definition, frame, CDNOW, digest, columns, good_rows_only, keep_duplicates)
        path = Path(transactions)
        if not path.is_file():
            raise typer.BadParameter(f"{transactions!r} is no file", param_hint="--transactions")
        return read_log(definition, path, columns, good_rows_only=good_rows_only, keep_duplicates=keep_duplicates)
    except RowsFaulty as error:
        print_reading(error.reading)
        raise LogUnusable(f"{error.problem}.", remedy=error.remedy) from error
    except UnusableLog as error:
        raise LogUnusable(f"{error.problem[0].upper()}{error.problem[1:]}.", remedy=error.remedy) from error


def _run(definition: "Definition", log: "EventLog") -> "PrototypeRun":
    from insight.acceptance.event_log import UnusableLog
    from insight.acceptance.simulation import run as simulated

    try:
        return simulated(definition, log)
    except UnusableLog as error:
        raise LogUnusable(f"{error.problem[0].upper()}{error.problem[1:]}.", remedy=error.remedy) from error


def _default_file(run: "PrototypeRun") -> Path:
    return _RUNS / f"{run.definition_digest[:16]}-{run.log_digest[:16]}.json"


def _keep(run: "PrototypeRun", file: Path) -> None:
    _write(file, run.model_dump_json())


def _write_page(file: Path | None, run: "PrototypeRun", other: "PrototypeRun | None", found: "Comparison | None") -> None:
    if file is not None:
        from pages.prototype import page

        _write(file, page(run, other, found))


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongCall(f"{file} cannot be written: {error.strerror}.", remedy="Name a file that can be written.") from error


def _saved(file: Path) -> "PrototypeRun":
    from pydantic import ValidationError

    from domain.acceptance.prototype import PrototypeRun

    try:
        return PrototypeRun.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RunUnusable(file, f"{place}: {first['msg']}" if place else first["msg"]) from error


def _as_json(run: "PrototypeRun", other: "PrototypeRun | None", found: "Comparison | None") -> str:
    import json

    answer = run.model_dump(mode="json", exclude={"members"})
    if other is not None and found is not None:
        answer["against"] = other.model_dump(mode="json", exclude={"members"})
        answer["comparison"] = found.model_dump(mode="json")
    return json.dumps(answer, ensure_ascii=False)
