"""Options and arguments that many commands share."""

from typing import Annotated

import typer


def _person(ctx: typer.Context, value: str | None) -> str | None:
    """The person of this command's `--as`, else of the `--as` after `tenure`."""
    named: str | None = value or ctx.find_root().params.get("who")
    return named


AS_HELP = "The caller: an id of the people file. Without it, the token or API key in TENURE_TOKEN is used."
As = Annotated[str | None, typer.Option("--as", metavar="PERSON", help=AS_HELP, callback=_person)]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="The most items. Default: all.")]
Json = Annotated[bool, typer.Option("--json", help="Print the API's JSON, unchanged.")]
Formerly = Annotated[str, typer.Option("--why", hidden=True, help="The old name of --reason, which goes on working.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="The Idempotency-Key: repeated with the same key, the command acts once. Default: a new one.",
    ),
]


def _program(value: str) -> str:
    """Accept only a program's id, because it becomes part of a URL: a slash in it would change the path."""
    from domain.ids import is_program_id

    if not is_program_id(value):
        raise typer.BadParameter("an id has lower-case letters, digits and hyphens, as `tenure program list` shows it")
    return value


def a_member(value: str) -> str:
    """Accept only a member's reference."""
    from domain.ids import is_participant_id

    if not is_participant_id(value):
        raise typer.BadParameter(
            "a reference has letters, digits and any of _ . : -, up to 63, and begins with one of the first two"
        )
    return value


def a_head(value: str | None) -> str | None:
    """Accept only the head of a chain."""
    import re

    if value is not None and not re.fullmatch(r"[1-9][0-9]{0,18}:[0-9a-f]{64}", value):
        raise typer.BadParameter("a head is a number, a colon and 64 hexadecimal digits, as `verify` prints it")
    return value


ProgramId = Annotated[str, typer.Argument(metavar="PROGRAM", help="The program's id.", callback=_program)]
MemberId = Annotated[str, typer.Argument(metavar="MEMBER", help="The member's reference.", callback=a_member)]
GateId = Annotated[str, typer.Argument(metavar="GATE", help="The gate's id, as `tenure gate list` shows it.")]
Currency = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="The currency. Default: the program's main one.")
]
