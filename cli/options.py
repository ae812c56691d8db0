"""The options and arguments that many commands share."""

from typing import Annotated

import typer


def _person(ctx: typer.Context, value: str | None) -> str | None:
    """The person named at this command, else the one named right after `tenure`."""
    named: str | None = value or ctx.find_root().params.get("who")
    return named


AS_HELP = "Who asks: an id of the people file. Without it, the token in TENURE_TOKEN is used."
As = Annotated[str | None, typer.Option("--as", metavar="PERSON", help=AS_HELP, callback=_person)]
Json = Annotated[bool, typer.Option("--json", help="Print the API's JSON, unchanged.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="The Idempotency-Key: repeated with the same key, the command acts once. Default: a new one.",
    ),
]
ProgramId = Annotated[str, typer.Argument(metavar="PROGRAM", help="The program's id.")]
MemberId = Annotated[str, typer.Argument(metavar="MEMBER", help="The member's reference.")]
GateId = Annotated[str, typer.Argument(metavar="GATE", help="The gate's id, as `tenure gate list` shows it.")]
