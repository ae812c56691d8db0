"""The `tenure` command: its subcommands, common options, and the exit codes of errors."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.acceptance import prototype, readiness, transaction_log
from cli.accounting import books
from cli.audit import audit
from cli.core.errors import CommandError, describe
from cli.core.options import AS_HELP
from cli.definition import definition
from cli.demo.command import demo
from cli.doctor import doctor, print_version
from cli.gates import gate
from cli.identity import api_key, signing_keys
from cli.ledger import ledger
from cli.members import member
from cli.notices import notice
from cli.points import event, points
from cli.programs import program
from cli.reports import reports
from cli.rewards import reward
from cli.rollout import cohort, rollout
from cli.up import up
from domain.errors import TenureError


class _Tenure(TyperGroup):
    """The whole command: prints a `TenureError` in words, and sets the exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TenureError as error:
            typer.echo(describe(error), err=True)
            raise typer.Exit(error.exit_code if isinstance(error, CommandError) else 1) from error


app = typer.Typer(
    cls=_Tenure,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def tenure(
    who: Annotated[str | None, typer.Option("--as", metavar="PERSON", help=AS_HELP)] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Run the whole life of loyalty programs and of their members.

    Example: `tenure up` in one terminal, `tenure --as demo-owner program list` in another.

    Exit codes: 0 done; 1 refused, or a fault found; 2 wrong call (an option, a file, a person, the environment);
    3 the API does not answer; 4 handed over, and not answered yet.
    """


Command = typer.Typer | Callable[..., None]

GROUPS: Mapping[str, Mapping[str, Command]] = {
    "Start here": {"demo": demo, "up": up, "doctor": doctor},
    "Definitions and acceptance": {
        "definition": definition.app,
        "prototype": prototype.app,
        "log": transaction_log.app,
        "readiness": readiness.app,
    },
    "Programs and decisions": {"program": program.app, "gate": gate.app, "rollout": rollout.app, "cohort": cohort.app},
    "Members and points": {"member": member.app, "event": event.app, "points": points.app, "reward": reward.app},
    "Figures and books": {"report": reports.app, "books": books.app, "ledger": ledger.app, "audit": audit.app},
    "Identity and notices": {"api-key": api_key.app, "keys": signing_keys.app, "notice": notice.app},
}
"""All commands by subject, in the order of `tenure --help`."""

for _group, _commands in GROUPS.items():
    for _name, _command in _commands.items():
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_name, rich_help_panel=_group)
        else:
            app.command(_name, rich_help_panel=_group)(_command)
