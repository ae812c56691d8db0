"""The development issuer: a key on this machine; anybody who can read it can sign tokens for the persons of the people file.

It replaces a company's OpenID Connect provider during development. The API accepts its tokens only under the setting
`development_issuer`, and checks them like those of any issuer.
"""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ISSUER = "tenure-development"
AUDIENCE = "tenure"
ROLES_CLAIM = "tenure_roles"
KEY_FILE = "development-issuer.json"
LIFETIME = 600
"""Seconds for which a token is valid."""
_MARGIN = 60
"""A token that is valid for fewer seconds than this is replaced."""
_ALGORITHM = "Ed25519"


class DevelopmentIssuer:
    """Signs tokens, and reuses each until shortly before its end."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self._made: dict[tuple[str, str, tuple[str, ...]], tuple[float, str]] = {}

    @classmethod
    def new(cls) -> "DevelopmentIssuer":
        """Make an issuer with a new key."""
        return cls(OKPKey.generate_key("Ed25519", parameters={"use": "sig"}, auto_kid=True))

    @classmethod
    def read(cls, people_file: Path) -> "DevelopmentIssuer":
        """Read the issuer's key beside the people file. Raises OSError, or ValueError if the file holds no such key."""
        try:
            return cls(OKPKey.import_key(json.loads(key_file(people_file).read_text(encoding="utf-8"))))
        except (JoseError, KeyError, TypeError) as error:
            raise ValueError(f"it holds no key: {error}") from error

    @property
    def private_key(self) -> str:
        """The content of the key's file: a JSON Web Key."""
        return json.dumps(self._key.as_dict(private=True), indent=2) + "\n"

    @property
    def public_keys(self) -> dict[str, Any]:
        """The key set that an issuer publishes."""
        return {"keys": [self._key.as_dict(private=False)]}

    def token(self, person: str, name: str, roles: Iterable[str], *, lifetime: float = LIFETIME) -> str:
        """Return a token for this person with these roles; an earlier one is reused while it is valid for long enough."""
        asked = (person, name, tuple(roles))
        now = time.time()
        until, token = self._made.get(asked, (0.0, ""))
        if until - now < _MARGIN:
            until = now + lifetime
            token = self.signed({"sub": person, "name": name, ROLES_CLAIM: list(asked[2]), "exp": int(until)})
            self._made[asked] = until, token
        return token

    def signed(self, claims: dict[str, Any]) -> str:
        """Sign a token with these claims, from this issuer, for the API, as of now; `claims` override these defaults."""
        now = int(time.time())
        whole = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + LIFETIME} | claims
        header = {"alg": _ALGORITHM, "kid": self._key.kid}
        return jwt.encode(header, whole, self._key, algorithms=[_ALGORITHM])


def key_file(people_file: Path) -> Path:
    """Return the key's file: it lies beside the people file, so that one setting names both."""
    return people_file.with_name(KEY_FILE)
