"""The API as the commands call it: who asks, one key for each POST, and every failure as one clear error."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import typer

from cli.errors import ApiUnreachable, NobodyAsks, Refused, WrongCall
from cli.people import token_of

if TYPE_CHECKING:
    import httpx

    from runtime.settings import Settings

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 90.0
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Reply(NamedTuple):
    """What the API answered: the text as it came, and its meaning."""

    text: str
    data: Any


def settings() -> "Settings":
    """The settings of this command. Raises WrongCall where an environment variable cannot be read."""
    from pydantic import ValidationError

    from runtime.settings import settings as read

    try:
        return read()
    except ValidationError as error:
        faults = "; ".join(f"TENURE_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        raise WrongCall(f"The environment cannot be used: {faults}.", remedy="Correct or unset these variables.") from error


class Api:
    """The API as one person. Raises Refused for a problem that it answers with, and ApiUnreachable where nobody answers."""

    def __init__(self, who: str | None, *, as_json: bool = False) -> None:
        """Ask as `who` (an id of the people file; None: whose token is in TENURE_TOKEN); `as_json` prints problems as JSON."""
        import httpx

        configured = settings()
        token = token_of(configured.people, who) if who else configured.token
        if not token:
            raise NobodyAsks
        self._as_json = as_json
        self._base = configured.api_url.rstrip("/")
        try:
            url = httpx.URL(self._base)
            self._client = httpx.Client(
                base_url=url,
                headers={b"Authorization": f"Bearer {token}".encode(), b"Accept": b"application/json"},
                timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                trust_env=url.host not in _LOOPBACK,  # what is on this machine is never asked through a proxy
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise self._no_address() from error

    def get(self, *path: str, **parameters: str | bool | None) -> Reply:
        """Read what is at the path, whose parts are quoted; parameters of None are left out."""
        asked = {name: value for name, value in parameters.items() if value is not None}
        return self._send("GET", path, params=asked)

    def get_text(self, *path: str, **parameters: str | bool | None) -> str:
        """Read what is no JSON: a table, a page."""
        asked = {name: value for name, value in parameters.items() if value is not None}
        return self._send("GET", path, plain=True, params=asked).text

    def post(
        self,
        *path: str,
        key: str | None,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        again: str = "",
    ) -> Reply:
        """Have something done, once for each key; `again` is what a repetition needs besides the key."""
        key = key or str(uuid4())
        headers = {b"Idempotency-Key": key.encode()}
        repeat = f"Repeat the command with `--key {key}{' ' + again if again else ''}`: it will act once at most."
        if content is not None:
            headers[b"Content-Type"] = content_type.encode()
            return self._send("POST", path, repeat=repeat, headers=headers, content=content)
        return self._send("POST", path, repeat=repeat, headers=headers, json=body or {})

    def _send(
        self, method: str, path: tuple[str, ...], *, repeat: str = "Try again.", plain: bool = False, **request: Any
    ) -> Reply:
        import httpx

        try:
            # A gate's id has slashes of its own.
            response = self._client.request(method, "/" + "/".join(quote(part, safe="/:") for part in path), **request)
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
        if plain and response.is_success:
            return Reply(response.text, None)
        return self._understood(response)

    def _understood(self, response: "httpx.Response") -> Reply:
        try:
            data = response.json()
        except ValueError:
            data = None
        if response.is_success and data is not None:
            return Reply(response.text, data)
        if not (isinstance(data, dict) and "code" in data):
            raise ApiUnreachable(
                f"What answers at {self._base} is not Tenure's API (status {response.status_code}).",
                remedy="Name the right address in TENURE_API_URL.",
            )
        if self._as_json:
            typer.echo(response.text)
            raise typer.Exit(Refused.exit_code)
        raise Refused(data)

    def _no_address(self) -> WrongCall:
        return WrongCall(
            f"{self._base!r} is no address of an API.", remedy="Write TENURE_API_URL as for instance http://127.0.0.1:8600."
        )
