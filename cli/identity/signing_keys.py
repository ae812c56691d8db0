"""`tenure keys`: manage the keys with which the API signs decisions, on the machine with their files."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from cli.core.client import settings
from cli.core.errors import WrongCall
from cli.core.output import console, table
from cli.core.text import count, instant

if TYPE_CHECKING:
    from runtime.identity.keys import KnownKey

app = typer.Typer(
    no_args_is_help=True, help="Rotate the keys with which the API signs decisions; works on their files, without the API."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print the keys as JSON.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the keys whose signatures are accepted, the oldest first, and the one that signs.

    Example: `tenure keys list`
    """
    from runtime.identity.keys import known_keys

    found = settings()
    keys = known_keys(found.signing_keys, found.verification_keys, datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps([_shown(key) for key in keys]))
        return
    rows = [
        [key.kid, instant(key.made_at.isoformat()), instant(key.signs_from.isoformat()), "yes" if key.signs else ""]
        for key in keys
    ]
    console().print(table(count(len(rows), "key"), ("Key", "Made (UTC)", "Signs from (UTC)", "Signs now"), rows))


@app.command()
def rotate(
    after: Annotated[
        str | None,
        typer.Option(
            metavar="PERIOD",
            help="Sign with it only after this time (PT10M), for instance to copy the verification file to other machines.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a new key; older keys stay valid for verification until they are retired. Running processes adopt it themselves.

    Example: `tenure keys rotate --after PT10M`
    """
    from domain.period import Period
    from runtime.identity.keys import rotate as rotated

    found, now = settings(), datetime.now(UTC)
    try:
        signs_from = Period.parse(after).after(now, ZoneInfo("UTC")) if after else now
    except ValueError as error:
        raise WrongCall(f"{after!r} is no period.", remedy="Write it as ISO 8601 does: PT10M are ten minutes.") from error
    made = rotated(found.signing_keys, found.verification_keys, now, signs_from)
    if as_json:
        typer.echo(json.dumps(_shown(made)))
    else:
        typer.echo(f"The key {made.kid} signs from {instant(made.signs_from.isoformat())} UTC on.")


@app.command()
def retire(
    kid: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, as shown by `tenure keys list`.")],
    as_json: AsJson = False,
) -> None:
    """Accept no signature of this key any more; a key that still signs must be rotated first.

    Example: `tenure keys retire WIUozDqLU1rxzuOjbi_-OuKdoi2ZMwJoXAF3DydXrdI`
    """
    from runtime.identity.keys import known_keys
    from runtime.identity.keys import retire as retired

    found, now = settings(), datetime.now(UTC)
    retired(found.signing_keys, found.verification_keys, kid, now)
    left = known_keys(found.signing_keys, found.verification_keys, now)
    typer.echo(
        json.dumps([_shown(key) for key in left]) if as_json else f"The key {kid} is retired; {count(len(left), 'key')} left."
    )


def _shown(key: "KnownKey") -> dict[str, object]:
    return {
        "kid": key.kid,
        "made_at": key.made_at.isoformat(),
        "signs_from": key.signs_from.isoformat(),
        "signs": key.signs,
    }
