"""`tenure event`: post files of events."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.core.client import Api, settings
from cli.core.errors import REFUSED
from cli.core.options import As, ProgramId
from cli.core.text import clean, count, number
from cli.core.tokens import named

if TYPE_CHECKING:
    from cli.points.loading.note import Note

app = typer.Typer(no_args_is_help=True, help="Post files of events.")

_MOST = 10_000
"""The most events that the API accepts in one request."""


@app.callback()
def events() -> None:
    """Post files of events."""


@app.command()
def load(
    program: ProgramId,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="CSV with the columns key, participant, type, occurred_at, and if wanted amount, pending; or .jsonl.",
        ),
    ],
    batch: Annotated[
        int, typer.Option(min=1, max=_MOST, help="Events in one request, two of which are under way at once.")
    ] = 2_000,
    again: Annotated[
        bool, typer.Option("--again", help="Start again; keys repeat, so that events posted before bring no points twice.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the final counts as JSON.")] = False,
    outside: Annotated[
        bool, typer.Option("--outside", help="The events are of people who are held out or have left, for comparison.")
    ] = False,
    who: As = None,
) -> None:
    """Post a file of events of any size; a second run goes on where the first one stopped.

    FILE.progress.json beside the file keeps the progress, FILE.refused.csv the refused rows with the reasons; each event
    brings points once for its key. Exit code 1 if rows were refused.

    With `--outside` events bring no points: they are compared with those of members (see `tenure member held-out`).

    Example: `tenure --as demo-shop event load cd-club purchases.csv`
    """
    from cli.points.loading.file import EventFile
    from cli.points.loading.load import Load
    from cli.points.loading.note import Note, NoteBeside
    from cli.points.loading.progress import Watched

    api = Api(who)
    token = settings().token
    asked_for = who or named(token.get_secret_value() if token else "")
    beside = NoteBeside(file)
    with EventFile(file) as opened:
        known = beside.read(program, asked_for, outside=outside)
        if known is None or again:
            known = Note(program=program, who=asked_for, outside=outside, **opened.place._asdict())
        else:
            opened.skip_to(known.place)
        with Watched(known, opened.size) as watched:
            run = Load(api, opened, known, beside, batch, watched.report_progress)
            run.run()
        _print_outcome(file, run.note, run.note.events - known.events, watched.seconds, as_json=as_json)
    if run.note.refused:
        raise typer.Exit(REFUSED)


def _print_outcome(file: Path, note: "Note", events: int, seconds: float, *, as_json: bool) -> None:
    """Print the result for the whole file, and the speed of this run."""
    rate = round(events / max(seconds, 0.001))
    refused_file = f"{file}.refused.csv" if note.refused else None
    if as_json:
        counts = {"events": note.events, "posted": note.posted, "repeated": note.repeated, "refused": note.refused}
        this_run = {"events": events, "seconds": round(seconds, 3), "events_per_second": rate}
        typer.echo(
            json.dumps(
                {"file": str(file), "program": note.program, **counts, "refused_file": refused_file, "this_run": this_run}
            )
        )
        return
    counts_told = f"{number(note.posted)} posted, {number(note.repeated)} repeated, {number(note.refused)} refused"
    if events:
        typer.echo(
            clean(f"{file}: {count(note.events, 'event')}, {counts_told}; {count(rate, 'event')} a second in {seconds:.1f} s.")
        )
    else:
        typer.echo(clean(f"{file} was posted to its end before: {count(note.events, 'event')}, {counts_told}."))
    if refused_file:
        typer.echo(clean(f"Why rows were refused, and what to do, stands in {refused_file}."))
