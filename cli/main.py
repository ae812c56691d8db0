"""The `tenure` command: its parts, what holds for all of them, and how errors end it."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import (
    audit,
    books,
    cohort,
    definition,
    event,
    gate,
    key,
    keys,
    ledger,
    log,
    member,
    notice,
    points,
    program,
    prototype,
    readiness,
    reports,
    reward,
    rollout,
)
from cli.demo.command import demo
from cli.errors import CommandError, told
from cli.options import AS_HELP
from cli.up import up
from runtime.errors import TenureError


class _Tenure(TyperGroup):
    """The command as a whole: an error that a person can act on is told in words, and sets the exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TenureError as error:
            typer.echo(told(error), err=True)
            raise typer.Exit(error.exit_code if isinstance(error, CommandError) else 1) from error


app = typer.Typer(
    cls=_Tenure,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def tenure(who: Annotated[str | None, typer.Option("--as", metavar="PERSON", help=AS_HELP)] = None) -> None:
    """Run the whole life of loyalty programs and of their members.

    Example: `tenure up` in one terminal, `tenure --as demo-owner program list` in another.

    Exit codes: 0 done; 1 refused, or a fault found; 2 wrong call (an option, a file, a person, the environment);
    3 the API does not answer; 4 handed over, and not answered yet.
    """


app.command()(up)
app.command()(demo)
app.add_typer(definition.app, name="definition")
app.add_typer(prototype.app, name="prototype")
app.add_typer(program.app, name="program")
app.add_typer(rollout.app, name="rollout")
app.add_typer(reports.app, name="report")
app.add_typer(gate.app, name="gate")
app.add_typer(readiness.app, name="readiness")
app.add_typer(member.app, name="member")
app.add_typer(cohort.app, name="cohort")
app.add_typer(event.app, name="event")
app.add_typer(points.app, name="points")
app.add_typer(reward.app, name="reward")
app.add_typer(log.app, name="log")
app.add_typer(notice.app, name="notice")
app.add_typer(ledger.app, name="ledger")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(books.app, name="books")
app.add_typer(key.app, name="api-key")
