"""`tenure report`: operational figures as of any day, as tables, JSON, CSV, or one page with plots."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.core.client import Api
from cli.core.errors import WrongCall
from cli.core.options import As, Json, ProgramId
from cli.core.output import cell, console, facts, heading, table
from cli.core.text import instant, number, words

app = typer.Typer(no_args_is_help=True, help="Print operational reports of a program as of any day.")

NAMES = ("status", "members", "movement", "points", "expiry", "redemptions", "decisions", "exceptions")
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="Up to the end of this day in the program's zone (2026-03-01). Default: now."),
]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the rows as CSV.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the figures and plots as one page.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the reports, with the content of each.

    Example: `tenure report list`
    """
    import json

    from domain.reports.tables import OUTLINES

    if as_json:
        typer.echo(json.dumps([outline.model_dump(mode="json", exclude={"plots"}) for outline in OUTLINES.values()]))
        return
    rows = [[outline.name, outline.title, outline.tells] for outline in OUTLINES.values()]
    console().print(table("", ("Report", "Title", "Tells"), rows))


def _command(name: str) -> Callable[..., None]:
    """Make the command of one report."""

    def show(
        program: ProgramId, as_of: AsOf = None, as_json: Json = False, csv: Csv = None, html: Html = None, who: As = None
    ) -> None:
        asked = [option for option, given in (("--json", as_json), ("--csv", csv), ("--html", html)) if given]
        if len(asked) > 1:
            raise WrongCall(f"{' and '.join(asked)} cannot go together.", remedy="Ask once for each.")
        api = Api(who, as_json=as_json)
        path = ("programs", program, "reports", name)
        if csv is not None:
            _write(csv, api.text(*path, kind="text/csv", as_of=as_of, format="csv"))
            return
        if html is not None:
            _write(html, api.text(*path, kind="text/html", as_of=as_of, format="html"))
            return
        reply = api.get(*path, as_of=as_of)
        if as_json:
            typer.echo(reply.text)
        else:
            _print(reply.data)

    show.__doc__ = f"""Report: {_MEANING[name]}.

    Example: `tenure --as demo-owner report {name} cd-club --as-of 2026-03-01`
    """
    return show


_MEANING = {
    "status": "where a program stands",
    "members": "members by tier and stage",
    "movement": "who joined, left, was active, lapsed and came back, by month",
    "points": "points and money by month",
    "expiry": "points that will expire, by month",
    "redemptions": "redemptions by reward",
    "decisions": "decisions, and how long the gates took",
    "exceptions": "what is stuck or went wrong",
}
for _name in NAMES:
    app.command(_name)(_command(_name))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongCall(f"{file} cannot be written: {error.strerror}.", remedy="Name a file that can be written.") from error
    typer.echo(f"Written to {file}.", err=True)


def _print(found: dict[str, Any]) -> None:
    out = console()
    out.print(heading(f"{found['title']}: {found['program']}"))
    out.print(cell(f"As of {instant(found['as_of'])} UTC; money in {found['money']}.", "dim"))
    if found["name"] == "status":
        out.print(facts({row["what"]: _shown(row["value"], "instant") for row in found["rows"]}))
    else:
        columns = [words(column["name"]).capitalize() for column in found["columns"]]
        right = [
            title for title, column in zip(columns, found["columns"], strict=True) if column["kind"] not in ("text", "instant")
        ]
        rows = [[_shown(row[column["name"]], column["kind"]) for column in found["columns"]] for row in found["rows"]]
        out.print(table("" if rows else "Nothing to tell.", columns, rows, right=right))
    for note in found["notes"]:
        out.print(cell(note, "dim"))


def _shown(value: Any, kind: str) -> str:
    """A value in the form of its column's kind; the report `status` has all kinds in one column."""
    if value is None:
        return "-"
    if isinstance(value, int) or kind in ("count", "money", "hours"):
        return number(Decimal(str(value)))
    if kind == "instant" and _is_instant(str(value)):
        return instant(str(value))
    return str(value)


def _is_instant(text: str) -> bool:
    return len(text) > 19 and text[4] == "-" and text[10] == "T"
