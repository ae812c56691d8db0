"""`tenure doctor`: examine this machine's installation; `tenure --version`."""

import json
from importlib.metadata import version
from typing import Annotated

import typer

from cli.core.client import settings
from cli.render.doctor import print_examination


def print_version(wanted: bool) -> None:
    """Print the version and end the command, if `--version` was given."""
    if wanted:
        typer.echo(f"tenure {version('tenure')}")
        raise typer.Exit


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Show what is installed, which servers run on which ports, what is wrong, and how to repair it.

    It changes nothing. A stack that does not run is no fault. Exit code: 0 if nothing is wrong, else 1.

    Example: `tenure doctor`
    """
    import asyncio

    from worker.doctor.examination import examine
    from worker.doctor.finding import Status

    examination = asyncio.run(examine(settings()))
    if as_json:
        findings = [finding.model_dump(mode="json") for finding in examination.findings]
        typer.echo(json.dumps({"version": version("tenure"), "status": examination.status, "findings": findings}))
    else:
        print_examination(examination)
    if examination.status is Status.WRONG:
        raise typer.Exit(1)
