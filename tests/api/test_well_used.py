"""Every route, used as it is meant: what it answers, and that what it made can be found where it says."""

from collections.abc import Awaitable, Callable
from typing import Any

from domain import ids
from domain.definition.document import digest
from tests.api.club import SHOP, Club, Waiting, definition_of, problem, runs, unchanged
from tests.house import House, program_id
from tests.waiting import gate_open, history_has, stage_reached


async def test_the_process_tells_that_it_lives_to_everybody(house: House) -> None:
    response = await house.http.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_a_transaction_log_is_kept_whole_and_the_same_one_again_is_no_other(house: House) -> None:
    rows = "customer,at,amount\nc1,2026-01-01T10:00:00Z,120.00\nc2,2026-01-02T10:00:00+02:00,7.5\n"
    response = await house.post("/transaction-logs/well-used", content=rows)
    assert (response.status_code, response.json()) == (201, {"name": "well-used", "rows": 2})
    found = await house.get(response.headers["Location"])
    assert (found["name"], found["rows"]) == ("well-used", 2)
    assert (await house.post("/transaction-logs/well-used", content=rows)).status_code == 201
    assert await house.get("/transaction-logs/well-used") == found


async def test_a_program_is_started_and_shows_what_it_waits_for(begin: Callable[[], Awaitable[Waiting]], house: House) -> None:
    waiting = await begin()
    found = await house.get(f"/programs/{waiting.program}", SHOP)
    assert (found["stage"], found["product_status"], found["owner"]) == ("strategy", "In study", "demo-owner")
    assert [revision["digest"] for revision in found["revisions"]] == [digest(waiting.definition)]
    assert [gate["id"] for gate in found["open_gates"]] == [waiting.gate]
    assert waiting.program in [each["id"] for each in (await house.get("/programs?limit=200"))["items"]]


async def test_a_definition_in_yaml_starts_a_program_where_it_says(house: House) -> None:
    definition = definition_of(program_id("yaml"))
    response = await house.post("/programs", content=definition.model_dump_json())  # JSON is YAML
    assert response.status_code == 201, response.text
    assert response.json() == {"program": definition.program, "revision": 1, "digest": digest(definition), "weight": None}
    assert (await house.get(response.headers["Location"]))["id"] == definition.program


async def test_gates_are_listed_for_those_who_can_still_decide(begin: Callable[[], Awaitable[Waiting]], house: House) -> None:
    waiting = await begin()
    gates = f"/gates?program={waiting.program}"
    nothing: dict[str, Any] = {"items": [], "next": None}
    assert [gate["id"] for gate in (await house.get(f"{gates}&mine=true", "demo-marketing"))["items"]] == [waiting.gate]
    assert await house.get(f"{gates}&mine=true", "demo-owner") == nothing  # in finance, and the owner
    assert await house.get(f"{gates}&mine=true", "demo-legal") == nothing

    response = await waiting.vote("demo-marketing", reason="as planned")
    assert response.status_code == 201
    (vote,) = response.json()["votes"]
    assert (vote["person"], vote["role"], vote["answer"]) == ("demo-marketing", "marketing", "approve")
    assert await house.get(response.headers["Location"], SHOP) == response.json()
    assert await house.get(f"{gates}&mine=true", "demo-marketing") == nothing
    assert [gate["id"] for gate in (await house.get(gates))["items"]] == [waiting.gate]


async def test_a_revision_follows_requested_changes(begin: Callable[[], Awaitable[Waiting]], house: House) -> None:
    waiting = await begin()
    await waiting.vote("demo-marketing", "request_changes", reason="dearer, please")
    await stage_reached(house, waiting.program, "development")
    better = definition_of(waiting.program).model_copy(update={"summary": "A better one"})
    response = await house.post(f"/programs/{waiting.program}/revisions", better.model_dump(mode="json"))
    assert response.status_code == 201, response.text
    assert response.json() == {"program": waiting.program, "revision": 2, "digest": digest(better), "weight": None}
    found = await house.get(response.headers["Location"])
    assert (found["number"], found["definition"]["summary"]) == (2, "A better one")
    listed = await house.get(f"/programs/{waiting.program}/revisions")
    assert [revision["number"] for revision in listed["items"]] == [1, 2]


async def test_a_member_joins_earns_redeems_and_leaves(club: Club, house: House) -> None:
    participant = club.stranger()
    response = await club.enrol(participant)
    assert response.status_code == 201, response.text
    place = response.headers["Location"]
    assert place == f"{club.path}/members/{participant}"
    assert (response.json()["tier"], response.json()["status"]) == ("listener", "active")

    event = await club.event(participant, "60.00")
    assert event.status_code == 201, event.text
    assert {name: event.json()[name] for name in ("kind", "points", "balance", "tier")} == {
        "kind": "earn", "points": 600, "balance": 600, "tier": "listener",
    }  # fmt: skip
    assert await house.get(event.headers["Location"], SHOP) == event.json()

    redemption = await club.redeem(participant, "sampler")
    assert redemption.status_code == 201, redemption.text
    assert {name: redemption.json()[name] for name in ("state", "points", "reward")} == {
        "state": "fulfilled", "points": 500, "reward": "sampler",
    }  # fmt: skip
    assert await house.get(redemption.headers["Location"], SHOP) == redemption.json()

    balance = await house.get(f"{place}/balance", SHOP)
    assert (balance["currency"], balance["posted"], balance["held"], balance["available"]) == ("NOTES", 100, 0, 100)
    assert [lot["remaining"] for lot in balance["lots"]] == [100]

    response = await club.leave(participant)
    assert (response.status_code, response.json()["status"]) == (200, "left")
    found = await house.get(place, SHOP)
    assert (found["status"], [change["change"] for change in found["tier_changes"]]) == ("left", ["joined"])
    assert await club.available(participant) == 0


async def test_who_is_a_member_already_gets_the_membership_that_is_there(club: Club) -> None:
    participant = await club.member()
    again = await club.enrol(participant)
    assert again.status_code == 201
    assert again.json()["participant"] == participant


async def test_an_evaluation_can_be_asked_for(club: Club, house: House) -> None:
    response = await house.post(f"{club.path}/evaluations", person="demo-analyst", key="judge-1")
    assert response.status_code == 201, response.text
    asked_for = ids.evaluation_on_demand(club.program, "demo-analyst", "judge-1")
    kept = await house.get(response.headers["Location"])
    assert kept["id"] == asked_for
    assert kept["verdict"] == response.json()


async def test_the_report_tells_the_whole_life_and_the_books_are_right(club: Club, house: House) -> None:
    participant = await club.member()
    await club.event(participant)
    found = await house.get(f"{club.path}/report", "demo-finance")
    assert [stage["stage"] for stage in found["stages"]] == [
        "requirements", "strategy", "prototype", "acceptance_test", "rollout",
    ]  # fmt: skip
    assert {decision["name"] for decision in found["decisions"]} >= {"Demo Finance", "Demo Legal", "Demo Marketing"}
    assert found["ledger_check"]["clean"]
    check = await house.get(f"{club.path}/ledger-check", "demo-finance")
    assert check["clean"] and check["postings"] == found["ledger_check"]["postings"] > 0
    assert check["totals"] == found["points"]


async def test_a_program_whose_end_is_refused_at_the_gate_goes_on(club: Club, house: House) -> None:
    response = await house.post(f"{club.path}/end", {"reason": "too dear"})
    assert (response.status_code, response.json()["asked_for"]) == (202, "end")
    assert (await house.get(response.headers["Location"]))["id"] == club.program

    gate = ids.gate(ids.lifecycle(club.program), "wind-down", 1)
    shown = await gate_open(house, gate)
    async with unchanged(house, club.program):
        second = problem(await house.post(f"{club.path}/end", {"reason": "still too dear"}), 409, "end_requested")
        assert "gate" in second["remedy"]

    vote = {"answer": "reject", "digest": shown, "reason": "members love it"}
    assert (await house.post(f"/gates/{gate}/decisions", vote, person="demo-legal")).status_code == 201
    await history_has(house.temporal, gate, lambda event: event.HasField("workflow_execution_completed_event_attributes"))
    assert (await house.get(club.path))["stage"] == "rollout"
    assert await runs(house, ids.lifecycle(club.program))
