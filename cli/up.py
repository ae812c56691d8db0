"""`tenure up`: the embedded stack, until Ctrl-C."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from cli.core.client import settings
from cli.core.output import console, facts, heading, table
from cli.core.tokens import read_people

if TYPE_CHECKING:
    from worker.embedded.stack import Stack


def up(
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="The data folder. Default: TENURE_HOME, else .tenure."),
    ] = None,
) -> None:
    """Start everything on this machine, print the addresses, and keep it running until Ctrl-C.

    PostgreSQL, Temporal with its UI, the worker and the API; a second start goes on where the first stopped.
    Example: `tenure up --home /tmp/tenure`
    """
    import asyncio

    from worker.embedded.stack import serve

    configured = settings()
    if home is not None:
        configured = configured.model_copy(update={"home": home})
    asyncio.run(serve(configured, lambda line: typer.echo(f"  {line}"), _say_where))


def _say_where(stack: "Stack") -> None:
    develops = stack.settings.oidc_issuer is None
    addresses, people_file = stack.addresses, Path(stack.environment["TENURE_PEOPLE_FILE"])
    out = console()
    out.print()
    out.print(heading("Tenure runs; Ctrl-C stops it, and `tenure up` goes on from there."))
    out.print(
        facts(
            {
                "API": f"{addresses.api} (its pages: {addresses.api}/docs)",
                "Temporal UI": addresses.temporal_ui,
                "Temporal": addresses.temporal,
                "people file": people_file if develops else None,
                "who asks": None if develops else f"by tokens of {stack.settings.oidc_issuer}",
                "logs": stack.home.folder / "logs",
            }
        )
    )
    out.print()
    if develops:
        people = read_people(people_file)
        rows = [[f"tenure --as {person.id} …", person.name, ", ".join(person.roles)] for person in people]
        out.print(table("To act as somebody, in another terminal", ("Command", "Who", "Roles"), rows))
    # Settings that another terminal needs.
    if settings().api_url.rstrip("/") != addresses.api:
        out.print(f"There, first: export TENURE_API_URL={quote(addresses.api)}", soft_wrap=True)
    if develops and settings().people.absolute() != people_file:
        out.print(f"There, first: export TENURE_PEOPLE_FILE={quote(str(people_file))}", soft_wrap=True)
    begin = "tenure --as demo-owner program list" if develops else "TENURE_TOKEN=… tenure program list"
    out.print(f"Begin with: {begin}", soft_wrap=True)
