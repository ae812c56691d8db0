"""`tenure reward`: list rewards, and stock the codes of voucher rewards."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.core.client import Api
from cli.core.errors import WrongCall
from cli.core.options import As, Json, Key, ProgramId
from cli.core.output import console, table
from cli.core.text import clean, count, number, words

app = typer.Typer(no_args_is_help=True, help="List rewards; stock the codes of voucher rewards.")

_AT_ONCE = 10_000
RewardId = Annotated[str, typer.Argument(metavar="REWARD", help="The reward's id in the definition.")]


@app.command("list")
def list_rewards(program: ProgramId, as_json: Json = False, who: As = None) -> None:
    """List a program's rewards: price, conditions, dates, and how many are left.

    Example: `tenure --as demo-shop reward list cd-club`
    """
    reply = Api(who, as_json=as_json).get("programs", program, "rewards")
    if as_json:
        typer.echo(reply.text)
        return
    rows = [
        [
            each["id"],
            each["name"],
            number(each["points"]),
            each["from_tier"] or "all",
            _limit(each["per_member"]),
            f"{each['from'] or ''}..{each['until'] or ''}" if each["from"] or each["until"] else "always",
            number(each["taken"]),
            "any number" if each["left"] is None else number(each["left"]),
            words(each["fulfilment"]) if each["offered"] else "not offered now",
        ]
        for each in reply.data
    ]
    columns = ("Reward", "Name", "Points", "From tier", "Per member", "Offered", "Taken", "Left", "How")
    console().print(table(count(len(rows), "reward"), columns, rows, right=("Points", "Taken", "Left")))


@app.command()
def stock(
    program: ProgramId,
    reward: RewardId,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", dir_okay=False, help="A code per line.")] = None,
    key: Key = None,
    as_json: Json = False,
    who: As = None,
) -> None:
    """Add the codes of a file to a reward's stock, or (without a file) print how many are left.

    A repetition does no harm.

    Example: `tenure --as demo-operations reward stock cd-club gift-card codes.txt`
    """
    api = Api(who, as_json=as_json)
    path = ("programs", program, "rewards", reward, "codes")
    if file is None:
        reply = api.get(*path)
    else:
        codes = _codes(file)
        pages = [codes[start : start + _AT_ONCE] for start in range(0, len(codes), _AT_ONCE)]
        for number, page in enumerate(pages):
            reply = api.post(*path, key=f"{key}-{number}" if key else None, body={"codes": page})
    if as_json:
        typer.echo(reply.text)
    else:
        typer.echo(clean(f"{reward}: {count(reply.data['free'], 'code')} left."))


def _limit(per_member: dict[str, Any] | None) -> str:
    return f"{number(per_member['count'])} in {per_member['per']}" if per_member else "any number"


def _codes(file: Path) -> list[str]:
    try:
        codes = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongCall(f"{file} cannot be read: {error}.", remedy="Give a text file with a code per line.") from error
    if not codes:
        raise WrongCall(f"{file} has no codes.", remedy="Write a code per line.")
    return codes
