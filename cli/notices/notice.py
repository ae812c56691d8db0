"""`tenure notice`: show notices, replay those that could not be delivered, and test the channels."""

from typing import Annotated, Any

import typer

from cli.core.client import Api
from cli.core.errors import REFUSED, Refused
from cli.core.options import As, Json, Key
from cli.core.output import cell, console, facts, heading, table
from cli.core.text import clean, count, instant, words
from cli.core.waiting import wait_until

app = typer.Typer(no_args_is_help=True, help="Show notices, and replay those that could not be delivered.")

_LISTED = 100


def _notice(value: str | None) -> str | None:
    if value is not None and not (len(value) == 32 and set(value) <= set("0123456789abcdef")):
        raise typer.BadParameter("an id has 32 hexadecimal digits, as `tenure notice list` shows it")
    return value


NoticeId = Annotated[str, typer.Argument(metavar="NOTICE", help="The notice's id.", callback=_notice)]


@app.command("list")
def list_(
    dead: Annotated[bool, typer.Option("--dead", help="Only those that could not be delivered.")] = False,
    program: Annotated[str | None, typer.Option(metavar="PROGRAM", help="Only this program's notices.")] = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """List the newest notices, at most a hundred.

    Example: `tenure --as demo-operator notice list --dead`
    """
    state = "dead" if dead else None
    reply = Api(who, as_json=as_json).get("notices", state=state, program=program, limit=str(_LISTED))
    if as_json:
        typer.echo(reply.text)
        return
    _print(reply.data["items"])
    if reply.data["next"]:
        typer.echo(f"There are more: these are the newest {_LISTED}.")


@app.command()
def show(notice: NoticeId, as_json: Json = False, who: As = None) -> None:
    """Show one notice: its text, its recipient, the number of attempts, the last error.

    Example: `tenure --as demo-operator notice show 0123456789abcdef0123456789abcdef`
    """
    reply = Api(who, as_json=as_json).get("notices", notice)
    if as_json:
        typer.echo(reply.text)
        return
    found = reply.data
    out = console()
    out.print(heading(f"{found['subject']}: {found['state']}"))
    out.print(
        facts(
            {
                "id": found["id"],
                "told": words(found["kind"]),
                "gate": found["gate"],
                "goes to": f"{found['recipient']}, by {found['channel']}",
                "created": f"{instant(found['created_at'])} UTC",
                "settled": f"{instant(found['settled_at'])} UTC" if found["settled_at"] else None,
                "attempts": found["attempts"],
                "last error": found["last_error"],
            }
        )
    )
    out.print()
    out.print(cell(found["body"]), soft_wrap=True)


@app.command()
def replay(
    notice: Annotated[str | None, typer.Argument(metavar="[NOTICE]", help="The notice's id.", callback=_notice)] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="Every notice that could not be delivered.")] = False,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Send undelivered notices again, once the cause is gone; receivers can recognise a notice by its id.

    Example: `tenure --as demo-operator notice replay --all-dead`
    """
    if (notice is None) != all_dead:
        raise typer.BadParameter("give the id of one notice, or --all-dead", param_hint="NOTICE")
    if notice is not None:
        reply = Api(who, as_json=as_json).post("notices", notice, "replay", key=key)
        typer.echo(reply.text if as_json else f"Sent again: {clean(reply.data['subject'])}.")
        return
    replayed = _replay_all(Api(who), key)
    if as_json:
        import json

        typer.echo(json.dumps({"items": replayed}))
    else:
        typer.echo(f"{count(len(replayed), 'notice')} sent again.")


@app.command()
def test(
    wait: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, max=600, help="How long to wait for the notices to arrive.")
    ] = 30,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Send a test by every channel to all recipients in the notices file; exit code 1 if one has not arrived.

    Example: `tenure --as demo-operator notice test`
    """
    api = Api(who, as_json=as_json)
    items = api.post("notices", "test", key=key).data["items"]
    items = wait_until(
        items,
        lambda items: all(item["state"] != "waiting" for item in items),
        lambda items: [api.get("notices", item["id"]).data if item["state"] == "waiting" else item for item in items],
        wait,
    )
    if as_json:
        import json

        typer.echo(json.dumps({"items": items}))
    else:
        _print(items)
    if any(item["state"] != "delivered" for item in items):
        raise typer.Exit(REFUSED)


def _replay_all(api: Api, key: str | None) -> list[Any]:
    """Replay the notices that are dead now: one that dies again meanwhile is not sent a third time."""
    dead = [item["id"] for item in api.all_pages("notices", state="dead").data["items"]]
    replayed = []
    for each in dead:
        try:
            replayed.append(api.post("notices", each, "replay", key=f"{key}/{each}" if key else None).data)
        except Refused as refused:
            if refused.code != "notice_not_dead":  # otherwise another person has replayed it
                raise
    return replayed


def _print(items: list[dict[str, Any]]) -> None:
    columns = ("Notice", "Told", "About", "To", "By", "Created (UTC)", "State", "Tries", "Last error")
    rows = [
        [
            item["id"],
            words(item["kind"]),
            item["gate"] or "-",
            item["recipient"],
            item["channel"],
            instant(item["created_at"]),
            item["state"],
            item["attempts"],
            item["last_error"] or "-",
        ]
        for item in items
    ]
    console().print(table(count(len(rows), "notice"), columns, rows, right=("Tries",)))
