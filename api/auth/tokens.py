"""How a person's token is read: an OpenID Connect JWT, of which everything is checked before anything of it is believed."""

import re
import time
import warnings
from collections.abc import Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError, SecurityWarning

from api.auth.caller import MACHINE, Principal
from api.auth.issuer_keys import Keys
from api.http.errors_identity import TokenRefused
from domain.identity.roles import Roles
from runtime.identity.people_file import LONGEST_ID, LONGEST_NAME, PERSON_ID

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""How a token may be signed: never by a secret that the API would have to know, never not at all. The last two are one
algorithm, by its older and its newer name."""
LEEWAY = 30
"""Seconds by which the issuer's clock and ours may differ."""
_LONGEST_TOKEN = 16 * 1024
_LONGEST_EMAIL = 320

# The older name is what most issuers still write; it is the same Ed25519.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)


class _Registry(jws.JWSRegistry):
    max_header_length = 4096


_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


class Tokens:
    """Reads the tokens of one issuer for one audience."""

    def __init__(self, issuer: str, audience: str, keys: Keys, roles_claim: str) -> None:
        self._keys = keys
        self._roles_claim = roles_claim
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )

    async def read(self, token: str) -> tuple[Principal, float]:
        """Whose token it is, and until when (Unix time). Raises TokenRefused, IssuerUnreachable."""
        claims = await self._verified(token)
        try:
            self._claims.validate(claims)
        except ExpiredTokenError:
            raise TokenRefused("The token has expired.") from None
        except ClaimError as error:
            raise TokenRefused(f"The token is not for this API: its claim `{error.claim}` is missing or not right.") from None
        return self._principal(claims), float(claims["exp"])

    async def close(self) -> None:
        await self._keys.close()

    async def _verified(self, token: str) -> dict[str, Any]:
        """The claims of a token whose signature is good."""
        if len(token) > _LONGEST_TOKEN:
            raise TokenRefused
        try:
            header = jws.extract_compact(token.encode(), registry=_REGISTRY).headers()
        except (JoseError, ValueError, TypeError):
            raise TokenRefused from None
        kid = header.get("kid")
        if header.get("alg") not in ALGORITHMS or not isinstance(kid, str):
            raise TokenRefused
        key = await self._keys.find(kid)
        if key is None:
            raise TokenRefused
        try:
            return jwt.decode(token, key, registry=_REGISTRY).claims
        except (JoseError, ValueError, TypeError):
            raise TokenRefused from None

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        subject = str(claims["sub"])
        if len(subject) > LONGEST_ID or not re.fullmatch(PERSON_ID, subject) or subject.startswith(MACHINE):
            raise TokenRefused("The token is not for this API: its claim `sub` cannot be a person's id here.")
        return Principal(
            id=subject,
            roles=Roles.known_of(_listed(claims, self._roles_claim)),
            name=_text(claims.get("name"), LONGEST_NAME) or _text(claims.get("preferred_username"), LONGEST_NAME),
            email=_text(claims.get("email"), _LONGEST_EMAIL),
        )


def now() -> float:
    return time.time()


def _listed(claims: Mapping[str, Any], name: str) -> list[object]:
    """The entries of the roles' claim: a list, or words in one text; under its name as it is, else along its dots."""
    found: object = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return list(found.split())
    return found if isinstance(found, list) else []


def _text(value: object, longest: int) -> str | None:
    """A claim that is kept as a text; None where there is nothing that could be kept."""
    if not isinstance(value, str):
        return None
    return value.replace("\x00", "").encode(errors="replace").decode()[:longest].strip() or None
