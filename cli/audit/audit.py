"""`tenure audit`: read the audit trail, verify it, and export it as a dossier."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.core.client import Api
from cli.core.errors import REFUSED, WrongCall
from cli.core.options import As, Json, ProgramId, a_head
from cli.core.output import cell, console, table
from cli.core.text import clean, count, instant, words

app = typer.Typer(no_args_is_help=True, help="Read, verify and export the audit trail.")

_EVERYWHERE = "*"
"""In place of a program, for entries that concern no single program, such as API keys."""


def _chain(value: str) -> str:
    from domain.ids import is_program_id

    if value != _EVERYWHERE and not is_program_id(value):
        raise typer.BadParameter("an id has lower-case letters, digits and hyphens; '*' is what concerns no single program")
    return value


Chain = Annotated[
    str,
    typer.Argument(metavar="PROGRAM", help="The program's id, or '*' for entries of no single program.", callback=_chain),
]


@app.command("list")
def list_(
    program: Chain,
    gate: Annotated[str | None, typer.Option(metavar="GATE", help="Only entries about this gate.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all entries as one JSON list.")] = False,
    who: As = None,
) -> None:
    """List the decisions and actions with their actors, refused attempts included, the newest last.

    Example: `tenure --as demo-finance audit list cd-club`
    """
    entries = Api(who, as_json=as_json).all_pages(*_path(program), about=gate).data["items"]
    if as_json:
        typer.echo(json.dumps(entries, ensure_ascii=False))
        return
    rows = [
        [
            entry["number"],
            instant(entry["at"]),
            entry["actor"] + (f" for {entry['on_behalf_of']}" if entry["on_behalf_of"] else ""),
            words(entry["role"]),
            _what(entry),
            entry["about"] or "",
            entry["details"].get("reason", ""),
        ]
        for entry in entries
    ]
    columns = ("Entry", "At (UTC)", "Who", "As", "What", "About", "Reason")
    console().print(table(count(len(rows), "entry", "entries"), columns, rows, right=("Entry",)))


@app.command()
def verify(
    program: Chain,
    head: Annotated[
        str | None,
        typer.Option(
            "--head", metavar="NUMBER:HASH", callback=a_head, help="A head of the chain that you have noted elsewhere."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's pages, taken together, as JSON.")] = False,
    who: As = None,
) -> None:
    """Hash every entry of the trail again; if one has changed, name the first and exit with code 1.

    The database's owner could rebuild the whole chain: note the printed head elsewhere, and give it the next time.

    Example: `tenure --as demo-finance audit verify cd-club`
    """
    number, _, digest = (head or "").partition(":")
    noted = {"noted": number or None, "noted_hash": digest or None}
    api = Api(who, as_json=as_json)
    after: dict[str, str | None] = {}
    entries = 0
    while True:
        page = api.get(*_path(program), "verification", **after, **noted).data
        entries += page["entries"]
        if page["next"] is None:
            break
        after = {"after": str(page["next"]["number"]), "hash": page["next"]["hash"]}
    found = page | {"entries": entries}
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print_proof(found)
    if not found["sound"]:
        raise typer.Exit(REFUSED)


@app.command()
def export(
    program: ProgramId,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write a page for people, in one file.")
    ] = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Export all decisions about a program: gates, votes, refused votes, evidence, revisions, the trail.

    As JSON on standard output, or with --html as a page. Exit code 1 if the trail is not sound.

    Example: `tenure --as demo-finance audit export cd-club --html cd-club-decisions.html`
    """
    if html is not None and as_json:
        raise typer.BadParameter("choose one of --html and --json", param_hint="--html")
    api = Api(who, as_json=as_json)
    if html is None:
        reply = api.get("programs", program, "audit", "export")
        typer.echo(reply.text)
        found = reply.data["verification"]
    else:
        text = api.text("programs", program, "audit", "export", kind="text/html", format="html")
        found = api.get("programs", program, "audit", "verification").data
        try:
            html.write_text(text, encoding="utf-8")
        except OSError as error:
            raise WrongCall(f"{html} cannot be written: {error.strerror}.", remedy="Name another file.") from error
        typer.echo(f"Written to {clean(html)}.")
        _print_proof(found)
    if not found["sound"]:
        raise typer.Exit(REFUSED)


def _path(program: str) -> tuple[str, ...]:
    return ("audit",) if program == _EVERYWHERE else ("programs", program, "audit")


def _what(entry: dict[str, Any]) -> str:
    text = words(entry["details"].get("answer") or entry["action"])
    return f"{text}, refused: {words(entry['refusal'])}" if entry["refusal"] else text


def _print_proof(found: dict[str, Any]) -> None:
    out = console()
    looked_at = count(found["entries"], "entry", "entries")
    misfit = found["misfit"]
    if misfit is None:
        out.print(cell(f"Audit trail: {looked_at} verified, each is what was written.", "green"))
    else:
        text = f"entry {misfit['number']} is {words(misfit['problem'])}"
        out.print(cell(f"Audit trail: {looked_at} verified, then {text}. Behind it nothing is proven.", "bold red"))
    if found["head"]:
        out.print(
            cell(f"Head of the chain{' up to there' if misfit else ''}: {found['head']['number']}:{found['head']['hash']}")
        )
