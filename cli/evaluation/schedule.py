"""`tenure program schedule`: show, pause, resume, trigger and backfill a program's scheduled evaluations."""

from typing import Annotated

import typer

from cli.core.client import Api
from cli.core.options import As, Json, Key, ProgramId
from cli.core.output import console, facts, heading
from cli.core.text import count, instant

app = typer.Typer(no_args_is_help=True, help="Show and change when a program is evaluated.")

Reason = Annotated[str, typer.Option(help="The reason, which is shown with the schedule.")]


@app.command()
def show(program: ProgramId, as_json: Json = False, who: As = None) -> None:
    """Show how often a program is evaluated, whether that is paused and why, and the next evaluations.

    Example: `tenure --as demo-owner program schedule show cd-club`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "schedule")
    if as_json:
        typer.echo(reply.text)
        return
    found, out = reply.data, console()
    out.print(heading(f"Evaluation of {found['program']}: {'paused' if found['paused'] else 'on its schedule'}"))
    out.print(
        facts(
            {
                "every": f"{found['every']}, {found['falls_due']}",
                "note": found["note"] or None,
                "next (UTC)": ", ".join(instant(at) for at in found["next"]) or "-",
                "last (UTC)": ", ".join(instant(each["started"]) for each in found["last"]) or "-",
                "left out": found["left_out"],
            }
        )
    )


@app.command()
def pause(program: ProgramId, reason: Reason, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Pause the evaluations of a program until they are resumed; evaluations due meanwhile are skipped.

    Example: `tenure --as demo-analyst program schedule pause cd-club --reason "The till was down"`
    """
    reply = Api(who, as_json=as_json).post("programs", program, "schedule", "pause", key=key, body={"reason": reason})
    _say(reply.text, as_json, f"The evaluation of {program} is paused.")


@app.command()
def resume(program: ProgramId, reason: Reason, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Resume the scheduled evaluations of a program.

    Example: `tenure --as demo-analyst program schedule resume cd-club --reason "The till is back"`
    """
    reply = Api(who, as_json=as_json).post("programs", program, "schedule", "resume", key=key, body={"reason": reason})
    _say(reply.text, as_json, f"The evaluation of {program} is on its schedule again.")


@app.command()
def trigger(program: ProgramId, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Start a scheduled evaluation now, without waiting for the verdict.

    Example: `tenure --as demo-analyst program schedule trigger cd-club`
    """
    reply = Api(who, as_json=as_json).post("programs", program, "schedule", "trigger", key=key)
    _say(reply.text, as_json, f"{program} is being evaluated; see `tenure program evaluations {program}`.")


@app.command()
def backfill(
    program: ProgramId,
    since: Annotated[str, typer.Option("--from", metavar="DAY", help="From this day or instant on.")],
    to: Annotated[str, typer.Option("--to", metavar="DAY", help="Up to the end of this day, or to this instant.")],
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Evaluate a program as of past instants: all at which its schedule fell due, with the figures of then.

    Example: `tenure --as demo-analyst program schedule backfill cd-club --from 2026-01-01 --to 2026-03-31`
    """
    reply = Api(who, as_json=as_json).post("programs", program, "schedule", "backfill", key=key, body={"from": since, "to": to})
    begun, there = len(reply.data["begun"]), len(reply.data["there_already"])
    text = (
        f"{count(begun, 'evaluation')} of {program} begun, {there:,} there already; see `tenure program evaluations {program}`."
    )
    _say(reply.text, as_json, text)


def _say(text: str, as_json: bool, summary: str) -> None:
    if as_json:
        typer.echo(text)
    else:
        console().print(summary, soft_wrap=True)
