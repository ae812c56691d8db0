"""What an event says about itself, as people type it: `nights=2`, `brand=tru`, `abroad=true`."""

import re
from typing import Any

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def value(text: str) -> str | bool | int | float:
    """The value that a text means: a number, true or false, else the text itself."""
    if text in {"true", "false"}:
        return text == "true"
    if _NUMBER.fullmatch(text) and len(text) <= 16:
        return float(text) if "." in text else int(text)
    return text


def read(typed: list[str]) -> dict[str, Any]:
    """The attributes of `name=value` words. Raises ValueError for a word that is none."""
    found: dict[str, Any] = {}
    for word in typed:
        name, equals, text = word.partition("=")
        if not name or not equals or not text:
            raise ValueError(f"{word!r} is no attribute; write for instance nights=2")
        found[name] = value(text)
    return found
