"""Readiness before the launch: what is missing is named and waited for, looked at again when it comes, and after approval."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from tests.house import House, program_id
from tests.lives import (
    ask_for_the_end,
    begin,
    club,
    forward,
    handle,
    operate,
    pass_all_gates,
    pass_to_launch_gate,
    revise,
    shown,
)
from tests.waiting import approve, continued_as_new, done, gate_open, progress_shown, timer_started
from tests.workflows.conftest import Histories

TILLS = {"id": "tills", "name": "The tills know the card", "owner": "operations"}
CARD = {"id": "card", "name": "A card", "points": 100, "fulfilment": {"kind": "voucher_codes"}}
SIGN = "signature"
UNSIGN = "signature/withdrawal"
DAY = timedelta(days=1)


async def sign(house: House, program: str, what: str, note: str = "", person: str = "demo-operations") -> None:
    path = f"/programs/{program}/readiness/tills/{what}"
    response = await house.post(path, {"note": note}, person=person)
    assert response.status_code == 201, response.text


async def waiting(house: House, program: str, **changes: Any) -> tuple[str, str]:
    """A program whose launch waits for something; its qualification, and what waits."""
    first = await begin(house, club(program, **changes))
    await pass_to_launch_gate(house, first)
    readiness = ids.readiness(program, 1)
    await timer_started(house.temporal, readiness)
    return first, readiness


async def test_what_is_missing_is_named_with_its_owner_and_the_gate_opens_once_it_is_signed(
    house: House, histories: Histories
) -> None:
    program = program_id("unsigned")
    first, readiness = await waiting(house, program, readiness={"items": [TILLS]})
    await progress_shown(house.temporal, program, "Waiting until everything is ready")
    for text in (await shown(house.temporal, readiness), await shown(house.temporal, ids.lifecycle(program))):
        assert (
            "**operations**: The tills know the card: not signed. "
            f"Sign it: `tenure readiness sign {program} tills --note …`." in text
        )
        assert f"see `tenure readiness show {program}`" in text
    before = await house.get(f"/programs/{program}/readiness")
    assert (before["revision"], before["waits"], before["ready"]) == (1, True, False)
    assert [(each["id"], each["owner"]) for each in before["findings"] if each["state"] == "missing"] == [
        ("signatures/tills", "operations")
    ]

    await sign(house, program, SIGN, "Updated on Monday")
    gate = f"{first}/gate/launch/1"
    await gate_open(house, gate)
    evidence = (await house.get(f"/gates/{gate}/evidence"))["readiness"]
    assert [each["state"] for each in evidence["findings"]] == ["ready"] * len(evidence["findings"])
    assert [each["why"] for each in evidence["findings"] if each["id"] == "signatures/tills"] == [
        "signed by demo-operations: Updated on Monday"
    ]
    assert await handle(house, readiness).result() == {"ready": True, "why": ""}
    await histories.keep(house.temporal, readiness, "LaunchReadiness-signed")


async def test_what_becomes_missing_while_people_decide_is_waited_for_before_the_revision_is_in_force(
    house: House, histories: Histories
) -> None:
    program = program_id("meanwhile")
    first, readiness = await waiting(house, program, readiness={"items": [TILLS]})
    await sign(house, program, SIGN)
    gate = f"{first}/gate/launch/1"
    await gate_open(house, gate)
    await handle(house, readiness).result()
    await sign(house, program, UNSIGN, "The till in the south is down")
    await approve(house, gate, "demo-finance", "demo-legal")
    await done(house.temporal, first, "Look whether everything is ready", 2)
    await progress_shown(house.temporal, program, "Waiting until everything is ready")
    status = await house.get(f"/programs/{program}")
    assert (status["stage"], status["revision_in_force"]) == ("acceptance_test", None)

    await sign(house, program, SIGN, "It is up again")
    assert (await handle(house, first).result())["outcome"] == "approved"
    await timer_started(house.temporal, ids.rollout(program, 1))
    actions = [(entry["action"], entry["details"].get("note")) for entry in await trail(house, program)]
    assert actions == [
        ("readiness_signed", ""),
        ("readiness_unsigned", "The till in the south is down"),
        ("readiness_signed", "It is up again"),
    ]
    await histories.keep(house.temporal, first, "RevisionQualification-ready-again")


async def trail(house: House, program: str) -> list[dict[str, Any]]:
    entries = (await house.get(f"/programs/{program}/audit"))["items"]
    return [entry for entry in entries if entry["action"].startswith("readiness")]


async def test_new_codes_have_it_looked_at_again_at_once(house: House) -> None:
    program = program_id("codes")
    single = {"id": "single", "name": "A CD single", "points": 1000}
    first, _ = await waiting(house, program, rewards=[single, CARD], readiness={"codes_in_stock": 2})
    (missing,) = [
        each for each in (await house.get(f"/programs/{program}/readiness"))["findings"] if each["state"] == "missing"
    ]
    assert (missing["id"], missing["owner"]) == ("stock/card", "operations")
    assert missing["why"] == "0 free codes, and 2 must be there"
    codes = f"/programs/{program}/rewards/card/codes"
    assert (await house.post(codes, {"codes": ["a"]}, person="demo-operations")).status_code == 201
    await done(house.temporal, ids.readiness(program, 1), "Look whether everything is ready", 2)
    assert (await house.post(codes, {"codes": ["b"]}, person="demo-operations")).status_code == 201
    await gate_open(house, f"{first}/gate/launch/1")


async def test_it_is_looked_at_from_time_to_time_and_waited_for_no_longer_than_the_definition_says(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("never")
    terms = {"items": [TILLS], "look_every": "P1D", "wait_at_most": "P2D"}
    first, readiness = await waiting(house, program, readiness=terms)
    await done(house.temporal, readiness, "Look whether everything is ready", 1)
    await forward(temporal_env, handle(house, readiness), DAY)
    await done(house.temporal, readiness, "Look whether everything is ready", 2)
    await forward(temporal_env, handle(house, readiness), DAY)
    result = await handle(house, first).result()
    assert result["outcome"] == "failed"
    assert result["why"].startswith("Not ready for the launch: waited until ")
    assert result["why"].endswith("; The tills know the card: not signed (operations)")
    await histories.keep(house.temporal, readiness, "LaunchReadiness-in-vain")


async def test_what_only_another_revision_can_mend_sends_it_back_at_once(house: House, histories: Histories) -> None:
    program = program_id("nocontract")
    first = await begin(house, club(program, partners=[{"id": "radio", "name": "The radio"}]))
    await pass_to_launch_gate(house, first)
    result = await handle(house, first).result()
    assert (result["outcome"], result["why"]) == (
        "failed",
        "Not ready for the launch: the agreement with The radio: none is named (legal)",
    )
    await histories.keep(house.temporal, first, "RevisionQualification-not-ready")


async def test_an_amendment_is_looked_at_too_and_its_signatures_are_its_own(house: House) -> None:
    program = program_id("amended")
    first, _ = await waiting(house, program, readiness={"items": [TILLS]})
    await sign(house, program, SIGN)
    await approve(house, f"{first}/gate/launch/1", "demo-finance", "demo-legal")
    await timer_started(house.temporal, ids.rollout(program, 1))
    late = await house.post(f"/programs/{program}/readiness/tills/signature", {"note": ""}, person="demo-operations")
    assert (late.status_code, late.json()["code"]) == (409, "nothing_to_sign")


async def test_a_revision_that_nobody_wants_any_more_is_waited_for_no_longer(
    house: House, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("unwanted")
    await operate(house, temporal_env, club(program))
    amendment = await revise(house, club(program, readiness={"items": [TILLS]}))
    await pass_to_launch_gate(house, amendment)
    readiness = ids.readiness(program, 2)
    await timer_started(house.temporal, readiness)
    await approve(house, await ask_for_the_end(house, program), "demo-finance", "demo-legal")
    assert (await handle(house, amendment).result())["outcome"] == "withdrawn"
    assert await handle(house, readiness).result() == {"ready": False, "why": "the program ends"}
    await histories.keep(house.temporal, readiness, "LaunchReadiness-withdrawn")


async def test_a_wait_that_goes_on_and_on_continues_as_new(hasty_house: House, histories: Histories) -> None:
    house, program = hasty_house, program_id("patient")
    _, readiness = await waiting(house, program, readiness={"items": [TILLS]})
    run = (await handle(house, readiness).describe()).run_id
    continued = asyncio.ensure_future(continued_as_new(house.temporal, readiness, str(run)))
    while not continued.done():  # several nudges may come to one look
        await handle(house, readiness).signal("nudge")
    await continued
    await sign(house, program, SIGN)
    assert await handle(house, readiness).result() == {"ready": True, "why": ""}
    await histories.keep(house.temporal, readiness, "LaunchReadiness-continues-as-new", run_id=str(run))


async def test_nothing_is_waited_for_where_all_is_ready(house: House) -> None:
    program = program_id("ready")
    first = await begin(house, club(program))
    await pass_all_gates(house, first)
    await timer_started(house.temporal, ids.rollout(program, 1))
    found = await house.get(f"/programs/{program}/readiness")
    assert (found["ready"], found["waits"], found["items"]) == (True, False, [])
