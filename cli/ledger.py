"""`tenure ledger`: see whether the books are right."""

import typer

from cli.client import Api
from cli.errors import REFUSED
from cli.options import As, Json, ProgramId
from cli.output import console
from cli.report import print_ledger_check, print_totals

app = typer.Typer(no_args_is_help=True, help="See whether the books are right.")


@app.callback()
def books() -> None:
    """See whether the books are right."""


@app.command()
def check(program: ProgramId, as_json: Json = False, who: As = None) -> None:
    """Compare every balance of a program with its postings and its lots; exit code 1 where anything drifts.

    Example: `tenure --as demo-operator ledger check cd-club`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "ledger-check")
    if as_json:
        typer.echo(reply.text)
    else:
        out = console()
        print_totals(out, reply.data["totals"])
        print_ledger_check(out, reply.data)
    if not reply.data["clean"]:
        raise typer.Exit(REFUSED)
