"""Who may do what: every route needs a token, every POST a key; each role may do what the table says, where it holds."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx import AsyncClient, Response

from api.app import create_app
from api.auth.authorization import ANYWHERE, PERMISSIONS, Action
from api.http.dependencies import Services
from api.http.security_headers import OPEN
from domain.identity.roles import Role
from tests.api.sample_program import problem
from tests.stack import ISSUER, Stack, api_settings, client_of, people_in

ROUTES: dict[tuple[str, str], Action] = {
    ("POST", "/programs"): "start a program",
    ("GET", "/programs"): "read programs",
    ("GET", "/programs/{program}"): "read programs",
    ("POST", "/programs/{program}/revisions"): "revise a program",
    ("GET", "/programs/{program}/revisions"): "read programs",
    ("GET", "/programs/{program}/revisions/{number}"): "read programs",
    ("GET", "/programs/{program}/revisions/{number}/difference"): "read programs",
    ("GET", "/programs/{program}/revisions/{number}/impact"): "read programs",
    ("GET", "/programs/{program}/revisions/{number}/impact/members"): "read members",
    ("GET", "/programs/{program}/revisions/{number}/notices"): "read members",
    ("POST", "/programs/{program}/revisions/{number}/withdrawal"): "revise a program",
    ("POST", "/programs/{program}/revisions/{number}/restoration"): "revise a program",
    ("POST", "/programs/{program}/end"): "end a program",
    ("POST", "/programs/{program}/holds"): "hold a program",
    ("GET", "/programs/{program}/holds"): "read programs",
    ("POST", "/programs/{program}/halt"): "halt a program",
    ("POST", "/programs/{program}/resumption"): "resume a program",
    ("POST", "/programs/{program}/evaluations"): "evaluate a program",
    ("GET", "/programs/{program}/evaluations"): "read programs",
    ("GET", "/programs/{program}/evaluations/{evaluation:path}"): "read programs",
    ("GET", "/programs/{program}/schedule"): "read programs",
    ("POST", "/programs/{program}/schedule/pause"): "schedule evaluations",
    ("POST", "/programs/{program}/schedule/resume"): "schedule evaluations",
    ("POST", "/programs/{program}/schedule/trigger"): "evaluate a program",
    ("POST", "/programs/{program}/schedule/backfill"): "schedule evaluations",
    ("GET", "/programs/{program}/report"): "read programs",
    ("GET", "/programs/{program}/reports"): "read programs",
    ("GET", "/programs/{program}/reports/{report}"): "read programs",
    ("GET", "/programs/{program}/rollout"): "read programs",
    ("POST", "/programs/{program}/rollout/pause"): "pause a rollout",
    ("POST", "/programs/{program}/rollout/resume"): "pause a rollout",
    ("POST", "/programs/{program}/rollout/release"): "release a rollout",
    ("POST", "/programs/{program}/rollout/abort"): "abort a rollout",
    ("GET", "/programs/{program}/wind-down"): "read programs",
    ("GET", "/programs/{program}/wind-down/notices"): "read members",
    ("GET", "/programs/{program}/wind-down/payouts"): "read members",
    ("GET", "/programs/{program}/ledger-check"): "check the ledger",
    ("GET", "/programs/{program}/audit"): "read the audit trail",
    ("GET", "/programs/{program}/audit/verification"): "read the audit trail",
    ("GET", "/programs/{program}/audit/export"): "read the audit trail",
    ("GET", "/audit"): "read the audit trail",
    ("GET", "/audit/verification"): "read the audit trail",
    ("POST", "/prototypes"): "run a prototype",
    ("GET", "/prototypes/{prototype}"): "read programs",
    ("GET", "/prototypes/{before}/comparison/{after}"): "read programs",
    ("GET", "/gates"): "read programs",
    ("GET", "/gates/{gate:path}"): "read programs",
    ("GET", "/gates/{gate:path}/evidence"): "read programs",
    ("GET", "/programs/{program}/readiness"): "read programs",
    ("POST", "/programs/{program}/readiness/{item}/signature"): "sign readiness",
    ("POST", "/programs/{program}/readiness/{item}/signature/withdrawal"): "sign readiness",
    ("GET", "/inbox"): "decide at a gate",
    ("GET", "/inbox/decided"): "decide at a gate",
    ("POST", "/gates/{gate:path}/decisions"): "decide at a gate",
    ("GET", "/gates/{gate:path}/decisions/{key:path}"): "decide at a gate",
    ("GET", "/delegations"): "delegate",
    ("POST", "/delegations"): "delegate",
    ("GET", "/delegations/{delegation}"): "delegate",
    ("POST", "/delegations/{delegation}/end"): "delegate",
    ("POST", "/programs/{program}/outside-events"): "serve members",
    ("GET", "/programs/{program}/held-out"): "read members",
    ("POST", "/programs/{program}/members/{participant}/answers"): "serve members",
    ("GET", "/programs/{program}/members/{participant}/answers"): "read members",
    ("POST", "/programs/{program}/invitations"): "invite members",
    ("GET", "/programs/{program}/invitations"): "read members",
    ("POST", "/programs/{program}/cohorts/{cohort}"): "gather cohorts",
    ("POST", "/programs/{program}/cohorts/{cohort}/removal"): "gather cohorts",
    ("GET", "/programs/{program}/cohorts"): "read programs",
    ("GET", "/programs/{program}/cohorts/{cohort}"): "read members",
    ("POST", "/programs/{program}/members"): "serve members",
    ("GET", "/programs/{program}/members"): "read members",
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
    ("GET", "/notices"): "see to notices",
    ("POST", "/notices/test"): "see to notices",
    ("GET", "/notices/{notice}"): "see to notices",
    ("POST", "/notices/{notice}/replay"): "see to notices",
    ("GET", "/programs/{program}/books"): "read the books",
    ("GET", "/programs/{program}/books/journal"): "read the books",
    ("GET", "/programs/{program}/books/estimates"): "read the books",
    ("POST", "/programs/{program}/books/estimates"): "keep the books",
    ("POST", "/programs/{program}/books/{period}/closing"): "keep the books",
    ("POST", "/transaction-logs/{name}"): "load a transaction log",
    ("GET", "/transaction-logs"): "read programs",
    ("GET", "/transaction-logs/{name}"): "read programs",
    ("GET", "/requests/{key:path}"): "read programs",
    ("POST", "/api-keys"): "manage API keys",
    ("GET", "/api-keys"): "manage API keys",
    ("GET", "/api-keys/{api_key}"): "manage API keys",
    ("POST", "/api-keys/{api_key}/revocation"): "manage API keys",
}
EACH_EVENT_HAS_A_KEY = {"/programs/{program}/events", "/programs/{program}/outside-events"}
POSTS = [path for method, path in ROUTES if method == "POST" and path not in EACH_EVENT_HAS_A_KEY]
OF_A_PROGRAM = [route for route in ROUTES if "{program}" in route[1] or "{gate:path}" in route[1]]
TOLD_TO_ALL = {*OPEN, "/problems/{code}"}
LOOK_AT_EACH = {
    "/programs",
    "/gates",
    "/inbox",
    "/inbox/decided",
    "/delegations",
    "/delegations/{delegation}",
    "/delegations/{delegation}/end",
    "/prototypes",
    "/prototypes/{prototype}",
    "/prototypes/{before}/comparison/{after}",
    "/transaction-logs",
    "/transaction-logs/{name}",
    "/requests/{key:path}",
    "/api-keys",
    "/api-keys/{api_key}",
    "/api-keys/{api_key}/revocation",
}
"""Addresses that name no program, and where a role in any one is enough to ask: the route shows what is of those alone, and
`test_who_sees_what` and `test_api_keys` try it. A log of purchases is of no program, and shared by all."""
_ROLES: tuple[Role, ...] = get_args(Role)
_OWN, _OTHER = "nowhere", "elsewhere"


def _paths(routes: Any) -> Iterator[tuple[str, str]]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from _paths(route.original_router.routes)
        else:
            methods = (route.methods or set()) if isinstance(route, APIRoute) else {"GET"}
            yield from ((method, route.path) for method in methods)


@pytest.fixture(scope="module")
async def app(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    """An API of its own, so that what is refused here counts for nobody else."""
    settings = api_settings(people_in(tmp_path_factory.mktemp("roles"), []))
    app = create_app(settings, services=Services(stack.engine, stack.ledger, stack.temporal))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
async def http(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as http:
        yield http


def _token(*roles: str) -> str:
    """The token of somebody with these roles and no others."""
    return ISSUER.token(f"only-{'-'.join(roles) or 'none'}", "Somebody", roles)


_EVERY_ROLE = _token(*_ROLES)


async def _ask(
    http: AsyncClient, method: str, path: str, token: str | None, key: str | None = "who-may", program: str = _OWN
) -> Response:
    """A request about what is not there, with a body that nothing can take."""
    address = path.replace("{number}", "1").replace("{gate:path}", f"program/{program}/r1/gate/strategy/1")
    for name in ("prototype", "before", "after", "redemption"):
        address = address.replace(f"{{{name}}}", "0" * 32)
    address = address.replace("{program}", program)
    for name in ("participant", "name", "reward", "api_key", "report", "cohort", "item"):
        address = address.replace(f"{{{name}}}", "nobody")
    headers = {b"Authorization": f"Bearer {token}".encode()} if token else {}
    if method == "POST" and key is not None:
        headers[b"Idempotency-Key"] = key.encode()
    return await http.request(method, address, headers=headers, content=b"[]" if method == "POST" else None)


def test_the_table_knows_every_route_and_uses_every_action(app: FastAPI) -> None:
    found = set(_paths(app.routes))
    assert {(method, path) for method, path in found if path not in TOLD_TO_ALL} == set(ROUTES)
    assert {path for _, path in found} >= TOLD_TO_ALL
    assert set(ROUTES.values()) == set(get_args(Action)) == set(PERMISSIONS)


def test_a_route_that_a_role_in_any_program_opens_is_one_that_looks_at_each() -> None:
    opened = {path for (method, path), action in ROUTES.items() if (method, path) not in OF_A_PROGRAM and action in ANYWHERE}
    assert opened == LOOK_AT_EACH


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(("token", "code"), [(None, "token_missing"), ("nobodys", "token_refused")])
async def test_every_route_needs_a_token(http: AsyncClient, method: str, path: str, token: str | None, code: str) -> None:
    response = await _ask(http, method, path, token)
    problem(response, 401, code)
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", POSTS)
async def test_every_post_needs_a_key(http: AsyncClient, path: str) -> None:
    problem(await _ask(http, "POST", path, _EVERY_ROLE, key=None), 400, "idempotency_key_missing")
    for key in ("two words", "x" * 201, "clé", "tab\there"):
        found = problem(await _ask(http, "POST", path, _EVERY_ROLE, key=key), 400, "idempotency_key_invalid")
        assert "visible ASCII" in found["detail"]


@pytest.mark.parametrize("key", ["!", "~", "a/b:c", "x" * 200])
async def test_any_visible_characters_make_a_key(http: AsyncClient, key: str) -> None:
    response = await _ask(http, "POST", "/transaction-logs/{name}", _EVERY_ROLE, key=key)
    problem(response, 422, "invalid_request")


def _refused(response: Response, action: Action) -> None:
    found = problem(response, 403, "not_allowed")
    assert action in found["detail"]
    assert all(allowed in found["remedy"] for allowed in PERMISSIONS[action])


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("role", [*_ROLES, "none"])
async def test_each_role_may_do_what_the_table_says(http: AsyncClient, method: str, path: str, role: str) -> None:
    response = await _ask(http, method, path, _token(*([] if role == "none" else [role])))
    action = ROUTES[method, path]
    if role in PERMISSIONS[action]:
        assert response.status_code in (200, 202, 404, 422), response.text
    else:
        _refused(response, action)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("role", _ROLES)
async def test_a_role_for_one_program_does_the_same_there_and_nothing_elsewhere(
    http: AsyncClient, method: str, path: str, role: str
) -> None:
    action, mine = ROUTES[method, path], _token(f"{role}@{_OWN}")
    own = await _ask(http, method, path, mine)
    if role in PERMISSIONS[action] and ((method, path) in OF_A_PROGRAM or action in ANYWHERE):
        assert own.status_code in (200, 404, 422), own.text
    else:
        _refused(own, action)
    if (method, path) in OF_A_PROGRAM:
        other = await _ask(http, method, path, mine, program=_OTHER)
        kind = "gate_unknown" if "{gate:path}" in path else "program_unknown"
        problem(other, 404, kind)


async def test_an_address_that_is_not_there_is_told_so(http: AsyncClient) -> None:
    found = problem(await http.get("/nowhere"), 404, "route_unknown")
    assert "'/nowhere'" in found["detail"]


async def test_a_method_that_an_address_does_not_have_is_told_so(http: AsyncClient) -> None:
    for method, path in (("DELETE", "/programs/nowhere"), ("PUT", "/programs"), ("POST", "/health")):
        response = await http.request(method, path, headers={"Authorization": f"Bearer {_EVERY_ROLE}"})
        found = problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"] in found["remedy"]
