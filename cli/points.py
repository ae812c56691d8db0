"""`tenure points`: give, take, move and take back points of a member, by hand and with a reason."""

from typing import Annotated, Any

import typer

from cli.client import Api
from cli.options import As, Json, Key, MemberId, ProgramId
from cli.text import clean, count, number, words

app = typer.Typer(no_args_is_help=True, help="Correct, settle and move the points of members.")

Transaction = Annotated[
    int, typer.Argument(metavar="TRANSACTION", min=1, help="Its number, as `tenure member statement` shows it.")
]
Points = Annotated[int, typer.Argument(metavar="POINTS", help="How many points.")]
Currency = Annotated[str | None, typer.Option(help="The currency's code. Default: the program's first one.")]
Why = Annotated[str, typer.Option(help="Why; it is kept with the transaction.")]


@app.command()
def adjust(
    program: ProgramId,
    member: MemberId,
    points: Annotated[int, typer.Option(help="How many points to give; with a minus, to take.")],
    reason: Why,
    currency: Currency = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Give or take points by hand.

    Example: `tenure --as demo-operations points adjust cd-club c-00042 --points -50 --reason "Posted twice"`
    """
    body = {"points": points, "reason": reason} | ({"currency": currency} if currency else {})
    _post(Api(who, as_json=as_json), program, member, ("adjustments",), key, body, as_json=as_json)


@app.command()
def transfer(
    program: ProgramId,
    member: MemberId,
    to: Annotated[str, typer.Argument(metavar="TO", help="The reference of the member who gets the points.")],
    points: Points,
    currency: Currency = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Move points to another member, where the program allows that; they keep their expiry.

    Example: `tenure --as demo-shop points transfer cd-club c-00042 c-00043 150`
    """
    body = {"to": to, "points": points} | ({"currency": currency} if currency else {})
    _post(Api(who, as_json=as_json), program, member, ("transfers",), key, body, as_json=as_json)


@app.command()
def convert(
    program: ProgramId,
    member: MemberId,
    from_currency: Annotated[str, typer.Argument(metavar="FROM", help="The code of the currency to take.")],
    to_currency: Annotated[str, typer.Argument(metavar="TO", help="The code of the currency to give.")],
    points: Points,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Turn points of one currency into another, at the definition's rate, rounded down.

    Example: `tenure --as demo-shop points convert cd-club c-00042 NOTES GEMS 500`
    """
    body = {"from_currency": from_currency, "to_currency": to_currency, "points": points}
    _post(Api(who, as_json=as_json), program, member, ("conversions",), key, body, as_json=as_json)


@app.command()
def reverse(
    program: ProgramId,
    member: MemberId,
    transaction: Transaction,
    reason: Why,
    points: Annotated[int | None, typer.Option(help="Take back so many points of it. Default: all that is left.")] = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Take back a purchase's points or a redemption, or a part of it.

    Example: `tenure --as demo-finance points reverse cd-club c-00042 1234 --reason "The order was returned"`
    """
    body: dict[str, Any] = {"reason": reason} | ({"points": points} if points is not None else {})
    _settle(Api(who, as_json=as_json), program, member, transaction, "reversal", key, body, as_json=as_json)


@app.command()
def confirm(
    program: ProgramId, member: MemberId, transaction: Transaction, key: Key = None, as_json: Json = False, who: As = None
) -> None:
    """Post the points of a pending earn.

    Example: `tenure --as demo-shop points confirm cd-club c-00042 1234`
    """
    _settle(Api(who, as_json=as_json), program, member, transaction, "confirmation", key, {}, as_json=as_json)


@app.command()
def cancel(
    program: ProgramId, member: MemberId, transaction: Transaction, key: Key = None, as_json: Json = False, who: As = None
) -> None:
    """Drop the points of a pending earn.

    Example: `tenure --as demo-shop points cancel cd-club c-00042 1234`
    """
    _settle(Api(who, as_json=as_json), program, member, transaction, "cancellation", key, {}, as_json=as_json)


@app.command()
def reinstate(
    program: ProgramId, member: MemberId, transaction: Transaction, key: Key = None, as_json: Json = False, who: As = None
) -> None:
    """Give back what lapsed by one expiry, within the time that the definition allows.

    Example: `tenure --as demo-operations points reinstate cd-club c-00042 1234`
    """
    _settle(Api(who, as_json=as_json), program, member, transaction, "reinstatement", key, {}, as_json=as_json)


def _settle(
    api: Api,
    program: str,
    member: str,
    transaction: int,
    what: str,
    key: str | None,
    body: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    _post(api, program, member, ("transactions", str(transaction), what), key, body, as_json=as_json)


def _post(
    api: Api, program: str, member: str, what: tuple[str, ...], key: str | None, body: dict[str, Any], *, as_json: bool
) -> None:
    reply = api.post("programs", program, "members", member, *what, key=key, body=body)
    if as_json:
        typer.echo(reply.text)
        return
    posted = reply.data
    told = f"{words(posted['kind'])} of {count(posted['points'], 'point')}"
    if "received" in posted:
        told += f", which became {number(posted['received'])} {posted['to_currency']}"
    typer.echo(
        clean(
            f"{told[0].upper()}{told[1:]}; the balance of {member} is {number(posted['balance'])} "
            f"(transaction {posted['transaction']})."
        )
    )
