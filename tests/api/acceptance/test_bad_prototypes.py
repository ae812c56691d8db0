"""Bad input about prototypes: what is not there, or is no definition; nothing is begun by it."""

from typing import Any

import pytest

from tests.api.sample_program import SampleProgram, problem
from tests.stack import Stack


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid_request", "definition"),
        ({"definition": {"program": "p"}}, "invalid_request", "revision"),
        ({"definition": "format: tenure/1\n", "colour": "red"}, "invalid_request", "colour"),
        ({"definition": "format: tenure/1\n", "log": "No Log"}, "invalid_request", "log"),
        ({"definition": "format: tenure/1\n"}, "definition_faulty", "body"),
    ],
)
async def test_a_wish_of_the_wrong_shape_is_refused_by_its_field(stack: Stack, body: Any, code: str, field: str) -> None:
    found = problem(await stack.post("/prototypes", body), 422, code)
    assert field in str(found)


async def test_what_is_not_there_is_not_simulated(stack: Stack, sample_program: SampleProgram) -> None:
    known = {"program": sample_program.definition.program, "revision": 1}
    problem(await stack.post("/prototypes", {"definition": known, "log": "nowhere"}), 422, "transaction_log_not_loaded")
    problem(await stack.post("/prototypes", {"definition": known | {"revision": 99}}), 404, "revision_unknown")
    problem(await stack.post("/prototypes", {"definition": known | {"program": "nobody"}}), 404, "program_unknown")


@pytest.mark.parametrize("path", ["", f"/comparison/{'0' * 32}"])
async def test_a_prototype_that_nobody_asked_for_is_not_found(stack: Stack, path: str) -> None:
    response = await stack.http.get(f"/prototypes/{'0' * 32}{path}", headers={"Authorization": "Bearer demo-owner"})
    problem(response, 404, "prototype_unknown")


async def test_an_address_that_is_no_prototype_is_refused(stack: Stack) -> None:
    response = await stack.http.get("/prototypes/latest", headers={"Authorization": "Bearer demo-owner"})
    problem(response, 422, "invalid_request")
