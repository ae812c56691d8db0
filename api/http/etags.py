"""Entity tags (RFC 9110, 8.8.3): what somebody has read, so that nobody overwrites what they have not, or reads it twice."""

import json
import re
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Header, Response

from api.http.errors import TagInvalid
from domain.errors_input import Changed

_TAG = re.compile(r'\s*(?:(?P<weak>W/)?"(?P<tag>[\x21\x23-\x7e\x80-\xff]*)")\s*')
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what you have read; without it, whatever is there is changed."),
]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="The ETag of what you have; it is not sent again while it is so.")
]


def quoted(tag: str) -> str:
    """A tag as it stands in a header."""
    return f'"{tag}"'


def of_state(edited: str, shown: Any) -> str:
    """The tag of what shows more than people edit: of what they edit, a dot, and of all that is shown (as JSON)."""
    shown_hash = sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return quoted(f"{edited}.{shown_hash}")


def check_unchanged(if_match: str | None, edited: str, what: str) -> None:
    """Raise Changed where the caller has read something else than what is edited now (`edited` is the part before the dot)."""
    if if_match is None or if_match.strip() == "*":
        return
    tags = _tags(if_match, "If-Match")
    # A weak tag never matches here (RFC 9110, 13.1.1).
    if not any(not weak and tag.partition(".")[0] == edited for weak, tag in tags):
        raise Changed(what)


def has_it(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller has what would be answered (`tag` without its quotation marks)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or any(known == tag for _, known in _tags(if_none_match, "If-None-Match"))


def not_modified(tag: str) -> Response:
    """The answer to who has it already."""
    return Response(status_code=304, headers={"ETag": quoted(tag)})


def _tags(header: str, name: str) -> list[tuple[bool, str]]:
    """Every tag of a header, and whether it is weak. Raises TagInvalid."""
    found: list[tuple[bool, str]] = []
    place = 0
    while True:
        match = _TAG.match(header, place)
        if match is None:
            raise TagInvalid(name)
        found.append((match.group("weak") is not None, match.group("tag")))
        place = match.end()
        if place == len(header):
            return found
        if header[place] != ",":
            raise TagInvalid(name)
        place += 1
