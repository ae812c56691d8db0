"""`tenure gate`: see what waits for a decision, and decide."""

from typing import Annotated, Any

import typer

from cli.client import Api
from cli.errors import SubjectChanged
from cli.options import As, GateId, Json, Key
from cli.output import console, facts, heading, table
from cli.text import clean, count, instant, lasted, words

app = typer.Typer(no_args_is_help=True, help="See what waits for a decision, and decide.")

Because = Annotated[str, typer.Option("--reason", help="Why, in words that the others can use.")]
AsRole = Annotated[str | None, typer.Option("--role", metavar="ROLE", help="The role to vote as, for who has several.")]
Insisted = Annotated[
    str | None,
    typer.Option("--digest", metavar="DIGEST", help="Vote only if the gate is about this digest (or its beginning)."),
]
_SHORTEST_DIGEST = 12


@app.command("list")
def list_(
    program: Annotated[str | None, typer.Option(metavar="PROGRAM", help="Only this program's gates.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only open gates that you can still vote at.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Decided gates too.")] = False,
    as_json: Json = False,
    who: As = None,
) -> None:
    """List the gates that wait for a decision, the oldest first.

    Example: `tenure --as demo-finance gate list --mine`
    """
    if mine and everything:
        raise typer.BadParameter("--mine lists open gates alone; leave one of the two out", param_hint="--all")
    reply = Api(who, as_json=as_json).get("gates", program=program, open=not everything, mine=mine)
    if as_json:
        typer.echo(reply.text)
        return
    columns = ["Gate", "About", "Waits for", "Opened (UTC)", "Due (UTC)"] + ["Outcome"] * everything
    rows = [
        [gate["id"], gate["subject"]["title"], waits_for(gate), instant(gate["opened_at"]), instant(gate["due"])]
        + [words(gate["outcome"] or "open")] * everything
        for gate in reply.data
    ]
    console().print(table(count(len(rows), "gate"), columns, rows))


@app.command()
def show(gate: GateId, as_json: Json = False, who: As = None) -> None:
    """Show one gate: what it is about, who must approve, who has voted, who is left out.

    Example: `tenure --as demo-finance gate show program/cd-club/r1/gate/strategy/1`
    """
    reply = Api(who, as_json=as_json).get("gates", gate)
    if as_json:
        typer.echo(reply.text)
        return
    print_gate(reply.data)


@app.command()
def approve(
    gate: GateId,
    reason: Because = "",
    role: AsRole = None,
    digest: Insisted = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Approve exactly what the gate is about now.

    Example: `tenure --as demo-finance gate approve program/cd-club/r1/gate/strategy/1 --reason "The liability is bounded"`
    """
    _vote("approve", gate, reason, role, digest, key, as_json, who)


@app.command()
def reject(
    gate: GateId,
    reason: Because,
    role: AsRole = None,
    digest: Insisted = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Reject what the gate is about, with a reason; this decides the gate.

    Example: `tenure --as demo-legal gate reject program/cd-club/r1/gate/launch/1 --reason "The agreement breaks the law"`
    """
    _vote("reject", gate, reason, role, digest, key, as_json, who)


@app.command("request-changes")
def request_changes(
    gate: GateId,
    reason: Because,
    role: AsRole = None,
    digest: Insisted = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Send what the gate is about back to its owner, with what must change; this decides the gate.

    Example: `tenure --as demo-finance gate request-changes program/cd-club/r1/gate/strategy/1 --reason "Halve the rate"`
    """
    _vote("request_changes", gate, reason, role, digest, key, as_json, who)


def waits_for(gate: dict[str, Any]) -> str:
    """The roles whose approvals are still missing at a gate, and how many of each; nobody once it is decided."""
    from domain.gates import GateState

    state = GateState.model_validate(gate)
    if state.outcome is not None:
        return "-"
    return ", ".join(role if left == 1 else f"{left} {role}" for role, left in state.missing.items())


def print_gate(gate: dict[str, Any]) -> None:
    """Print a gate with its votes."""
    out = console()
    subject = gate["subject"]
    decided = f"{words(gate['outcome'])} at {instant(gate['decided_at'])} UTC" if gate["outcome"] else "open"
    out.print(heading(f"{gate['id']}: {decided}"))
    rules = (f"{rule['count']} {words(rule['role'])}" for rule in gate["policy"]["rules"])
    out.print(
        facts(
            {
                "about": subject["title"],
                "digest": subject["digest"],
                "program": f"{subject['program']}, revision {subject['revision']}",
                "must approve": ", ".join(rules),
                "waits for": waits_for(gate) if not gate["outcome"] else None,
                "left out (four eyes)": ", ".join(gate["excluded"]) or None,
                "opened": f"{instant(gate['opened_at'])} UTC",
                "due": f"{instant(gate['due'])} UTC",
                "took": lasted(gate["opened_at"], gate["decided_at"]) if gate["decided_at"] else None,
            }
        )
    )
    if gate["votes"]:
        out.print()
        votes = [
            [instant(vote["at"]), vote["person"], words(vote["role"]), words(vote["answer"]), vote["reason"]]
            for vote in gate["votes"]
        ]
        out.print(table("Votes", ("At (UTC)", "Who", "As", "Answer", "Reason"), votes))


def _vote(
    answer: str, gate: str, reason: str, role: str | None, insisted: str | None, key: str | None, as_json: bool, who: str | None
) -> None:
    """Vote for exactly the digest that the gate shows, and that is named in the line printed before."""
    if insisted is not None and len(insisted) < _SHORTEST_DIGEST:
        raise typer.BadParameter(f"give at least the first {_SHORTEST_DIGEST} digits", param_hint="--digest")
    api = Api(who, as_json=as_json)
    subject = api.get("gates", gate).data["subject"]
    if insisted is not None and not subject["digest"].startswith(insisted.lower()):
        raise SubjectChanged(insisted, subject["digest"])
    typer.echo(clean(f"Vote to {words(answer)}: {subject['title']}, digest {subject['digest']}"), err=as_json)
    body = {"answer": answer, "digest": subject["digest"], "reason": reason} | ({"role": role} if role else {})
    reply = api.post("gates", gate, "decisions", key=key, body=body)
    if as_json:
        typer.echo(reply.text)
        return
    state = reply.data
    out = console()
    if state["outcome"]:
        out.print(f"The gate is decided: {words(state['outcome'])}.")
    else:
        out.print(
            f"Your vote counts. The gate still waits for {waits_for(state)}, until {instant(state['due'])} UTC.", soft_wrap=True
        )
