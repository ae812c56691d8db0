"""Every route, used as it is meant: what it answers, and that what it made can be found where it says."""

from collections.abc import Awaitable, Callable
from typing import Any

from domain import ids
from domain.definition.document import digest
from tests.api.sample_program import SHOP, SampleProgram, Waiting, definition_of, problem, runs, unchanged
from tests.stack import Stack, program_id
from tests.waiting import gate_open, history_has, stage_reached


async def test_the_process_tells_that_it_lives_to_everybody(stack: Stack) -> None:
    response = await stack.http.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_a_transaction_log_is_kept_whole_and_the_same_one_again_is_no_other(stack: Stack) -> None:
    rows = "customer,at,amount\nc1,2026-01-01T10:00:00Z,120.00\nc2,2026-01-02T10:00:00+02:00,7.5\n"
    response = await stack.post("/transaction-logs/well-used", content=rows)
    assert (response.status_code, response.json()) == (201, {"name": "well-used", "rows": 2})
    found = await stack.get(response.headers["Location"])
    assert (found["name"], found["rows"]) == ("well-used", 2)
    assert (await stack.post("/transaction-logs/well-used", content=rows)).status_code == 201
    assert await stack.get("/transaction-logs/well-used") == found


async def test_a_program_is_started_and_shows_what_it_waits_for(begin: Callable[[], Awaitable[Waiting]], stack: Stack) -> None:
    waiting = await begin()
    found = await stack.get(f"/programs/{waiting.program}", SHOP)
    assert (found["stage"], found["product_status"], found["owner"]) == ("strategy", "In study", "demo-owner")
    assert [revision["digest"] for revision in found["revisions"]] == [digest(waiting.definition)]
    assert [gate["id"] for gate in found["open_gates"]] == [waiting.gate]
    assert waiting.program in [each["id"] for each in (await stack.get("/programs?limit=200"))["items"]]


async def test_a_definition_in_yaml_starts_a_program_where_it_says(stack: Stack) -> None:
    definition = definition_of(program_id("yaml"))
    response = await stack.post("/programs", content=definition.model_dump_json())  # JSON is YAML
    assert response.status_code == 201, response.text
    assert response.json() == {"program": definition.program, "revision": 1, "digest": digest(definition), "weight": None}
    assert (await stack.get(response.headers["Location"]))["id"] == definition.program


async def test_gates_are_listed_for_those_who_can_still_decide(begin: Callable[[], Awaitable[Waiting]], stack: Stack) -> None:
    waiting = await begin()
    gates = f"/gates?program={waiting.program}"
    nothing: dict[str, Any] = {"items": [], "next": None}
    assert [gate["id"] for gate in (await stack.get(f"{gates}&mine=true", "demo-marketing"))["items"]] == [waiting.gate]
    assert await stack.get(f"{gates}&mine=true", "demo-owner") == nothing  # in finance, and the owner
    assert await stack.get(f"{gates}&mine=true", "demo-legal") == nothing

    response = await waiting.vote("demo-marketing", reason="as planned")
    assert response.status_code == 201
    (vote,) = response.json()["votes"]
    assert (vote["person"], vote["role"], vote["answer"]) == ("demo-marketing", "marketing", "approve")
    assert await stack.get(response.headers["Location"], SHOP) == response.json()
    assert await stack.get(f"{gates}&mine=true", "demo-marketing") == nothing
    assert [gate["id"] for gate in (await stack.get(gates))["items"]] == [waiting.gate]


async def test_a_revision_follows_requested_changes(begin: Callable[[], Awaitable[Waiting]], stack: Stack) -> None:
    waiting = await begin()
    await waiting.vote("demo-marketing", "request_changes", reason="dearer, please")
    await stage_reached(stack, waiting.program, "development")
    better = definition_of(waiting.program).model_copy(update={"summary": "A better one"})
    response = await stack.post(f"/programs/{waiting.program}/revisions", better.model_dump(mode="json"))
    assert response.status_code == 201, response.text
    assert response.json() == {"program": waiting.program, "revision": 2, "digest": digest(better), "weight": None}
    found = await stack.get(response.headers["Location"])
    assert (found["number"], found["definition"]["summary"]) == (2, "A better one")
    listed = await stack.get(f"/programs/{waiting.program}/revisions")
    assert [revision["number"] for revision in listed["items"]] == [1, 2]


async def test_a_member_joins_earns_redeems_and_leaves(sample_program: SampleProgram, stack: Stack) -> None:
    participant = sample_program.stranger()
    response = await sample_program.enrol(participant)
    assert response.status_code == 201, response.text
    place = response.headers["Location"]
    assert place == f"{sample_program.path}/members/{participant}"
    assert (response.json()["tier"], response.json()["status"]) == ("listener", "active")

    event = await sample_program.event(participant, "60.00")
    assert event.status_code == 201, event.text
    assert {name: event.json()[name] for name in ("kind", "points", "balance", "tier")} == {
        "kind": "earn", "points": 600, "balance": 600, "tier": "listener",
    }  # fmt: skip
    assert await stack.get(event.headers["Location"], SHOP) == event.json()

    redemption = await sample_program.redeem(participant, "sampler")
    assert redemption.status_code == 201, redemption.text
    assert {name: redemption.json()[name] for name in ("state", "points", "reward")} == {
        "state": "fulfilled", "points": 500, "reward": "sampler",
    }  # fmt: skip
    assert await stack.get(redemption.headers["Location"], SHOP) == redemption.json()

    balance = await stack.get(f"{place}/balance", SHOP)
    assert (balance["currency"], balance["posted"], balance["held"], balance["available"]) == ("NOTES", 100, 0, 100)
    assert [lot["remaining"] for lot in balance["lots"]] == [100]

    response = await sample_program.leave(participant)
    assert (response.status_code, response.json()["status"]) == (200, "left")
    found = await stack.get(place, SHOP)
    assert (found["status"], [change["change"] for change in found["tier_changes"]]) == ("left", ["joined"])
    assert await sample_program.available(participant) == 0


async def test_who_is_a_member_already_gets_the_membership_that_is_there(sample_program: SampleProgram) -> None:
    participant = await sample_program.member()
    again = await sample_program.enrol(participant)
    assert again.status_code == 201
    assert again.json()["participant"] == participant


async def test_an_evaluation_can_be_asked_for(sample_program: SampleProgram, stack: Stack) -> None:
    response = await stack.post(f"{sample_program.path}/evaluations", person="demo-analyst", key="judge-1")
    assert response.status_code == 201, response.text
    asked_for = ids.evaluation_on_demand(sample_program.program, "demo-analyst", "judge-1")
    kept = await stack.get(response.headers["Location"])
    assert kept["id"] == asked_for
    assert kept["verdict"] == response.json()


async def test_the_report_tells_the_whole_life_and_the_books_are_right(sample_program: SampleProgram, stack: Stack) -> None:
    participant = await sample_program.member()
    await sample_program.event(participant)
    found = await stack.get(f"{sample_program.path}/report", "demo-finance")
    assert [stage["stage"] for stage in found["stages"]] == [
        "requirements", "strategy", "prototype", "acceptance_test", "rollout",
    ]  # fmt: skip
    assert {decision["name"] for decision in found["decisions"]} >= {"Demo Finance", "Demo Legal", "Demo Marketing"}
    assert found["ledger_check"]["clean"]
    check = await stack.get(f"{sample_program.path}/ledger-check", "demo-finance")
    assert check["clean"] and check["postings"] == found["ledger_check"]["postings"] > 0
    assert check["totals"] == found["points"]


async def test_a_program_whose_end_is_refused_at_the_gate_goes_on(sample_program: SampleProgram, stack: Stack) -> None:
    response = await stack.post(f"{sample_program.path}/end", {"reason": "too dear"})
    assert (response.status_code, response.json()["asked_for"]) == (202, "end")
    assert (await stack.get(response.headers["Location"]))["id"] == sample_program.program

    gate = ids.gate(ids.lifecycle(sample_program.program), "wind-down", 1)
    shown = await gate_open(stack, gate)
    async with unchanged(stack, sample_program.program):
        second = problem(await stack.post(f"{sample_program.path}/end", {"reason": "still too dear"}), 409, "end_requested")
        assert "gate" in second["remedy"]

    vote = {"answer": "reject", "digest": shown, "reason": "members love it"}
    assert (await stack.post(f"/gates/{gate}/decisions", vote, person="demo-legal")).status_code == 201
    await history_has(stack.temporal, gate, lambda event: event.HasField("workflow_execution_completed_event_attributes"))
    assert (await stack.get(sample_program.path))["stage"] == "rollout"
    assert await runs(stack, ids.lifecycle(sample_program.program))
