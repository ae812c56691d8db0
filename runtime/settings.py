"""All settings, read once from `TENURE_*` (and, for Temporal, from its own standard `TEMPORAL_*`) environment variables."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.errors import TenureError

API_URL = "http://127.0.0.1:8600"
"""Where the embedded stack has the API unless told otherwise."""


class DatabaseMissing(TenureError):
    code = "database_missing"
    status = 503
    title = "No database is set"

    def __init__(self) -> None:
        super().__init__(
            "TENURE_DATABASE_URL is not set.", remedy="Set it, or run `tenure up`, which brings a database of its own."
        )


class Settings(BaseSettings):
    """Where things are. With nothing set, everything is the embedded stack under `.tenure/`."""

    model_config = SettingsConfigDict(env_prefix="TENURE_", extra="ignore")

    home: Path = Path(".tenure")
    """The embedded stack's folder: data, logs, the people file, the keys."""
    database_url: str | None = None
    """PostgreSQL elsewhere, as `postgresql://user:password@host:port/database`; unset: the embedded one."""
    api_url: str = API_URL
    """Where the command line finds the API."""
    api_host: str = "127.0.0.1"
    api_port: int = 8600
    temporal_port: int = 7233
    temporal_ui_port: int = 8233
    people_file: Path | None = None
    """Who may use the API, as JSON: a list of {id, name, roles, token}; unset: `people.json` in `home`."""
    signing_keys_file: Path | None = None
    """The private keys by which the API signs decisions, which no other process may read; unset: in `home`."""
    verification_keys_file: Path | None = None
    """The public keys, by which workers know that a decision is the API's; unset: in `home`."""
    token: str | None = None
    """The bearer token of the person who uses the command line."""
    notices_file: Path | None = None
    """Whom notices go to, and how, as JSON; unset: `notices.json` in `home`, and where that is not there, the log alone."""
    public_url: str | None = None
    """Under which address people find the API, for the links in notices; unset: `api_url`."""
    max_body_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    """A request with a larger body is refused."""
    answer_within: float = Field(default=5.0, gt=0)
    """Seconds that a request waits for a workflow; then it is answered 202 with an address to ask at."""
    seal_every: int = Field(default=60, ge=1)
    """Seconds from one sealing of the ledger to the next."""
    build_id: str | None = None
    """Which build a worker is, where builds are deployed beside each other; unset: any worker takes any workflow."""
    max_cached_workflows: int = 2000
    database_pool: int = 20
    log_level: str = "INFO"

    @property
    def required_database_url(self) -> str:
        """The database's address, for a process that has no stack to start one. Raises DatabaseMissing."""
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
        """The address that people are given."""
        return self.public_url or self.api_url

    @property
    def signing_keys(self) -> Path:
        return self.signing_keys_file or self.home / "signing-keys.json"

    @property
    def verification_keys(self) -> Path:
        return self.verification_keys_file or self.home / "verification-keys.json"


@lru_cache
def settings() -> Settings:
    return Settings()
