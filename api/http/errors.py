"""The problems of a request that cannot be read, or that asks for what no address has."""

from collections.abc import Sequence

from domain.errors import TenureError


class ZoneMissing(TenureError):
    """A date that could mean any of two dozen instants; `errors` names every such field."""

    code = "time_zone_missing"
    category = "invalid"
    title = "The time has no time zone"

    def __init__(self, errors: list[dict[str, object]]) -> None:
        field = str(errors[0]["field"])
        super().__init__(
            f"{field} has no time zone.",
            remedy="Write the zone with it: 2026-03-10T09:30:00Z or …T04:30:00-05:00.",
            field=field,
        )
        self.errors = errors


class BodyTooLarge(TenureError):
    """The body has more bytes than the API takes at once."""

    code = "body_too_large"
    category = "too_large"
    title = "The body is too large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit:,} bytes.", remedy="Send it in smaller parts.")


class RouteUnknown(TenureError):
    """No route of the API has this address."""

    code = "route_unknown"
    category = "not_found"
    title = "Nothing is here"
    example = {"path": "/program"}

    def __init__(self, path: str) -> None:
        super().__init__(f"There is nothing at {path!r}.", remedy="See /docs for every address that there is.")


class MethodNotAllowed(TenureError):
    """The address is there, and does not take this method."""

    code = "method_not_allowed"
    category = "method_not_allowed"
    title = "This is not what the address is for"

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"{method} is not for {path!r}.", remedy=f"Use {allowed or 'another method'}; see /docs.")


class NotAcceptable(TenureError):
    """Answers are JSON as UTF-8; some pages come as HTML too."""

    code = "not_acceptable"
    category = "not_acceptable"
    title = "There is no answer of this kind"

    def __init__(self, accept: str, offered: Sequence[str]) -> None:
        super().__init__(
            f"Nothing here can be told as {accept[:200]!r}.", remedy=f"Accept {' or '.join(offered)}.", field="Accept"
        )


class MediaTypeUnsupported(TenureError):
    """A body says in its `Content-Type` what it is, and each route takes some kinds."""

    code = "media_type_unsupported"
    category = "unsupported_media_type"
    title = "The body is of another kind than this address takes"

    def __init__(self, sent: str, taken: Sequence[str]) -> None:
        super().__init__(
            f"The body is said to be {sent[:200]!r}.",
            remedy=f"Send {' or '.join(taken)} as UTF-8, and say so in Content-Type.",
            field="Content-Type",
        )


class CursorInvalid(TenureError):
    """A cursor is what `next` of a page said, for the same list with the same filters; nobody makes one up."""

    code = "cursor_invalid"
    category = "invalid"
    title = "The cursor leads nowhere"

    def __init__(self) -> None:
        super().__init__(
            "The cursor is not one that a page of this list gave out.",
            remedy="Take `next` of the page before as it is, with the same filters, or begin again without a cursor.",
            field="query.cursor",
        )


class ProblemUnknown(TenureError):
    """The registry of problems has no such code."""

    code = "problem_unknown"
    category = "not_found"
    title = "There is no such problem"
    example = {"asked": "no_such_code"}

    def __init__(self, asked: str) -> None:
        super().__init__(f"There is no problem {asked!r}.", remedy="See /problems for every code that there is.", field="code")


class TagInvalid(TenureError):
    """An entity tag is a text in quotation marks, as an ETag is answered; `*` stands for any."""

    code = "entity_tag_invalid"
    category = "malformed"
    title = "The entity tag cannot be read"

    def __init__(self, header: str) -> None:
        super().__init__(
            f"{header} is no list of entity tags.",
            remedy="Send the ETag of an earlier answer as it came, with its quotation marks.",
            field=header,
        )


class HttpRefused(TenureError):
    """The request cannot be read as HTTP, so that no route looks at it."""

    code = "http_error"
    category = "malformed"
    title = "The request cannot be read"

    def __init__(self, detail: str) -> None:
        super().__init__(f"{detail}.", remedy="Correct the request; see /docs for how it must look.")
