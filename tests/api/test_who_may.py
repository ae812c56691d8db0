"""Who may do what: every route needs a token, every POST a key, and each role may do what the table of roles says."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx import ASGITransport, AsyncClient, Response

from api.app import create_app
from api.people import MAY, Action
from api.services import Services
from domain.definition import Role
from runtime.settings import Settings
from tests.api.club import problem
from tests.house import House

ROUTES: dict[tuple[str, str], Action] = {
    ("POST", "/programs"): "start a program",
    ("GET", "/programs"): "read programs",
    ("GET", "/programs/{program}"): "read programs",
    ("POST", "/programs/{program}/revisions"): "revise a program",
    ("POST", "/programs/{program}/end"): "end a program",
    ("POST", "/programs/{program}/evaluations"): "evaluate a program",
    ("GET", "/programs/{program}/evaluations"): "read programs",
    ("GET", "/programs/{program}/report"): "read programs",
    ("GET", "/programs/{program}/wind-down"): "read programs",
    ("GET", "/programs/{program}/wind-down/notices"): "read members",
    ("GET", "/programs/{program}/wind-down/payouts"): "read members",
    ("GET", "/programs/{program}/ledger-check"): "check the ledger",
    ("POST", "/prototypes"): "run a prototype",
    ("GET", "/prototypes/{prototype}"): "read programs",
    ("GET", "/prototypes/{before}/comparison/{after}"): "read programs",
    ("GET", "/gates"): "read programs",
    ("GET", "/gates/{gate:path}"): "read programs",
    ("POST", "/gates/{gate:path}/decisions"): "decide at a gate",
    ("POST", "/programs/{program}/invitations"): "invite members",
    ("GET", "/programs/{program}/invitations"): "read members",
    ("POST", "/programs/{program}/members"): "serve members",
    ("POST", "/programs/{program}/members/{participant}/events"): "serve members",
    ("POST", "/programs/{program}/events"): "serve members",
    ("POST", "/programs/{program}/members/{participant}/redemptions"): "serve members",
    ("GET", "/programs/{program}/members/{participant}/redemptions"): "read members",
    ("GET", "/programs/{program}/members/{participant}/redemptions/{redemption}"): "read members",
    ("GET", "/programs/{program}/rewards"): "read programs",
    ("POST", "/programs/{program}/rewards/{reward}/codes"): "stock rewards",
    ("GET", "/programs/{program}/rewards/{reward}/codes"): "read programs",
    ("POST", "/programs/{program}/members/{participant}/departure"): "serve members",
    ("GET", "/programs/{program}/members/{participant}"): "read members",
    ("GET", "/programs/{program}/members/{participant}/balance"): "read members",
    ("GET", "/programs/{program}/members/{participant}/statement"): "read members",
    ("GET", "/programs/{program}/members/{participant}/transactions/{number}"): "read members",
    ("POST", "/programs/{program}/members/{participant}/transactions/{number}/reversal"): "correct points",
    ("POST", "/programs/{program}/members/{participant}/transactions/{number}/reinstatement"): "correct points",
    ("POST", "/programs/{program}/members/{participant}/transactions/{number}/confirmation"): "confirm points",
    ("POST", "/programs/{program}/members/{participant}/transactions/{number}/cancellation"): "confirm points",
    ("POST", "/programs/{program}/members/{participant}/adjustments"): "correct points",
    ("POST", "/programs/{program}/members/{participant}/transfers"): "transfer points",
    ("POST", "/programs/{program}/members/{participant}/conversions"): "convert points",
    ("GET", "/ledger/check"): "check the ledger",
    ("POST", "/ledger/seal"): "check the ledger",
    ("GET", "/ledger/verification"): "check the ledger",
    ("POST", "/transaction-logs/{name}"): "load a transaction log",
    ("GET", "/transaction-logs/{name}"): "read programs",
}
EACH_EVENT_HAS_A_KEY = {"/programs/{program}/events"}
POSTS = [path for method, path in ROUTES if method == "POST" and path not in EACH_EVENT_HAS_A_KEY]
OPEN = {"/health", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}
"""What tells nothing of any program."""
_ROLES: tuple[Role, ...] = get_args(Role)
_ALL = "everybody"


def _paths(routes: Any) -> Iterator[tuple[str, str]]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from _paths(route.original_router.routes)
        else:
            methods = (route.methods or set()) if isinstance(route, APIRoute) else {"GET"}
            yield from ((method, route.path) for method in methods)


@pytest.fixture(scope="module")
async def app(house: House, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    """The API with one person for each role, one with none, and one with all."""
    roles: dict[str, list[Role]] = {role: [role] for role in _ROLES} | {"none": [], _ALL: list(_ROLES)}
    entries = [{"id": f"only-{id_}", "name": id_, "roles": mine, "token": id_} for id_, mine in roles.items()]
    people = tmp_path_factory.mktemp("roles") / "people.json"
    people.write_text(json.dumps(entries))
    app = create_app(Settings(people_file=people), services=Services(house.engine, house.ledger, house.temporal))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
async def http(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://tenure") as http:
        yield http


async def _ask(http: AsyncClient, method: str, path: str, token: str | None, key: str | None = "who-may") -> Response:
    """A request about what is not there, with a body that nothing can take."""
    address = path.replace("{number}", "1").replace(":path", "")
    for name in ("program", "gate", "participant", "name"):
        address = address.replace(f"{{{name}}}", "nowhere")
    headers = {b"Authorization": f"Bearer {token}".encode()} if token else {}
    if method == "POST" and key is not None:
        headers[b"Idempotency-Key"] = key.encode()
    return await http.request(method, address, headers=headers, content=b"[]" if method == "POST" else None)


def test_the_table_knows_every_route_and_uses_every_action(app: FastAPI) -> None:
    found = set(_paths(app.routes))
    assert {(method, path) for method, path in found if path not in OPEN} == set(ROUTES)
    assert {path for _, path in found} >= OPEN
    assert set(ROUTES.values()) == set(get_args(Action)) == set(MAY)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("token", [None, "nobodys"])
async def test_every_route_needs_a_token(http: AsyncClient, method: str, path: str, token: str | None) -> None:
    response = await _ask(http, method, path, token)
    problem(response, 401, "token_missing")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", POSTS)
async def test_every_post_needs_a_key(http: AsyncClient, path: str) -> None:
    problem(await _ask(http, "POST", path, _ALL, key=None), 400, "idempotency_key_missing")
    for key in ("two words", "x" * 201, "clé", "tab\there"):
        found = problem(await _ask(http, "POST", path, _ALL, key=key), 400, "idempotency_key_invalid")
        assert "visible ASCII" in found["detail"]


@pytest.mark.parametrize("key", ["!", "~", "a/b:c", "x" * 200])
async def test_any_visible_characters_make_a_key(http: AsyncClient, key: str) -> None:
    response = await _ask(http, "POST", "/transaction-logs/{name}", _ALL, key=key)
    problem(response, 422, "invalid_request")


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("role", [*_ROLES, "none"])
async def test_each_role_may_do_what_the_table_says(http: AsyncClient, method: str, path: str, role: str) -> None:
    response = await _ask(http, method, path, role)
    action = ROUTES[method, path]
    if role in MAY[action]:
        assert response.status_code in (200, 404, 422), response.text
    else:
        found = problem(response, 403, "not_allowed")
        assert action in found["detail"]
        assert all(allowed in found["remedy"] for allowed in MAY[action])


async def test_an_address_that_is_not_there_is_told_so(http: AsyncClient) -> None:
    found = problem(await http.get("/nowhere"), 404, "route_unknown")
    assert "'/nowhere'" in found["detail"]


async def test_a_method_that_an_address_does_not_have_is_told_so(http: AsyncClient) -> None:
    for method, path in (("DELETE", "/programs/nowhere"), ("PUT", "/programs"), ("POST", "/health")):
        response = await http.request(method, path, headers={"Authorization": f"Bearer {_ALL}"})
        found = problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"] in found["remedy"]
