"""The recipients and channels of notices: the notices file, read once at the start, with its secrets from the environment."""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator

from domain.errors import TenureError
from domain.identity.roles import Role
from domain.ids import Name, ProgramId
from domain.model import Value
from domain.notices.gate_notices import Addressee, Routing
from runtime.settings import API_URL, Settings, is_this_machine

_SECRET_PREFIX = "whsec_"  # noqa: S105
_SECRET_BYTES = range(24, 65)
"""The lengths of a secret in bytes that the Standard Webhooks specification permits."""

Tls = Literal["starttls", "tls", "none"]
MailAddress = Annotated[str, Field(max_length=254, pattern=r"^[!#-'*+/-9=?A-Z^-~.-]+@[A-Za-z0-9.-]+$")]
"""One address without a name: `finance@example.org`."""
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""


def _web_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no web address; write for instance https://example.org/hooks/tenure")
    return address


class NoticesUnusable(TenureError):
    """The notices file cannot be used; `field` is the first one at fault. No value is shown: it might be a secret."""

    code = "notices_file_unusable"
    title = "The notices file cannot be used"

    def __init__(self, file: Path, field: str, problem: str) -> None:
        place = f", field `{field}`" if field else ""
        super().__init__(
            f"The notices file {file}{place}: {problem}.",
            remedy="Correct it as docs/operating.md describes it, or unset TENURE_NOTICES_FILE to have notices logged alone.",
            field=field or None,
        )


class _To(Value):
    """The gates that an addressee gets notices about, by role and program; empty means all."""

    roles: tuple[Role, ...] = ()
    programs: tuple[ProgramId, ...] = ()


class MailTo(_To):
    address: MailAddress


class MailPart(Value):
    """The mail server, the sender, and the recipients."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = "starttls"
    user: str | None = None
    password_variable: Variable | None = None
    sender: MailAddress = Field(alias="from")
    to: Annotated[tuple[MailTo, ...], Field(min_length=1)]


class WebhookPart(_To):
    """A receiver of signed requests; a notice stores its name, never its address."""

    name: Name
    url: Annotated[str, AfterValidator(_web_address)]
    secret_variable: Variable


class NoticesFile(Value):
    """The notices file; with `log`, notices are logged too, as they always are if nothing else is configured."""

    mail: MailPart | None = None
    webhooks: tuple[WebhookPart, ...] = ()
    log: bool = False

    @field_validator("webhooks")
    @classmethod
    def _each_name_once(cls, webhooks: tuple[WebhookPart, ...]) -> tuple[WebhookPart, ...]:
        names = [webhook.name for webhook in webhooks]
        if len(names) != len(set(names)):
            raise ValueError("two webhooks have the same name; give each a name of its own")
        return webhooks


@dataclass(frozen=True)
class MailServer:
    """The server that takes the mail, and how to log in to it."""

    host: str
    port: int
    tls: Tls
    sender: str
    user: str | None = None
    password: SecretStr | None = None


@dataclass(frozen=True)
class Webhook:
    """A webhook's address, and the key that signs its requests."""

    url: str = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Notices:
    """The addressees of notices, and the configuration of each channel."""

    routing: Routing
    mail: MailServer | None = None
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)


def logged_alone(public_url: str = API_URL) -> Notices:
    """Return the default configuration: all notices go to the log."""
    return Notices(Routing(addressees=(Addressee(channel="log", recipient="log"),), public_url=public_url))


def read_notices(settings: Settings, environment: Mapping[str, str] = os.environ) -> Notices:
    """Read the notices file; without one, notices are logged. Raises NoticesUnusable."""
    file = settings.notices
    if settings.notices_file is None and not file.exists():
        return logged_alone(settings.people_url)
    try:
        document = json.loads(file.read_text())
    except OSError as error:
        raise NoticesUnusable(file, "", f"it cannot be read ({error.strerror or type(error).__name__})") from None
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise NoticesUnusable(file, "", f"it is not JSON{where}") from None
    return _resolved(file, _validated(file, document), settings.people_url, environment)


def _validated(file: Path, document: Any) -> NoticesFile:
    try:
        return NoticesFile.model_validate(document)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise NoticesUnusable(file, place, fault["msg"].removeprefix("Value error, ")) from None


def _resolved(file: Path, said: NoticesFile, public_url: str, environment: Mapping[str, str]) -> Notices:
    to: list[Addressee] = []
    server = None
    if said.mail is not None:
        server = _server(file, said.mail, environment)
        to += [
            Addressee(channel="mail", recipient=each.address, roles=each.roles, programs=each.programs) for each in said.mail.to
        ]
    webhooks = {}
    for position, webhook in enumerate(said.webhooks):
        key = _key(file, f"webhooks.{position}.secret_variable", webhook.secret_variable, environment)
        webhooks[webhook.name] = Webhook(url=webhook.url, key=key)
        to.append(Addressee(channel="webhook", recipient=webhook.name, roles=webhook.roles, programs=webhook.programs))
    if said.log or not to:
        to.append(Addressee(channel="log", recipient="log"))
    return Notices(Routing(addressees=tuple(to), public_url=public_url), server, webhooks)


def _server(file: Path, mail: MailPart, environment: Mapping[str, str]) -> MailServer:
    if (mail.user is None) != (mail.password_variable is None):
        missing = "user" if mail.user is None else "password_variable"
        raise NoticesUnusable(file, f"mail.{missing}", "it is missing: a user and a password go together")
    password = None
    if mail.password_variable is not None:
        if mail.tls == "none" and not is_this_machine(mail.host):
            raise NoticesUnusable(file, "mail.tls", "a password is never sent over the net in the clear; write starttls or tls")
        password = SecretStr(_secret(file, "mail.password_variable", mail.password_variable, environment))
    return MailServer(mail.host, mail.port, mail.tls, mail.sender, mail.user, password)


def _key(file: Path, place: str, variable: str, environment: Mapping[str, str]) -> bytes:
    secret = _secret(file, place, variable, environment)
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_SECRET_PREFIX) or len(key) not in _SECRET_BYTES:
        raise NoticesUnusable(
            file,
            place,
            f"the variable {variable} has no secret of the usual form, which is whsec_ and 24 to 64 bytes in base64",
        )
    return key


def _secret(file: Path, place: str, variable: str, environment: Mapping[str, str]) -> str:
    secret = environment.get(variable, "")
    if not secret:
        raise NoticesUnusable(file, place, f"the environment variable {variable} is not set")
    return secret
