"""The files of the API's signing keys: made once, rotated and retired, as JWK sets (RFC 7517) of Ed25519 keys.

The signing file has the private keys, and only the API reads it. The verification file has the public keys, for every process
that verifies the API's messages. A public key stays until it is retired, so that older signatures can still be verified.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from joserfc.jwk import OKPKey

from domain.errors import TenureError

ALGORITHM = "Ed25519"
Entry = dict[str, Any]
"""A key in a file: the members of RFC 7517 and 8037, and, in seconds since 1970, `iat` (when it was made) and `nbf` (from when
it signs).
"""


class KeysUnusable(TenureError):
    code = "keys_unusable"
    category = "unavailable"
    title = "The signing keys cannot be used"


class KeyUnknown(TenureError):
    code = "key_unknown"
    category = "not_found"
    title = "There is no such signing key"


class KeySigns(TenureError):
    code = "key_signs"
    category = "conflict"
    title = "The key still signs"


class KnownKey(NamedTuple):
    """A key of the files: when it was made, from when it signs, and whether it signs now."""

    kid: str
    made_at: datetime
    signs_from: datetime
    signs: bool


def ensure_keys(signing: Path, verification: Path, now: datetime) -> bool:
    """Make both files with a first key; existing files stay unchanged. Return True if the files were made."""
    with _held(signing):
        if signing.exists():
            return False
        entry = _new_entry(now, now)
        _write(verification, [_public(entry)], 0o644)
        _write(signing, [entry], 0o600)
        return True


def rotate(signing: Path, verification: Path, now: datetime, signs_from: datetime) -> KnownKey:
    """Make a new key, known at once and signing from `signs_from` on; earlier private keys are removed once they are unused.

    If the verification file is copied to other machines, `signs_from` leaves the time to do so. Raises KeysUnusable.
    """
    with _held(signing):
        private, public = read_entries(signing), read_entries(verification)
        entry = _new_entry(now, signs_from)
        # The public key comes first, so that every reader of a signature by the new key finds it.
        _write(verification, [*public, _public(entry)], 0o644)
        _write(signing, [*(() if signs_from <= now else signing_now(private, now)), entry], 0o600)
        return _known(entry, signs=signs_from <= now)


def retire(signing: Path, verification: Path, kid: str, now: datetime) -> None:
    """Remove a key: its signatures are no longer valid. Raises KeyUnknown, KeySigns, KeysUnusable."""
    with _held(signing):
        private, public = read_entries(signing), read_entries(verification)
        if kid not in {entry["kid"] for entry in (*private, *public)}:
            known = ", ".join(entry["kid"] for entry in public)
            raise KeyUnknown(f"There is no signing key {kid!r}.", remedy=f"The keys are: {known}.", field="kid")
        if kid in {entry["kid"] for entry in signing_now(private, now)}:
            raise KeySigns(f"The key {kid!r} signs now.", remedy="Rotate first, and retire it then.", field="kid")
        _write(signing, [entry for entry in private if entry["kid"] != kid], 0o600)
        _write(verification, [entry for entry in public if entry["kid"] != kid], 0o644)


def known_keys(signing: Path, verification: Path, now: datetime) -> Sequence[KnownKey]:
    """Return every key that is not retired, the oldest first. Raises KeysUnusable."""
    signs = {entry["kid"] for entry in signing_now(read_entries(signing), now)}
    return [_known(entry, signs=entry["kid"] in signs) for entry in read_entries(verification)]


def signing_now(private: Sequence[Entry], now: datetime) -> Sequence[Entry]:
    """Return the key that signs now, as a sequence of one or none: the newest of those whose `nbf` has passed."""
    return [entry for entry in private if entry["nbf"] <= now.timestamp()][-1:]


def read_entries(file: Path) -> list[Entry]:
    """Read the keys of a file, in the order in which they were made. Raises KeysUnusable."""
    try:
        entries: list[Entry] = json.loads(file.read_text(encoding="utf-8"))["keys"]
        for entry in entries:
            if not isinstance(entry["nbf"], int) or entry["kid"] != OKPKey.import_key(_material(entry)).thumbprint():
                raise ValueError(entry["kid"])
    except OSError as error:
        raise KeysUnusable(
            f"The file of keys {file} cannot be read: {error.strerror}.",
            remedy="`tenure up` makes the keys; elsewhere name their files in TENURE_SIGNING_KEYS_FILE and"
            " TENURE_VERIFICATION_KEYS_FILE.",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeysUnusable(
            f"The file {file} is no set of Ed25519 keys as Tenure writes it.", remedy="Put it back from a copy."
        ) from error
    return entries


def key_of(entry: Entry) -> OKPKey:
    """Return the key of an entry."""
    return OKPKey.import_key(_material(entry))


def _material(entry: Entry) -> dict[str, str | list[str]]:
    if (entry["kty"], entry["crv"]) != ("OKP", ALGORITHM):
        raise ValueError(entry["crv"])
    return {name: str(entry[name]) for name in ("kty", "crv", "x", "d") if name in entry}


def _new_entry(now: datetime, signs_from: datetime) -> Entry:
    key = OKPKey.generate_key("Ed25519")
    members = {"kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
    return {**key.as_dict(private=True), **members, "iat": int(now.timestamp()), "nbf": int(signs_from.timestamp())}


def _public(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name != "d"}


def _known(entry: Entry, *, signs: bool) -> KnownKey:
    made_at, signs_from = (datetime.fromtimestamp(entry[name], UTC) for name in ("iat", "nbf"))
    return KnownKey(entry["kid"], made_at, signs_from, signs)


def _write(file: Path, entries: Sequence[Entry], mode: int) -> None:
    """Replace a file of keys atomically: a reader sees the old file or the new one."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as output:  # noqa: PTH123
        json.dump({"keys": list(entries)}, output, indent=2)
        output.write("\n")
        output.flush()
        os.fsync(output.fileno())
    new.replace(file)


@contextmanager
def _held(file: Path) -> Iterator[None]:
    """Lock the files, so that one process at a time changes them."""
    try:
        lock = os.open(file.with_name(file.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise KeysUnusable(
            f"The folder of {file} cannot be written to: {error.strerror}.",
            remedy="Make the folder, or name another file in TENURE_SIGNING_KEYS_FILE.",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
