"""The API's description of itself: whole, readable, and true."""

import json
import re
from typing import Any

import pytest

from api.http.openapi import raises, together
from domain.error_registry import known
from tests.api.sample_program import problem
from tests.stack import Stack

_NAME = re.compile(r"[a-z]+(_[a-z]+)+")
_UTF_16 = "{}".encode("utf-16")


def _operations(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    }


def test_operations_have_names_of_their_own_that_read_well(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in _operations(described).values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not _NAME.fullmatch(name)] == []


def test_every_answer_has_a_type(described: dict[str, Any]) -> None:
    for name, operation in _operations(described).items():
        assert operation["description"], name
        for status, answer in operation["responses"].items():
            content = answer.get("content", {})
            if status == "304":
                assert content == {}, name
            elif status.startswith("2"):
                schema = content["application/json"]["schema"]
                assert schema.keys() & {"$ref", "anyOf", "items"}, (name, status, schema)
            else:
                assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}, (name, status)
                assert content["application/problem+json"]["examples"], (name, status)


def test_every_operation_tells_of_its_problems(described: dict[str, Any]) -> None:
    for name, operation in _operations(described).items():
        lines = set(operation["responses"])
        assert {"400", "406", "500", "503"} <= lines, name
        if "security" in operation:
            assert {"401", "403"} <= lines, name
        if "requestBody" in operation:
            assert {"413", "415", "422"} <= lines, name
        if any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", [])):
            assert {"400", "409", "422"} <= lines, name
        if "{program}" in name:
            assert "404" in lines, name


def test_a_key_is_asked_for_wherever_something_is_done(described: dict[str, Any]) -> None:
    for name, operation in _operations(described).items():
        keys = [each for each in operation.get("parameters", []) if each["name"] == "Idempotency-Key"]
        each_event_has_its_own = operation["operationId"] in ("post_events", "post_outside_events")
        assert len(keys) == (name.startswith("POST") and not each_event_has_its_own), name
        assert all(key["required"] and key["schema"]["pattern"] == "^[!-~]+$" for key in keys), name


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(described)))
    assert len(references) > 100
    for reference in references:
        found: Any = described
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert isinstance(found, dict), reference


def test_links_lead_to_operations_and_give_them_what_they_need(described: dict[str, Any]) -> None:
    operations = {each["operationId"]: each for each in _operations(described).values()}
    followed: set[tuple[str, str]] = set()
    for operation in operations.values():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                target = operations[link["operationId"]]
                needed = {each["name"] for each in target.get("parameters", []) if each["in"] == "path"}
                known_there = {each["name"] for each in target.get("parameters", [])}
                assert needed <= set(link["parameters"]) <= known_there, (operation["operationId"], link)
                followed.add((operation["operationId"], link["operationId"]))
    assert followed >= {
        ("start_program", "show_program"),
        ("start_program", "list_revisions"),
        ("start_program", "list_gates"),
        ("enrol_member", "show_balance"),
        ("enrol_member", "show_statement"),
        ("enrol_member", "post_event"),
        ("redeem_reward", "list_redemptions"),
    }


def test_who_asks_is_said_by_a_token(described: dict[str, Any]) -> None:
    (scheme,) = described["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_what_several_say_of_one_answer_is_said_together() -> None:
    both = together(raises("program_unknown"), raises("gate_unknown", "gate_decided"))
    assert set(both[404]["content"]["application/problem+json"]["examples"]) == {"program_unknown", "gate_unknown"}
    assert both[404]["description"] == "`program_unknown`; `gate_unknown`"
    assert both[409]["description"] == "`gate_decided`"


def test_every_problem_has_an_example_in_the_description(described: dict[str, Any]) -> None:
    assert set(described["components"]["examples"]) == set(known())


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/json;q=0", "*/*;q=0", "text/*, image/*"])
async def test_an_answer_of_another_kind_is_refused(stack: Stack, accept: str) -> None:
    headers = {"Authorization": "Bearer demo-owner", "Accept": accept}
    found = problem(await stack.http.get("/programs", headers=headers), 406, "not_acceptable")
    assert (found["field"], found["remedy"]) == ("Accept", "Accept application/json.")


@pytest.mark.parametrize(
    "accept",
    ["application/json", "application/*", "*/*", "", "text/html, */*;q=0.1", "*/*;q=0, application/json", "TEXT/html, */*"],
)
async def test_whoever_takes_json_is_answered(stack: Stack, accept: str) -> None:
    headers = {"Authorization": "Bearer demo-owner", "Accept": accept}
    response = await stack.http.get("/programs", headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "json", "application/json; charset=latin-1", "multipart/form-data"],
)
async def test_a_body_of_another_kind_is_refused(stack: Stack, kind: str) -> None:
    headers = {"Authorization": "Bearer demo-owner", "Idempotency-Key": "kind", "Content-Type": kind}
    response = await stack.http.post("/programs/nowhere/end", content=b'{"reason": "over"}', headers=headers)
    found = problem(response, 415, "media_type_unsupported")
    assert (found["field"], "application/json" in found["remedy"]) == ("Content-Type", True)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=UTF-8", 'Application/JSON; charset="utf-8"', None]
)
async def test_json_may_say_that_it_is_in_utf_8(stack: Stack, kind: str | None) -> None:
    headers = {"Authorization": "Bearer demo-owner", "Idempotency-Key": "kind"} | ({"Content-Type": kind} if kind else {})
    response = await stack.http.post("/programs/nowhere/end", content=b'{"reason": "over"}', headers=headers)
    problem(response, 404, "program_unknown")


async def test_json_in_another_encoding_is_one_clear_problem(stack: Stack) -> None:
    headers = {"Authorization": "Bearer demo-owner", "Idempotency-Key": "utf-16", "Content-Type": "application/json"}
    response = await stack.http.post("/programs/nowhere/end", content=_UTF_16, headers=headers)
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/health", "/programs", "/problems/four_eyes", "/openapi.json"])
async def test_head_answers_the_headers_of_get_alone(stack: Stack, path: str) -> None:
    headers = {"Authorization": "Bearer demo-owner"}
    whole, head = await stack.http.get(path, headers=headers), await stack.http.head(path, headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert (await stack.http.head("/programs")).status_code == 401


async def test_what_a_method_cannot_do_is_told_with_all_that_can_be_done(stack: Stack) -> None:
    for path, allowed in (("/programs", "HEAD, GET, POST"), ("/programs/nowhere/end", "POST"), ("/health", "HEAD, GET")):
        response = await stack.http.put(path)
        problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == allowed
