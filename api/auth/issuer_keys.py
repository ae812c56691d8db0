"""An issuer's public keys: found in its metadata, kept as long as it says, fetched anew where a token names an unknown one."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from api.http.errors_identity import IssuerUnreachable
from runtime.settings import is_safe_address, is_this_machine

logger = logging.getLogger(__name__)

PublicKey = RSAKey | ECKey | OKPKey

AGAIN_AFTER = 10.0
"""Seconds between two tries to fetch the keys, however many tokens with unknown keys come meanwhile."""
_SHORTEST, _USUAL, _LONGEST = 60.0, 3600.0, 86_400.0
"""Seconds for which a fetched set is fresh: as its `max-age` says, between the outer two."""
_WAIT_TIMEOUT = 5.0
_LARGEST = 512 * 1024
_SMALLEST_RSA = 2048
_MOST_KEYS = 100


class Keys(Protocol):
    """Where the key of a token comes from."""

    async def find(self, kid: str) -> PublicKey | None:
        """The key with this id, None where the issuer has none such. Raises IssuerUnreachable where nobody can tell."""

    async def close(self) -> None: ...


class KnownKeys:
    """Keys that are at hand, such as those of the development issuer."""

    def __init__(self, key_set: Mapping[str, Any]) -> None:
        self._keys = usable(key_set)

    async def find(self, kid: str) -> PublicKey | None:
        return self._keys.get(kid)

    async def close(self) -> None:
        return


class FetchedKeys:
    """Keys of an issuer elsewhere. While it is away, those that are known go on."""

    def __init__(self, issuer: str, address: str | None = None) -> None:
        """`address` is where the key set is; None: where the issuer's metadata says."""
        self._issuer = issuer
        self._address = address
        this_machine = is_this_machine(urlsplit(issuer).hostname or "")
        self._http = httpx.AsyncClient(timeout=_WAIT_TIMEOUT, follow_redirects=False, trust_env=not this_machine)
        self._keys: dict[str, PublicKey] = {}
        self._fresh_until = 0.0
        self._tried_at = -AGAIN_AFTER
        self._is_away = True
        self._one_at_a_time = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> PublicKey | None:
        key = self._keys.get(kid)
        if key is not None:
            if time.monotonic() >= self._fresh_until:
                self._refresh_soon()  # who asks need not wait for it
            return key
        await self._refresh()
        key = self._keys.get(kid)
        if key is None and self._is_away:
            raise IssuerUnreachable(self._issuer)
        return key

    async def close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await self._http.aclose()

    def _refresh_soon(self) -> None:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        """Fetch the key set, unless that was tried a moment ago."""
        async with self._one_at_a_time:
            now = time.monotonic()
            if now - self._tried_at < AGAIN_AFTER:
                return
            self._tried_at = now
            try:
                keys, lifetime = await self._fetched()
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                self._is_away = True
                logger.warning("the keys of the issuer %s: %s: %s", self._issuer, type(error).__name__, error)
                return
            self._keys, self._is_away = keys, False
            self._fresh_until = time.monotonic() + lifetime

    async def _fetched(self) -> tuple[dict[str, PublicKey], float]:
        """The issuer's keys, and for how many seconds they are fresh. Raises ValueError for what cannot be used."""
        address = self._address
        if address is None:
            metadata, _ = await self._document(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if metadata.get("issuer") != self._issuer:
                raise ValueError(f"its metadata is of the issuer {metadata.get('issuer')!r}")
            address = metadata.get("jwks_uri")
            if not isinstance(address, str) or not is_safe_address(address):
                raise ValueError("its metadata names no https address of its keys")
        document, headers = await self._document(address)
        keys = usable(document)
        if not keys:
            raise ValueError("its key set has no key that can be used")
        return keys, _lifetime(headers)

    async def _document(self, address: str) -> tuple[dict[str, Any], httpx.Headers]:
        body = bytearray()
        async with self._http.stream("GET", address, headers={"Accept": "application/json"}) as response:
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"{address} answers with status {response.status_code}")
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _LARGEST:
                    raise ValueError(f"what is at {address} is too large")
        found = json.loads(bytes(body))
        if not isinstance(found, dict):
            raise ValueError(f"what is at {address} is no JSON object")
        return found, response.headers


def usable(key_set: Mapping[str, Any]) -> dict[str, PublicKey]:
    """Those keys of a set that can verify a token, by their ids; no shared secret is one, and no short RSA key."""
    keys: dict[str, PublicKey] = {}
    listed = key_set.get("keys")
    for data in listed[:_MOST_KEYS] if isinstance(listed, list) else []:
        if not isinstance(data, dict) or data.get("kty") not in ("RSA", "EC", "OKP") or data.get("use", "sig") != "sig":
            continue
        kid = data.get("kid")
        if not isinstance(kid, str):
            continue
        try:
            key = JWKRegistry.import_key({name: value for name, value in data.items() if name != "d"})
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey) and key.raw_value.key_size < _SMALLEST_RSA:
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            keys[kid] = key
    return keys


def _lifetime(headers: httpx.Headers) -> float:
    found = re.search(r"max-age=(\d{1,9})", headers.get("cache-control", ""))
    return min(max(float(found[1]), _SHORTEST), _LONGEST) if found else _USUAL
