"""A signature is the API's or it is nothing: every changed text, foreign key and other algorithm is refused."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from runtime.identity.keys import KeysUnusable, ensure_keys, key_of, known_keys, read_entries, retire, rotate
from runtime.identity.signatures import TYPE, KeyRing, SignatureInvalid, VerificationKeys

CLAIMS = {"person": "demo-finance", "answer": "approve", "reason": "Würde passen: £ 3,000", "round": 1, "role": None}


class Files:
    """The two files of keys, and the rings that read them."""

    def __init__(self, folder: Path) -> None:
        self.signing, self.verification = folder / "signing-keys.json", folder / "verification-keys.json"
        assert ensure_keys(self.signing, self.verification, datetime.now(UTC))
        self.ring = KeyRing(self.signing, self.verification)
        self.worker = VerificationKeys(self.verification)

    def private(self) -> OKPKey:
        return key_of(read_entries(self.signing)[-1])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("keys"))


def test_what_the_api_signed_is_verified_by_the_public_keys_alone(files: Files) -> None:
    assert files.worker.verify(files.ring.sign(CLAIMS)) == CLAIMS
    assert "d" not in read_entries(files.verification)[0]


def test_every_changed_character_is_noticed(files: Files) -> None:
    token = files.ring.sign(CLAIMS)
    for place, character in enumerate(token):
        other = "A" if character != "A" else "B"
        for changed in (token[:place] + other + token[place + 1 :], token[:place] + token[place + 1 :]):
            with pytest.raises(SignatureInvalid):
                files.worker.verify(changed)
    last = token[-1]
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=":
        if other != last:
            with pytest.raises(SignatureInvalid):
                files.worker.verify(token[:-1] + other)


@given(st.one_of(st.text(), st.from_regex(r"\A[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\Z")))
def test_no_text_of_others_is_believed_or_breaks_the_ring(files: Files, text: str) -> None:
    with pytest.raises(SignatureInvalid):
        files.worker.verify(text)


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _known(files: Files) -> str:
    return str(read_entries(files.verification)[-1]["kid"])


def test_no_algorithm_but_ours_is_believed(files: Files) -> None:
    kid = _known(files)
    public = read_entries(files.verification)[-1]["x"]
    unsigned = f"{_part({'alg': 'none', 'kid': kid, 'typ': TYPE})}.{_part(CLAIMS)}."
    by_public_key = jws.serialize_compact(
        {"alg": "HS256", "kid": kid, "typ": TYPE}, json.dumps(CLAIMS), OctKey.import_key(public), ["HS256"]
    )
    for token in (unsigned, by_public_key):
        with pytest.raises(SignatureInvalid, match="header"):
            files.worker.verify(token)


def test_a_key_of_somebody_else_is_not_believed_under_any_name(files: Files) -> None:
    foreign = OKPKey.generate_key("Ed25519")
    for kid, reason in ((foreign.thumbprint(), "unknown"), (_known(files), "not what was signed")):
        token = jws.serialize_compact({"alg": "Ed25519", "kid": kid, "typ": TYPE}, json.dumps(CLAIMS), foreign, ["Ed25519"])
        with pytest.raises(SignatureInvalid, match=reason):
            files.worker.verify(token)


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {}, {"typ": TYPE, "cty": "x"}])
def test_what_the_key_signed_for_another_purpose_is_not_believed(files: Files, header: dict[str, Any]) -> None:
    mixed = {"alg": "Ed25519", "kid": _known(files)} | header
    token = jws.serialize_compact(mixed, json.dumps(CLAIMS), files.private(), ["Ed25519"])
    with pytest.raises(SignatureInvalid, match="header"):
        files.worker.verify(token)


@pytest.mark.parametrize("payload", [b"[]", b'"text"', b"{", b"\xff", b"[" * 100_000])
def test_what_makes_no_claims_is_not_believed(files: Files, payload: bytes) -> None:
    header = {"alg": "Ed25519", "kid": _known(files), "typ": TYPE}
    with pytest.raises(SignatureInvalid):
        files.worker.verify(jws.serialize_compact(header, payload, files.private(), ["Ed25519"]))


def test_a_running_process_takes_up_a_new_key_and_forgets_a_retired_one(tmp_path: Path) -> None:
    files = Files(tmp_path)
    first = files.ring.sign(CLAIMS)
    now = datetime.now(UTC)
    old = _known(files)
    new = rotate(files.signing, files.verification, now, now).kid
    second = files.ring.sign(CLAIMS)
    assert json.loads(base64.urlsafe_b64decode(second.partition(".")[0] + "==="))["kid"] == new
    assert files.worker.verify(first) == files.worker.verify(second) == CLAIMS
    retire(files.signing, files.verification, old, now)
    assert files.worker.verify(second) == CLAIMS
    with pytest.raises(SignatureInvalid, match="retired"):
        files.worker.verify(first)
    assert [key.kid for key in known_keys(files.signing, files.verification, now)] == [new]


def test_without_its_files_nothing_is_signed_or_verified(tmp_path: Path) -> None:
    files = Files(tmp_path)
    token = files.ring.sign(CLAIMS)
    files.signing.unlink()
    files.verification.write_text('{"keys": [{"kty": "OKP"}]}')
    with pytest.raises(KeysUnusable, match="cannot be read"):
        files.ring.sign(CLAIMS)
    with pytest.raises(KeysUnusable, match="no set of Ed25519 keys"):
        files.worker.verify(token)
