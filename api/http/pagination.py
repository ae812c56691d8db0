"""Lists that can grow, page by page: each page says where the next one begins, whatever was inserted in between.

A cursor holds the sort key of the last item of its page, and what list it is of. Nobody but this module looks into one.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import Field

from api.http.errors import CursorInvalid
from domain.model import Value

Item = TypeVar("Item")
Key = str | int | datetime
LONGEST, USUAL = 200, 50
"""Items in a page: at most, and unless told otherwise."""


class Page(Value, Generic[Item]):
    """A part of a list. `next` is the cursor of the next part; null is the end."""

    items: Sequence[Item]
    next: Annotated[str | None, Field(description="Send it as `cursor` to get the next page.")] = None


@dataclass(frozen=True)
class Paging:
    """Which part of a list is asked for: `limit` items after the one that the cursor names."""

    limit: int
    _cursor: str | None
    _request: Request
    _response: Response

    @property
    def one_more(self) -> int:
        """How many rows to read, so that it is known whether another page comes."""
        return self.limit + 1

    def after(self, *kinds: type[Key]) -> Any:
        """The sort key after which the page begins, as a tuple of these kinds; None: the first page. Raises CursorInvalid."""
        if self._cursor is None:
            return None
        try:
            padded = self._cursor + "=" * (-len(self._cursor) % 4)
            of, *parts = json.loads(urlsafe_b64decode(padded.encode("ascii")))
            if of != self._list() or len(parts) != len(kinds):
                raise CursorInvalid
            return tuple(_read(kind, part) for kind, part in zip(kinds, parts, strict=True))
        except (ValueError, TypeError) as error:
            raise CursorInvalid from error

    def cut(self, rows: Sequence[Item], key: Callable[[Item], tuple[Key, ...]]) -> tuple[Sequence[Item], str | None]:
        """The page's items out of `one_more` rows, and the next page's cursor; with it goes the `Link` header."""
        if len(rows) <= self.limit:
            return rows, None
        items = rows[: self.limit]
        parts = [part.isoformat() if isinstance(part, datetime) else part for part in key(items[-1])]
        text = json.dumps([self._list(), *parts], separators=(",", ":"))
        cursor = urlsafe_b64encode(text.encode()).decode().rstrip("=")
        following = self._request.url.include_query_params(cursor=cursor, limit=self.limit)
        self._response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
        return items, cursor

    def page(self, rows: Sequence[Item], key: Callable[[Item], tuple[Key, ...]]) -> Page[Item]:
        """The page, out of `one_more` rows, of which `key` is the sort key."""
        items, following = self.cut(rows, key)
        return Page(items=items, next=following)

    def _list(self) -> str:
        """What tells this list with its filters from another one."""
        filters = sorted((name, value) for name, value in self._request.query_params.multi_items() if name not in _OURS)
        return sha256(repr((self._request.url.path, filters)).encode()).hexdigest()[:12]


_OURS = {"cursor", "limit"}


async def paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=LONGEST, description="How many items at most.")] = USUAL,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next` of the page before.")] = None,
) -> Paging:
    """The page that a request asks for, by its query."""
    return Paging(limit, cursor, request, response)


Paged = Annotated[Paging, Depends(paging)]


def _read(kind: type[Key], part: object) -> Key:
    """One part of a sort key. Raises ValueError for what is none of this kind."""
    if kind is datetime:
        instant = datetime.fromisoformat(str(part))
        if instant.tzinfo is None:
            raise ValueError("no time zone")
        return instant
    if type(part) is not kind or (isinstance(part, str) and "\x00" in part):
        raise ValueError(f"no {kind.__name__}")
    if isinstance(part, int) and not 0 <= part < 2**63:
        raise ValueError("no number of ours")
    return part
