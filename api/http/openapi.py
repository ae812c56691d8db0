"""The API's description of itself: every answer of every route by status, with its problems, their examples and the links."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import Field

import api.http.problem_sources  # noqa: F401 (so that the registry knows every code)
from api.http.errors import BodyTooLarge, HttpRefused, MediaTypeUnsupported, NotAcceptable
from api.http.errors_access import NotAllowed, TokenMissing
from api.http.errors_idempotency import KeyInvalid, KeyMissing, RequestInFlight
from api.http.errors_identity import TokenRefused, TooManyRequests
from api.http.errors_server import Internal, ServiceUnavailable
from api.http.idempotency import KEY, LONGEST_KEY
from api.http.problem_examples import example
from api.http.problems import MEDIA_TYPE
from api.http.statuses import status_of
from domain.error_registry import known
from domain.errors import TenureError
from domain.errors_input import InvalidRequest, KeyReused
from domain.members.errors import MemberUnknown
from domain.model import Value
from store.errors import GateUnknown, PersonalDataErased, ProgramUnknown

_METHODS = {"get", "post", "put", "patch", "delete"}
_ALWAYS = (NotAcceptable, HttpRefused, Internal, ServiceUnavailable)
_SECURED = (TokenMissing, TokenRefused, NotAllowed, TooManyRequests)
_KEYED = (KeyMissing, KeyInvalid, KeyReused, RequestInFlight)
_WITH_BODY = (BodyTooLarge, MediaTypeUnsupported, InvalidRequest)
_IN_PATH: Mapping[str, tuple[type[TenureError], ...]] = {
    "{program}": (ProgramUnknown,),
    "{participant}": (MemberUnknown, PersonalDataErased),
    "{gate}": (GateUnknown,),
}
_KEY_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": f"^{KEY}$"}
_LOCATION = {"description": "Where it is.", "schema": {"type": "string", "format": "uri-reference"}}
_REPLAYED = {
    "description": "The key came before: this is the first answer again.",
    "schema": {"type": "string", "const": "true"},
}


class Problem(Value):
    """What an error is answered with (RFC 9457): `code` never changes, `remedy` says what to do."""

    type: str = Field(description="Where the problem is explained, relative to the API.")
    title: str
    status: int
    code: str
    detail: str = Field(description="What is wrong this time.")
    remedy: str = Field(description="What to do.")
    field: str | None = Field(default=None, description="The input that is at fault, where one is.")
    errors: list[dict[str, Any]] | None = Field(default=None, description="Every field that is at fault.")


Responses = dict[int | str, dict[str, Any]]
Schemas = dict[str, Any]


def raises(*problems: type[TenureError] | str) -> Responses:
    """For a route's `responses`: the problems that it alone has, as classes, or as the codes of what a workflow refuses."""
    found = known()
    responses: Responses = {}
    for each in problems:
        kind = found[each] if isinstance(each, str) else each
        response = responses.setdefault(status_of(kind), {"description": "", "content": {MEDIA_TYPE: {"examples": {}}}})
        response["content"][MEDIA_TYPE]["examples"][kind.code] = {"$ref": f"#/components/examples/{kind.code}"}
    for response in responses.values():
        content = response["content"][MEDIA_TYPE]
        content["schema"] = {"$ref": "#/components/schemas/Problem"}
        response["description"] = "; ".join(f"`{code}`" for code in content["examples"])
    return responses


def links(status: Literal[201, 202], **operations: Mapping[str, str]) -> Responses:
    """For a route's `responses`: which operations the answer leads to, and where in it their parameters are."""
    return {status: {"links": {name: {"operationId": name, "parameters": dict(given)} for name, given in operations.items()}}}


def together(*responses: Responses) -> Responses:
    """Several `responses` of one route, each status with what all say of it."""
    merged: Responses = {}
    for each in responses:
        for status, answer in each.items():
            merged[status] = _merged(merged.get(status, {}), answer)
    return merged


def operation_id(route: APIRoute) -> str:
    """The name of the function: `list_programs`."""
    return route.name


def install(app: FastAPI, schemas: Callable[[], Schemas]) -> None:
    """Have the application describe itself completely; `schemas` makes those of bodies that routes read for themselves."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, schemas())
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _described(app: FastAPI, more: Schemas) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= more
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["examples"] = {
        code: {"summary": kind.title, "value": example(kind)} for code, kind in known().items()
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                _complete(path, operation)
    return document


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Say of one operation what holds for all of its kind."""
    responses = {status: answer for status, answer in operation["responses"].items() if not _is_frameworks(answer)}
    parameters = operation.get("parameters", [])
    keyed = [each for each in parameters if each["in"] == "header" and each["name"].lower() == "idempotency-key"]
    for each in keyed:
        each |= {"required": True, "schema": _KEY_SCHEMA, "description": "A value of your own, the same on repetition."}
    for status, answer in raises(*_common(path, operation, bool(keyed))).items():
        responses[str(status)] = _merged(responses.get(str(status), {}), answer)
    for status in ("201", "202"):
        if status in responses:
            headers = {"Location": _LOCATION} | ({"Idempotency-Replayed": _REPLAYED} if keyed else {})
            responses[status] = _merged({"headers": headers}, responses[status])
    operation["responses"] = dict(sorted(responses.items()))


def _common(path: str, operation: Mapping[str, Any], keyed: bool) -> Iterable[type[TenureError]]:
    yield from _ALWAYS
    if operation.get("security"):
        yield from _SECURED
    if keyed:
        yield from _KEYED
    if "requestBody" in operation:
        yield from _WITH_BODY
    elif operation.get("parameters"):
        yield InvalidRequest
    yield from (kind for part, kinds in _IN_PATH.items() if part in path for kind in kinds)


def _is_frameworks(answer: Mapping[str, Any]) -> bool:
    """Whether it is the framework's own description of a request of the wrong shape, which we answer otherwise."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return bool(schema.get("$ref", "").endswith("/HTTPValidationError"))


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two descriptions as one: objects key by key, texts one after the other."""
    merged = dict(first)
    for key, value in second.items():
        there = merged.get(key)
        if isinstance(there, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(there, value)
        elif key == "description" and there and there != value and isinstance(there, str) and there.startswith("`"):
            merged[key] = "; ".join(dict.fromkeys((*there.split("; "), *str(value).split("; "))))
        else:
            merged[key] = value
    return merged
