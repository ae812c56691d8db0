"""PrototypeRun by the API: asked for, done once, read, and two of them compared; or the reason why there is nothing."""

from typing import Any

from httpx import Response

from domain import ids
from domain.definition.document import Definition
from tests.program_steps import handle, shown
from tests.stack import Stack, example, program_id
from tests.workflows.conftest import Histories

LOG = "customer,at,amount\n" + "".join(
    f"c{number % 7},2026-0{1 + number % 6}-01T10:00:00Z,{20 + number * 9}.00\n" for number in range(21)
)


def _dearer(program: str) -> Definition:
    rule = {"id": "points-per-dollar", "event": "purchase", "rate": 20, "rounding": "half_up"}
    return example("cd-club.yaml", program, earning=[rule])


async def _asked(stack: Stack, definition: Definition, log: str) -> Response:
    response = await stack.post("/prototypes", {"definition": definition.model_dump_json(), "log": log})
    assert response.status_code == 202, response.text
    return response


async def _done(stack: Stack, response: Response) -> dict[str, Any]:
    await handle(stack, f"prototype/{response.json()['id']}").result()
    found: dict[str, Any] = await stack.get(response.headers["location"])
    return found


async def test_what_a_definition_would_cost_and_who_gains_by_another_one(stack: Stack, histories: Histories) -> None:
    program = program_id("asks-what-it-costs")
    await stack.post(f"/transaction-logs/{program}-log", content=LOG)
    definition = example("cd-club.yaml", program)

    response = await _asked(stack, definition, f"{program}-log")
    found = await _done(stack, response)

    assert found["state"] == "done"
    assert found["result"]["figures"]["members"] == "7"
    assert [month["month"] for month in found["result"]["months"]] == [f"2026-0{number}" for number in range(1, 7)]
    assert "members" not in found
    workflow_id = f"prototype/{response.json()['id']}"
    assert "Failed" in await shown(stack.temporal, workflow_id)
    await histories.keep(stack.temporal, workflow_id, "PrototypeRun-done")

    again = await _asked(stack, definition, f"{program}-log")
    assert again.json() == response.json()

    dearer = await _asked(stack, _dearer(program), f"{program}-log")
    await _done(stack, dearer)
    comparison = await stack.get(f"/prototypes/{response.json()['id']}/comparison/{dearer.json()['id']}")
    assert comparison["points"]["gaining"] == 7
    assert {each["customer"] for each in comparison["points"]["largest_gains"]} == {f"#{number}" for number in range(1, 8)}


async def test_a_log_that_the_rules_cannot_rate_has_an_answer_that_says_so(stack: Stack, histories: Histories) -> None:
    program = program_id("asks-in-vain")
    await stack.post(f"/transaction-logs/{program}-log", content="customer,at,amount\nann,2026-01-01T10:00:00Z,1.005\n")

    response = await _asked(stack, example("cd-club.yaml", program), f"{program}-log")
    found = await _done(stack, response)

    assert (found["state"], "finer than the smallest unit" in found["why"]) == ("unusable", True)
    assert "cannot be used" in await shown(stack.temporal, f"prototype/{response.json()['id']}")
    await histories.keep(stack.temporal, f"prototype/{response.json()['id']}", "PrototypeRun-unusable")
    refused = await stack.http.get(
        f"/prototypes/{response.json()['id']}/comparison/{response.json()['id']}",
        headers={"Authorization": "Bearer demo-owner"},
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "prototype_not_done")


async def test_the_id_is_that_of_the_definition_and_the_log() -> None:
    assert ids.prototype("a", "b") == ids.prototype("a", "b") != ids.prototype("b", "a")
