"""What is said on the command line of people who are to join: their references, and what the program asks of them."""

from decimal import Decimal, InvalidOperation
from pathlib import Path

import typer

from cli.errors import WrongCall

_DIGITS = 15
"""What has more is no figure that anybody compares."""


def attribute(written: str) -> tuple[str, str | bool | float | int]:
    """`rating=4.5`, `trader=true` or `country=DE` as a name and a value; in double quotes, a value is a text in any case."""
    name, equals, value = written.partition("=")
    if not (name and equals and value):
        raise typer.BadParameter(f"{written!r} is no attribute; write NAME=VALUE, for instance country=DE")
    if value in ("true", "false"):
        return name, value == "true"
    if len(value) > 1 and value[0] == value[-1] == '"':
        return name, value[1:-1]
    try:
        figure = Decimal(value)
    except InvalidOperation:
        return name, value
    if not figure.is_finite() or abs(figure.adjusted()) > _DIGITS:
        return name, value
    return name, int(figure) if figure == figure.to_integral_value() else float(figure)


def references(file: Path) -> list[str]:
    """The references in a file, one per line. Raises WrongCall where it cannot be read or has none."""
    try:
        found = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongCall(f"{file} cannot be read: {error}.", remedy="Give a text file with a reference per line.") from error
    if not found:
        raise WrongCall(f"{file} has no references.", remedy="Write a reference per line.")
    return found
