"""`tenure program`: start, revise, evaluate and end programs, and show their status and reports."""

from typing import Annotated, Any

import typer
from rich.table import Table

from cli.core.client import Api
from cli.core.options import As, Json, Key, Limit, ProgramId
from cli.core.output import console, facts, heading, table
from cli.core.text import audience, count, instant, words
from cli.definition.definition import DefinitionFile
from cli.evaluation.schedule import app as schedule
from cli.programs import amendment
from cli.programs.amendment import AmendmentClass, EffectiveFrom, say_submitted
from cli.programs.holds import add_to as add_holds
from cli.programs.holds import on_hold
from cli.render.gates import waits_for
from cli.render.program_report import print_evaluations, print_report, print_verdict
from cli.render.wind_down import print_wind_down

app = typer.Typer(no_args_is_help=True, help="Start, revise, evaluate and end programs; show their status.")
app.add_typer(schedule, name="schedule")
amendment.add_to(app)
add_holds(app)

_YAML = "application/yaml"


@app.command()
def start(file: DefinitionFile, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Start a program with its first revision; the caller becomes its owner.

    Example: `tenure --as demo-owner program start examples/cd-club.yaml`
    """
    say_submitted(
        Api(who, as_json=as_json).post("programs", key=key, content=file.read_bytes(), content_type=_YAML), as_json, "has begun"
    )


@app.command()
def revise(
    program: ProgramId,
    file: DefinitionFile,
    after: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="REVISION", help="The revision that the file was made from; the API refuses if there is a newer one."
        ),
    ] = None,
    effective_from: EffectiveFrom = None,
    weight: AmendmentClass = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Submit a new revision: before the launch another attempt, in operation an amendment.

    A minor amendment passes the launch gate alone; `tenure program diff` shows its class.
    Example: `tenure --as demo-owner program revise cd-club cd-club-2.yaml --after 1 --effective-from 2027-01-01`
    """
    api = Api(who, as_json=as_json)
    read = api.get("programs", program, "revisions", str(after)).data["digest"] if after is not None else None
    reply = api.post(
        "programs",
        program,
        "revisions",
        key=key,
        content=file.read_bytes(),
        content_type=_YAML,
        if_match=read,
        effective_from=effective_from,
        weight=weight,
    )
    say_submitted(reply, as_json, "has a new revision")


@app.command("list")
def list_(limit: Limit = None, as_json: Json = False, who: As = None) -> None:
    """List every program with its stage.

    Example: `tenure --as demo-owner program list`
    """
    reply = Api(who, as_json=as_json).all_pages("programs", limit=limit)
    if as_json:
        typer.echo(reply.text)
        return
    rows = [
        [
            found["id"],
            found["name"],
            words(found["stage"]),
            instant(found["stage_since"]),
            found["product_status"],
            found["owner"],
        ]
        for found in reply.data["items"]
    ]
    console().print(table(count(len(rows), "program"), ("Program", "Name", "Stage", "Since (UTC)", "Status", "Owner"), rows))


@app.command()
def status(program: ProgramId, as_json: Json = False, who: As = None) -> None:
    """Show a program's status: stage, revisions, waves, and open gates.

    Example: `tenure --as demo-owner program status cd-club`
    """
    reply = Api(who, as_json=as_json).get("programs", program)
    if as_json:
        typer.echo(reply.text)
        return
    _print_status(reply.data)


@app.command()
def revisions(program: ProgramId, limit: Limit = None, as_json: Json = False, who: As = None) -> None:
    """List a program's revisions with status and digest.

    Example: `tenure --as demo-owner program revisions cd-club`
    """
    reply = Api(who, as_json=as_json).all_pages("programs", program, "revisions", limit=limit)
    if as_json:
        typer.echo(reply.text)
        return
    console().print(_revisions(reply.data["items"]))


@app.command()
def evaluate(program: ProgramId, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Evaluate a program by its KPIs now, outside its schedule.

    Example: `tenure --as demo-analyst program evaluate cd-club`
    """
    reply = Api(who, as_json=as_json).post("programs", program, "evaluations", key=key)
    if as_json:
        typer.echo(reply.text)
        return
    print_verdict(console(), reply.data)


@app.command()
def evaluations(program: ProgramId, limit: Limit = None, as_json: Json = False, who: As = None) -> None:
    """List a program's evaluations, newest first.

    Example: `tenure --as demo-analyst program evaluations cd-club`
    """
    reply = Api(who, as_json=as_json).all_pages("programs", program, "evaluations", limit=limit)
    if as_json:
        typer.echo(reply.text)
        return
    print_evaluations(console(), reply.data["items"])


@app.command()
def end(
    program: ProgramId,
    reason: Annotated[str, typer.Option(help="The reason for the end.")],
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Request the end of a program; its wind-down gate decides.

    Example: `tenure --as demo-owner program end cd-club --reason "The shop closes"`
    """
    reply = Api(who, as_json=as_json).post("programs", program, "end", key=key, body={"reason": reason})
    if as_json:
        typer.echo(reply.text)
        return
    out = console()
    out.print(heading(f"The end of {reply.data['program']} is asked for."))
    out.print(f"Its wind-down gate decides: tenure gate list --program {reply.data['program']}", soft_wrap=True)


@app.command("wind-down")
def wind_down(program: ProgramId, as_json: Json = False, who: As = None) -> None:
    """Show the end of a program as a timeline: its ten steps, with their results and due dates.

    Example: `tenure --as demo-owner program wind-down cd-club`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "wind-down")
    if as_json:
        typer.echo(reply.text)
        return
    print_wind_down(console(), reply.data)


@app.command()
def report(program: ProgramId, as_json: Json = False, who: As = None) -> None:
    """Report a program's whole life: stages, decisions, evidence, members, points, evaluations, and the ledger check.

    Example: `tenure --as demo-owner program report cd-club`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "report")
    if as_json:
        typer.echo(reply.text)
        return
    print_report(console(), reply.data)


def _revisions(found: list[dict[str, Any]]) -> Table:
    rows = [
        [
            item["number"],
            words(item["status"]),
            words(item["weight"]) if item["weight"] else "",
            item["submitted_by"],
            instant(item["submitted_at"]),
            instant(item["effective_from"]),
            item["digest"][:12],
        ]
        for item in found
    ]
    return table("Revisions", ("Number", "Status", "Weight", "By", "Submitted (UTC)", "In force from", "Digest"), rows)


def _print_status(found: dict[str, Any]) -> None:
    out = console()
    out.print(heading(f"{found['name']} ({found['id']})"))
    closings = (
        ("enrolment until", "enrolment_until"),
        ("earning until", "earning_until"),
        ("redeeming until", "redeeming_until"),
    )
    out.print(
        facts(
            {
                "stage": f"{words(found['stage'])} since {instant(found['stage_since'])} UTC ({found['product_status']})",
                "on hold": on_hold(found),
                "rollout": f"{found['rollout']}; see `tenure rollout show {found['id']}`" if found["rollout"] else None,
                "note": found["note"] or None,
                "owner": found["owner"],
                "revision in force": found["revision_in_force"] or "none",
                "launched": instant(found["launched_at"], nothing="not yet"),
                **{name: instant(found[field]) for name, field in closings if found[field]},
            }
        )
    )
    out.print()
    out.print(_revisions(found["revisions"]))
    if found["waves"]:
        waves = [[wave["wave"], audience(wave), instant(wave["at"])] for wave in found["waves"]]
        out.print(table("Waves", ("Wave", "Open to", "Opened (UTC)"), waves, right=("Open to",)))
    if found["open_gates"]:
        gates = [[gate["id"], waits_for(gate), instant(gate["due"])] for gate in found["open_gates"]]
        out.print(table("Waiting for a decision", ("Gate", "Waits for", "Due (UTC)"), gates))
        out.print(f"To act: tenure --as PERSON gate approve {found['open_gates'][0]['id']}", soft_wrap=True)
