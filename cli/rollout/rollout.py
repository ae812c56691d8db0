"""`tenure rollout`: show, pause, resume, release and abort a rollout."""

from typing import Annotated, Any

import typer
from rich.console import Console

from cli.core.client import Api
from cli.core.options import As, Json, Key, ProgramId
from cli.core.output import console, facts, heading, table
from cli.core.text import audience, instant, kpi_value, number, words

app = typer.Typer(no_args_is_help=True, help="Show and control the rollout of a program.")

Reason = Annotated[str, typer.Option(help="The reason, which the audit trail keeps.")]


@app.command()
def show(program: ProgramId, as_json: Json = False, who: As = None) -> None:
    """Show a rollout: waves with members joined, guardrails with their last checks, and what blocks it.

    Example: `tenure --as demo-owner rollout show cd-club`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "rollout")
    if as_json:
        typer.echo(reply.text)
    else:
        print_rollout(console(), reply.data)


@app.command()
def pause(program: ProgramId, reason: Reason, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Pause a rollout: no further wave opens and nobody joins until it is resumed; members keep everything.

    Example: `tenure --as demo-operations rollout pause cd-club --reason "The till is down"`
    """
    _act("pause", program, reason, key, as_json, who, "is paused; nobody new joins.")


@app.command()
def resume(program: ProgramId, reason: Reason, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Resume a rollout after a pause.

    Example: `tenure --as demo-operations rollout resume cd-club --reason "The till is back"`
    """
    _act("resume", program, reason, key, as_json, who, "goes on.")


@app.command()
def release(program: ProgramId, reason: Reason, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Release a rollout that a guardrail, too small a sample or an empty cohort blocks; not by its owner or an editor.

    Example: `tenure --as demo-operations rollout release cd-club --reason "A holiday: few bought anything"`
    """
    _act("release", program, reason, key, as_json, who, "is released.")


@app.command()
def abort(program: ProgramId, reason: Reason, key: Key = None, as_json: Json = False, who: As = None) -> None:
    """Stop a rollout: nobody joins and nothing is earned any more; issued points stay valid.

    The owner then submits a new revision, or requests the end.

    Example: `tenure --as demo-operations rollout abort cd-club --reason "The till gives double points"`
    """
    _act("abort", program, reason, key, as_json, who, "is stopped; nobody joins, and nothing is earned.")


def print_rollout(out: Console, found: dict[str, Any]) -> None:
    """Print the waves, the guardrails, pauses and blockers of a rollout."""
    out.print(heading(f"Rollout of {found['program']}, revision {found['revision']}: {found['status']}"))
    actions = {"paused": "paused", "on hold with the program": "paused_with_program", "stopped": "stopped"}
    out.print(
        facts(
            {
                **{what: _describe_action(found[field]) for what, field in actions.items() if found[field]},
                "held by": _noted(found["holds"]),
                "warnings": _noted(found["warnings"]),
                "holdout": _holdout(found) if found["holdout"] else None,
            }
        )
    )
    out.print()
    rows = [
        [
            wave["wave"],
            words(wave["state"]),
            audience(wave),
            instant(wave["opened_at"]),
            instant(wave["open_until"]),
            number(wave["joined"]) + (f" of {number(wave['minimum_sample'])}" if wave["minimum_sample"] else ""),
        ]
        for wave in found["waves"]
    ]
    columns = ("Wave", "State", "Open to", "Opened (UTC)", "At least until", "Joined")
    out.print(table("Waves", columns, rows, right=("Open to", "Joined")))
    if found["guardrails"]:
        looks = [_guardrail(each) for each in found["guardrails"]]
        out.print(table("Guardrails", ("Guardrail", "KPI", "Bounds", "On failure", "Wave", "Last looks, newest first"), looks))


def _guardrail(found: dict[str, Any]) -> list[str]:
    bounds = {"at least": found["at_least"], "at most": found["at_most"]}
    return [
        found["guardrail"],
        words(found["kpi"]),
        ", ".join(f"{what} {number(bound)}" for what, bound in bounds.items() if bound is not None),
        found["on_failure"],
        found["wave"] or "-",
        ", ".join(_check(found["kpi"], look) for look in found["looks"]) or "not looked at yet",
    ]


def _check(kpi: str, look: dict[str, Any]) -> str:
    value = kpi_value(kpi, look["value"]) if look["value"] is not None else ""
    return f"{value} {words(look['status'])}".strip()


def _describe_action(action: dict[str, Any]) -> str:
    return f"{instant(action['at'])} UTC by {action['by']}: {action['why']}"


def _noted(noted: list[dict[str, Any]]) -> str | None:
    return "\n".join(f"{each['what']} since {instant(each['since'])} UTC: {each['why']}" for each in noted) or None


def _act(what: str, program: str, reason: str, key: str | None, as_json: bool, who: str | None, text: str) -> None:
    reply = Api(who, as_json=as_json).post("programs", program, "rollout", what, key=key, body={"reason": reason})
    if as_json:
        typer.echo(reply.text)
    else:
        console().print(f"The rollout of {program} {text}", soft_wrap=True)


def _holdout(found: dict[str, Any]) -> str:
    return f"{number(found['holdout'])} % stay out to the end; {number(found['held_out'])} of them would have joined by now"
