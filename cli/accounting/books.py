"""`tenure books`: read a program's figures month by month, close a month, enter an estimate, export the journal."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.core.client import Api
from cli.core.errors import WrongCall
from cli.core.options import As, Currency, Formerly, Json, Key, ProgramId
from cli.core.output import cell, console, facts, heading, table
from cli.core.text import count, instant, number, percent

app = typer.Typer(no_args_is_help=True, help="A program's books: figures, closing, estimates, journal.")


def _month(value: str | None) -> str | None:
    """Accept only the name of a month, because it becomes part of a URL."""
    try:
        if value is None or f"{date.fromisoformat(f'{value}-01'):%Y-%m}" == value:
            return value
    except ValueError:
        pass
    raise typer.BadParameter("a period is a month, for instance 2026-03")


MaybePeriod = Annotated[str | None, typer.Option("--period", metavar="MONTH", callback=_month, help="For instance 2026-03.")]


@app.command()
def show(program: ProgramId, period: MaybePeriod = None, as_json: Json = False, who: As = None) -> None:
    """Show the figures and the journal of a month (default: the next one to close); provisional while it is open.

    Example: `tenure --as demo-finance books show cd-club --period 2026-03`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "books", period=period)
    if as_json:
        typer.echo(reply.text)
    else:
        _print(reply.data)


@app.command()
def close(
    program: ProgramId,
    period: Annotated[str, typer.Argument(metavar="MONTH", callback=_month, help="For instance 2026-03.")],
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Close a month that is over, after all earlier ones. This is final: late entries are booked in the next month.

    Example: `tenure --as demo-finance books close cd-club 2026-03`
    """
    reply = Api(who, as_json=as_json).post("programs", program, "books", period, "closing", key=key)
    if as_json:
        typer.echo(reply.text)
    else:
        _print(reply.data)


@app.command()
def estimate(
    program: ProgramId,
    rate: Annotated[float, typer.Option(metavar="SHARE", help="The share of all points that will ever be redeemed, 0 to 1.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Needed: the reason, kept with the person's name.")] = "",
    old_reason: Formerly = "",
    period: MaybePeriod = None,
    currency: Currency = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Enter an expected redemption rate from a month on (default: the present one); closed months do not change.

    Example: `tenure --as demo-finance books estimate cd-club --rate 0.97 --reason "Redemption study, second quarter"`
    """
    if not (reason or old_reason):
        raise typer.BadParameter("say what the estimate rests on", param_hint="--reason")
    body = {"redemption_rate": str(rate), "reason": reason or old_reason, "period": period, "currency": currency}
    reply = Api(who, as_json=as_json).post("programs", program, "books", "estimates", key=key, body=body)
    if as_json:
        typer.echo(reply.text)
        return
    entered = reply.data
    share = f"{percent(entered['redemption_rate'])} of all {entered['currency']}"
    typer.echo(f"From {entered['period']} on, {share} are expected to be redeemed.")


@app.command()
def journal(
    program: ProgramId,
    period: MaybePeriod = None,
    file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", dir_okay=False, help="Write the lines as CSV.")] = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Show the journal, or write it as CSV: of one month, or of all closed ones.

    Example: `tenure --as demo-finance books journal cd-club --csv journal.csv`
    """
    from domain.accounting.journal import as_csv

    reply = Api(who, as_json=as_json).get("programs", program, "books", "journal", period=period)
    lines = reply.data["lines"]
    if file is not None:
        try:
            file.write_text(as_csv(lines), newline="")
        except OSError as error:
            raise WrongCall(f"{file} cannot be written: {error.strerror}.", remedy="Name another file.") from error
    if as_json:
        typer.echo(reply.text)
    elif file is not None:
        typer.echo(f"{count(len(lines), 'line')} written to {file}.")
    else:
        console().print(_journal(lines, count(len(lines), "line")))


def _print(books: dict[str, Any]) -> None:
    out = console()
    text = {"open": "open, provisional", "closed": "closed", "final": "closed for good"}[books["status"]]
    out.print(heading(f"Books of {books['program']}, {books['period']}: {text} ({books['money']})"))
    closed = f"{instant(books['closed_at'])} UTC by {books['closed_by']}" if books["closed_at"] else None
    out.print(facts({"from": f"{instant(books['starts_at'])} UTC", "to": f"{instant(books['ends_at'])} UTC", "closed": closed}))
    for each in books["currencies"]:
        _print_currency(each)
    lines = [
        line | {"entry": f"{each['currency']}/{place}", "text": entry["text"]}
        for each in books["currencies"]
        for place, entry in enumerate(each["entries"], 1)
        for line in entry["lines"]
    ]
    names = {account["code"]: account["name"] for account in books["accounts"]}
    out.print(_journal([line | {"account_name": names[line["account"]]} for line in lines], "Journal"))
    rows = [[names[code], _money(amount)] for code, amount in books["balances"].items()]
    out.print(table("What stands in the accounts (credits below zero)", ("Account", "Balance"), rows, right=("Balance",)))


def _print_currency(each: dict[str, Any]) -> None:
    out = console()
    points, terms, status = each["points"], each["terms"], each["standing"]
    rate = f"{percent(terms['redemption_rate'])} expected to be redeemed, "
    rate += f"as {terms['estimated_by']} entered: {terms['why']}" if terms["estimated_by"] else f"revision {terms['revision']}"
    out.print(heading(f"{each['currency']}: {rate}"))
    moved = [
        ["sold", points["sold"]],
        ["given without a sale", points["given"]],
        ["returned", points["returned_sold"] + points["returned_given"]],
        ["redeemed", points["redeemed"]],
        ["expired", points["expired"]],
        ["forfeited", points["forfeited"]],
        ["removed or converted", points["removed"]],
        ["outstanding at the end", status["outstanding"]],
    ]
    out.print(table("Points", ("What", "Number"), [[name, number(many)] for name, many in moved], right=("Number",)))
    money = [
        ["deferred from sales", each["deferred"]],
        ["revenue from points", each["revenue"]],
        ["  of which breakage", each["breakage"]],
        ["  of which by a new estimate", each["catch_up"]],
        ["cost of rewards", each["cost_of_rewards"]],
        ["deferred revenue at the end", each["deferred_liability"]],
        ["management liability at the end", each["management_liability"]],
    ]
    out.print(table("Money", ("What", "Amount"), [[name, _money(amount)] for name, amount in money], right=("Amount",)))
    for note in each["notes"]:
        out.print(cell(note, "yellow"))


def _journal(lines: list[dict[str, Any]], title: str) -> Any:
    rows = [
        [line["entry"], line["account_name"], line["text"], _money(line["debit"]), _money(line["credit"])] for line in lines
    ]
    return table(title, ("Entry", "Account", "What", "Debit", "Credit"), rows, right=("Debit", "Credit"))


def _money(amount: str) -> str:
    """An amount with all its decimals; a hyphen for zero."""
    from decimal import Decimal

    return f"{Decimal(amount):,f}" if Decimal(amount) else "-"
