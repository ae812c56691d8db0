"""Readiness before the launch: what is missing is named and waited for, looked at again when it comes, and after approval."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from tests.program_steps import (
    ask_for_the_end,
    begin,
    forward,
    handle,
    operate,
    pass_all_gates,
    pass_to_launch_gate,
    revise,
    sample_definition,
    shown,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, continued_as_new, done, gate_open, progress_shown, timer_started
from tests.workflows.conftest import Histories

TILLS = {"id": "tills", "name": "The tills know the card", "owner": "operations"}
CARD = {"id": "card", "name": "A card", "points": 100, "fulfilment": {"kind": "voucher_codes"}}
SIGN = "signature"
UNSIGN = "signature/withdrawal"
DAY = timedelta(days=1)


async def sign(stack: Stack, program: str, what: str, note: str = "", person: str = "demo-operations") -> None:
    path = f"/programs/{program}/readiness/tills/{what}"
    response = await stack.post(path, {"note": note}, person=person)
    assert response.status_code == 201, response.text


async def waiting(stack: Stack, program: str, **changes: Any) -> tuple[str, str]:
    """A program whose launch waits for something; its qualification, and what waits."""
    first = await begin(stack, sample_definition(program, **changes))
    await pass_to_launch_gate(stack, first)
    readiness = ids.readiness(program, 1)
    await timer_started(stack.temporal, readiness)
    return first, readiness


async def test_what_is_missing_is_named_with_its_owner_and_the_gate_opens_once_it_is_signed(
    stack: Stack, histories: Histories
) -> None:
    program = program_id("unsigned")
    first, readiness = await waiting(stack, program, readiness={"items": [TILLS]})
    await progress_shown(stack.temporal, program, "Waiting until everything is ready")
    for text in (await shown(stack.temporal, readiness), await shown(stack.temporal, ids.lifecycle(program))):
        assert (
            "**operations**: The tills know the card: not signed. "
            f"Sign it: `tenure readiness sign {program} tills --note …`." in text
        )
        assert f"see `tenure readiness show {program}`" in text
    before = await stack.get(f"/programs/{program}/readiness")
    assert (before["revision"], before["waits"], before["ready"]) == (1, True, False)
    assert [(each["id"], each["owner"]) for each in before["findings"] if each["state"] == "missing"] == [
        ("signatures/tills", "operations")
    ]

    await sign(stack, program, SIGN, "Updated on Monday")
    gate = f"{first}/gate/launch/1"
    await gate_open(stack, gate)
    evidence = (await stack.get(f"/gates/{gate}/evidence"))["readiness"]
    assert [each["state"] for each in evidence["findings"]] == ["ready"] * len(evidence["findings"])
    assert [each["why"] for each in evidence["findings"] if each["id"] == "signatures/tills"] == [
        "signed by demo-operations: Updated on Monday"
    ]
    assert await handle(stack, readiness).result() == {"ready": True, "why": ""}
    await histories.keep(stack.temporal, readiness, "LaunchReadiness-signed")


async def test_what_becomes_missing_while_people_decide_is_waited_for_before_the_revision_is_in_force(
    stack: Stack, histories: Histories
) -> None:
    program = program_id("meanwhile")
    first, readiness = await waiting(stack, program, readiness={"items": [TILLS]})
    await sign(stack, program, SIGN)
    gate = f"{first}/gate/launch/1"
    await gate_open(stack, gate)
    await handle(stack, readiness).result()
    await sign(stack, program, UNSIGN, "The till in the south is down")
    await approve(stack, gate, "demo-finance", "demo-legal")
    await done(stack.temporal, first, "Look whether everything is ready", 2)
    await progress_shown(stack.temporal, program, "Waiting until everything is ready")
    status = await stack.get(f"/programs/{program}")
    assert (status["stage"], status["revision_in_force"]) == ("acceptance_test", None)

    await sign(stack, program, SIGN, "It is up again")
    assert (await handle(stack, first).result())["outcome"] == "approved"
    await timer_started(stack.temporal, ids.rollout(program, 1))
    actions = [(entry["action"], entry["details"].get("note")) for entry in await trail(stack, program)]
    assert actions == [
        ("readiness_signed", ""),
        ("readiness_unsigned", "The till in the south is down"),
        ("readiness_signed", "It is up again"),
    ]
    await histories.keep(stack.temporal, first, "RevisionQualification-ready-again")


async def trail(stack: Stack, program: str) -> list[dict[str, Any]]:
    entries = (await stack.get(f"/programs/{program}/audit"))["items"]
    return [entry for entry in entries if entry["action"].startswith("readiness")]


async def test_new_codes_have_it_looked_at_again_at_once(stack: Stack) -> None:
    program = program_id("codes")
    single = {"id": "single", "name": "A CD single", "points": 1000}
    first, _ = await waiting(stack, program, rewards=[single, CARD], readiness={"codes_in_stock": 2})
    (missing,) = [
        each for each in (await stack.get(f"/programs/{program}/readiness"))["findings"] if each["state"] == "missing"
    ]
    assert (missing["id"], missing["owner"]) == ("stock/card", "operations")
    assert missing["why"] == "0 free codes, and 2 must be there"
    codes = f"/programs/{program}/rewards/card/codes"
    assert (await stack.post(codes, {"codes": ["a"]}, person="demo-operations")).status_code == 201
    await done(stack.temporal, ids.readiness(program, 1), "Look whether everything is ready", 2)
    assert (await stack.post(codes, {"codes": ["b"]}, person="demo-operations")).status_code == 201
    await gate_open(stack, f"{first}/gate/launch/1")


async def test_it_is_looked_at_from_time_to_time_and_waited_for_no_longer_than_the_definition_says(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("never")
    terms = {"items": [TILLS], "look_every": "P1D", "wait_at_most": "P2D"}
    first, readiness = await waiting(stack, program, readiness=terms)
    await done(stack.temporal, readiness, "Look whether everything is ready", 1)
    await forward(temporal_env, handle(stack, readiness), DAY)
    await done(stack.temporal, readiness, "Look whether everything is ready", 2)
    await forward(temporal_env, handle(stack, readiness), DAY)
    result = await handle(stack, first).result()
    assert result["outcome"] == "failed"
    assert result["why"].startswith("Not ready for the launch: waited until ")
    assert result["why"].endswith("; The tills know the card: not signed (operations)")
    await histories.keep(stack.temporal, readiness, "LaunchReadiness-in-vain")


async def test_what_only_another_revision_can_mend_sends_it_back_at_once(stack: Stack, histories: Histories) -> None:
    program = program_id("nocontract")
    first = await begin(stack, sample_definition(program, partners=[{"id": "radio", "name": "The radio"}]))
    await pass_to_launch_gate(stack, first)
    result = await handle(stack, first).result()
    assert (result["outcome"], result["why"]) == (
        "failed",
        "Not ready for the launch: the agreement with The radio: none is named (legal)",
    )
    await histories.keep(stack.temporal, first, "RevisionQualification-not-ready")


async def test_an_amendment_is_looked_at_too_and_its_signatures_are_its_own(stack: Stack) -> None:
    program = program_id("amended")
    first, _ = await waiting(stack, program, readiness={"items": [TILLS]})
    await sign(stack, program, SIGN)
    await approve(stack, f"{first}/gate/launch/1", "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.rollout(program, 1))
    late = await stack.post(f"/programs/{program}/readiness/tills/signature", {"note": ""}, person="demo-operations")
    assert (late.status_code, late.json()["code"]) == (409, "nothing_to_sign")


async def test_a_revision_that_nobody_wants_any_more_is_waited_for_no_longer(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("unwanted")
    await operate(stack, temporal_env, sample_definition(program))
    amendment = await revise(stack, sample_definition(program, readiness={"items": [TILLS]}))
    await pass_to_launch_gate(stack, amendment)
    readiness = ids.readiness(program, 2)
    await timer_started(stack.temporal, readiness)
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    assert (await handle(stack, amendment).result())["outcome"] == "withdrawn"
    assert await handle(stack, readiness).result() == {"ready": False, "why": "the program ends"}
    await histories.keep(stack.temporal, readiness, "LaunchReadiness-withdrawn")


async def test_a_wait_that_goes_on_and_on_continues_as_new(hasty_stack: Stack, histories: Histories) -> None:
    stack, program = hasty_stack, program_id("patient")
    _, readiness = await waiting(stack, program, readiness={"items": [TILLS]})
    run = (await handle(stack, readiness).describe()).run_id
    continued = asyncio.ensure_future(continued_as_new(stack.temporal, readiness, str(run)))
    while not continued.done():  # several nudges may come to one look
        await handle(stack, readiness).signal("nudge")
    await continued
    await sign(stack, program, SIGN)
    assert await handle(stack, readiness).result() == {"ready": True, "why": ""}
    await histories.keep(stack.temporal, readiness, "LaunchReadiness-continues-as-new", run_id=str(run))


async def test_nothing_is_waited_for_where_all_is_ready(stack: Stack) -> None:
    program = program_id("ready")
    first = await begin(stack, sample_definition(program))
    await pass_all_gates(stack, first)
    await timer_started(stack.temporal, ids.rollout(program, 1))
    found = await stack.get(f"/programs/{program}/readiness")
    assert (found["ready"], found["waits"], found["items"]) == (True, False, [])
