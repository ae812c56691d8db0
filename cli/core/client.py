"""The commands' client of the API: the principal, one key for each POST, and one clear error for every failure."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import typer

from cli.core.errors import ApiUnreachable, NobodyAsks, Refused, WrongCall
from cli.core.tokens import Token, tokens_of
from cli.core.waiting import wait_until

if TYPE_CHECKING:
    import httpx

    from runtime.settings import Settings

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 90.0
_PAGE = 200
_TOLD_EVERY = 2_000
_MOST_WAIT = 120
"""The most seconds for which a command waits after the API's 429 (too many requests)."""
TextKind = Literal["text/html", "text/csv"]
"""The media types of the API beside JSON."""


class Reply(NamedTuple):
    """An answer of the API: its text, and the data in it."""

    text: str
    data: Any


def settings() -> "Settings":
    """The settings of this command. Raises WrongCall if an environment variable cannot be read."""
    from pydantic import ValidationError

    from runtime.settings import settings as read

    try:
        return read()
    except ValidationError as error:
        faults = "; ".join(f"TENURE_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        raise WrongCall(f"The environment cannot be used: {faults}.", remedy="Correct or unset these variables.") from error


class Api:
    """The API for one principal. Raises Refused for a problem in the answer, and ApiUnreachable without an answer."""

    def __init__(self, who: str | None, *, as_json: bool = False) -> None:
        """Call as `who` (an id of the people file; None: by the token in TENURE_TOKEN); `as_json` prints problems as JSON."""
        import httpx

        from runtime.settings import is_this_machine

        configured = settings()
        token = _token(configured, who)
        self._as_json = as_json
        self._base = configured.api_url.rstrip("/")
        try:
            url = httpx.URL(self._base)
            self._client = httpx.Client(
                base_url=url,
                headers={b"Accept": b"application/json"},
                auth=lambda request: _signed(request, token),
                timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                trust_env=not is_this_machine(url.host),  # an API on this machine is called without a proxy
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise self._no_address() from error

    def get(self, *path: str, **parameters: str | bool | None) -> Reply:
        """GET the path, whose parts are quoted; parameters of None are left out."""
        asked = {name: value for name, value in parameters.items() if value is not None}
        return self._send("GET", path, params=asked)

    def all_pages(self, *path: str, limit: int | None = None, **parameters: str | bool | None) -> Reply:
        """Read all pages of a list, or up to `limit` items, and return them as one page.

        For a long list, lines on standard error show the progress.
        """
        items: list[Any] = []
        cursor: str | None = None
        while True:
            most = _PAGE if limit is None else min(_PAGE, limit - len(items))
            page = self.get(*path, limit=str(most), cursor=cursor, **parameters).data
            items += page["items"]
            cursor = page["next"]
            if cursor is None or (limit is not None and len(items) >= limit):
                break
            if len(items) % _TOLD_EVERY == 0:
                typer.echo(f"{len(items):,} read …", err=True)
        whole = page | {"items": items, "next": cursor}
        return Reply(json.dumps(whole, ensure_ascii=False), whole)

    def text(self, *path: str, kind: TextKind, **parameters: str | None) -> str:
        """GET the path as HTML or CSV; parameters of None are left out."""
        asked = {name: value for name, value in parameters.items() if value is not None}
        return self._send("GET", path, kind=kind, params=asked, headers={b"Accept": kind.encode()}).text

    def post(
        self,
        *path: str,
        key: str | None,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        again: str = "",
        if_match: str | None = None,
        **parameters: str | None,
    ) -> Reply:
        """POST to the path, once for each key; `again` are the options that a repetition needs beside the key.

        `if_match` is the tag of the version read: the API refuses if there is another one now. If the API answers 202, this
        waits for the outcome.
        """
        key = key or str(uuid4())
        headers = {b"Idempotency-Key": key.encode()}
        if if_match is not None:
            headers[b"If-Match"] = f'"{if_match}"'.encode()
        asked = {name: value for name, value in parameters.items() if value is not None}
        repeat = f"Repeat the command with `--key {key}{' ' + again if again else ''}`: it will act once at most."
        if content is not None:
            headers[b"Content-Type"] = content_type.encode()
            reply = self._send("POST", path, repeat=repeat, headers=headers, params=asked, content=content)
        else:
            reply = self._send("POST", path, repeat=repeat, headers=headers, params=asked, json=body or {})
        return self._outcome(reply, key, repeat)

    def _outcome(self, reply: Reply, key: str, repeat: str) -> Reply:
        """Wait for the outcome of a request that was answered 202; return any other reply unchanged."""

        def is_under_way(reply: Reply) -> bool:
            return isinstance(reply.data, dict) and reply.data.get("state") == "under_way" and reply.data.get("key") == key

        if not is_under_way(reply):
            return reply
        reply = wait_until(
            reply,
            lambda reply: not is_under_way(reply),
            lambda _: self._send("GET", ("requests", key), repeat=repeat),
            _ANSWER_SECONDS,
        )
        match reply.data["state"]:
            case "under_way":
                raise ApiUnreachable("The request is still under way.", remedy=repeat)
            case "unknown":
                raise ApiUnreachable("Nobody knows what became of the request.", remedy=repeat)
            case "refused":
                raise self._refused(reply.data["answer"], json.dumps(reply.data["answer"], ensure_ascii=False))
            case _:
                return Reply(json.dumps(reply.data["answer"], ensure_ascii=False), reply.data["answer"])

    def _refused(self, problem: Mapping[str, Any], text: str) -> Exception:
        """The exception that ends the command with a problem; with `as_json` the problem is printed unchanged."""
        if self._as_json:
            typer.echo(text)
            return typer.Exit(Refused.exit_code)
        return Refused(problem)

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        repeat: str = "Try again.",
        kind: TextKind | None = None,
        **request: Any,
    ) -> Reply:
        import httpx

        try:
            # A gate's id contains slashes.
            address = "/" + "/".join(quote(part, safe="/:") for part in path)
            response = self._client.request(method, address, **request)
            waited = 0
            while response.status_code == httpx.codes.TOO_MANY_REQUESTS and (pause := _pause(response)) <= _MOST_WAIT - waited:
                time.sleep(pause)  # the API has said how long to wait
                waited += pause
                response = self._client.request(method, address, **request)
        except httpx.UnsupportedProtocol as error:
            raise self._no_address() from error
        except httpx.LocalProtocolError as error:
            raise WrongCall(f"The request cannot be sent: {error}.", remedy="Check the token and `--key`.") from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ApiUnreachable(
                f"The API at {self._base} does not answer.",
                remedy="Start it with `tenure up`, or name the one to use in TENURE_API_URL.",
            ) from error
        except httpx.TransportError as error:
            raise ApiUnreachable(
                f"The API at {self._base} did not answer to the end ({type(error).__name__}).", remedy=repeat
            ) from error
        return self._understood(response, kind)

    def _understood(self, response: "httpx.Response", kind: TextKind | None) -> Reply:
        try:
            data = response.json()
        except ValueError:
            data = None
        is_text = kind is not None and response.headers.get("content-type", "").startswith(kind)
        if response.is_success and (is_text or (data is not None and kind is None)):
            return Reply(response.text, data)
        if not (isinstance(data, dict) and "code" in data):
            raise ApiUnreachable(
                f"What answers at {self._base} is not Tenure's API (status {response.status_code}).",
                remedy="Name the right address in TENURE_API_URL.",
            )
        raise self._refused(data, response.text)

    def _no_address(self) -> WrongCall:
        return WrongCall(
            f"{self._base!r} is no address of an API.", remedy="Write TENURE_API_URL as for instance http://127.0.0.1:8600."
        )


def _token(configured: "Settings", who: str | None) -> Token:
    """The token for the API: that of the named person, else the one in TENURE_TOKEN. Raises NobodyAsks without any."""
    if who:
        return tokens_of(configured.people, who)
    token = configured.token.get_secret_value() if configured.token else ""
    if not token:
        raise NobodyAsks
    return lambda: token


def _signed(request: "httpx.Request", token: Token) -> "httpx.Request":
    request.headers["Authorization"] = f"Bearer {token()}"
    return request


def _pause(response: "httpx.Response") -> int:
    """The seconds to wait, from Retry-After; more than `_MOST_WAIT` if it cannot be read."""
    shown = response.headers.get("Retry-After", "")
    return max(1, int(shown)) if shown.isdigit() and len(shown) < 9 else _MOST_WAIT + 1
