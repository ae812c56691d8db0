"""`tenure program diff`, `impact`, `announced`, `recall`, `rollback`: show, recall and roll back amendments."""

from typing import Annotated, Any, Literal

import typer

from cli.core.client import Api
from cli.core.options import As, Json, Key, Limit, ProgramId
from cli.core.output import console, facts, heading, table
from cli.core.text import clean, count, instant, number, words
from cli.render.amendment import print_impact

EffectiveFrom = Annotated[
    str | None,
    typer.Option(
        metavar="DAY",
        help="From this day (of the program's time zone) or instant on; not before its approval and the notice of members.",
    ),
]
AmendmentClass = Annotated[
    Literal["minor", "substantial"] | None,
    typer.Option(help="Treat a minor amendment as substantial, or refuse one that is not minor."),
]
Number = Annotated[int, typer.Argument(metavar="REVISION", min=1, help="The revision's number.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to `tenure program`."""
    for command in (diff, impact, announced, recall, rollback):
        app.command()(command)


def diff(
    program: ProgramId,
    revision: Number,
    compared_with: Annotated[
        int | None, typer.Option("--with", min=1, metavar="REVISION", help="To compare with. Default: the one in force then.")
    ] = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Describe the changes of a revision: editorial, minor or substantial.

    Example: `tenure --as demo-owner program diff cd-club 2`
    """
    other = {"with": str(compared_with)} if compared_with is not None else {}
    reply = Api(who, as_json=as_json).get("programs", program, "revisions", str(revision), "difference", **other)
    if as_json:
        typer.echo(reply.text)
        return
    found = reply.data
    for each in found["differences"]:
        typer.echo(clean(f"{each['mark']:<11}  {each['told']}"))
    if found["compared_with"] is None:
        typer.echo("There is no revision before it.")
        return
    text = count(len(found["differences"]), "difference")
    typer.echo(f"{text} from revision {found['compared_with']}; an amendment by it is {found['weight']}.", err=True)


def impact(
    program: ProgramId,
    revision: Number,
    members: Annotated[bool, typer.Option("--members", help="List members, those who lose the most points first.")] = False,
    limit: Limit = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Show the impact of an amendment on existing members: moves between tiers, points gained and lost.

    It is computed when the launch gate of the amendment is about to open.
    Example: `tenure --as demo-finance program impact cd-club 2`, or with `--members --limit 20`
    """
    api, place = Api(who, as_json=as_json), ("programs", program, "revisions", str(revision), "impact")
    reply = api.all_pages(*place, "members", limit=limit) if members else api.get(*place)
    if as_json:
        typer.echo(reply.text)
        return
    if members:
        console().print(_members(reply.data["items"]))
    else:
        print_impact(console(), reply.data)


def announced(program: ProgramId, revision: Number, limit: Limit = None, as_json: Json = False, who: As = None) -> None:
    """List the announcements of an amendment to members, for the service that writes to them.

    Example: `tenure --as demo-operations program announced cd-club 2 --json`
    """
    reply = Api(who, as_json=as_json).all_pages("programs", program, "revisions", str(revision), "notices", limit=limit)
    if as_json:
        typer.echo(reply.text)
        return
    found = reply.data["items"]
    rows = [
        [each["recipient"], words(each["kind"]), instant(each["at"]), instant(each["told"].get("effective_from"), nothing="")]
        for each in found
    ]
    console().print(table(count(len(rows), "notice"), ("Member", "What", "At (UTC)", "In force from"), rows))
    for change in found[0]["changes"] if found else ():
        typer.echo(clean(change))


def recall(
    program: ProgramId,
    revision: Number,
    reason: Annotated[str, typer.Option(help="The reason, which the audit trail keeps.")],
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Recall an approved amendment before its effective date.

    Example: `tenure --as demo-owner program recall cd-club 2 --reason "The supplier has withdrawn"`
    """
    reply = Api(who, as_json=as_json).post(
        "programs", program, "revisions", str(revision), "withdrawal", key=key, body={"reason": reason}
    )
    if as_json:
        typer.echo(reply.text)
        return
    console().print(f"Revision {revision} of {program} is called back; what is in force stays so.", soft_wrap=True)


def rollback(
    program: ProgramId,
    to: Annotated[int, typer.Option(min=1, metavar="REVISION", help="The earlier revision whose definition to restore.")],
    effective_from: EffectiveFrom = None,
    weight: AmendmentClass = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Submit an earlier revision's definition again, as a new revision with its own gates and notice.

    Example: `tenure --as demo-owner program rollback cd-club --to 1`
    """
    reply = Api(who, as_json=as_json).post(
        "programs", program, "revisions", str(to), "restoration", key=key, effective_from=effective_from, weight=weight
    )
    say_submitted(reply, as_json, f"has a new revision with the definition of revision {to}")


def say_submitted(reply: Any, as_json: bool, what: str) -> None:
    """Print that a revision was accepted."""
    if as_json:
        typer.echo(reply.text)
        return
    data = reply.data
    out = console()
    out.print(heading(f"Program {data['program']} {what}."))
    out.print(facts({"revision": data["revision"], "digest": data["digest"], "weight": data["weight"]}))
    out.print(f"Where it stands: tenure program status {data['program']}", soft_wrap=True)


def _members(found: list[dict[str, Any]]) -> Any:
    rows = [
        [
            each["participant"],
            each["tier_before"] or "",
            each["tier_after"] or "",
            each["tier_by_rules"] or "",
            number(each["points_before"]),
            number(each["points_after"]),
            number(each["points_changed_by"]),
        ]
        for each in found
    ]
    columns = ("Member", "Tier", "At its date", "By its rules", "Points before", "Points after", "Change")
    return table(count(len(rows), "member"), columns, rows, right=columns[4:])
