"""A pilot: a real cohort joins before the launch, is rated by the revision under test, and stays whatever comes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from tests.program_steps import (
    AGREEMENT,
    SIGN_OFF,
    begin,
    forward,
    handle,
    launch,
    pass_all_gates,
    revise,
    sample_definition,
    shown,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, child_started, gate_open, progress_shown, stage_reached, timer_started, vote
from tests.workflows.conftest import Histories

RETRY = {"rules": [{"role": "legal"}], "deadline": "P90D"}
ACTIVE = {"kpi": "active_rate", "at_least": 0.5, "minimum_sample": 2}
MONTH = timedelta(days=30)


def pilot(*criteria: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "friends", "kind": "pilot", "cohort": "friends", "lasts": "P30D", "criteria": list(criteria), **more}


async def piloting(stack: Stack, program: str, phase: dict[str, Any], *participants: str) -> str:
    """A program whose first revision is at its pilot with these participants; the qualification."""
    first = await begin(stack, sample_definition(program, test_phases=[phase, SIGN_OFF]))
    if participants:
        path = f"/programs/{program}/cohorts/friends"
        assert (await stack.post(path, {"participants": list(participants)})).status_code == 201
    await approve(stack, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    if participants:
        await timer_started(stack.temporal, ids.test_phase(program, 1, "friends"))
    return first


async def join(stack: Stack, program: str, participant: str) -> tuple[int, str]:
    """What becomes of it when somebody wants to join: the status, and the code of a problem."""
    body = {"participant": participant, "agreement": AGREEMENT}
    response = await stack.post(f"/programs/{program}/members", body, person="demo-shop")
    return response.status_code, response.json().get("code", "")


async def buy(stack: Stack, program: str, participant: str, dollars: int) -> Any:
    event = {"type": "purchase", "occurred_at": datetime.now(UTC).isoformat(), "amount": dollars}
    return await stack.post(f"/programs/{program}/members/{participant}/events", event, person="demo-shop")


async def balance(stack: Stack, program: str, participant: str) -> int:
    found = await stack.get(f"/programs/{program}/members/{participant}/balance", "demo-shop")
    return int(found["available"])


async def evidence(stack: Stack, program: str) -> list[dict[str, Any]]:
    tests = (await stack.get(f"/programs/{program}/report"))["tests"]
    return [test for test in tests if test["kind"] == "pilot"]


async def test_the_cohort_alone_joins_before_the_launch_earns_redeems_and_stays(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("pilot")
    first = await piloting(stack, program, pilot(ACTIVE, {"kpi": "point_redemption_rate", "at_least": 0.1}), "ann", "bob")
    phase = ids.test_phase(program, 1, "friends")
    await progress_shown(stack.temporal, program, "Pilot friends with the cohort friends (2)")
    assert f"enrol its members with `tenure member enrol {program} MEMBER`" in await shown(stack.temporal, phase)
    assert await join(stack, program, "eve") == (409, "enrolment_closed")
    assert await join(stack, program, "ann") == (201, "")
    assert await join(stack, program, "bob") == (201, "")
    assert (await buy(stack, program, "ann", 110)).status_code == 201
    assert await balance(stack, program, "ann") == 1100
    redeemed = await stack.post(f"/programs/{program}/members/ann/redemptions", {"reward": "single"}, person="demo-shop")
    assert redeemed.status_code == 201, redeemed.text
    changed = await stack.post(f"/programs/{program}/cohorts/friends", {"participants": ["eve"]})
    assert (changed.status_code, changed.json()["code"]) == (409, "cohort_begun")

    await forward(temporal_env, handle(stack, phase), MONTH)
    result = await handle(stack, phase).result()
    assert (result["passed"], result["evidence"]) == (True, "active_rate 0.5, point_redemption_rate 0.909091")
    (kept,) = await evidence(stack, program)
    assert [(each["criterion"]["kpi"], each["verdict"]) for each in kept["evidence"]["result"]["results"]] == [
        ("active_rate", "passed"),
        ("point_redemption_rate", "passed"),
    ]
    await histories.keep(stack.temporal, phase, "TestPhase-piloted")

    await approve(stack, f"{first}/test/readiness/gate/readiness/1", "demo-operations")
    await approve(stack, f"{first}/gate/launch/1", "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.rollout(program, 1))
    assert await balance(stack, program, "ann") == 100
    assert (await buy(stack, program, "ann", 10)).status_code == 201
    assert await balance(stack, program, "ann") == 220  # a collector earns twelve a dollar
    assert await join(stack, program, "eve") == (201, "")


async def test_figures_out_of_bounds_send_the_revision_back_and_what_was_issued_stays(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("pilotfails")
    first = await piloting(stack, program, pilot(ACTIVE), "ann", "bob", "cid")
    for participant in ("ann", "bob", "cid"):
        assert await join(stack, program, participant) == (201, "")
    assert (await buy(stack, program, "ann", 150)).status_code == 201
    await forward(temporal_env, handle(stack, ids.test_phase(program, 1, "friends")), MONTH)
    result = await handle(stack, first).result()
    assert (result["outcome"], result["why"]) == (
        "failed",
        "Test phase friends failed: active_rate 0.333333, not at least 0.5",
    )
    await stage_reached(stack, program, "development")
    assert await join(stack, program, "dan") == (409, "enrolment_closed")
    redeemed = await stack.post(f"/programs/{program}/members/ann/redemptions", {"reward": "single"}, person="demo-shop")
    assert redeemed.status_code == 201, redeemed.text
    assert await balance(stack, program, "ann") == 500

    # The next revision is launched without a pilot: who joined for the first one is a member still.
    second = await revise(stack, sample_definition(program, summary="Again."))
    await pass_all_gates(stack, second)
    await timer_started(stack.temporal, ids.rollout(program, 2))
    assert await join(stack, program, "ann") == (201, "")
    assert (await stack.get(f"/programs/{program}/members/ann", "demo-shop"))["tier"] == "collector"
    assert await join(stack, program, "dan") == (201, "")


async def test_members_of_a_program_that_is_rejected_after_its_pilot_get_the_whole_end(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("pilotonly")
    first = await piloting(stack, program, pilot(ACTIVE), "ann", "bob")
    for participant in ("ann", "bob"):
        assert await join(stack, program, participant) == (201, "")
        assert (await buy(stack, program, participant, 110)).status_code == 201
    await forward(temporal_env, handle(stack, ids.test_phase(program, 1, "friends")), MONTH)
    await approve(stack, f"{first}/test/readiness/gate/readiness/1", "demo-operations")
    gate = f"{first}/gate/launch/1"
    await vote(stack, gate, "demo-legal", answer="reject", digest=await gate_open(stack, gate), reason="no such club")

    wind_down = handle(stack, ids.wind_down(program))
    await child_started(stack.temporal, ids.lifecycle(program), wind_down.id)
    await timer_started(stack.temporal, wind_down.id)
    assert (await stack.get(f"/programs/{program}"))["stage"] == "wind_down"
    assert await balance(stack, program, "ann") == 1100, "what was issued is honoured"
    refused = await stack.post(
        f"/programs/{program}/revisions", sample_definition(program, summary="Again.").model_dump(mode="json")
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "program_ends")
    redeemed = await stack.post(f"/programs/{program}/members/ann/redemptions", {"reward": "single"}, person="demo-shop")
    assert redeemed.status_code == 201, redeemed.text

    await forward(temporal_env, wind_down, timedelta(days=14 + 90))
    ended = await wind_down.result()
    assert (ended["settled"], ended["members"]) == (100 + 1100, 2)
    assert (await handle(stack, ids.lifecycle(program)).result())["stage"] == "rejected"
    assert (await stack.ledger.check(program)).clean
    assert {total.outstanding for total in await stack.ledger.totals(program)} == {0}
    assert (await stack.get(f"/programs/{program}"))["stage"] == "rejected"
    assert (await stack.get(f"/programs/{program}/members/ann", "demo-shop"))["status"] == "ended"
    await histories.keep(stack.temporal, ids.lifecycle(program), "ProgramLifecycle-rejected-after-its-pilot")


async def test_too_few_to_tell_is_immature_and_people_may_have_it_go_on(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("immature")
    first = await piloting(stack, program, pilot(ACTIVE, retry=RETRY), "ann", "bob")
    phase = ids.test_phase(program, 1, "friends")
    assert await join(stack, program, "ann") == (201, "")
    assert (await buy(stack, program, "ann", 10)).status_code == 201
    await forward(temporal_env, handle(stack, phase), MONTH)
    gate = f"{phase}/gate/friends-retry/1"
    await gate_open(stack, gate)
    (kept,) = await evidence(stack, program)
    assert kept["evidence"]["said"].startswith("immature: active_rate immature (")
    assert "1 are fewer than the 2 that are asked for" in kept["evidence"]["said"]
    assert await join(stack, program, "bob") == (409, "enrolment_closed")
    await approve(stack, gate, "demo-legal")
    await progress_shown(stack.temporal, program, "Testing: friends (pilot), attempt 2")
    await histories.keep(stack.temporal, f"{phase}", "TestPhase-pilot-prolonged")
    assert (await handle(stack, first).describe()).close_time is None


async def test_a_pilot_without_its_cohort_fails_and_says_how_to_gather_it(stack: Stack) -> None:
    program = program_id("nocohort")
    first = await piloting(stack, program, pilot(ACTIVE))
    result = await handle(stack, first).result()
    assert result["outcome"] == "failed"
    assert result["why"] == (
        f"Test phase friends failed: not run: Program '{program}' has no cohort 'friends'. "
        f"Gather it: `tenure cohort add {program} friends --file FILE`."
    )
    assert await join(stack, program, "ann") == (409, "enrolment_closed")


async def test_a_program_in_operation_passes_over_a_pilot_and_says_so(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("amends")
    definition = sample_definition(program)
    await launch(stack, definition)
    await forward(temporal_env, handle(stack, ids.rollout(program, 1)), timedelta(days=30))
    await stage_reached(stack, program, "operation")
    second = await revise(stack, sample_definition(program, test_phases=[pilot(ACTIVE), SIGN_OFF]), weight="substantial")
    await approve(stack, f"{second}/gate/strategy/1", "demo-marketing", "demo-finance")
    await gate_open(stack, f"{second}/test/readiness/gate/readiness/1")
    (kept,) = await evidence(stack, program)
    assert kept["passed"]
    assert kept["evidence"]["said"] == (
        "not run: the program is in operation, and its members' events are rated by the revision in force"
    )
