"""`tenure demo`: start the stack, play the life of a program on real purchases, report, and check expectations."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.core.client import settings
from cli.core.output import cell, console, heading, table

if TYPE_CHECKING:
    from rich.console import Console

    from cli.demo.play import Plan

_EXAMPLE = Path("examples/cd-club.yaml")
_CONNECTIONS = 24


def demo(
    transactions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="Another log: CSV with the columns customer, at, amount. Default: CDNOW's."
        ),
    ] = None,
    definition: Annotated[Path, typer.Option(metavar="FILE", dir_okay=False, help="The program's definition.")] = _EXAMPLE,
    members: Annotated[int, typer.Option(min=1, help="The most customers to invite.")] = 400,
    at_least: Annotated[int, typer.Option(min=1, help="The fewest members; with fewer the demo has failed.")] = 300,
    seconds: Annotated[float, typer.Option(min=20, help="The time for the whole span of the log.")] = 90,
    interactive: Annotated[bool, typer.Option("--interactive", help="Leave the decisions at gates to you.")] = False,
    stay: Annotated[bool, typer.Option("--stay", help="Keep the stack running afterwards, until Ctrl-C.")] = False,
) -> None:
    """Play eighteen months of a real program in about a minute and a half, from its definition to its closing.

    The times of the log and the periods of the definition are scaled by one factor; everything else runs as in production.
    Exit code 0: everything happened as expected; 1: something did not, which the last table shows.

    Example: `tenure demo --interactive`
    """
    from cli.acceptance.purchases import cdnow, from_csv, span
    from domain.definition.document import Definition
    from domain.definition.reading.file import read_definition

    purchases = from_csv(transactions) if transactions else cdnow()
    found = read_definition(_text(definition))
    if not isinstance(found, Definition):
        typer.echo(f"{definition} has faults; see: tenure definition check {definition}", err=True)
        raise typer.Exit(1)
    factor = span(purchases).total_seconds() / seconds
    from cli.demo.play import Plan

    plan = Plan(purchases=purchases, definition=found, factor=factor, members=members, interactive=interactive)
    if not asyncio.run(_run(plan, min(at_least, members), stay=stay)):
        raise typer.Exit(1)


async def _run(plan: "Plan", at_least: int, *, stay: bool) -> bool:
    """Play on an embedded stack; True if all expectations are met."""
    from worker.embedded.stack import Stack

    out = console()
    out.print(heading(f"Tenure plays {plan.definition.name}: {len(plan.purchases):,} real purchases, {_pace(plan)}."))
    async with Stack(settings(), lambda line: out.print(f"  {line}", style="dim", soft_wrap=True)) as stack:
        people = Path(stack.environment["TENURE_PEOPLE_FILE"])
        out.print(f"  look while it runs: Temporal UI {stack.addresses.temporal_ui}, API {stack.addresses.api}/docs")
        if await play_on(plan, stack.addresses.api, people, out, at_least) is False:
            return False
        out.print()
        out.print(f"Temporal UI  {stack.addresses.temporal_ui}/namespaces/default/workflows")
        out.print(f"API          {stack.addresses.api}/docs")
        if stay:
            out.print("The stack stays; Ctrl-C stops it.")
            await stack.wait()
        out.print("The stack stops now and keeps everything: `make up` brings it back at these addresses.")
        return True


async def play_on(plan: "Plan", api_address: str, people: Path, out: "Console", at_least: int) -> bool:
    """Play a plan through the API at an address, and print the report and the expectations; True if all are met."""
    from cli.demo.api import DemoApi
    from cli.demo.expectations import expectations
    from cli.demo.narration import Teller
    from cli.demo.play import Play
    from cli.demo.timeline import Timeline
    from cli.render.program_report import print_report
    from cli.render.wind_down import print_wind_down

    api = DemoApi(api_address, people, _CONNECTIONS)
    timeline = Timeline(plan.launch_at, plan.factor)
    play = Play(plan, api, Teller(out, timeline), timeline)
    try:
        await play.run()
    finally:
        await api.close()
    out.print()
    print_report(out, play.report)
    print_wind_down(out, play.report["wind_down"])
    checked = expectations(play.report, play.definition, at_least)
    _print_expectations(out, checked)
    return all(expectation.met for expectation in checked)


def _print_expectations(out: "Console", checked: list[Any]) -> None:
    rows = [[cell(*(("yes", "green") if each.met else ("NO", "bold red"))), each.what, each.found] for each in checked]
    out.print(table("What should have happened", ("Well", "What", "Found"), rows))


def _pace(plan: "Plan") -> str:
    from cli.acceptance.purchases import span

    days = span(plan.purchases).days
    return f"{days} days of the log in {days * 86_400 / plan.factor:.0f} seconds, {plan.factor:,.0f} times faster than life"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(f"{file} cannot be read: {error}. Give a definition with --definition FILE.", err=True)
        raise typer.Exit(2) from error
