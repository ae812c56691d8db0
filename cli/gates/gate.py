"""`tenure gate`: show gates and their evidence, and decide."""

import json
from typing import Annotated, Any

import typer

from cli.core.client import Api, Reply
from cli.core.errors import PENDING, SubjectChanged
from cli.core.options import As, GateId, Json, Key
from cli.core.output import console
from cli.core.text import clean, instant, words
from cli.core.waiting import wait_until
from cli.gates import delegation
from cli.render.gates import print_decided, print_gate, print_gates, print_waiting, waits_for

app = typer.Typer(no_args_is_help=True, help="Show the gates that wait for a decision, and decide.")
app.command("delegate")(delegation.delegate)
app.command("delegations")(delegation.list_)
app.command("end-delegation")(delegation.end)

Because = Annotated[str, typer.Option("--reason", help="The reason, which the other approvers read.")]
AsRole = Annotated[str | None, typer.Option("--role", metavar="ROLE", help="The role to vote as, if you have several.")]
For = Annotated[str | None, typer.Option("--for", metavar="PERSON", help="Decide for this person, who has delegated to you.")]
Insisted = Annotated[
    str | None,
    typer.Option("--digest", metavar="DIGEST", help="Vote only if the gate is about this digest (or its beginning)."),
]
_SHORTEST_DIGEST = 12
_WAIT_TIMEOUT = 30.0
"""Seconds for which a command waits for the gate's answer to a decision."""


@app.command("list")
def list_(
    program: Annotated[str | None, typer.Option(metavar="PROGRAM", help="Only this program's gates.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only where your own approval is still missing.")] = False,
    role: Annotated[str | None, typer.Option("--role", metavar="ROLE", help="Only gates that wait for this role now.")] = None,
    delegated: Annotated[bool, typer.Option("--delegated", help="Only gates where you can decide for another person.")] = False,
    decided: Annotated[bool, typer.Option("--decided", help="Your own decisions, the latest first.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Decided gates too.")] = False,
    as_json: Json = False,
    who: As = None,
) -> None:
    """List the gates that wait for a decision, the oldest first; or those in your own inbox.

    Example: `tenure --as demo-finance gate list --mine`
    """
    chosen = [
        name
        for name, given in (
            ("--mine", mine),
            ("--role", role is not None),
            ("--delegated", delegated),
            ("--decided", decided),
            ("--all", everything),
        )
        if given
    ]
    if len(chosen) > 1:
        raise typer.BadParameter(f"choose one of {' and '.join(chosen)}", param_hint=chosen[1])
    api = Api(who, as_json=as_json)
    if decided:
        _list_decided(api, program, as_json)
    elif mine or delegated:
        inbox = api.get("inbox").data
        waiting = [each for each in inbox["delegated" if delegated else "waiting"] if program in (None, each["program"])]
        if as_json:
            typer.echo(json.dumps(waiting, ensure_ascii=False))
        else:
            print_waiting(waiting, inbox["counts"])
    else:
        found = api.all_pages("gates", program=program, open=not everything).data["items"]
        if role is not None:
            found = [gate for gate in found if role in _missing_roles(gate)]
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
        else:
            print_gates(found, with_outcome=everything)


@app.command()
def show(gate: GateId, as_json: Json = False, who: As = None) -> None:
    """Show one gate: its subject, its policy, its votes, and the evidence for the subject.

    Example: `tenure --as demo-finance gate show program/cd-club/r1/gate/strategy/1`
    """
    api = Api(who, as_json=as_json)
    found, evidence = api.get("gates", gate), api.get("gates", gate, "evidence")
    if as_json:
        typer.echo(json.dumps(found.data | {"evidence": evidence.data}, ensure_ascii=False))
    else:
        print_gate(found.data, evidence.data)


@app.command()
def approve(
    gate: GateId,
    reason: Because = "",
    role: AsRole = None,
    delegator: For = None,
    digest: Insisted = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Approve exactly the gate's present subject.

    Example: `tenure --as demo-finance gate approve program/cd-club/r1/gate/strategy/1 --reason "The liability is bounded"`
    """
    _decide("approve", gate, reason, role, delegator, digest, key, as_json, who)


@app.command()
def reject(
    gate: GateId,
    reason: Because,
    role: AsRole = None,
    delegator: For = None,
    digest: Insisted = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Reject the gate's subject, with a reason; this decides the gate.

    Example: `tenure --as demo-legal gate reject program/cd-club/r1/gate/launch/1 --reason "The agreement breaks the law"`
    """
    _decide("reject", gate, reason, role, delegator, digest, key, as_json, who)


@app.command("request-changes")
def request_changes(
    gate: GateId,
    reason: Because,
    role: AsRole = None,
    delegator: For = None,
    digest: Insisted = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Send the gate's subject back to its owner, with the changes needed; this decides the gate.

    Example: `tenure --as demo-finance gate request-changes program/cd-club/r1/gate/strategy/1 --reason "Halve the rate"`
    """
    _decide("request_changes", gate, reason, role, delegator, digest, key, as_json, who)


@app.command()
def withdraw(
    gate: GateId,
    reason: Annotated[str, typer.Option("--reason", help="The reason for the withdrawal.")],
    digest: Insisted = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Withdraw your own vote, or one given in your name, while the gate is not decided.

    Example: `tenure --as demo-finance gate withdraw program/cd-club/r1/gate/strategy/1 --reason "The figures were wrong"`
    """
    _decide("withdraw", gate, reason, None, None, digest, key, as_json, who)


@app.command("break-glass")
def break_glass(
    gate: GateId,
    reason: Because,
    digest: Insisted = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Approve alone in an emergency, if the policy names your role for it; everybody is notified, and a review follows.

    Example: `tenure --as demo-operations gate break-glass program/cd-club/r2/gate/launch/1 --reason "Points leak"`
    """
    _decide("break_glass", gate, reason, None, None, digest, key, as_json, who)


@app.command()
def decision(
    gate: GateId,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The Idempotency-Key under which you decided.")],
    as_json: Json = False,
    who: As = None,
) -> None:
    """Show the outcome of your decision: counted (exit code 0), refused (1), or still open (4).

    Example: `tenure --as demo-finance gate decision program/cd-club/r1/gate/strategy/1 my-key`
    """
    reply = Api(who, as_json=as_json).get("gates", gate, "decisions", key)
    if as_json:
        typer.echo(reply.text)
    _end_as(reply.data, key, quiet=as_json)


def _list_decided(api: Api, program: str | None, as_json: bool) -> None:
    everything = api.all_pages("inbox", "decided").data["items"]
    found = [each for each in everything if program in (None, each["program"])]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        print_decided(found)


def _missing_roles(gate: dict[str, Any]) -> set[str]:
    from domain.gates.state import GateState

    return set(GateState.model_validate(gate).waits_for)


def _decide(
    answer: str,
    gate: str,
    reason: str,
    role: str | None,
    delegator: str | None,
    insisted: str | None,
    key: str | None,
    as_json: bool,
    who: str | None,
) -> None:
    """Decide about exactly the gate's present digest, after printing it."""
    if insisted is not None and len(insisted) < _SHORTEST_DIGEST:
        raise typer.BadParameter(f"give at least the first {_SHORTEST_DIGEST} digits", param_hint="--digest")
    api = Api(who, as_json=as_json)
    subject = api.get("gates", gate).data["subject"]
    if insisted is not None and not subject["digest"].startswith(insisted.lower()):
        raise SubjectChanged(insisted, subject["digest"])
    whom = f" for {delegator}" if delegator else ""
    typer.echo(clean(f"Vote{whom} to {words(answer)}: {subject['title']}, digest {subject['digest']}"), err=as_json)
    body = {"answer": answer, "digest": subject["digest"], "reason": reason}
    body |= {name: value for name, value in (("role", role), ("on_behalf_of", delegator)) if value}
    reply = api.post("gates", gate, "decisions", key=key, body=body)
    if reply.data.get("status") == "open":
        reply = _awaited(api, gate, reply)
    if as_json:
        typer.echo(reply.text)
    if "status" in reply.data:
        _end_as(reply.data, reply.data["key"], quiet=as_json)
    elif not as_json:
        _print_state(reply.data, answer)


def _awaited(api: Api, gate: str, reply: Reply) -> Reply:
    """Wait up to `_WAIT_TIMEOUT` seconds for the gate's answer to a decision; return the last reply."""
    return wait_until(
        reply,
        lambda reply: reply.data["status"] != "open",
        lambda reply: api.get("gates", gate, "decisions", reply.data["key"]),
        _WAIT_TIMEOUT,
    )


def _end_as(found: dict[str, Any], key: str, *, quiet: bool) -> None:
    """Print the outcome of a decision, and exit with its code."""
    if found["status"] == "counted":
        if not quiet:
            _print_state(found["gate"], "counted")
        return
    if found["status"] == "refused":
        if not quiet:
            refusal = found["refusal"]
            typer.echo(clean(f"Error {refusal['code']}: {refusal['detail']}\nWhat to do: {refusal['remedy']}"), err=True)
        raise typer.Exit(1)
    typer.echo(
        clean(f"The gate has the decision and has not answered yet; ask again with `tenure gate decision … {key}`."), err=True
    )
    raise typer.Exit(PENDING)


def _print_state(state: dict[str, Any], answer: str) -> None:
    out = console()
    if state["outcome"]:
        out.print(f"The gate is decided: {words(state['outcome'])}.")
        return
    counts = "Your vote is taken back" if answer == "withdraw" else "Your vote counts"
    out.print(f"{counts}. The gate still waits for {waits_for(state)}, until {instant(state['due'])} UTC.", soft_wrap=True)
