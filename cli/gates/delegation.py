"""`tenure gate delegate`, `delegations`, `end-delegation`: give, list and end delegations."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from cli.core.client import Api
from cli.core.options import As, Json, Key
from cli.core.text import clean, instant, words
from cli.render.gates import print_delegations

_WHEN = "An instant or a day, in UTC unless it names a zone (2026-05-01, 2026-05-01T09:00+02:00)."


def delegate(
    to: Annotated[str, typer.Argument(metavar="PERSON", help="The id of the delegate, who decides for you.")],
    until: Annotated[str, typer.Option("--until", metavar="WHEN", help=f"{_WHEN} A day counts to its end.")],
    since: Annotated[str | None, typer.Option("--since", metavar="WHEN", help=f"{_WHEN} Default: now.")] = None,
    roles: Annotated[
        list[str] | None, typer.Option("--role", metavar="ROLE", help="A role to lend. Default: all yours.")
    ] = None,
    program: Annotated[str | None, typer.Option(metavar="PROGRAM", help="Only at this program's gates.")] = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Let another person decide for you at gates for a time; gates that exclude you exclude them, too.

    Example: `tenure --as demo-finance gate delegate demo-analyst --until 2026-05-31 --program cd-club`
    """
    body = {"to": to, "roles": roles or None, "program": program}
    body["since"] = _instant(since, "--since", whole_day=False) if since else None
    body["until"] = _instant(until, "--until", whole_day=True)
    reply = Api(who, as_json=as_json).post(
        "delegations", key=key, body={name: value for name, value in body.items() if value is not None}
    )
    if as_json:
        typer.echo(reply.text)
        return
    given = reply.data
    where = f"at the gates of {given['program']}" if given["program"] else "at all gates"
    text = f"{given['taker']} decides for you as {', '.join(map(words, given['roles']))} {where}"
    typer.echo(clean(f"{text}, from {instant(given['since'])} to {instant(given['until'])} UTC: delegation {given['id']}."))


def list_(as_json: Json = False, who: As = None) -> None:
    """List the delegations from you and to you, the latest first, including those that are over.

    Example: `tenure --as demo-finance gate delegations`
    """
    reply = Api(who, as_json=as_json).all_pages("delegations")
    if as_json:
        typer.echo(reply.text)
    else:
        print_delegations(reply.data["items"])


def end(
    delegation: Annotated[str, typer.Argument(metavar="DELEGATION", help="Its id, as shown by `tenure gate delegations`.")],
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """End a delegation early; both the delegator and the delegate can.

    Example: `tenure --as demo-finance gate end-delegation 0123456789abcdef0123456789abcdef`
    """
    if not (delegation.isalnum() and delegation.isascii()):
        raise typer.BadParameter("an id has letters and digits, as `tenure gate delegations` shows it", param_hint="DELEGATION")
    reply = Api(who, as_json=as_json).post("delegations", delegation, "end", key=key)
    if as_json:
        typer.echo(reply.text)
    else:
        typer.echo(
            clean(f"Ended at {instant(reply.data['ended_at'])} UTC: {reply.data['taker']} decides for nobody by it any more.")
        )


def _instant(text: str, option: str, *, whole_day: bool) -> str:
    """The instant of a text, in UTC if it names no zone; a day means its beginning, or with `whole_day` its end."""
    try:
        if len(text) == len("2026-05-01"):
            day = date.fromisoformat(text) + timedelta(days=1 if whole_day else 0)
            return datetime.combine(day, time(), UTC).isoformat()
        read = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is neither an instant nor a day", param_hint=option) from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).isoformat()
