"""`tenure member statement`: what came and went in a member's account, and what there is."""

from typing import Annotated, Any

import typer
from rich.console import Console

from cli.client import Api
from cli.options import As, Json, MemberId, ProgramId
from cli.output import console, facts, heading, table
from cli.text import count, instant, number, words


def statement(
    program: ProgramId,
    member: MemberId,
    since: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Entries after this, in ISO 8601 with a time zone. Default: all.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Entries up to this, in ISO 8601 with a time zone. Default: all.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Only what had been recorded by then. Default: all that is known.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="The currency's code. Default: the program's first one.")] = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Show what there was, every entry with its reason, and what there is, with every lot and when it lapses.

    Example: `tenure --as demo-shop member statement cd-club c-00042 --since 2026-01-01T00:00:00Z`
    """
    reply = Api(who, as_json=as_json).get(
        "programs", program, "members", member, "statement", since=since, until=until, as_of=as_of, currency=currency
    )
    if as_json:
        typer.echo(reply.text)
    else:
        _print(console(), reply.data)


def _print(out: Console, found: dict[str, Any]) -> None:
    out.print(heading(f"{found['participant']} in {found['program']}: statement in {found['currency']}"))
    out.print(
        facts(
            {
                "from": f"{instant(found['since'])} UTC" if found["since"] else None,
                "until": f"{instant(found['until'])} UTC" if found["until"] else None,
                "as known at": f"{instant(found['as_of'])} UTC" if found["as_of"] else None,
                "opening": number(found["opening"]),
                "closing": number(found["closing"]),
                "held": number(found["held"]) if found["held"] else None,
                "pending": number(found["pending"]) if found["pending"] else None,
                "owed": number(found["owed"]) if found["owed"] else None,
            }
        )
    )
    out.print()
    entries = [
        (
            entry["txn_id"],
            instant(entry["effective_at"]),
            words(entry["kind"]),
            _signed(entry["points"]),
            _signed(entry["held"]),
            number(entry["balance"]),
            _told(entry),
        )
        for entry in found["entries"]
    ]
    columns = ["Number", "At (UTC)", "What", "Points", "Held", "Balance", "Why"]
    out.print(table(count(len(entries), "entry", "entries"), columns, entries, right=("Number", "Points", "Held", "Balance")))
    lots = [
        (
            instant(lot["earned_at"]),
            *(number(lot[name]) for name in ("amount", "remaining", "held")),
            instant(lot["expires_at"], nothing="never"),
        )
        for lot in found["lots"]
    ]
    columns = ["Earned (UTC)", "Amount", "Remaining", "Held", "Lapses (UTC)"]
    out.print(table(count(len(lots), "lot"), columns, lots, right=("Amount", "Remaining", "Held")))
    if found["holds"]:
        holds = [
            [instant(hold["effective_at"]), number(hold["points"]), instant(hold["expires_at"])] for hold in found["holds"]
        ]
        out.print(table(count(len(holds), "hold"), ("Since (UTC)", "Points", "Times out (UTC)"), holds, right=("Points",)))


def _signed(points: int) -> str:
    return f"{points:+,}" if points else ""


def _told(entry: dict[str, Any]) -> str:
    """Why it was posted, as far as somebody has said, and of which entry it takes something back or which one it settles."""
    details = entry["details"]
    said = entry["reason"] or next((str(details[name]) for name in ("event", "reward", "why") if details.get(name)), "")
    of = entry["reverses"] or entry["concerns"]
    return " ".join(part for part in (said, f"(of {of})" if of else "") if part)
