"""`tenure readiness`: show the readiness for a program's launch, and sign its items."""

from typing import Annotated

import typer

from cli.core.client import Api
from cli.core.options import As, Json, Key, ProgramId
from cli.core.output import cell, console, facts, heading
from cli.core.text import instant
from cli.render.readiness import print_items, print_look

app = typer.Typer(no_args_is_help=True, help="Show what a launch waits for; sign items that are ready.")


def _item(value: str) -> str:
    from domain.ids import is_program_id  # an item's name has the form of a program's id

    if not is_program_id(value):
        raise typer.BadParameter("an item has lower-case letters, digits and hyphens; `tenure readiness show` lists them")
    return value


ItemId = Annotated[str, typer.Argument(metavar="ITEM", help="The item's short name in the definition.", callback=_item)]
Note = Annotated[str, typer.Option(help="A comment, which is kept with the signature.")]


@app.command()
def show(program: ProgramId, as_json: Json = False, who: As = None) -> None:
    """Show what must be ready before the launch: each gap with its owner and its remedy.

    Example: `tenure --as demo-owner readiness show cd-club`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "readiness")
    if as_json:
        typer.echo(reply.text)
        return
    found, out = reply.data, console()
    ready = {None: "nobody has looked yet", True: "ready", False: "not ready"}[found["ready"]]
    out.print(heading(f"{program}, revision {found['revision']}: {ready}"))
    out.print(
        facts(
            {
                "looked at": f"{instant(found['checked_at'])} UTC" if found["checked_at"] else None,
                "signatures": "count now" if found["waits"] else "no revision is on its way to the launch",
            }
        )
    )
    if found["checked_at"] is not None:
        print_look(out, found["checked_at"], found["findings"])
    else:
        out.print(cell("The first look comes once the tests have passed.", "dim"))
    print_items(out, found["items"])


@app.command()
def sign(program: ProgramId, item: ItemId, note: Note = "", key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Sign an item as a person with its owner's role; a launch that waits for it is checked again at once.

    Example: `tenure --as demo-operations readiness sign cd-club tills --note "All tills updated on Monday"`
    """
    reply = Api(who, as_json=as_json).post("programs", program, "readiness", item, "signature", key=key, body={"note": note})
    _say(reply.text, as_json, f"The item {item} of {program} is signed.")


@app.command()
def unsign(program: ProgramId, item: ItemId, note: Note = "", key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Withdraw the signature of an item that is not ready after all.

    Example: `tenure --as demo-operations readiness unsign cd-club tills --note "The till in the south is down"`
    """
    path = ("programs", program, "readiness", item, "signature", "withdrawal")
    reply = Api(who, as_json=as_json).post(*path, key=key, body={"note": note})
    _say(reply.text, as_json, f"The item {item} of {program} is no longer signed.")


def _say(text: str, as_json: bool, summary: str) -> None:
    if as_json:
        typer.echo(text)
    else:
        console().print(summary, soft_wrap=True)
