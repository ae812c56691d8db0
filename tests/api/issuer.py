"""An OpenID Connect issuer as a company has one: its metadata and its keys over HTTP, and tokens signed by them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.serving import served

AUDIENCE = "https://tenure.test"
Key = RSAKey | ECKey | OKPKey
MADE: dict[str, Key] = {
    "RS256": RSAKey.generate_key(2048, {"use": "sig", "kid": "rsa"}),
    "PS256": RSAKey.generate_key(2048, {"use": "sig", "kid": "pss"}),
    "ES256": ECKey.generate_key("P-256", {"use": "sig", "kid": "ec"}),
    "EdDSA": OKPKey.generate_key("Ed25519", {"use": "sig", "kid": "okp"}),
}
"""A key for each algorithm; to make them takes a while."""


@dataclass
class Issuer:
    """What it publishes, and how often it was asked for its keys."""

    address: str = ""
    named: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [key.as_dict(private=False) for key in MADE.values()])
    lifetime: int | None = None
    away: bool = False
    asked: int = 0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def token(self, alg: str = "RS256", *, key: Key | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token of finance's Fiona for the API, as of now; claims of None are left out."""
        now = int(time.time())
        usual = {"iss": self.address, "aud": AUDIENCE, "sub": "fiona", "iat": now, "nbf": now, "exp": now + 300}
        whole = {name: value for name, value in (usual | {"tenure_roles": ["finance"]} | claims).items() if value is not None}
        signer = key or MADE[alg]
        return jwt.encode({"alg": alg, "kid": signer.kid} | (header or {}), whole, signer, algorithms=[alg])


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """An issuer that answers as long as the block lasts."""
    issuer, app = Issuer(), FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def metadata() -> Any:
        issuer.was_asked.set()
        if issuer.away:
            return Response(status_code=503)
        return {"issuer": issuer.named or issuer.address, "jwks_uri": f"{issuer.address}/keys"}

    @app.get("/keys")
    async def keys() -> Any:
        issuer.asked += 1
        headers = {} if issuer.lifetime is None else {"Cache-Control": f"public, max-age={issuer.lifetime}"}
        return Response(status_code=503) if issuer.away else JSONResponse({"keys": issuer.keys}, headers=headers)

    async with served(app) as issuer.address:
        yield issuer
