"""`tenure ledger`: check the ledger for drift, seal it, and verify the seal."""

from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.core.client import Api
from cli.core.errors import REFUSED
from cli.core.options import As, Json, Key, a_head
from cli.core.output import cell, console, table
from cli.core.text import clean, count
from cli.render.program_report import print_ledger_check, print_totals

app = typer.Typer(no_args_is_help=True, help="Check, seal and verify the ledger.")

_MOST_MISFITS = 100


def _program(value: str | None) -> str | None:
    from domain.ids import is_program_id

    if value is not None and not is_program_id(value):
        raise typer.BadParameter("an id has lower-case letters, digits and hyphens, as `tenure program list` shows it")
    return value


@app.command()
def check(
    program: Annotated[
        str | None, typer.Argument(metavar="[PROGRAM]", help="The program's id. Default: all.", callback=_program)
    ] = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Compare every balance of a program, or of all, with its postings and lots; exit code 1 if there is drift.

    Example: `tenure --as demo-operator ledger check cd-club`
    """
    api = Api(who, as_json=as_json)
    reply = api.get("programs", program, "ledger-check") if program else api.get("ledger", "check")
    if as_json:
        typer.echo(reply.text)
    else:
        out = console()
        if program:
            print_totals(out, reply.data["totals"])
        print_ledger_check(out, reply.data)
    if not reply.data["clean"]:
        raise typer.Exit(REFUSED)


@app.command()
def seal(key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Seal the rows written since the last block now; a Schedule does it too, and a repetition does no harm.

    Example: `tenure --as demo-operator ledger seal`
    """
    reply = Api(who, as_json=as_json).post("ledger", "seal", key=key)
    if as_json:
        typer.echo(reply.text)
        return
    sealed = reply.data
    text = f"{count(sealed['rows'], 'row')} sealed in {count(sealed['blocks'], 'block')}."
    if sealed["held_back_by"]:
        text += f" What comes next waits for {count(sealed['held_back_by'], 'transaction')} under way."
    typer.echo(f"{text} {_head(sealed['head'])}")


@app.command()
def verify(
    noted: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:HASH", callback=a_head, help="A head of the chain that you have noted elsewhere."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's pages, taken together, as JSON.")] = False,
    who: As = None,
) -> None:
    """Hash every sealed row again; if rows have changed, list them with the problem and exit with code 1.

    The database's owner could rebuild the whole chain: note the printed head elsewhere, and give it the next time.

    Example: `tenure --as demo-finance ledger verify`
    """
    number, _, digest = (noted or "").partition(":")
    found = _walk(Api(who, as_json=as_json), {"noted": number or None, "noted_hash": digest or None}, quiet=as_json)
    if as_json:
        import json

        typer.echo(json.dumps(found))
    else:
        _print(found)
    if not found["clean"]:
        raise typer.Exit(REFUSED)


def _walk(api: Api, noted: dict[str, str | None], *, quiet: bool) -> dict[str, Any]:
    """Verify the whole chain page by page; return the pages taken together."""
    err = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    whole: dict[str, Any] = {"blocks": 0, "rows": 0, "misfits": []}
    after: dict[str, str | None] = {}
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task("Blocks verified", total=None)
        while True:
            page = api.get("ledger", "verification", **after, **noted).data
            whole["blocks"] += page["blocks"]
            whole["rows"] += page["rows"]
            whole["misfits"] = (whole["misfits"] + page["misfits"])[:_MOST_MISFITS]
            whole |= {name: page[name] for name in ("chain", "unsealed", "head")}
            progress.update(task, completed=whole["blocks"], total=page["chain"])
            if page["next"] is None:
                return whole | {"clean": not whole["misfits"]}
            after = {"after": str(page["next"]["number"]), "hash": page["next"]["hash"]}


def _print(found: dict[str, Any]) -> None:
    out = console()
    looked_at = f"{count(found['rows'], 'row')} in {count(found['blocks'], 'block')}"
    misfits = found["misfits"]
    if misfits:
        many = f"the first {len(misfits)}" if len(misfits) == _MOST_MISFITS else count(len(misfits), "misfit")
        out.print(cell(f"Seal: {looked_at} verified, {many} found.", "bold red"))
        rows = [[misfit["row"], misfit["problem"], misfit["block"]] for misfit in misfits]
        out.print(table("", ("Row", "Problem", "Block"), rows, right=("Block",)))
    else:
        out.print(cell(f"Seal: {looked_at} verified, each is what was sealed.", "green"))
    if found["unsealed"]:
        out.print(cell(f"{count(found['unsealed'], 'transaction')} not sealed yet."))
    out.print(cell(_head(found["head"])))


def _head(head: dict[str, Any] | None) -> str:
    return clean(f"Head of the chain: {head['number']}:{head['hash']}") if head else "There is no block yet."
