"""The ten steps of a wind-down: each kept with its dates, members told and paid, late files closed, personal data erased."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from temporalio.testing import WorkflowEnvironment

from domain import ids
from domain.definition.document import Definition
from domain.programs.wind_down import STEPS
from ledger import Earn, Hold, Void
from tests.program_steps import (
    ask_for_the_end,
    buy,
    enrol,
    forward,
    forward_until,
    handle,
    launch,
    now_of,
    sample_definition,
    shown,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, done, gate_open, stage_reached, timer_started
from tests.workflows.conftest import Histories

NOTICE, WINDOW, DELAY, KEPT = timedelta(days=14), timedelta(days=90), timedelta(days=10), timedelta(days=60)
PARTNER = {"id": "records", "name": "A record shop", "events": ["purchase"], "agreement": "7"}


def ending(prefix: str, **wind_down: Any) -> Definition:
    """A club with a partner whose members are paid out at its end."""
    program = program_id(prefix)
    end: dict[str, Any] = {"notice": "P14D", "redeem_window": "P90D", "late_files": "P10D", "keep_for": "P60D"}
    end |= {"reminders": ["P30D", "P7D"], "remainder": "cash_out"} | wind_down
    return sample_definition(program, partners=[PARTNER], wind_down=end, jurisdictions=["us-ny", "eu"])


async def _earn(stack: Stack, program: str, member: str, points: int, at: datetime, **more: Any) -> None:
    asked: dict[str, Any] = {"program": program, "participant": member, "currency": "NOTES", "effective_at": at}
    asked |= {"key": f"{member}/{points}", "points": points, "details": {"event": "purchase"}} | more
    answer = await stack.ledger.earn(Earn(**asked))
    assert answer.outcome == "posted"


async def _texts_of(stack: Stack, program: str, words: list[str]) -> list[str]:
    """Every table of the store in which a row says one of these words, whatever tables there are."""
    found = []
    async with stack.engine.connect() as connection:
        tables = await connection.scalars(text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'store'"))
        for table in tables:
            rows = text(f'SELECT CAST(to_jsonb(row) AS text) FROM store."{table}" AS row')  # noqa: S608
            for row in await connection.scalars(rows):
                found += [f"{table}: {row}" for word in words if program in row and word in row]
    return found


async def test_a_program_ends_in_ten_steps_and_forgets_its_members(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    definition = ending("ten")
    program = definition.program
    await launch(stack, definition)
    missing = await stack.http.get(f"/programs/{program}/wind-down", headers={"Authorization": "Bearer demo-owner"})
    assert (missing.status_code, missing.json()["code"]) == (404, "not_ending")
    ann = await enrol(stack, program, "annabella-01")
    await enrol(stack, program, "roberta-02")
    await enrol(stack, program, "caspar-03")
    invitation = {"participants": ["hezekiah-09"]}
    assert (await stack.post(f"/programs/{program}/invitations", invitation)).status_code in (200, 201)
    at = await now_of(temporal_env, ann)
    await buy(stack, definition, "annabella-01", 50, at)
    await _earn(stack, program, "roberta-02", 333, at, pending=True)

    gate = await ask_for_the_end(stack, program)
    await gate_open(stack, gate)
    state = await stack.get(f"/gates/{gate}")
    assert "3 members, 500 NOTES outstanding" in state["subject"]["title"], "who decides sees the impact"
    case = await stack.get(f"/programs/{program}/wind-down")
    assert [step["step"] for step in case["steps"]] == ["case"]
    assert case["steps"][0]["figures"]["pending"] == 333
    assert case["steps"][0]["figures"]["partners"] == ["records"]
    await approve(stack, gate, "demo-finance", "demo-legal")

    wind_down = handle(stack, ids.wind_down(program))
    await timer_started(stack.temporal, wind_down.id)
    planned = await stack.get(f"/programs/{program}/wind-down")
    assert [step["step"] for step in planned["steps"]] == list(STEPS)
    states = {step["step"]: step["state"] for step in planned["steps"]}
    assert states == dict.fromkeys(STEPS, "waiting") | {"case": "done", "partners": "done", "announcement": "under_way"}
    assert [fact["place"] for fact in planned["steps"][2]["figures"]["law"]] == ["us-ny"]
    assert planned["notices"] == {"end": 5}, "three members, one who was invited, one partner"
    assert "step 3 of 10" in await shown(stack.temporal, ids.lifecycle(program))
    closing_dates = {name: datetime.fromisoformat(planned[name]) for name in ("enrolment_until", "earning_until", "late_until")}
    assert closing_dates["earning_until"] - closing_dates["enrolment_until"] == NOTICE
    assert closing_dates["late_until"] - closing_dates["earning_until"] == DELAY

    await forward(temporal_env, wind_down, NOTICE + DELAY + timedelta(hours=1))
    await done(stack.temporal, wind_down.id, "Late files are closed")
    assert (await stack.ledger.balance(program, "roberta-02", "NOTES")).posted == 333, "what was pending has matured"
    assert not any(lot.expires_at for lot in (await stack.ledger.balance(program, "roberta-02", "NOTES")).lots)
    held: dict[str, Any] = {
        "program": program,
        "participant": "annabella-01",
        "currency": "NOTES",
        "effective_at": closing_dates["late_until"],
    }
    until = datetime.fromisoformat(planned["redeeming_until"]) + timedelta(hours=2)
    await stack.ledger.hold(Hold(**held, key="last", points=100, expires_at=until))
    await forward_until(temporal_env, wind_down, datetime.fromisoformat(planned["redeeming_until"]))
    await done(stack.temporal, wind_down.id, "Settle what is held")
    reminded = await stack.get(f"/programs/{program}/wind-down/notices", "demo-shop")
    assert [each["recipient"] for each in reminded["items"] if each["kind"] == "reminder-1"] == ["annabella-01", "roberta-02"]
    assert reminded["items"][-1]["told"]["points"] == {"NOTES": 333}
    waiting = (await stack.get(f"/programs/{program}/wind-down"))["steps"][STEPS.index("last_redemption")]
    assert waiting["state"] == "under_way"
    await stack.ledger.void(Void(**held, key="back", hold="last"))
    await wind_down.signal("nudge")

    result = await wind_down.result()
    assert (result["settled"], result["members"]) == (833, 3)
    await stage_reached(stack, program, "closed")
    ended = await stack.get(f"/programs/{program}/wind-down")
    assert {step["state"] for step in ended["steps"]} == {"done"}
    assert all(step["began_at"] <= step["ended_at"] for step in ended["steps"])
    assert {(step["attempts"], step["trouble"]) for step in ended["steps"]} == {(1, "")}
    figures = {step["step"]: step["figures"] for step in ended["steps"]}
    (statement,) = figures["statements"]["partners"]["records"]["events"]
    assert (statement["events"], statement["points"]) == (1, 333), "what the partner sent, by the books"
    assert figures["books"]["trial_balance"][0]["outstanding"] == 0
    assert figures["books"]["trial_balance"][0]["cashed_out"] == 833
    assert figures["books"]["books"]["liability"] == "0.00", "nothing is deferred or provided for any more"
    books = await stack.get(f"/programs/{program}/books", "demo-finance")
    assert (books["status"], books["closed_by"]) == ("final", "wind-down")
    assert figures["closing"]["report"]["members"]["status"] == {"ended": 3}
    payouts = (await stack.get(f"/programs/{program}/wind-down/payouts", "demo-operations"))["items"]
    worth = {each["participant"]: each["received"] for each in payouts}
    assert worth == {"annabella-01": "2.50", "roberta-02": "1.67"}, "at half a cent, half a cent rounded up"
    await histories.keep(stack.temporal, wind_down.id, "WindDown-paid-out")
    await handle(stack, ids.lifecycle(program)).result()
    await histories.keep(stack.temporal, ids.lifecycle(program), "ProgramLifecycle-end-weighed")

    # What is known about members is kept for a while, and then it is gone: in every table of the store.
    people = ["annabella-01", "roberta-02", "caspar-03", "hezekiah-09"]
    statement_of = f"/programs/{program}/members/annabella-01/statement"
    assert (await stack.get(statement_of, "demo-shop"))["closing"] == 0
    assert await _texts_of(stack, program, people)
    before = await stack.get(f"/programs/{program}/report")
    erasure = handle(stack, ids.erasure(program))
    await timer_started(stack.temporal, erasure.id)
    await forward(temporal_env, erasure, KEPT + timedelta(hours=1))
    assert await erasure.result() == 3
    assert await _texts_of(stack, program, people) == []
    after = await stack.get(f"/programs/{program}/report")
    assert (after["members"], after["movement"], after["points"]) == (before["members"], before["movement"], before["points"])
    gone = await stack.http.get(statement_of, headers={"Authorization": "Bearer demo-shop"})
    assert (gone.status_code, gone.json()["code"]) == (410, "personal_data_erased")
    assert gone.json()["remedy"]
    assert (await stack.get(f"/programs/{program}/wind-down"))["data_erased_at"] is not None
    assert (await stack.ledger.check(program)).clean
    await histories.keep(stack.temporal, erasure.id, "PersonalDataErasure-erased")


async def test_an_end_that_is_not_approved_leaves_its_case_and_the_next_one_is_weighed_anew(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    definition = ending("again")
    program = definition.program
    await launch(stack, definition)
    gate = await ask_for_the_end(stack, program)
    digest = await gate_open(stack, gate)
    no = {"answer": "reject", "digest": digest, "reason": "not yet"}
    assert (await stack.post(f"/gates/{gate}/decisions", no, person="demo-finance")).status_code == 201
    first = (await stack.get(f"/programs/{program}/wind-down"))["steps"][0]
    assert (first["figures"]["members"], first["state"]) == (0, "under_way")

    await enrol(stack, program, "ann")
    await done(stack.temporal, ids.lifecycle(program), "Weigh the end")
    again = await stack.post(f"/programs/{program}/end", {"reason": "now it does"})
    while again.status_code == 409:  # the lifecycle is told of the gate's outcome a moment after the one who voted
        again = await stack.post(f"/programs/{program}/end", {"reason": "now it does"})
    await gate_open(stack, f"{ids.lifecycle(program)}/gate/wind-down/2")
    second = (await stack.get(f"/programs/{program}/wind-down"))["steps"][0]
    assert (second["figures"]["members"], second["figures"]["reason"]) == (1, "now it does")


async def test_what_happened_in_time_is_taken_until_late_files_end_and_a_return_too(stack: Stack) -> None:
    definition = ending("late")
    program = definition.program
    await launch(stack, definition)
    await enrol(stack, program, "ann")
    bought = {"type": "purchase", "amount": 10, "occurred_at": datetime.now(UTC).isoformat()}
    posted = await stack.post(f"/programs/{program}/members/ann/events", bought, person="demo-shop")
    number = posted.json()["transaction"]
    now = datetime.now(UTC)
    await _availability(stack, program, earning_until=now + timedelta(hours=1), late_until=now - timedelta(seconds=1))

    late = await stack.post(f"/programs/{program}/members/ann/events", bought, person="demo-shop")
    assert (late.status_code, late.json()["code"]) == (409, "late_files_closed")
    back = await stack.post(
        f"/programs/{program}/members/ann/transactions/{number}/reversal", {"reason": "a return"}, person="demo-operations"
    )
    assert (back.status_code, back.json()["code"]) == (409, "late_files_closed")
    assert back.json()["remedy"]
    assert (await stack.ledger.balance(program, "ann", "NOTES")).posted > 0, "nothing has changed"

    await _availability(stack, program, earning_until=now + timedelta(hours=1), late_until=now + timedelta(hours=2))
    assert (await stack.post(f"/programs/{program}/members/ann/events", bought, person="demo-shop")).status_code == 201
    path = f"/programs/{program}/members/ann/transactions/{number}/reversal"
    assert (await stack.post(path, {"reason": "a return"}, person="demo-operations")).status_code == 201


async def _availability(stack: Stack, program: str, **until: datetime) -> None:
    """Set a program's doors as its end does."""
    closing_dates = ", ".join(f"{name} = :{name}" for name in until)
    async with stack.engine.begin() as connection:
        await connection.execute(text(f"UPDATE store.program SET {closing_dates} WHERE id = :id"), until | {"id": program})  # noqa: S608
