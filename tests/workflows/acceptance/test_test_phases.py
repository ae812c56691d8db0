"""The phases of an acceptance test: what each kind tries, the evidence of every attempt, and who decides about another."""

from typing import Any

from domain import ids
from tests.program_steps import SCENARIO, SIGN_OFF, begin, handle, sample_definition, shown
from tests.stack import Stack, program_id
from tests.waiting import approve, gate_open, started
from tests.workflows.conftest import Histories

RETRY = {"rules": [{"role": "legal"}], "deadline": "P30D"}
LOG = "customer,at,amount\nc1,2026-01-01T10:00:00Z,120.00\nc2,2026-01-02T10:00:00Z,30.00\n"


async def attempts(stack: Stack, program: str, phase: str) -> list[tuple[int, bool]]:
    """Every attempt at a phase, in order, and whether it passed."""
    tests = (await stack.get(f"/programs/{program}/report"))["tests"]
    return [(test["attempt"], test["passed"]) for test in tests if test["phase"] == phase]


async def begin_testing(stack: Stack, program: str, *phases: dict[str, Any]) -> str:
    """A program whose first revision is at its acceptance test; the qualification."""
    first = await begin(stack, sample_definition(program, test_phases=list(phases)))
    await approve(stack, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    return first


async def vote(stack: Stack, gate: str, person: str, answer: str, reason: str = "") -> None:
    body = {"answer": answer, "digest": await gate_open(stack, gate), "reason": reason}
    response = await stack.post(f"/gates/{gate}/decisions", body, person=person)
    assert response.status_code == 201, response.text


async def test_scenarios_redeem_rewards_and_their_evidence_has_what_the_ledger_came_to(
    stack: Stack, histories: Histories
) -> None:
    program = program_id("redeeming")
    scenario = {
        "name": "A hundred and ten dollars buy a single",
        "events": [{"event": "purchase", "amount": 110}, {"redeem": "single", "after": "P1D"}],
        "expect": {"points": 100, "tier": "collector", "rewards": {"redeemed": ["single"], "may_redeem": []}},
    }
    first = await begin_testing(stack, program, {"id": "rules", "kind": "scenario", "scenarios": [scenario]}, SIGN_OFF)
    await approve(stack, f"{first}/test/readiness/gate/readiness/1", "demo-operations")
    await gate_open(stack, f"{first}/gate/launch/1")
    (test,) = [each for each in (await stack.get(f"/programs/{program}/report"))["tests"] if each["phase"] == "rules"]
    (result,) = test["evidence"]["scenarios"]
    assert (test["passed"], test["attempt"]) == (True, 1)
    assert (result["points"], result["tier"], result["redeemed"]) == (100, "collector", ["single"])
    assert (result["ledger"]["points"], result["ledger"]["tier"], result["ledger"]["redeemed"]) == (
        100,
        "collector",
        ["single"],
    )
    assert await stack.ledger.totals(program) == ()
    await histories.keep(stack.temporal, f"{first}/test/rules", "TestPhase-scenarios-on-a-ledger")


async def test_a_simulation_over_a_log_of_its_own_has_criteria_of_its_own(stack: Stack, histories: Histories) -> None:
    program = program_id("badyear")
    phase = {
        "id": "bad-year",
        "kind": "prototype",
        "transactions": f"{program}-bad",
        "burn_share": 0,
        "criteria": [{"figure": "members", "at_least": 2}, {"figure": "points_burned", "at_most": 0}],
    }
    first = await begin(stack, sample_definition(program, test_phases=[phase, SIGN_OFF]), logs={f"{program}-bad": LOG})
    await approve(stack, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    await approve(stack, f"{first}/test/readiness/gate/readiness/1", "demo-operations")
    gate = f"{first}/gate/launch/1"
    await gate_open(stack, gate)
    bad_year, _ = (await stack.get(f"/gates/{gate}/evidence"))["tests"]
    assert (bad_year["phase"], bad_year["kind"], bad_year["passed"]) == ("bad-year", "prototype", True)
    assert bad_year["evidence"]["said"] == "members 2, points_burned 0"
    assert bad_year["evidence"]["result"]["transactions"] == 2
    await histories.keep(stack.temporal, f"{first}/test/bad-year", "TestPhase-simulated")


async def test_a_failed_simulation_is_run_again_once_people_say_so(stack: Stack, histories: Histories) -> None:
    program = program_id("again")
    criteria = [{"figure": "members", "at_least": 3}]
    phase = {"id": "bad-year", "kind": "prototype", "transactions": f"{program}-bad", "criteria": criteria, "retry": RETRY}
    first = await begin(stack, sample_definition(program, test_phases=[phase, SIGN_OFF]), logs={f"{program}-bad": LOG})
    await approve(stack, f"{first}/gate/strategy/1", "demo-marketing", "demo-finance")
    retry = f"{first}/test/bad-year/gate/bad-year-retry"
    await gate_open(stack, f"{retry}/1")
    title = (await stack.get(f"/gates/{retry}/1"))["subject"]["title"]
    assert title == "another attempt at test phase bad-year of CD Club, revision 1; attempt 1 failed: members 2"
    assert await attempts(stack, program, "bad-year") == [(1, False)]
    text = await shown(stack.temporal, ids.lifecycle(program))
    assert "Waiting for legal (1 more)" in text
    await vote(stack, f"{retry}/1", "demo-legal", "approve")
    await gate_open(stack, f"{retry}/2")
    evidence = await stack.get(f"/gates/{retry}/2/evidence")
    assert [(test["phase"], test["attempt"], test["passed"]) for test in evidence["tests"]] == [
        ("bad-year", 1, False),
        ("bad-year", 2, False),
    ]
    await vote(stack, f"{retry}/2", "demo-legal", "reject", "Two are not three")
    assert (await handle(stack, first).result())["outcome"] == "failed"
    await histories.keep(stack.temporal, f"{first}/test/bad-year", "TestPhase-simulated-again")


async def test_a_retry_that_is_refused_sends_the_revision_back_with_what_was_said(stack: Stack, histories: Histories) -> None:
    program = program_id("noretry")
    wrong = SCENARIO | {"expect": {"points": 99, "tier": "listener"}}
    phase = {"id": "rules", "kind": "scenario", "scenarios": [wrong], "retry": RETRY}
    first = await begin_testing(stack, program, phase, SIGN_OFF)
    await vote(stack, f"{first}/test/rules/gate/rules-retry/1", "demo-legal", "approve")
    await vote(stack, f"{first}/test/rules/gate/rules-retry/2", "demo-legal", "reject", "The rules are wrong, not the test")
    result = await handle(stack, first).result()
    assert result["outcome"] == "failed"
    assert result["why"] == (
        "Test phase rules failed: 0 of 1 scenarios passed; Ten dollars bring 100 points: expected 99 points and tier listener, "
        "got 100 and listener; no other attempt: rejected demo-legal: The rules are wrong, not the test"
    )
    assert await attempts(stack, program, "rules") == [(1, False), (2, False)]
    await histories.keep(stack.temporal, f"{first}/test/rules", "TestPhase-no-retry")


async def test_those_who_did_not_sign_are_asked_again_at_a_gate_of_its_own(stack: Stack) -> None:
    program = program_id("signagain")
    first = await begin_testing(stack, program, SIGN_OFF | {"retry": RETRY})
    signing = f"{first}/test/readiness/gate/readiness"
    await vote(stack, f"{signing}/1", "demo-operations", "request_changes", "The tills do not know the card")
    await vote(stack, f"{signing}-retry/1", "demo-legal", "approve")
    await vote(stack, f"{signing}/2", "demo-operations", "approve")
    await started(stack.temporal, f"{first}/gate/launch/1")
    assert await attempts(stack, program, "readiness") == [(1, False), (2, True)]


async def test_the_owner_decides_about_no_retry(stack: Stack) -> None:
    program = program_id("owner")
    wrong = SCENARIO | {"expect": {"points": 99, "tier": "listener"}}
    retry = {"rules": [{"role": "finance"}], "deadline": "P30D"}
    first = await begin_testing(stack, program, {"id": "rules", "kind": "scenario", "scenarios": [wrong], "retry": retry})
    gate = f"{first}/test/rules/gate/rules-retry/1"
    body = {"answer": "approve", "digest": await gate_open(stack, gate)}
    response = await stack.post(f"/gates/{gate}/decisions", body)
    assert (response.status_code, response.json()["code"]) == (403, "four_eyes")
    await vote(stack, gate, "demo-finance", "reject", "It would fail again")
    assert (await handle(stack, first).result())["outcome"] == "failed"


async def test_a_log_that_is_not_there_is_told_before_anything_begins(stack: Stack) -> None:
    program = program_id("nolog")
    phase = {
        "id": "bad-year",
        "kind": "prototype",
        "transactions": f"{program}-bad",
        "criteria": [{"figure": "members", "at_least": 1}],
    }
    await stack.post(f"/transaction-logs/{program}-log", content=LOG)
    response = await stack.post("/programs", sample_definition(program, test_phases=[phase, SIGN_OFF]).model_dump(mode="json"))
    assert (response.status_code, response.json()["code"]) == (422, "transaction_log_not_loaded")
    assert f"{program}-bad" in response.json()["detail"]
