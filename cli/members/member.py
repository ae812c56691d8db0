"""`tenure member`: invite, enrol, post an activity, see the balance and the statement, redeem, leave."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.core.attributes import read as attributes_of
from cli.core.client import Api
from cli.core.options import As, Currency, Formerly, Json, Key, Limit, MemberId, ProgramId, a_member
from cli.core.output import console, facts, heading, table
from cli.core.text import clean, count, instant, number, words
from cli.render.statement import print_statement
from cli.rollout.references import references

app = typer.Typer(no_args_is_help=True, help="Serve members: enrol, post activities, redeem, let them leave.")


_AT_ONCE = 10_000


@app.command()
def enrol(
    program: ProgramId,
    member: MemberId,
    agreement: Annotated[str, typer.Option(help="The version of the agreement that the member accepted.")],
    fee: Annotated[str | None, typer.Option(help="The fee that the member accepted. Default: none.")] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A required attribute: a number, true or false, or a text. Repeatable."),
    ] = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Enrol a member; a person who is a member already keeps the membership.

    Example: `tenure --as demo-shop member enrol cd-club c-00042 --agreement 1997-01`
    Example: `tenure --as demo-shop member enrol market-sellers s-17 --agreement 1 --attribute registered-trader=true`
    """
    body: dict[str, Any] = {"participant": member, "agreement": agreement}
    if fee is not None:
        body["fee"] = fee
    if attribute:
        body["attributes"] = attributes_of(attribute)
    reply = Api(who, as_json=as_json).post("programs", program, "members", key=key, body=body)
    if as_json:
        typer.echo(reply.text)
        return
    found = reply.data
    since = f"tier {found['tier']}, since {instant(found['joined_at'])} UTC"
    paid = f"; {number(found['fee'])} accepted for joining" if found["fee"] else ""
    typer.echo(clean(f"{found['participant']} is a member of {found['program']}, {since}{paid}."))


@app.command()
def invite(
    program: ProgramId,
    member: Annotated[list[str] | None, typer.Argument(metavar="[MEMBER]...", help="References of people.")] = None,
    file: Annotated[Path | None, typer.Option(dir_okay=False, help="A file with a reference per line.")] = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Invite people to a program that is open by invitation only; without people, count the invited and the joined.

    A repetition does no harm.

    Example: `tenure --as demo-owner member invite cd-club c-00042 c-00043`
    """
    api = Api(who, as_json=as_json)
    participants = [a_member(each) for each in (member or []) + (references(file) if file else [])]
    pages = [participants[start : start + _AT_ONCE] for start in range(0, len(participants), _AT_ONCE)]
    if not pages:
        reply = api.get("programs", program, "invitations")
    for place, page in enumerate(pages):
        again = f"{key}-{place}" if key and len(pages) > 1 else key
        reply = api.post("programs", program, "invitations", key=again, body={"participants": page})
    if as_json:
        typer.echo(reply.text)
        return
    typer.echo(f"{number(reply.data['invited'])} invited to {program}, {number(reply.data['accepted'])} of them have joined.")
    if pages and not reply.data["needed"]:
        typer.echo("Joining needs no invitation: `joining.invitation_only` is not set.")


@app.command()
def show(program: ProgramId, member: MemberId, as_json: Json = False, who: As = None) -> None:
    """Show a member: tier, journey stage, and the history of tiers.

    Example: `tenure --as demo-shop member show cd-club c-00042`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "members", member)
    if as_json:
        typer.echo(reply.text)
        return
    found = reply.data
    out = console()
    out.print(heading(f"{found['participant']} in {found['program']}: {found['status']}"))
    out.print(
        facts(
            {
                "tier": f"{found['tier']} since {instant(found['tier_since'])} UTC",
                "valid until": f"{instant(found['tier_until'])} UTC" if found["tier_until"] else "without end",
                "journey stage": words(found["journey_stage"]),
                "joined": f"{instant(found['joined_at'])} UTC, agreement {found['agreement']}",
                "fee": number(found["fee"]) if found["fee"] else None,
                "left": f"{instant(found['left_at'])} UTC" if found["left_at"] else None,
                "open intervention": found["open_intervention"],
            }
        )
    )
    out.print()
    changes = [
        [instant(change["at"]), words(change["change"]), change["from_tier"] or "-", change["to_tier"]]
        for change in found["tier_changes"]
    ]
    out.print(table("Tier changes", ("At (UTC)", "Change", "From", "To"), changes))
    if found["benefits"]:
        given = [
            [instant(each["at"]), each["name"], words(each["occasion"]), each["tier"], number(each["points"])]
            for each in found["benefits"]
        ]
        out.print()
        out.print(table("Benefits", ("At (UTC)", "Benefit", "On", "Tier", "Points"), given, right=("Points",)))


@app.command()
def event(
    program: ProgramId,
    member: MemberId,
    type_: Annotated[str, typer.Option("--type", help="The type of the event, as in the earning rules.")],
    amount: Annotated[str, typer.Option(help="The amount in units of the program's money.")] = "0",
    at: Annotated[str | None, typer.Option(metavar="INSTANT", help="When, in ISO 8601 with a time zone. Default: now.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="An attribute of the event; repeatable.")
    ] = None,
    pending: Annotated[bool, typer.Option("--pending", help="Its points wait until they are confirmed.")] = False,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Post an event of a member; it brings points once for each key.

    Example: `tenure --as demo-shop member event cd-club c-00042 --type purchase --amount 12.50 --at 2026-03-10T09:30:00Z`
    """
    occurred_at = at or datetime.now(UTC).isoformat()
    body: dict[str, Any] = {"type": type_, "amount": amount, "occurred_at": occurred_at}
    attributes = attributes_of(attribute or [])
    body |= ({"attributes": attributes} if attributes else {}) | ({"pending": True} if pending else {})
    api = Api(who, as_json=as_json)
    reply = api.post("programs", program, "members", member, "events", key=key, body=body, again=f"--at {occurred_at}")
    if as_json:
        typer.echo(reply.text)
        return
    posted = reply.data
    if "pending" in posted:
        typer.echo(f"{count(posted['pending'], 'point')} wait for their confirmation (transaction {posted['transaction']}).")
        return
    typer.echo(
        f"{count(posted['points'], 'point')} earned at tier {posted['tier']}; the balance is {number(posted['balance'])} "
        f"(transaction {posted['transaction']})."
    )


@app.command()
def balance(program: ProgramId, member: MemberId, currency: Currency = None, as_json: Json = False, who: As = None) -> None:
    """Show a member's balance: available points, and every lot with the instant at which it expires.

    Example: `tenure --as demo-shop member balance cd-club c-00042`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "members", member, "balance", currency=currency)
    if as_json:
        typer.echo(reply.text)
        return
    found = reply.data
    out = console()
    out.print(
        heading(f"{found['participant']} in {found['program']}: {number(found['available'])} {found['currency']} available")
    )
    out.print(
        facts(
            {
                "posted": number(found["posted"]),
                "held": number(found["held"]) if found["held"] else None,
                "pending": number(found["pending"]) if found["pending"] else None,
                "owed": number(found["owed"]) if found["owed"] else None,
                "last activity": instant(found["last_activity_at"], nothing="none"),
            }
        )
    )
    out.print()
    lots = [
        [instant(lot["earned_at"]), number(lot["remaining"]), instant(lot["expires_at"], nothing="never")]
        for lot in found["lots"]
    ]
    out.print(table(count(len(lots), "lot"), ("Earned (UTC)", "Remaining", "Expires (UTC)"), lots, right=("Remaining",)))


@app.command("list")
def list_(
    program: ProgramId,
    tier: Annotated[str | None, typer.Option(metavar="TIER", help="Only members with this tier.")] = None,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="Only active, left or ended ones.")] = None,
    limit: Limit = 100,
    as_json: Json = False,
    who: As = None,
) -> None:
    """List a program's members by reference: tier, status, journey stage.

    Example: `tenure --as demo-shop member list cd-club --tier gold --limit 1000`
    """
    reply = Api(who, as_json=as_json).all_pages("programs", program, "members", limit=limit, tier=tier, status=status)
    if as_json:
        typer.echo(reply.text)
        return
    rows = [
        [each["participant"], each["tier"], words(each["status"]), words(each["journey_stage"]), instant(each["joined_at"])]
        for each in reply.data["items"]
    ]
    more = " and there are more: raise --limit" if reply.data["next"] else ""
    console().print(table(count(len(rows), "member") + more, ("Member", "Tier", "Status", "Stage", "Joined (UTC)"), rows))


@app.command()
def answer(
    program: ProgramId,
    member: MemberId,
    recommend: Annotated[int | None, typer.Option(min=0, max=10, help="How likely they would recommend it, 0 to 10.")] = None,
    satisfaction: Annotated[int | None, typer.Option(min=1, max=5, help="How satisfied they are with it, 1 to 5.")] = None,
    at: Annotated[str | None, typer.Option(metavar="INSTANT", help="When, in ISO 8601 with a time zone. Default: now.")] = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Store a member's survey answer; the net promoter score and satisfaction count each member's last answer.

    Example: `tenure --as demo-shop member answer cd-club c-00042 --recommend 9`
    """
    if (recommend is None) == (satisfaction is None):
        raise typer.BadParameter("give one of --recommend and --satisfaction", param_hint="--recommend")
    question, value = ("recommend", recommend) if recommend is not None else ("satisfaction", satisfaction)
    body = {"question": question, "value": value} | ({"answered_at": at} if at else {})
    reply = Api(who, as_json=as_json).post("programs", program, "members", member, "answers", key=key, body=body)
    if as_json:
        typer.echo(reply.text)
        return
    typer.echo(clean(f"{member} answered {question} with {value}, {instant(reply.data['answered_at'])} UTC."))


@app.command("held-out")
def held_out(program: ProgramId, limit: Limit = 100, as_json: Json = False, who: As = None) -> None:
    """List the people in the holdout who would have joined, and since when.

    Post their purchases from then on with `tenure event load --outside`.

    Example: `tenure --as demo-shop member held-out cd-club`
    """
    reply = Api(who, as_json=as_json).all_pages("programs", program, "held-out", limit=limit)
    if as_json:
        typer.echo(reply.text)
        return
    rows = [[each["participant"], instant(each["since"])] for each in reply.data["items"]]
    more = " and there are more: raise --limit" if reply.data["next"] else ""
    console().print(table(f"{number(len(rows))} held out" + more, ("Participant", "Held out since (UTC)"), rows))


@app.command()
def statement(
    program: ProgramId,
    member: MemberId,
    since: Annotated[str | None, typer.Option(metavar="INSTANT", help="Only entries after it (ISO 8601 with a zone).")] = None,
    until: Annotated[str | None, typer.Option(metavar="INSTANT", help="Only entries up to it. Default: all.")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="INSTANT", help="As it was known then. Default: all known now.")] = None,
    currency: Currency = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Show a member's statement: entries, balance, and when each lot expires.

    Example: `tenure --as demo-shop member statement cd-club c-00042 --since 2026-01-01T00:00:00Z`
    """
    asked = {"since": since, "until": until, "as_of": as_of, "currency": currency}
    reply = Api(who, as_json=as_json).get("programs", program, "members", member, "statement", **asked)
    if as_json:
        typer.echo(reply.text)
    else:
        print_statement(console(), reply.data)


@app.command()
def redeem(
    program: ProgramId,
    member: MemberId,
    reward: Annotated[str, typer.Argument(metavar="REWARD", help="The reward's id in the definition.")],
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Redeem a reward: its points are held, and spent once the reward is handed out.

    Example: `tenure --as demo-shop member redeem cd-club c-00042 sampler`
    """
    api = Api(who, as_json=as_json)
    reply = api.post("programs", program, "members", member, "redemptions", key=key, body={"reward": reward})
    if as_json:
        typer.echo(reply.text)
        return
    found = reply.data
    points = count(found["points"], "point")
    if found["state"] == "held":
        typer.echo(clean(f"{points} are held for {found['reward']}; its provider takes its time."))
    else:
        typer.echo(clean(f"{found['reward']} redeemed for {points}: {found['reference']}"))


@app.command()
def leave(
    program: ProgramId,
    member: MemberId,
    reason: Annotated[str, typer.Option(help="The member's reason, if they gave one.")] = "",
    old_reason: Formerly = "",
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """End a membership at the member's request; their remaining points are forfeited.

    Example: `tenure --as demo-shop member leave cd-club c-00042 --reason "Moved abroad"`
    """
    reply = Api(who, as_json=as_json).post(
        "programs", program, "members", member, "departure", key=key, body={"reason": reason or old_reason}
    )
    if as_json:
        typer.echo(reply.text)
        return
    typer.echo(
        clean(f"{reply.data['participant']} has left {reply.data['program']}; what was left of their points is forfeited.")
    )
