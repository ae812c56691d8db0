"""API keys: `tnr_<id>_<secret>`. The secret is random and shown once; its SHA-256 is what is kept and compared."""

import hmac
import re
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from api.http.errors_identity import TokenRefused
from store.identity import api_keys
from store.identity.api_keys import ApiKeyRecord

PREFIX = "tnr_"
_ID_BYTES, _SECRET_BYTES = 8, 32
_SHAPE = re.compile(r"tnr_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NOBODYS = "0" * 64


class NewKey(NamedTuple):
    """A key that has just been made: its id, what is shown to its owner once, and what is kept."""

    id: str
    key: str
    digest: str


def made() -> NewKey:
    """A key that nobody has yet, with 256 random bits."""
    id_, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    return NewKey(id_, f"{PREFIX}{id_}_{secret}", _digest(secret))


async def checked(key: str, engine: AsyncEngine) -> ApiKeyRecord:
    """The record of a key that is good now. Raises TokenRefused, which reads the same whatever is wrong with it."""
    shape = _SHAPE.fullmatch(key)
    if shape is None:
        raise TokenRefused
    async with engine.connect() as connection:
        found = await api_keys.find_with_digest(connection, shape[1])
    record, digest = found or (None, _NOBODYS)
    # Compared before anything else is looked at, so that no answer comes sooner than another.
    is_right = hmac.compare_digest(digest, _digest(shape[2]))
    now = datetime.now(UTC)
    if not is_right or record is None or not record.is_good(now):
        raise TokenRefused
    if record.last_used_on != now.date():
        async with engine.begin() as connection:
            await api_keys.used(connection, record.id, now.date())
    return record


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
