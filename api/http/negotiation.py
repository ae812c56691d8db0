"""What a body may be and what an answer can be: held against what the API says of itself in its own description."""

from collections.abc import Mapping, Sequence
from email.message import Message
from typing import Any

from fastapi import Request

from api.http.errors import MediaTypeUnsupported, NotAcceptable

_HTML = "text/html"
_UTF_8 = {"", "utf-8", "utf8", "us-ascii"}


async def negotiate(request: Request) -> None:
    """For every route: raises MediaTypeUnsupported for a body of a kind that it does not take, NotAcceptable for a wish that
    it cannot meet. A body that does not say what it is, is taken for what the route takes.
    """
    described = _described(request)
    taken = sorted(described.get("requestBody", {}).get("content", {}))
    sent = request.headers.get("content-type")
    if taken and sent is not None:
        kind, charset = _kind(sent)
        if kind not in taken or charset.lower() not in _UTF_8:
            raise MediaTypeUnsupported(sent, taken)
    offered = _offered(described)
    if offered and not any(_quality(request, each) > 0 for each in offered):
        raise NotAcceptable(request.headers["accept"], offered)


def prefers_html(request: Request) -> bool:
    """Whether who asks would sooner have a page than JSON: a browser does."""
    return _quality(request, _HTML) > _quality(request, "application/json")


def _described(request: Request) -> Mapping[str, Any]:
    """The operation that answers the request, as OpenAPI describes it; nothing for what is not described."""
    paths: Mapping[str, Any] = request.app.openapi()["paths"]
    operation: Mapping[str, Any] = paths.get(request.scope["route"].path_format, {}).get(request.method.lower(), {})
    return operation


def _offered(described: Mapping[str, Any]) -> Sequence[str]:
    well = [answer for status, answer in described.get("responses", {}).items() if status.startswith("2")]
    return sorted({kind for answer in well for kind in answer.get("content", {})})


def _kind(header: str) -> tuple[str, str]:
    """The media type of a Content-Type, and the charset that it names."""
    read = Message()
    read["Content-Type"] = header
    return read.get_content_type() if "/" in header else header, str(read.get_param("charset", ""))


def _quality(request: Request, kind: str) -> float:
    """How much a kind is wished for, from 0 to 1 (RFC 9110, 12.5.1): the most specific range of the Accept header counts."""
    accept = request.headers.get("accept")
    if accept is None or not accept.strip():
        return 1.0
    best = (-1, 0.0)
    for each in accept.split(","):
        name, *parameters = (part.strip().lower() for part in each.split(";"))
        rank = {kind: 2, f"{kind.partition('/')[0]}/*": 1, "*/*": 0}.get(name)
        if rank is not None:
            best = max(best, (rank, _q(parameters)))
    return best[1]


def _q(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
