"""The development issuer: a key on this machine with which whoever can read it signs tokens for the persons of the people file.

It stands in for a company's OpenID Connect provider where there is none. The API takes its tokens only under the setting
`development_issuer`, and checks them as it checks those of any issuer.
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
"""Seconds for which a token is good."""
_MARGIN = 60
"""A token that is good for less than so many seconds more is made anew."""
_ALGORITHM = "Ed25519"


class DevelopmentIssuer:
    """Signs tokens, each of which it keeps until shortly before its end."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self._made: dict[tuple[str, str, tuple[str, ...]], tuple[float, str]] = {}

    @classmethod
    def new(cls) -> "DevelopmentIssuer":
        """An issuer with a key of its own."""
        return cls(OKPKey.generate_key("Ed25519", parameters={"use": "sig"}, auto_kid=True))

    @classmethod
    def read(cls, people_file: Path) -> "DevelopmentIssuer":
        """The issuer whose key lies beside the people file. Raises OSError, or ValueError where the file holds no such key."""
        try:
            return cls(OKPKey.import_key(json.loads(key_file(people_file).read_text(encoding="utf-8"))))
        except (JoseError, KeyError, TypeError) as error:
            raise ValueError(f"it holds no key: {error}") from error

    @property
    def private_key(self) -> str:
        """The key as it is kept in its file, as a JSON Web Key."""
        return json.dumps(self._key.as_dict(private=True), indent=2) + "\n"

    @property
    def public_keys(self) -> dict[str, Any]:
        """The key set as an issuer publishes it."""
        return {"keys": [self._key.as_dict(private=False)]}

    def token(self, person: str, name: str, roles: Iterable[str], *, lifetime: float = LIFETIME) -> str:
        """A token of this person, who has these roles; the same one as long as it is good for a while."""
        asked = (person, name, tuple(roles))
        now = time.time()
        until, token = self._made.get(asked, (0.0, ""))
        if until - now < _MARGIN:
            until = now + lifetime
            token = self.signed({"sub": person, "name": name, ROLES_CLAIM: list(asked[2]), "exp": int(until)})
            self._made[asked] = until, token
        return token

    def signed(self, claims: dict[str, Any]) -> str:
        """A token with these claims, from this issuer, for the API, as of now; `claims` may say otherwise."""
        now = int(time.time())
        whole = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + LIFETIME} | claims
        header = {"alg": _ALGORITHM, "kid": self._key.kid}
        return jwt.encode(header, whole, self._key, algorithms=[_ALGORITHM])


def key_file(people_file: Path) -> Path:
    """Where the key lies: beside the people file, so that one setting names both."""
    return people_file.with_name(KEY_FILE)
