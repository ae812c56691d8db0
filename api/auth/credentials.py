"""Who shows a bearer credential: a person's token or a machine's API key, each checked once and remembered for a while."""

import time
from collections import OrderedDict
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import machine_keys
from api.auth.caller import MACHINE, Principal
from api.auth.development import tokens_of_development
from api.auth.issuer_keys import FetchedKeys
from api.auth.tokens import Tokens
from api.http.errors_identity import TokenRefused
from api.http.rate_limits import Rates
from runtime.identity.issuer_settings import AudienceMissing, IssuerMissing, TwoIssuers
from runtime.settings import Settings
from store.identity import people

_REMEMBERED = 10_000
"""Credentials; who was recognised the longest ago goes first."""
_TOKEN_FOR, _KEY_FOR = 300.0, 10.0
"""Seconds for which what was checked is believed: a key that the issuer takes back, or one of ours that is revoked, ends so."""


class Credentials:
    """Recognises who asks. What was found out is remembered under the SHA-256 of the credential, never the credential."""

    def __init__(self, tokens: Tokens, rates: Rates) -> None:
        self._tokens = tokens
        self._rates = rates
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._directory = people.Sightings()

    @classmethod
    def of(cls, settings: Settings, rates: Rates) -> "Credentials":
        """Those that the settings allow. Raises IssuerMissing, AudienceMissing, TwoIssuers, DevelopmentUnusable."""
        return cls(_tokens(settings), rates)

    async def principal(self, credential: str, address: str, engine: AsyncEngine) -> Principal:
        """Whose credential it is. Raises TokenRefused, IssuerUnreachable, TooManyRequests."""
        digest = sha256(credential.encode()).digest()
        known = self._known.get(digest)
        if known is not None and time.time() < known[0]:
            return known[1]
        await self._rates.check("failed_tokens", address)
        try:
            principal, until = await self._checked(credential, engine)
        except TokenRefused:
            await self._rates.note("failed_tokens", address)
            raise
        self._known[digest] = until, principal
        self._known.move_to_end(digest)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return principal

    def forget(self, machine: str) -> None:
        """Look anew at what this machine shows, at once."""
        for digest in [digest for digest, (_, principal) in self._known.items() if principal.id == machine]:
            del self._known[digest]

    async def close(self) -> None:
        await self._tokens.close()

    async def _checked(self, credential: str, engine: AsyncEngine) -> tuple[Principal, float]:
        """Whose credential it is, and until when that may be believed."""
        if credential.startswith(machine_keys.PREFIX):
            record = await machine_keys.checked(credential, engine)
            principal = Principal(id=f"{MACHINE}{record.id}", roles=record.granted, name=record.name)
            return principal, min(time.time() + _KEY_FOR, record.expires_at.timestamp())
        principal, until = await self._tokens.read(credential)
        await self._directory.seen(engine, principal.id, principal.name, principal.email, principal.roles)
        return principal, min(time.time() + _TOKEN_FOR, until)


def _tokens(settings: Settings) -> Tokens:
    """What reads the tokens of the one issuer that the settings name."""
    if settings.development_issuer:
        if settings.oidc_issuer is not None:
            raise TwoIssuers
        return tokens_of_development(settings.people)
    if settings.oidc_issuer is None:
        raise IssuerMissing
    if settings.oidc_audience is None:
        raise AudienceMissing
    keys = FetchedKeys(settings.oidc_issuer, settings.oidc_jwks_url)
    return Tokens(settings.oidc_issuer, settings.oidc_audience, keys, settings.oidc_roles_claim)
