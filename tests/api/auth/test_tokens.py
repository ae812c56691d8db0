"""Tokens of an OpenID Connect issuer: what is checked before one is believed, and what becomes of its keys."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date
from hashlib import sha256
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from joserfc.jwk import OKPKey, RSAKey
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from api.auth import issuer_keys
from api.auth.tokens import ALGORITHMS
from api.http.dependencies import Services
from api.http.errors_identity import TokenRefused
from ledger import Ledger
from runtime.settings import Settings
from store.identity import people
from tests.anchors import within_one_day
from tests.api.issuer import AUDIENCE, MADE, Issuer, issuing
from tests.api.sample_program import problem
from tests.stack import Stack

STRANGER = RSAKey.generate_key(2048, {"use": "sig", "kid": "rsa"})
"""Somebody else's key, under the id of one of the issuer's."""


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as issuer:
        yield issuer


@pytest.fixture
async def http(issuer: Issuer, engine: AsyncEngine, stack: Stack) -> AsyncIterator[AsyncClient]:
    """An API that takes this issuer's tokens, over a database of its own."""
    async with _api(engine, stack, oidc_issuer=issuer.address) as http:
        yield http


class _api:
    """An API under these settings."""

    def __init__(self, engine: AsyncEngine, stack: Stack, **settings: Any) -> None:
        whole = Settings(**({"oidc_audience": AUDIENCE} | settings))
        self._app = create_app(whole, services=Services(engine, Ledger(engine), stack.temporal))
        self._http = AsyncClient(transport=ASGITransport(app=self._app), base_url="http://tenure")

    async def __aenter__(self) -> AsyncClient:
        self._life = self._app.router.lifespan_context(self._app)
        await self._life.__aenter__()
        return self._http

    async def __aexit__(self, *error: Any) -> None:
        await self._http.aclose()
        await self._life.__aexit__(*error)


async def _show(http: AsyncClient, token: str, path: str = "/programs") -> Response:
    return await http.get(path, headers={b"Authorization": b"Bearer " + token.encode()})


@pytest.mark.parametrize("alg", MADE)
async def test_a_token_signed_by_any_allowed_algorithm_is_taken(http: AsyncClient, issuer: Issuer, alg: str) -> None:
    assert (await _show(http, issuer.token(alg))).status_code == 200


async def test_the_newer_name_of_an_algorithm_is_taken_too(http: AsyncClient, issuer: Issuer) -> None:
    assert (await _show(http, issuer.token("Ed25519", key=MADE["EdDSA"]))).status_code == 200


def test_no_algorithm_is_allowed_that_needs_a_shared_secret_or_none() -> None:
    assert not [alg for alg in ALGORITHMS if alg.startswith("HS") or alg.lower() == "none"]


def _part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _unsigned(token: str, header: dict[str, Any]) -> str:
    return f"{_part(header)}.{token.split('.')[1]}."


def _by_public_key(token: str) -> str:
    """The old trick: the public key as the secret of an HMAC."""
    body = f"{_part({'alg': 'HS256', 'kid': 'rsa'})}.{token.split('.')[1]}"
    mac = hmac.new(MADE["RS256"].as_pem(private=False), body.encode(), sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _with_other_roles(token: str) -> str:
    head, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{head}.{_part(said | {'tenure_roles': ['product_owner']})}.{signature}"


FORGED: dict[str, Callable[[Issuer], str]] = {
    "somebody else's key": lambda issuer: issuer.token(key=STRANGER),
    "an unknown key": lambda issuer: issuer.token(key=RSAKey.generate_key(2048, {"kid": "none"})),
    "no key named": lambda issuer: issuer.token(header={"kid": ""}),
    "alg none": lambda issuer: _unsigned(issuer.token(), {"alg": "none"}),
    "alg none with a key's id": lambda issuer: _unsigned(issuer.token(), {"alg": "none", "kid": "rsa"}),
    "alg None": lambda issuer: _unsigned(issuer.token(), {"alg": "None", "kid": "rsa"}),
    "the public key as a secret": lambda issuer: _by_public_key(issuer.token()),
    "an algorithm that is not allowed": lambda issuer: issuer.token("RS512", key=MADE["RS256"]),
    "claims changed": lambda issuer: _with_other_roles(issuer.token()),
    "cut off": lambda issuer: issuer.token()[:-9],
    "a header it must understand": lambda issuer: _unsigned(
        issuer.token(), {"alg": "RS256", "kid": "rsa", "crit": ["x"], "x": 1}
    ),
    "its own key in the header": lambda issuer: issuer.token(key=STRANGER, header={"jwk": STRANGER.as_dict(private=False)}),
    "endless": lambda issuer: issuer.token(note="x" * 20_000),
    "words": lambda issuer: "one.two.three",
    "two dots": lambda issuer: "..",
    "letters from elsewhere": lambda issuer: "é",
}


@pytest.fixture(scope="module")
async def refusing(stack: Stack) -> AsyncIterator[tuple[AsyncClient, Issuer]]:
    """An API and its issuer for what is refused, so that all of it can share them."""
    async with issuing() as issuer, _api(stack.engine, stack, oidc_issuer=issuer.address) as http:
        yield http, issuer


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_token_is_told_nothing(refusing: tuple[AsyncClient, Issuer], how: str) -> None:
    http, issuer = refusing
    response = await _show(http, FORGED[how](issuer))
    assert response.json() == _same()
    problem(response, 401, "token_refused")


def _same() -> dict[str, Any]:
    error = TokenRefused()
    return {
        "type": "/problems/token_refused",
        "title": error.title,
        "status": 401,
        "code": error.code,
        "detail": error.detail,
        "remedy": error.remedy,
    }


NOW = int(time.time())
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://elsewhere.test"}, "`iss`"),
    "no issuer": ({"iss": None}, "`iss`"),
    "another audience": ({"aud": "https://elsewhere.test"}, "`aud`"),
    "other audiences": ({"aud": ["a", "b"]}, "`aud`"),
    "no audience": ({"aud": None}, "`aud`"),
    "expired": ({"exp": NOW - 60}, "expired"),
    "no end": ({"exp": None}, "`exp`"),
    "an end in words": ({"exp": "tomorrow"}, "`exp`"),
    "not yet": ({"nbf": NOW + 3600}, "`nbf`"),
    "issued tomorrow": ({"iat": NOW + 86_400}, "`iat`"),
    "no time of issue": ({"iat": None}, "`iat`"),
    "nobody": ({"sub": None}, "`sub`"),
    "a nameless one": ({"sub": ""}, "`sub`"),
    "a machine's id": ({"sub": "key:0123456789abcdef"}, "`sub`"),
    "two lines": ({"sub": "fiona\nowner"}, "`sub`"),
    "too long an id": ({"sub": "f" * 201}, "`sub`"),
}


@pytest.mark.parametrize("how", WRONG)
async def test_a_token_for_somebody_or_something_else_is_told_which_claim(
    refusing: tuple[AsyncClient, Issuer], how: str
) -> None:
    (http, issuer), (claims, text) = refusing, WRONG[how]
    found = problem(await _show(http, issuer.token(**claims)), 401, "token_refused")
    assert text in found["detail"]


async def test_a_clock_that_is_a_little_off_does_no_harm(http: AsyncClient, issuer: Issuer) -> None:
    now = int(time.time())
    for claims in ({"exp": now - 5}, {"nbf": now + 5, "iat": now + 5}, {"aud": ["other", AUDIENCE]}):
        assert (await _show(http, issuer.token(**claims))).status_code == 200


async def test_an_expired_token_is_not_believed_because_it_was_known(
    http: AsyncClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token()
    assert (await _show(http, token)).status_code == 200
    later = time.time() + 400
    monkeypatch.setattr(time, "time", lambda: later)
    found = problem(await _show(http, token), 401, "token_refused")
    assert "expired" in found["detail"]


# Roles


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("tenure_roles", {"tenure_roles": ["finance", "king", 7, "legal@a"]}),
        ("tenure_roles", {"tenure_roles": "finance other legal@a"}),
        ("realm_access.roles", {"realm_access": {"roles": ["finance", "legal@a", "uma_authorization"]}}),
        ("https://tenure.test/roles", {"https://tenure.test/roles": ["finance", "legal@a"]}),
    ],
)
async def test_roles_come_from_the_claim_that_is_set(
    issuer: Issuer, engine: AsyncEngine, stack: Stack, claim: str, claims: dict[str, Any]
) -> None:
    usual = {} if "tenure_roles" in claims else {"tenure_roles": ["product_owner"]}
    async with _api(engine, stack, oidc_issuer=issuer.address, oidc_roles_claim=claim) as http:
        await _show(http, issuer.token(**(usual | claims)))
    async with engine.connect() as connection:
        (fiona,) = await people.all_known(connection)
    assert fiona.roles.entries == ["finance", "legal@a"]


@pytest.mark.parametrize("roles", [None, [], "", 7, {"finance": True}, ["king"], [["finance"]]])
async def test_who_has_no_role_is_known_and_may_do_nothing(refusing: tuple[AsyncClient, Issuer], roles: Any) -> None:
    http, issuer = refusing
    problem(await _show(http, issuer.token(tenure_roles=roles)), 403, "not_allowed")


# The directory


async def test_who_asks_is_written_down_once_for_each_change(
    http: AsyncClient, issuer: Issuer, engine: AsyncEngine, stack: Stack
) -> None:
    async def known() -> people.PersonRecord:
        async with engine.connect() as connection:
            (found,) = await people.all_known(connection)
        return found

    async def ask_again(_: date) -> tuple[people.PersonRecord, people.PersonRecord]:
        await _show(http, issuer.token(name="Fiona Fox", email="fiona@tenure.test"))
        first = await known()
        await _show(http, issuer.token(name="Fiona Fox", email="fiona@tenure.test", jti="another token"))
        async with _api(engine, stack, oidc_issuer=issuer.address) as another:
            await _show(another, issuer.token(name="Fiona Fox", email="fiona@tenure.test"))
        return first, await known()

    _, (first, last) = await within_one_day(UTC, ask_again)
    assert (first.id, first.name, first.email, first.roles.entries) == ("fiona", "Fiona Fox", "fiona@tenure.test", ["finance"])
    assert first.seen_at is not None
    assert first.in_program("any").roles == ("finance",)
    assert last == first  # to the microsecond: nothing was written

    await _show(http, issuer.token(tenure_roles=["finance", "legal@a"]))
    changed = await known()
    assert changed.roles.entries == ["finance", "legal@a"]
    assert (changed.name, changed.email) == ("Fiona Fox", "fiona@tenure.test")  # of what a token does not tell, nothing is lost
    assert changed.seen_at is not None and changed.seen_at > first.seen_at


# Keys


async def test_keys_are_fetched_once_and_an_unknown_one_fetches_them_at_most_once_in_a_while(
    http: AsyncClient, issuer: Issuer
) -> None:
    for number in range(5):
        assert (await _show(http, issuer.token(jti=str(number)))).status_code == 200
    assert issuer.asked == 1
    for number in range(5):
        problem(await _show(http, issuer.token(header={"kid": f"new-{number}"})), 401, "token_refused")
    assert issuer.asked == 1  # a moment ago


async def test_a_new_key_is_found_as_soon_as_a_token_names_it_and_an_old_one_ends(
    http: AsyncClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "AGAIN_AFTER", 0.0)
    assert (await _show(http, issuer.token())).status_code == 200
    new = OKPKey.generate_key("Ed25519", {"use": "sig", "kid": "next"})
    issuer.keys = [new.as_dict(private=False)]
    assert (await _show(http, issuer.token("EdDSA", key=new))).status_code == 200
    assert issuer.asked == 2
    problem(await _show(http, issuer.token(jti="signed by the old one")), 401, "token_refused")


async def test_a_stale_key_set_is_fetched_anew_while_who_asks_goes_on(
    http: AsyncClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_keys, "AGAIN_AFTER", 0.0)
    monkeypatch.setattr(issuer_keys, "_SHORTEST", 0.0)
    issuer.lifetime = 0
    assert (await _show(http, issuer.token())).status_code == 200
    issuer.was_asked.clear()
    issuer.away = True
    assert (await _show(http, issuer.token(jti="2"))).status_code == 200
    async with asyncio.timeout(30):
        await issuer.was_asked.wait()
    assert (await _show(http, issuer.token(jti="3"))).status_code == 200  # known keys go on while the issuer is away


async def test_while_the_issuer_is_away_nobody_new_can_be_told_from_anybody(http: AsyncClient, issuer: Issuer) -> None:
    issuer.away = True
    found = problem(await _show(http, issuer.token()), 503, "issuer_unreachable")
    assert issuer.address in found["detail"]
    problem(await _show(http, "nonsense"), 401, "token_refused")  # that is none, whoever is away


async def test_an_issuer_that_is_not_there_at_all(engine: AsyncEngine, stack: Stack) -> None:
    async with issuing() as gone:
        pass
    async with _api(engine, stack, oidc_issuer=gone.address) as http:
        problem(await _show(http, gone.token()), 503, "issuer_unreachable")


@pytest.mark.parametrize("named", ["https://elsewhere.test", "http://127.0.0.1"])
async def test_metadata_of_another_issuer_is_not_believed(http: AsyncClient, issuer: Issuer, named: str) -> None:
    issuer.named = named
    problem(await _show(http, issuer.token()), 503, "issuer_unreachable")
    assert issuer.asked == 0


async def test_the_place_of_the_keys_can_be_said(issuer: Issuer, engine: AsyncEngine, stack: Stack) -> None:
    issuer.named = "https://elsewhere.test"  # nobody asks for the metadata
    address = f"{issuer.address}/keys"
    async with _api(engine, stack, oidc_issuer=issuer.address, oidc_jwks_url=address) as http:
        assert (await _show(http, issuer.token())).status_code == 200


def test_of_a_key_set_only_what_can_verify_is_used() -> None:
    good = MADE["ES256"].as_dict(private=False)
    short = RSAKey.generate_key(2048).as_dict(private=False) | {"kid": "short", "n": "AQAB" * 20}
    keys = [
        good,
        short,
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        good | {"kid": "for encryption", "use": "enc"},
        {name: value for name, value in good.items() if name != "kid"},
        {"kty": "RSA", "kid": "half", "n": "AQAB"},
        {"kty": "new", "kid": "unheard of"},
        "a key",
    ]
    assert list(issuer_keys.usable({"keys": keys})) == ["ec"]
    assert issuer_keys.usable({}) == {}
    assert issuer_keys.usable({"keys": "none"}) == {}
