"""Headers that every answer carries, so that a browser makes no more of it than it is, and nobody keeps what is personal."""

import re
from base64 import b64encode
from hashlib import sha256

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAGES = ("/docs", "/docs/oauth2-redirect", "/redoc")
OPEN = (*_PAGES, "/health", "/openapi.json", "/problems")
"""What tells nothing of any program or person, and may be kept; so may the page of each problem."""
_PLAIN = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_NOT_KEPT = (b"cache-control", b"no-store")
_NOTHING = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_PAGE = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; connect-src 'self'; "
    "script-src https://cdn.jsdelivr.net {scripts}; worker-src blob:; "
    "style-src https://cdn.jsdelivr.net https://fonts.googleapis.com 'unsafe-inline'; "
    "font-src https://fonts.gstatic.com; img-src https: data:"
)
"""The pages of documentation load their viewer from its own place; of scripts within them, only those that they came with."""


class SecurityHeaders:
    """Around the whole application, so that errors have the headers too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path in _PAGES:
            await self._app(scope, receive, _Page(send, _added(scope, path)))
            return
        added = [*_added(scope, path), _NOTHING]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(message, added)
            await send(message)

        await self._app(scope, receive, with_headers)


class _Page:
    """A page goes out once it is whole, since its policy names the scripts that are in it."""

    def __init__(self, send: Send, added: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._added = added
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False) or self._start is None:
            return
        scripts = [f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in _INLINE.findall(self._body)]
        policy = _PAGE.format(scripts=" ".join(scripts)).encode()
        _add(self._start, [*self._added, (b"content-security-policy", policy)])
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": self._body})


def _added(scope: Scope, path: str) -> list[tuple[bytes, bytes]]:
    added = list(_PLAIN) if path in OPEN or path.startswith("/problems/") else [*_PLAIN, _NOT_KEPT]
    return [*added, _HTTPS_ONLY] if scope.get("scheme") == "https" else added


def _add(start: Message, added: list[tuple[bytes, bytes]]) -> None:
    """Add headers to a response; one that the route has set itself stays."""
    headers = list(start.get("headers", ()))
    there = {name.lower() for name, _ in headers}
    start["headers"] = headers + [header for header in added if header[0] not in there]
