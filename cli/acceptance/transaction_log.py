"""`tenure log`: load the transaction logs for prototypes."""

from pathlib import Path
from typing import Annotated

import typer

from cli.core.client import Api
from cli.core.options import As, Json, Key, Limit
from cli.core.output import console, table
from cli.core.text import clean, count, instant, number

app = typer.Typer(no_args_is_help=True, help="Load the transaction logs for prototypes.")


@app.callback()
def logs() -> None:
    """Load the transaction logs for prototypes."""


@app.command("list")
def list_(limit: Limit = None, as_json: Json = False, who: As = None) -> None:
    """List the transaction logs, by name.

    Example: `tenure --as demo-analyst log list`
    """
    reply = Api(who, as_json=as_json).all_pages("transaction-logs", limit=limit)
    if as_json:
        typer.echo(reply.text)
        return
    rows = [[log["name"], number(log["rows"]), instant(log["recorded_at"]), log["digest"][:12]] for log in reply.data["items"]]
    columns = ("Log", "Purchases", "Loaded (UTC)", "Digest")
    console().print(table(count(len(rows), "log"), columns, rows, right=("Purchases",)))


@app.command()
def load(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The log's name, as in `prototype.transactions` of a definition.")
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, readable=True, help="CSV with the header customer,at,amount."
        ),
    ],
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Load a log of purchases, completely or not at all; `at` is ISO 8601 with a time zone.

    Example: `tenure --as demo-analyst log load cdnow-first-quarter purchases.csv`
    """
    api = Api(who, as_json=as_json)
    reply = api.post("transaction-logs", name, key=key, content=file.read_bytes(), content_type="text/csv")
    if as_json:
        typer.echo(reply.text)
        return
    typer.echo(clean(f"The log {reply.data['name']} has {count(reply.data['rows'], 'purchase')}."))
