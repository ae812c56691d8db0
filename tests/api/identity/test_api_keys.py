"""API keys of machines: shown once, good for what they were made for until they end, never for what a person answers for."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from api.auth import credentials
from api.auth.authorization import HUMAN_ONLY, PERMISSIONS
from api.http.dependencies import Services
from runtime.database import create_engine
from store import idempotency
from tests.anchors import within_one_day
from tests.api.auth.test_who_may import ROUTES
from tests.api.sample_program import SampleProgram, problem, unanswered
from tests.stack import ISSUER, Stack, api_settings, client_of, people_in

YEAR = timedelta(days=365)


def _body(sample_program: SampleProgram | None = None, **changes: Any) -> dict[str, Any]:
    """A till's key for a month."""
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    usual = {
        "name": "till 7",
        "roles": ["member_service"],
        "programs": [sample_program.program] if sample_program else None,
        "expires_at": until,
    }
    return usual | changes


async def _made(stack: Stack, command: dict[str, Any], **how: Any) -> dict[str, Any]:
    response = await stack.post("/api-keys", command, **how)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def _show(http: AsyncClient, key: str, path: str) -> Response:
    return await http.get(path, headers={"Authorization": f"Bearer {key}"})


@pytest.fixture(scope="module")
async def other_process(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncClient]:
    """Another process of the API over the same database."""
    settings = api_settings(people_in(tmp_path_factory.mktemp("other")))
    app = create_app(settings, services=Services(stack.engine, stack.ledger, stack.temporal))
    async with app.router.lifespan_context(app), client_of(app) as http:
        yield http


async def test_a_key_serves_members_of_its_program_and_sees_no_other(
    sample_program: SampleProgram, pool: SampleProgram, stack: Stack
) -> None:
    made = await _made(stack, _body(sample_program))
    key = made["key"]
    assert key.startswith(f"tnr_{made['id']}_")
    member = await sample_program.member()
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "by-a-till"}
    event = {"type": "purchase", "occurred_at": datetime.now(UTC).isoformat(), "amount": "29.33"}
    posted = await stack.http.post(f"{sample_program.path}/members/{member}/events", json=event, headers=headers)
    assert (posted.status_code, posted.json()["points"]) == (201, 293), posted.text

    async def use(_: date) -> dict[str, Any]:
        assert (await _show(stack.http, key, "/programs")).status_code == 200
        found: dict[str, Any] = await stack.get(f"/api-keys/{made['id']}")
        return found

    today, used = await within_one_day(UTC, use)
    assert (used["last_used_on"], used["created_by"]) == (today.isoformat(), "demo-owner")
    assert [each["id"] for each in (await _show(stack.http, key, "/programs")).json()["items"]] == [sample_program.program]
    problem(await _show(stack.http, key, f"{pool.path}/rewards"), 404, "program_unknown")
    problem(await _show(stack.http, key, "/ledger/check"), 403, "not_allowed")


async def test_the_secret_is_shown_once_and_kept_nowhere(stack: Stack) -> None:
    command = _body()
    first = await _made(stack, command, key="one-key")
    again = await stack.post("/api-keys", command, key="one-key")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json() == {name: value for name, value in first.items() if name != "key"}
    shown = await stack.get(f"/api-keys/{first['id']}")
    assert "key" not in shown and "digest" not in shown
    secret = first["key"].rpartition("_")[2]
    async with stack.engine.connect() as connection:
        for table in ("store.api_key", "store.request"):
            rows = (await connection.execute(text(f"SELECT t::text FROM {table} AS t"))).scalars().all()  # noqa: S608
            assert rows
            assert not [row for row in rows if secret in row]


async def test_a_key_whose_answer_was_lost_is_made_anew_and_the_lost_one_can_be_revoked(stack: Stack) -> None:
    command = _body(name="lost")
    first = await _made(stack, command, key="lost-key")
    await unanswered(stack, "lost-key")
    async with stack.engine.begin() as connection:
        await idempotency.release(connection, "demo-owner", "lost-key")
    second = await _made(stack, command, key="lost-key")
    assert "key" in second and second["id"] != first["id"]
    listed = [each["id"] for each in (await stack.get("/api-keys?limit=200"))["items"] if each["name"] == "lost"]
    assert listed == [second["id"], first["id"]]
    assert (await stack.post(f"/api-keys/{first['id']}/revocation")).status_code == 200


async def test_unknown_expired_and_revoked_keys_are_answered_alike(stack: Stack) -> None:
    revoked, expired, good = [await _made(stack, _body(name=name)) for name in ("revoked", "expired", "good")]
    assert (await stack.post(f"/api-keys/{revoked['id']}/revocation")).status_code == 200
    statement = text("UPDATE store.api_key SET created_at = now() - interval '9 days', expires_at = now() WHERE id = :id")
    owner = await _owner(stack)
    async with owner.begin() as connection:
        await connection.execute(statement, {"id": expired["id"]})
    await owner.dispose()
    secret = good["key"].rpartition("_")[2]
    keys = [
        revoked["key"],
        expired["key"],
        f"tnr_{'0' * 16}_{secret}",  # an id that is not there
        f"tnr_{good['id']}_{'A' * 43}",  # another secret
        f"tnr_{revoked['id']}_{secret}",
        f"tnr_{good['id']}_{secret[:-1]}",
        f"TNR_{good['id']}_{secret}",
        "tnr_",
    ]
    answers = [await _show(stack.http, key, "/programs") for key in keys]
    for answer in answers:
        problem(answer, 401, "token_refused")
    assert len({answer.text for answer in answers}) == 1
    assert (await _show(stack.http, good["key"], "/programs")).status_code == 200


async def _owner(stack: Stack) -> AsyncEngine:
    """Who owns the tables; the application cannot change what a key is."""
    return create_engine(stack.engine.url.render_as_string(hide_password=False), pool_size=1, role=None)


async def test_a_revocation_holds_at_once_here_and_soon_in_every_process(
    stack: Stack, other_process: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await _made(stack, _body())
    for http in (stack.http, other_process):
        assert (await _show(http, made["key"], "/programs")).status_code == 200
    ended = await stack.post(f"/api-keys/{made['id']}/revocation")
    assert ended.json()["revoked_by"] == "demo-owner"
    problem(await _show(stack.http, made["key"], "/programs"), 401, "token_refused")
    later = datetime.now(UTC).timestamp() + credentials._KEY_FOR
    monkeypatch.setattr("time.time", lambda: later)
    problem(await _show(other_process, made["key"], "/programs"), 401, "token_refused")
    monkeypatch.undo()
    again = await stack.post(f"/api-keys/{made['id']}/revocation", key="again")
    assert again.json() == ended.json()


_OWNERS = ("product_owner", "finance")
"""The roles that the person of these tests may give to a key."""


@pytest.mark.parametrize(
    "route", [route for route, action in ROUTES.items() if action in HUMAN_ONLY and PERMISSIONS[action].intersection(_OWNERS)]
)
async def test_what_a_person_answers_for_no_key_may(stack: Stack, route: tuple[str, str]) -> None:
    made = await _made(stack, _body(roles=list(_OWNERS)))
    method, path = route
    address = path.replace("{gate:path}", "program/nowhere/r1/gate/strategy/1")
    for name in ("program", "api_key"):
        address = address.replace(f"{{{name}}}", "nowhere")
    headers = {"Authorization": f"Bearer {made['key']}", "Idempotency-Key": "a-machine"}
    response = await stack.http.request(method, address, headers=headers)
    found = problem(response, 403, "not_for_machines")
    assert ROUTES[route] in found["detail"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "till\x007"}, "name"),
        ({"roles": []}, "roles"),
        ({"roles": ["king"]}, "roles.0"),
        ({"programs": []}, "programs"),
        ({"programs": ["a/b"]}, "programs.0"),
        ({"secret": "of my own"}, "secret"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
    ],
)
async def test_a_wish_of_the_wrong_shape_names_the_field(stack: Stack, changes: dict[str, Any], field: str) -> None:
    before = await stack.get("/api-keys?limit=200")
    found = problem(await stack.post("/api-keys", _body(**changes)), 422, "invalid_request")
    assert found["errors"][0]["field"] == found["field"] == field
    assert await stack.get("/api-keys?limit=200") == before


@pytest.mark.parametrize("after", [-timedelta(seconds=1), timedelta(days=367), timedelta(days=3650)])
async def test_every_key_ends_within_a_year(stack: Stack, after: timedelta) -> None:
    command = _body(expires_at=(datetime.now(UTC) + after).isoformat())
    found = problem(await stack.post("/api-keys", command), 422, "api_key_expiry")
    assert found["field"] == "expires_at"
    assert (await _made(stack, _body(expires_at=(datetime.now(UTC) + YEAR).isoformat())))["id"]


async def test_a_key_for_a_program_that_is_not_there_is_refused(stack: Stack) -> None:
    problem(await stack.post("/api-keys", _body(programs=["nowhere"])), 404, "program_unknown")


async def test_the_application_itself_cannot_change_what_a_key_may(stack: Stack) -> None:
    for change in ("roles = '[]'", "digest = ''", "expires_at = now() + interval '1 day'", "name = ''"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with stack.engine.begin() as connection:
                await connection.execute(text(f"UPDATE store.api_key SET {change}"))  # noqa: S608
    with pytest.raises(DBAPIError, match="permission denied"):
        async with stack.engine.begin() as connection:
            await connection.execute(text("DELETE FROM store.api_key"))


# Who gives what


@pytest.fixture
def as_owner_of(stack: Stack) -> Any:
    """Asks as the product owner of one program alone."""

    async def ask(program: str, method: str, path: str, body: Any = None, key: str = "k") -> Response:
        token = ISSUER.token(f"owner-of-{program}", "Owner", [f"product_owner@{program}", f"legal@{program}"])
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{key}-{path}"}
        return await stack.http.request(method, path, json=body, headers=headers)

    return ask


async def test_the_owner_of_a_program_manages_the_keys_of_it_alone(
    stack: Stack, sample_program: SampleProgram, pool: SampleProgram, as_owner_of: Any
) -> None:
    of_pool, of_both, of_all = [
        await _made(stack, command)
        for command in (_body(pool), _body(programs=[sample_program.program, pool.program]), _body(roles=["analyst"]))
    ]
    mine = (await as_owner_of(sample_program.program, "POST", "/api-keys", _body(sample_program))).json()
    listed = [each["id"] for each in (await as_owner_of(sample_program.program, "GET", "/api-keys")).json()["items"]]
    assert mine["id"] in listed
    for foreign in (of_pool, of_both, of_all):
        assert foreign["id"] not in listed
        address = f"/api-keys/{foreign['id']}"
        unknown = problem(await as_owner_of(sample_program.program, "GET", address), 404, "api_key_unknown")
        nowhere = problem(await as_owner_of(sample_program.program, "GET", "/api-keys/nowhere"), 404, "api_key_unknown")
        assert unknown["detail"].replace(foreign["id"], "") == nowhere["detail"].replace("nowhere", "")
        problem(await as_owner_of(sample_program.program, "POST", f"{address}/revocation"), 404, "api_key_unknown")
        assert (await stack.get(address))["revoked_at"] is None
    assert (await as_owner_of(sample_program.program, "POST", f"/api-keys/{mine['id']}/revocation")).status_code == 200
    problem(await as_owner_of(sample_program.program, "POST", "/api-keys", _body(pool), "p"), 404, "program_unknown")
    problem(await as_owner_of(sample_program.program, "POST", "/api-keys", _body(), "a"), 403, "role_not_granted")


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        (["member_service"], 201),
        (["analyst", "member_service"], 201),
        (["legal"], 201),  # which they have there themselves
        (["finance"], 403),
        (["member_service", "operations"], 403),
    ],
)
async def test_nobody_gives_a_key_more_than_machines_need_or_they_have(
    sample_program: SampleProgram, as_owner_of: Any, roles: list[str], status: int
) -> None:
    response = await as_owner_of(
        sample_program.program, "POST", "/api-keys", _body(sample_program, roles=roles), "-".join(roles)
    )
    assert response.status_code == status, response.text
    if status == 403:
        assert problem(response, 403, "role_not_granted")["field"] == "roles"
