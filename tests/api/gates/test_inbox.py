"""The inbox over HTTP: what waits for whom, for whom else, what was decided, and what a gate's subject rests on."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.sample_program import SampleProgram, Waiting, problem
from tests.stack import Stack

Begin = Callable[[], Awaitable[Waiting]]


async def test_what_waits_for_me_is_shown_until_i_have_decided(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    before = (await stack.get("/inbox", "demo-marketing"))["counts"]["decided"]
    (found,) = await _waiting(stack, waiting, "demo-marketing")
    assert (found["title"], found["digest"]) == (
        (await stack.get(f"/gates/{waiting.gate}"))["subject"]["title"],
        waiting.digest,
    )
    assert found["waits_for"] == {"marketing": 1, "finance": 1}
    assert found["way"] == {"on_behalf_of": None, "delegation": None, "role": "marketing", "decides": False}
    for nobody in ("demo-owner", "demo-legal", "demo-shop"):
        assert await _waiting(stack, waiting, nobody) == []

    assert (await waiting.vote("demo-marketing", reason="Worth it")).status_code == 201
    inbox = await stack.get("/inbox", "demo-marketing")
    assert [each["gate"] for each in inbox["waiting"] if each["program"] == waiting.program] == []
    assert inbox["counts"]["decided"] == before + 1
    latest = inbox["decided"][0]
    assert (latest["gate"], latest["answer"], latest["role"], latest["reason"], latest["outcome"]) == (
        waiting.gate,
        "approve",
        "marketing",
        "Worth it",
        None,
    )
    (left,) = await _waiting(stack, waiting, "demo-finance")
    assert (left["way"]["decides"], left["waits_for"]) == (True, {"finance": 1})

    assert (await waiting.vote("demo-finance", "reject", reason="Too dear")).status_code == 201
    latest = (await stack.get("/inbox", "demo-marketing"))["decided"][0]
    assert latest["outcome"] == "rejected"


async def test_what_waits_for_who_has_delegated_is_shown_apart(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    command = {
        "to": "demo-analyst",
        "program": waiting.program,
        "until": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
    }
    given = await stack.post("/delegations", command, person="demo-marketing")
    assert given.status_code == 201, given.text
    inbox = await stack.get("/inbox", "demo-analyst")
    assert not [each for each in inbox["waiting"] if each["program"] == waiting.program]
    (found,) = [each for each in inbox["delegated"] if each["program"] == waiting.program]
    assert found["way"] == {
        "on_behalf_of": "demo-marketing",
        "delegation": given.json()["id"],
        "role": "marketing",
        "decides": False,
    }
    answer = await waiting.vote("demo-analyst", on_behalf_of="demo-marketing")
    assert answer.status_code == 201, answer.text
    for person in ("demo-analyst", "demo-marketing"):
        latest = (await stack.get("/inbox", person))["decided"][0]
        assert (latest["gate"], latest["person"], latest["on_behalf_of"]) == (waiting.gate, "demo-analyst", "demo-marketing")
    assert await _waiting(stack, waiting, "demo-marketing") == []


async def test_all_that_i_decided_is_read_page_by_page(begin: Begin, sample_program: SampleProgram, stack: Stack) -> None:
    for _ in range(2):
        assert (await (await begin()).vote("demo-finance")).status_code == 201
    whole = (await stack.get("/inbox/decided?limit=200", "demo-finance"))["items"]
    assert [each["recorded_at"] for each in whole] == sorted((each["recorded_at"] for each in whole), reverse=True)
    assert {each["gate"] for each in whole} >= {
        f"program/{sample_program.program}/r1/gate/{gate}/1" for gate in ("strategy", "launch")
    }
    paged: list[dict[str, Any]] = []
    path = "/inbox/decided?limit=1"
    while True:
        page = await stack.get(path, "demo-finance")
        assert len(page["items"]) == 1
        paged += page["items"]
        if page["next"] is None:
            break
        path = f"/inbox/decided?limit=1&cursor={page['next']}"
    assert paged == whole
    for cursor in ("x", "%00", "é", "MjAyNi0wMS0wMSBhIDE", "MjAyNi0wMS0wMVQwMDowMDowMFogYSAw"):
        response = await stack.http.get(f"/inbox/decided?cursor={cursor}", headers={"Authorization": "Bearer demo-finance"})
        problem(response, 422, "cursor_invalid")


async def test_a_gate_is_shown_beside_what_its_subject_rests_on(sample_program: SampleProgram, stack: Stack) -> None:
    gate = f"program/{sample_program.program}/r1/gate/launch/1"
    found = await stack.get(f"/gates/{gate}/evidence", "demo-legal")
    assert (found["revision"], found["edited_by"], found["compared_with"]) == (1, ["demo-owner"], None)
    assert found["prototype"]["result"]["figures"]["members"] is not None
    assert {test["phase"] for test in found["tests"] if test["passed"]} >= {"readiness"}
    response = await stack.http.get(f"/gates/{gate}0/evidence", headers={"Authorization": "Bearer demo-legal"})
    problem(response, 404, "gate_unknown")


async def test_a_key_can_be_the_word_evidence(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    assert (await waiting.vote("demo-finance", key="evidence")).status_code == 201
    found = await stack.get(f"/gates/{waiting.gate}/decisions/evidence", "demo-finance")
    assert (found["key"], found["status"]) == ("evidence", "counted")


async def _waiting(stack: Stack, waiting: Waiting, person: str) -> list[dict[str, Any]]:
    inbox = await stack.get("/inbox", person)
    assert inbox["counts"]["waiting"] == len(inbox["waiting"])
    return [each for each in inbox["waiting"] if each["program"] == waiting.program]
