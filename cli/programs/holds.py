"""`tenure program hold`, `halt`, `resume`, `holds`: begin, lift and list program holds."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.core.client import Api
from cli.core.options import As, Json, Key, Limit, ProgramId
from cli.core.output import console, heading, table
from cli.core.text import count, instant

Reason = Annotated[str, typer.Option(help="The reason, which refusals show.")]
_NAMES = {"hold": "on hold", "suspended_insolvency": "halted"}


class Stops(StrEnum):
    """The capabilities that a hold can stop."""

    enrolment = "enrolment"
    earning = "earning"
    redeeming = "redeeming"
    rollout = "rollout"


def add_to(app: typer.Typer) -> None:
    """Add the commands to `tenure program`."""
    for command in (hold, halt, resume, holds):
        app.command()(command)


def hold(
    program: ProgramId,
    reason: Reason,
    stops: Annotated[
        list[Stops] | None, typer.Option(help="A capability to stop; repeatable. Default: enrolment and rollout.")
    ] = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Put a program on hold: the given capabilities are stopped until a person resumes the program.

    Example: `tenure --as demo-operations program hold cd-club --reason "Two tills count twice" --stops earning`
    """
    body: dict[str, Any] = {"reason": reason} | ({"stops": [each.value for each in stops]} if stops else {})
    _say_stopped(program, Api(who, as_json=as_json).post("programs", program, "holds", key=key, body=body), as_json)


def halt(program: ProgramId, reason: Reason, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Suspend a program for insolvency: enrolment, earning, redeeming and rollout stop at once.

    Example: `tenure --as demo-finance program halt cd-club --reason "An administrator was appointed"`
    """
    _say_stopped(
        program, Api(who, as_json=as_json).post("programs", program, "halt", key=key, body={"reason": reason}), as_json
    )


def resume(program: ProgramId, reason: Reason, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Resume a program: lift its halt, or without a halt its hold.

    Example: `tenure --as demo-operations program resume cd-club --reason "The tills are mended"`
    """
    reply = Api(who, as_json=as_json).post("programs", program, "resumption", key=key, body={"reason": reason})
    if as_json:
        typer.echo(reply.text)
        return
    out, found = console(), reply.data
    out.print(heading(f"Program {program} is no longer {_NAMES[found['lifted']['kind']]}."))
    for each in found["standing"]:
        out.print(f"It is still {_NAMES[each['kind']]}, which stops {', '.join(each['stops'])}.", soft_wrap=True)


def holds(program: ProgramId, limit: Limit = None, as_json: Json = False, who: As = None) -> None:
    """List a program's holds: what they stop, by whom and why, since when, and who lifted them.

    Example: `tenure --as demo-owner program holds cd-club`
    """
    reply = Api(who, as_json=as_json).all_pages("programs", program, "holds", limit=limit)
    if as_json:
        typer.echo(reply.text)
        return
    rows = [
        [
            _NAMES[each["kind"]],
            ", ".join(each["stops"]),
            instant(each["since"]),
            f"{each['begun_by']}: {each['reason']}",
            instant(each["until"], nothing="stands"),
            f"{each['lifted_by']}: {each['lifted_why']}" if each["lifted_by"] else "-",
        ]
        for each in reply.data["items"]
    ]
    title = count(len(rows), "hold")
    console().print(table(title, ("Kind", "Stops", "Since (UTC)", "By whom, why", "Until (UTC)", "Lifted by, why"), rows))


def on_hold(found: dict[str, Any]) -> str | None:
    """A program's active holds in words, for its status; None without any."""
    status = [each for each in found["holds"] if each["until"] is None]
    lines = [
        f"{_NAMES[each['kind']]} since {instant(each['since'])} UTC by {each['begun_by']}: {each['reason']} "
        f"(stops {', '.join(each['stops'])})"
        for each in status
    ]
    return "; ".join(lines) or None


def _say_stopped(program: str, reply: Any, as_json: bool) -> None:
    if as_json:
        typer.echo(reply.text)
        return
    out, found = console(), reply.data
    out.print(heading(f"Program {program} is {_NAMES[found['kind']]}: {', '.join(found['stops'])} stopped."))
    out.print(f"To go on: tenure program resume {program} --reason WHY", soft_wrap=True)
