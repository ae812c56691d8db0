"""`tenure api-key`: keys for machines such as shops, apps and reports."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cli.core.client import Api
from cli.core.options import As, Json, Key
from cli.core.output import console, facts, table
from cli.core.text import count, instant

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke the API keys of machines.")

_LONGEST_DAYS = 365
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as shown by `tenure api-key list`.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The machine that uses the key: a shop, an app, a report.")],
    role: Annotated[list[str], typer.Option("--role", metavar="ROLE", help="A role of the key; repeatable.")],
    program: Annotated[
        list[str] | None,
        typer.Option("--program", metavar="PROGRAM", help="A program of the key; repeatable. Default: all programs."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=_LONGEST_DAYS, help="The number of days for which it is valid.")] = 90,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Make an API key, and show it this once; its holder has its roles.

    Example: `tenure --as demo-owner api-key create "till 7" --role member_service --program cd-club --days 90`
    """
    body = {
        "name": name,
        "roles": role,
        "programs": program or None,
        "expires_at": (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds"),
    }
    reply = Api(who, as_json=as_json).post("api-keys", key=key, body=body)
    if as_json:
        typer.echo(reply.text)
        return
    made = reply.data
    if made.get("key"):
        typer.echo(made["key"])
        text = f"This is the only time that it is shown. It is good until {instant(made['expires_at'])} UTC, as TENURE_TOKEN."
    else:
        text = f"{made['id']} was made before, and is not shown again; revoke it and make another one if it is lost."
    typer.echo(text, err=True)


@app.command("list")
def list_keys(as_json: Json = False, who: As = None) -> None:
    """List the API keys whose roles are within yours: roles, end of validity, last use.

    Example: `tenure --as demo-owner api-key list`
    """
    reply = Api(who, as_json=as_json).all_pages("api-keys")
    if as_json:
        typer.echo(reply.text)
        return
    rows = [
        [
            each["id"],
            each["name"],
            ", ".join(each["roles"]),
            "all" if each["programs"] is None else ", ".join(each["programs"]),
            instant(each["expires_at"]),
            each["created_by"],
            each["last_used_on"] or "never",
            instant(each["revoked_at"], nothing=""),
        ]
        for each in reply.data["items"]
    ]
    columns = ("Id", "For", "Roles", "Programs", "Until (UTC)", "Made by", "Last used", "Revoked")
    console().print(table(count(len(rows), "API key"), columns, rows))


@app.command()
def revoke(api_key: KeyId, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """End an API key for good; every process of the API refuses it within ten seconds.

    Example: `tenure --as demo-owner api-key revoke 0123456789abcdef`
    """
    reply = Api(who, as_json=as_json).post("api-keys", api_key, "revocation", key=key)
    if as_json:
        typer.echo(reply.text)
        return
    ended = reply.data
    console().print(
        facts({"key": ended["id"], "for": ended["name"], "revoked": instant(ended["revoked_at"]), "by": ended["revoked_by"]})
    )
