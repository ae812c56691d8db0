"""All settings, read once from `TENURE_*` (and, for Temporal, from its own standard `TEMPORAL_*`) environment variables."""

from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import TenureError

API_URL = "http://127.0.0.1:8600"
"""The default address of the embedded stack's API."""
ANSWER_WITHIN = 5.0
"""Seconds that a request waits for a workflow, unless the setting `answer_within` says otherwise."""


class DatabaseMissing(TenureError):
    code = "database_missing"
    category = "unavailable"
    title = "No database is set"

    def __init__(self) -> None:
        super().__init__(
            "TENURE_DATABASE_URL is not set.", remedy="Set it, or run `tenure up`, which brings a database of its own."
        )


def is_safe_address(address: str) -> bool:
    """Whether keys may be fetched from this address: over https, or from this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and is_this_machine(host)


def is_this_machine(host: str) -> bool:
    """Whether a host's name or address means this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _safe_address(address: str) -> str:
    if not is_safe_address(address):
        raise ValueError("it must be an https address (http only on this machine); correct it")
    return address


def _rate(text: str) -> str:
    from limits import parse

    try:
        parse(text)
    except ValueError as error:
        raise ValueError("it is no rate; write for instance 60/minute") from error
    return text


SafeAddress = Annotated[str, AfterValidator(_safe_address)]
Rate = Annotated[str, AfterValidator(_rate)]
"""A limit of requests in a time: `60/minute`, `1000/hour`."""


class Settings(BaseSettings):
    """All settings. The defaults describe the embedded stack under `.tenure/`."""

    model_config = SettingsConfigDict(env_prefix="TENURE_", extra="ignore")

    home: Path = Path(".tenure")
    """The embedded stack's folder: data, logs, the people file, the keys."""
    database_url: str | None = Field(default=None, repr=False)
    """PostgreSQL elsewhere, as `postgresql://user:password@host:port/database`; unset: the embedded one."""
    api_url: str = API_URL
    """The address of the API for the command line."""
    api_host: str = "127.0.0.1"
    api_port: int = 8600
    temporal_port: int = 7233
    temporal_ui_port: int = 8233
    oidc_issuer: SafeAddress | None = None
    """The OpenID Connect issuer whose tokens the API accepts, exactly as in their claim `iss`."""
    oidc_audience: str | None = Field(default=None, min_length=1)
    """The claim `aud` of the issuer's tokens for this API."""
    oidc_jwks_url: SafeAddress | None = None
    """The address of the issuer's keys; unset: the one in its `/.well-known/openid-configuration`."""
    oidc_roles_claim: str = Field(default="tenure_roles", min_length=1)
    """The claim with a person's roles, each as `finance` or `finance@cd-club`; a dot leads into a nested claim."""
    development_issuer: bool = False
    """Accept tokens signed with the key beside the people file: only for development, never where others can reach the API."""
    people_file: Path | None = None
    """The persons of the development issuer, as JSON: a list of {id, name, roles}; unset: `people.json` in `home`."""
    token: SecretStr | None = None
    """The command line's credential for the API: a token of the issuer, or an API key."""
    signing_keys_file: Path | None = None
    """The private keys with which the API signs decisions; no other process may read them; unset: in `home`."""
    verification_keys_file: Path | None = None
    """The public keys with which workers verify that a decision comes from the API; unset: in `home`."""
    notices_file: Path | None = None
    """The recipients and channels of notices, as JSON; unset: `notices.json` in `home`; without that file, the log alone."""
    public_url: str | None = None
    """The API's address for people, for the links in notices; unset: `api_url`."""
    rate_prototypes: Rate = "60/minute"
    """Prototypes that one person may start; the next four settings limit each person in the same way."""
    rate_evaluations: Rate = "60/minute"
    rate_ledger: Rate = "120/minute"
    """Checks, seals and pages of a verification of the ledger."""
    rate_audit: Rate = "120/minute"
    """Verifications and exports of the audit trail."""
    rate_events: Rate = "1200000/minute"
    """Events in batches."""
    rate_failed_tokens: Rate = "100/minute"
    """Invalid tokens and keys from one address; beyond that, new ones from there are refused unchecked for a while."""
    max_body_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    """A request with a larger body is refused."""
    answer_within: float = Field(default=ANSWER_WITHIN, gt=0)
    """Seconds that a request waits for a workflow; then the answer is 202 with an address to poll."""
    seal_every: int = Field(default=60, ge=1)
    """Seconds from one seal of the ledger to the next."""
    build_id: str | None = None
    """The worker's build, if builds are deployed beside each other; unset: any worker takes any workflow."""
    max_cached_workflows: int = 2000
    database_pool: int = 20
    log_level: str = "INFO"

    @property
    def required_database_url(self) -> str:
        """The database's address, for a process that starts no database itself. Raises DatabaseMissing."""
        if self.database_url is None:
            raise DatabaseMissing
        return self.database_url

    @property
    def people(self) -> Path:
        return self.people_file or self.home / "people.json"

    @property
    def notices(self) -> Path:
        return self.notices_file or self.home / "notices.json"

    @property
    def people_url(self) -> str:
        """The API's address for people."""
        return self.public_url or self.api_url

    @property
    def signing_keys(self) -> Path:
        return self.signing_keys_file or self.home / "signing-keys.json"

    @property
    def verification_keys(self) -> Path:
        return self.verification_keys_file or self.home / "verification-keys.json"

    @property
    def directory_is_closed(self) -> bool:
        """Whether all persons who can call are known: an issuer elsewhere makes a person known only with the first request."""
        return self.oidc_issuer is None


@lru_cache
def settings() -> Settings:
    return Settings()
