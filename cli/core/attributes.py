"""Attributes of an event or a person as typed words: `rating=4.5`, `trader=true`, `country=DE`."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import typer

Attribute = str | bool | float | int

_DIGITS = 15
"""The most digits of a number; longer ones stay texts."""


def read(typed: Iterable[str]) -> dict[str, Attribute]:
    """Read attributes from `NAME=VALUE` words. Raises BadParameter for any other word."""
    found: dict[str, Attribute] = {}
    for word in typed:
        name, equals, text = word.partition("=")
        if not (name and equals and text):
            raise typer.BadParameter(f"{word!r} is no attribute; write NAME=VALUE, for instance country=DE")
        found[name] = value(text)
    return found


def value(text: str) -> Attribute:
    """The value of a text: true or false, a number, else the text itself; in double quotes always a text."""
    if text in ("true", "false"):
        return text == "true"
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    try:
        figure = Decimal(text)
    except InvalidOperation:
        return text
    if not figure.is_finite() or abs(figure.adjusted()) > _DIGITS:
        return text
    return int(figure) if figure == figure.to_integral_value() else float(figure)
