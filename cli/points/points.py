"""`tenure points`: adjust, transfer and convert points; reverse, settle or reinstate earlier transactions."""

from typing import Annotated, Any

import typer

from cli.core.client import Api, Reply
from cli.core.options import As, Currency, Json, Key, MemberId, ProgramId, a_member
from cli.core.text import clean, count, number

app = typer.Typer(no_args_is_help=True, help="Move points by hand: adjust, transfer, convert, settle pending earns.")

Number = Annotated[
    int,
    typer.Argument(metavar="TRANSACTION", min=1, help="The transaction's number, as shown by `tenure member statement`."),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="The reason, which the statement shows with the caller.")]
MaybeReason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="The reason, if there is one.")]


@app.command()
def adjust(
    program: ProgramId,
    member: MemberId,
    points: Annotated[int, typer.Option(metavar="NUMBER", help="The points to give, or with a minus to take.")],
    reason: Reason,
    currency: Currency = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Give points to a member, or take some, by hand.

    Example: `tenure --as demo-operations points adjust cd-club c-00042 --points -50 --reason "Credited twice in March"`
    """
    body = {"points": points, "reason": reason, "currency": currency}
    reply = _post(who, as_json, program, member, "adjustments", key=key, body=body)
    _print_outcome(reply, as_json, f"{count(reply.data['points'], 'point')} {'given' if points > 0 else 'taken'}")


@app.command()
def transfer(
    program: ProgramId,
    member: MemberId,
    to: Annotated[str, typer.Argument(metavar="TO", help="The member who gets the points.", callback=a_member)],
    points: Annotated[int, typer.Option(metavar="NUMBER", help="How many.")],
    currency: Currency = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Transfer a member's points to another one, if the program allows it; they keep their expiry.

    Example: `tenure --as demo-shop points transfer cd-club c-00042 c-00043 --points 500`
    """
    body = {"to": to, "points": points, "currency": currency}
    reply = _post(who, as_json, program, member, "transfers", key=key, body=body)
    _print_outcome(reply, as_json, f"{count(reply.data['points'], 'point')} given to {to}")


@app.command()
def convert(
    program: ProgramId,
    member: MemberId,
    from_currency: Annotated[str, typer.Option("--from", metavar="CURRENCY", help="The currency of the points.")],
    to_currency: Annotated[str, typer.Option("--to", metavar="CURRENCY", help="The currency that they become.")],
    points: Annotated[int, typer.Option(metavar="NUMBER", help="How many, in the first currency.")],
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Convert a member's points into another currency, at the rate of the program's definition.

    Example: `tenure --as demo-shop points convert cd-club c-00042 --from NOTES --to GEMS --points 1000`
    """
    body = {"from_currency": from_currency, "to_currency": to_currency, "points": points}
    reply = _post(who, as_json, program, member, "conversions", key=key, body=body)
    shown = reply.data
    _print_outcome(
        reply, as_json, f"{number(shown['points'])} {from_currency} became {number(shown['received'])} {shown['to_currency']}"
    )


@app.command()
def reverse(
    program: ProgramId,
    member: MemberId,
    transaction: Number,
    reason: Reason,
    points: Annotated[int | None, typer.Option(metavar="NUMBER", help="How many. Default: all that are left.")] = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Reverse a redemption (its points return) or an earn (its points are clawed back), whole or in part.

    Example: `tenure --as demo-operations points reverse cd-club c-00042 1207 --reason "The album was returned"`
    """
    body = {"reason": reason, "points": points}
    reply = _post(who, as_json, program, member, "transactions", str(transaction), "reversal", key=key, body=body)
    what = "clawed back" if reply.data["kind"] == "clawback" else "returned to the member"
    _print_outcome(reply, as_json, f"{count(reply.data['points'], 'point')} of transaction {transaction} {what}")


@app.command()
def confirm(
    program: ProgramId,
    member: MemberId,
    transaction: Number,
    reason: MaybeReason = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Post a pending earn: its points can be used from now on.

    Example: `tenure --as demo-shop points confirm cd-club c-00042 1207`
    """
    body = {"reason": reason}
    reply = _post(who, as_json, program, member, "transactions", str(transaction), "confirmation", key=key, body=body)
    _print_outcome(reply, as_json, f"{count(reply.data['points'], 'pending point')} confirmed")


@app.command()
def cancel(
    program: ProgramId,
    member: MemberId,
    transaction: Number,
    reason: MaybeReason = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Cancel a pending earn: its points are never posted.

    Example: `tenure --as demo-shop points cancel cd-club c-00042 1207 --reason "Never collected"`
    """
    body = {"reason": reason}
    reply = _post(who, as_json, program, member, "transactions", str(transaction), "cancellation", key=key, body=body)
    _print_outcome(reply, as_json, f"{count(reply.data['points'], 'pending point')} dropped")


@app.command()
def reinstate(
    program: ProgramId,
    member: MemberId,
    transaction: Number,
    reason: MaybeReason = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Reinstate the points of an expiry, within the definition's time for it.

    Example: `tenure --as demo-operations points reinstate cd-club c-00042 1207 --reason "Was in hospital"`
    """
    body = {"reason": reason}
    reply = _post(who, as_json, program, member, "transactions", str(transaction), "reinstatement", key=key, body=body)
    _print_outcome(reply, as_json, f"{count(reply.data['points'], 'expired point')} given back")


def _post(
    who: str | None, as_json: bool, program: str, member: str, *path: str, key: str | None, body: dict[str, Any]
) -> Reply:
    """Call the API; fields without a value are left out."""
    said = {name: value for name, value in body.items() if value is not None}
    return Api(who, as_json=as_json).post("programs", program, "members", member, *path, key=key, body=said)


def _print_outcome(reply: Reply, as_json: bool, what: str) -> None:
    posted = reply.data
    sentence = f"{what}; the balance is {number(posted['balance'])} (transaction {posted['transaction']})."
    typer.echo(reply.text if as_json else clean(sentence))
