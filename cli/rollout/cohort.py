"""`tenure cohort`: manage the named lists of participants for waves and pilots."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.core.client import Api
from cli.core.options import As, Json, Key, Limit, ProgramId, a_member
from cli.core.output import console, facts, heading, table
from cli.core.text import clean, count, instant, number
from cli.rollout.references import references

app = typer.Typer(no_args_is_help=True, help="Manage the cohorts of waves and pilots.")

_AT_ONCE = 10_000


def _cohort(value: str) -> str:
    from domain.ids import is_program_id  # a name has the form of a program's id

    if not is_program_id(value):
        raise typer.BadParameter("a name has lower-case letters, digits and hyphens, as the definition's wave has it")
    return value


CohortId = Annotated[str, typer.Argument(metavar="COHORT", help="The cohort's name in the definition.", callback=_cohort)]
Members = Annotated[list[str] | None, typer.Argument(metavar="[MEMBER]...", help="References of participants.")]
File = Annotated[
    Path | None, typer.Option(dir_okay=False, help="A file with a reference per line; a first line `participant` is a header.")
]


@app.command()
def add(
    program: ProgramId,
    cohort: CohortId,
    member: Members = None,
    file: File = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Add participants to a cohort, which is created if it does not exist.

    A repetition does no harm. A participant who is in another cohort of the program is refused, together with their page of
    10,000.

    Example: `tenure --as demo-owner cohort add cd-club staff c-00042 c-00043`
    """
    reply = _change((program, cohort), member, file, key, Api(who, as_json=as_json))
    _print_outcome(reply.text, as_json, f"{number(reply.data['size'])} in the cohort {cohort} of {program}.")


@app.command()
def remove(
    program: ProgramId,
    cohort: CohortId,
    member: Members = None,
    file: File = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Remove participants from a cohort whose wave or pilot has not begun.

    Example: `tenure --as demo-owner cohort remove cd-club staff c-00042`
    """
    reply = _change((program, cohort, "removal"), member, file, key, Api(who, as_json=as_json))
    _print_outcome(reply.text, as_json, f"{number(reply.data['size'])} in the cohort {cohort} of {program}.")


@app.command("list")
def list_cohorts(program: ProgramId, limit: Limit = None, as_json: Json = False, who: As = None) -> None:
    """List a program's cohorts: size, and the wave or pilot that has begun with it.

    Example: `tenure --as demo-owner cohort list cd-club`
    """
    reply = Api(who, as_json=as_json).all_pages("programs", program, "cohorts", limit=limit)
    if as_json:
        typer.echo(reply.text)
        return
    rows = [[each["name"], number(each["size"]), each["created_by"], _begun(each)] for each in reply.data["items"]]
    console().print(table(count(len(rows), "cohort"), ("Cohort", "Size", "Made by", "Begun"), rows, right=("Size",)))


@app.command()
def show(program: ProgramId, cohort: CohortId, limit: Limit = None, as_json: Json = False, who: As = None) -> None:
    """Show a cohort and the references of its participants.

    Example: `tenure --as demo-owner cohort show cd-club staff --limit 20`
    """
    reply = Api(who, as_json=as_json).all_pages("programs", program, "cohorts", cohort, limit=limit)
    if as_json:
        typer.echo(reply.text)
        return
    found, out = reply.data, console()
    out.print(heading(f"Cohort {found['name']} of {program}: {number(found['size'])} participants"))
    made = f"{instant(found['created_at'])} UTC by {found['created_by']}"
    out.print(facts({"made": made, "begun": _begun(found)}))
    for each in found["items"]:
        typer.echo(clean(each["participant"]))


def _change(path: tuple[str, ...], member: list[str] | None, file: Path | None, key: str | None, api: Api) -> Any:
    """Send the references page by page; return the last reply."""
    program, cohort, *rest = path
    listed = references(file) if file else []
    if listed[:1] == ["participant"]:
        listed = listed[1:]
    participants = [a_member(each) for each in (member or []) + listed]
    if not participants:
        raise typer.BadParameter("name participants, or a --file with a reference per line")
    reply = None
    for place, start in enumerate(range(0, len(participants), _AT_ONCE)):
        page = participants[start : start + _AT_ONCE]
        again = f"{key}-{place}" if key and len(participants) > _AT_ONCE else key
        reply = api.post("programs", program, "cohorts", cohort, *rest, key=again, body={"participants": page})
    return reply


def _begun(found: dict[str, Any]) -> str:
    return f"{instant(found['begun_at'])} UTC with {found['begun_by']}" if found["begun_at"] else "not begun"


def _print_outcome(text: str, as_json: bool, summary: str) -> None:
    typer.echo(text if as_json else clean(summary))
