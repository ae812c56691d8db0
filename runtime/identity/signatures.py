"""Signatures: the API signs messages with its keys, and workers verify that a message comes from the API.

A message is a compact JWS (RFC 7515) of JSON claims, by Ed25519, with its own type. Only a text that is exactly the signed one,
by a key that is not retired, is valid; anything else raises SignatureInvalid.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from domain.errors import TenureError
from runtime.identity.keys import ALGORITHM, Entry, KeysUnusable, key_of, read_entries, signing_now

TYPE = "tenure-claims"
"""The type in the header: a token signed for another purpose is not valid here, even by the same key."""
_ALGORITHMS = [ALGORITHM]


class SignatureInvalid(TenureError):
    code = "signature_invalid"
    category = "forbidden"
    title = "The signature is not valid"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The message does not prove who wrote it: {reason}.",
            remedy="Decide through the API, which signs what it has checked.",
        )


class VerificationKeys:
    """The public keys of a file, read again whenever it has changed."""

    def __init__(self, file: Path) -> None:
        self._keys = _KeyFile(file)

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a message that the API signed. Raises SignatureInvalid, KeysUnusable."""
        # In this order: the header must be the API's own, the key known, the text the one written, the claims a JSON object.
        try:
            signed = jws.extract_compact(token.encode())
            kid = str(signed.protected.get("kid"))
            if signed.protected != {"alg": ALGORITHM, "kid": kid, "typ": TYPE}:
                raise SignatureInvalid("its header is not one that the API writes")
            key = self._keys.now().keys.get(kid)
            if key is None:
                raise SignatureInvalid("its key is unknown, or retired")
            # The signature must also be encoded as it was written: the last character has unused bits that could be changed.
            signature = token.rpartition(".")[2].encode()
            written = urlsafe_b64encode(urlsafe_b64decode(signature)) == signature
            if not (jws.validate_compact(signed, key, _ALGORITHMS) and written):
                raise SignatureInvalid("it is not what was signed")
            claims = json.loads(signed.payload)
        except (JoseError, ValueError, RecursionError) as error:
            raise SignatureInvalid("it is no signed message") from error
        if not isinstance(claims, dict):
            raise SignatureInvalid("it makes no claims")
        return claims


class KeyRing(VerificationKeys):
    """The public keys and the private ones, which let a process sign for the API."""

    def __init__(self, signing: Path, verification: Path) -> None:
        super().__init__(verification)
        self._private = _KeyFile(signing)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Sign the claims, which are JSON, and return the message. Raises KeysUnusable."""
        private = self._private.now()
        for entry in signing_now(private.entries, datetime.now(UTC)):
            header = {"alg": ALGORITHM, "kid": entry["kid"], "typ": TYPE}
            payload = json.dumps(claims, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
            return jws.serialize_compact(header, payload, private.keys[entry["kid"]], _ALGORITHMS)
        raise KeysUnusable("No key signs yet.", remedy="Wait for the time of the newest one, or `tenure keys rotate`.")


class _Keys(NamedTuple):
    """The content of a file when it was last read."""

    stamp: tuple[int, ...]
    entries: list[Entry]
    keys: dict[str, OKPKey]


class _KeyFile:
    """A file of keys; it is replaced and never changed in place, so its inode, time or size show a new one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read: _Keys | None = None

    def now(self) -> _Keys:
        try:
            found = os.stat(self._file)  # noqa: PTH116 - at every signature, and cheaper
        except OSError:
            found = None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size) if found else ()
        if self._read is None or self._read.stamp != stamp:
            entries = read_entries(self._file)
            self._read = _Keys(stamp, entries, {entry["kid"]: key_of(entry) for entry in entries})
        return self._read
