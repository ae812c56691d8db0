"""Guardrails of a rollout: what holds is released by a person, what fails stops, and a source that fails is neither.

A workflow's time cannot be forwarded while a child of it waits, as each watch does: here looks are fractions of a second apart,
and what must not come before something else waits for people.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from httpx import Response
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from domain import ids
from domain.rollout.waves import bucket
from runtime.database import create_engine
from tests.conftest import Databases
from tests.program_steps import ask_for_the_end, buy, enrol, handle, launch, sample_definition, shown
from tests.stack import ISSUER, Stack, program_id
from tests.waiting import (
    approve,
    continued_as_new,
    done,
    gate_open,
    history_has,
    outcome_known,
    stage_reached,
    started,
    timer_started,
)
from tests.workflows.conftest import Histories

GATE = {"rules": [{"role": "operations"}], "deadline": "P60D"}
FEW: dict[str, Any] = {"id": "few", "share": 20, "minimum_time": "PT0.1S"}
ALL: dict[str, Any] = {"id": "all", "share": 100, "minimum_time": "PT0.1S", "gate": GATE}
NO_POINTS = {"id": "no-points", "kpi": "points_outstanding", "window": "P30D", "at_most": 0, "every": "PT0.2S"}
"""A bound that the first purchase breaks."""


def inside(program: str, number: int = 0) -> str:
    """The so manieth participant whom the first wave reaches."""
    return [str(each) for each in range(200) if bucket(program, str(each)) < 2_000][number]


def watch(program: str, guardrail: str = "no-points", wave: str = "few", revision: int = 1) -> str:
    return ids.guardrail(ids.rollout(program, revision), wave, guardrail)


async def rollout_of(stack: Stack, program: str) -> dict[str, Any]:
    found: dict[str, Any] = await stack.get(f"/programs/{program}/rollout")
    return found


async def act(stack: Stack, program: str, what: str, *, person: str = "demo-operations", reason: str = "so be it") -> Response:
    return await stack.post(f"/programs/{program}/rollout/{what}", {"reason": reason}, person=person)


async def wave_states(stack: Stack, program: str) -> Sequence[tuple[str, str]]:
    return [(wave["wave"], wave["state"]) for wave in (await rollout_of(stack, program))["waves"]]


async def informed(stack: Stack, rollout: str) -> None:
    """Wait until a guardrail has told the rollout something."""
    signalled = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    await history_has(stack.temporal, rollout, lambda event: event.event_type == signalled)


async def test_a_guardrail_that_holds_keeps_the_next_wave_until_others_than_the_owner_release_it(
    stack: Stack, histories: Histories
) -> None:
    """It looks on while the next wave's gate waits: the purchase comes when the gate has long been open."""
    program = program_id("held")
    definition = sample_definition(program, waves=[FEW, ALL], guardrails=[NO_POINTS | {"on_failure": "hold"}])
    await launch(stack, definition)
    rollout = ids.rollout(program, 1)
    gate = f"{rollout}/gate/all/1"
    await gate_open(stack, gate)
    assert await wave_states(stack, program) == [("few", "open"), ("all", "at_gate")]
    await enrol(stack, program, inside(program))
    await buy(stack, definition, inside(program), 10, datetime.now(UTC))
    await done(stack.temporal, rollout, "Held")
    await approve(stack, gate, "demo-operations")
    await outcome_known(stack.temporal, gate)
    found = await rollout_of(stack, program)
    assert (found["status"], await wave_states(stack, program)) == ("held", [("few", "open"), ("all", "to_come")])
    (hold,) = found["holds"]
    assert (hold["what"], hold["wave"]) == ("no-points", "few")
    assert "points_outstanding is 100, must be at most 0" in hold["why"]
    failing = [look for look in found["guardrails"][0]["looks"] if look["status"] == "failing"]
    assert failing and all(look["value"] == "100" for look in failing)
    assert f"tenure rollout release {program}" in await shown(stack.temporal, ids.lifecycle(program))
    await enrol(stack, program, inside(program, 1))  # whom the open wave reaches still joins

    token = ISSUER.token("demo-owner", "Demo Owner", ["operations"])
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{program}-own"}
    own = await stack.http.post(f"/programs/{program}/rollout/release", json={"reason": "mine"}, headers=headers)
    assert (own.status_code, own.json()["code"]) == (403, "four_eyes")
    assert (await act(stack, program, "release", person="demo-owner")).json()["code"] == "not_allowed"
    assert (await act(stack, program, "resume")).json()["code"] == "rollout_not_paused"
    released = await act(stack, program, "release", reason="We gave them away")
    assert (released.status_code, released.json()["status"]) == (200, "running"), released.text
    await done(stack.temporal, rollout, "Open wave all")
    await handle(stack, watch(program)).result()
    trail = await stack.get(f"/programs/{program}/audit?about=rollout/r1")
    kept = [(each["action"], each["actor"], each["details"]["reason"]) for each in trail["items"]]
    assert kept[0] == ("rollout_held", "tenure", hold["why"])
    assert kept[1] == ("rollout_released", "demo-operations", "We gave them away")
    await histories.keep(stack.temporal, watch(program), "GuardrailWatch-held")


async def test_a_guardrail_that_fails_often_enough_stops_and_what_was_issued_is_honoured(
    stack: Stack, histories: Histories
) -> None:
    program = program_id("guardstop")
    often = NO_POINTS | {"count": 3, "failures": 2}
    definition = sample_definition(program, waves=[FEW, ALL], guardrails=[often])
    await launch(stack, definition)
    rollout = ids.rollout(program, 1)
    gate = f"{rollout}/gate/all/1"
    await gate_open(stack, gate)
    member = inside(program)
    await enrol(stack, program, member)
    await buy(stack, definition, member, 200, datetime.now(UTC))
    result = await handle(stack, rollout).result()
    assert result["halted"] and result["waves"] == ["few"]
    assert "stopped by tenure: guardrail no-points: points_outstanding is 2000" in result["stopped"]
    assert (await stack.get(f"/gates/{gate}"))["outcome"] == "withdrawn"
    found = await rollout_of(stack, program)
    assert (found["status"], found["stopped"]["by"]) == ("stopped", "tenure")
    assert [look["status"] for look in found["guardrails"][0]["looks"]].count("failing") >= 2
    assert f"tenure program revise {program}" in await shown_when(stack, program, "The rollout is stopped")

    body = {"participant": inside(program, 1), "agreement": "1997-01"}
    refused = await stack.post(f"/programs/{program}/members", body, person="demo-shop")
    assert (refused.status_code, refused.json()["code"]) == (409, "rollout_stopped")
    event = {"type": "purchase", "occurred_at": datetime.now(UTC).isoformat(), "amount": 10}
    earned = await stack.post(f"/programs/{program}/members/{member}/events", event, person="demo-shop")
    assert (earned.status_code, earned.json()["code"]) == (409, "earning_stopped")
    redeemed = await stack.post(f"/programs/{program}/members/{member}/redemptions", {"reward": "single"}, person="demo-shop")
    assert redeemed.status_code == 201, redeemed.text
    for what in ("pause", "abort"):
        assert (await act(stack, program, what)).json()["code"] == "no_rollout"
    await histories.keep(stack.temporal, rollout, "Rollout-stopped-by-guardrail")


async def shown_when(stack: Stack, program: str, words: str) -> str:
    """What an operator reads of the program once it says these words, which it does when its rollout's end is taken in."""
    over = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED
    rollout = ids.rollout(program, 1)

    def is_over(event: HistoryEvent) -> bool:
        ended = event.child_workflow_execution_completed_event_attributes
        return event.event_type == over and ended.workflow_execution.workflow_id == rollout

    await history_has(stack.temporal, ids.lifecycle(program), is_over)
    text = await shown(stack.temporal, ids.lifecycle(program))
    assert words in text
    return text


async def test_a_guardrail_without_enough_data_holds_for_a_person_once_in_a_wave(stack: Stack, histories: Histories) -> None:
    program = program_id("nodata")
    sampled = NO_POINTS | {"minimum_sample": 5}
    await launch(stack, sample_definition(program, waves=[FEW, ALL | {"minimum_time": "P30D"}], guardrails=[sampled]))
    rollout = ids.rollout(program, 1)
    await done(stack.temporal, rollout, "Held")
    found = await rollout_of(stack, program)
    assert found["status"] == "held" and "without enough data" in found["holds"][0]["why"]
    assert {look["status"] for look in found["guardrails"][0]["looks"]} == {"no_data"}
    assert (await act(stack, program, "release")).status_code == 200
    before = (await rollout_of(stack, program))["guardrails"][0]["looks"][0]["number"]
    await done(stack.temporal, watch(program), f"Look {before + 2}")
    assert (await rollout_of(stack, program))["status"] == "running", "a person has waived the data of this wave"
    await approve(stack, f"{rollout}/gate/all/1", "demo-operations")
    await done(stack.temporal, rollout, "Held", times=2)
    assert (await rollout_of(stack, program))["holds"][0]["wave"] == "all", "in the next wave it is asked for again"
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    await handle(stack, rollout).result()
    await histories.keep(stack.temporal, rollout, "Rollout-without-data")


async def test_a_guardrail_whose_kpi_nobody_keeps_is_told_and_neither_stops_nor_holds(stack: Stack) -> None:
    program = program_id("nosource")
    unkept = {"id": "margin", "kpi": "incremental_margin", "window": "P30D", "at_least": 0, "every": "PT0.2S"}
    await launch(stack, sample_definition(program, waves=[FEW, ALL], guardrails=[unkept]))
    rollout = ids.rollout(program, 1)
    await done(stack.temporal, watch(program, "margin"), "Look 3")
    await done(stack.temporal, rollout, "Keep where the rollout stands")
    found = await rollout_of(stack, program)
    assert (found["status"], found["holds"], found["stopped"]) == ("running", [], None)
    (warned,) = found["warnings"]
    assert "what a holdout brought is not kept" in warned["why"], "the program has none"
    assert {look["status"] for look in found["guardrails"][0]["looks"]} == {"source_failed"}
    assert "time(s) in a row" in await shown(stack.temporal, watch(program, "margin"))
    await approve(stack, f"{rollout}/gate/all/1", "demo-operations")
    assert await handle(stack, rollout).result() == {"waves": ["few", "all"], "stopped": "", "halted": False}
    await stage_reached(stack, program, "operation")
    assert (await rollout_of(stack, program))["status"] == "over"
    assert (await act(stack, program, "pause")).json()["code"] == "no_rollout"


@asynccontextmanager
async def ledger_unreadable(database: Databases, stack: Stack) -> AsyncIterator[None]:
    """The database itself refuses to have the ledger's transactions read."""
    owner = create_engine(database.server.url_of(str(stack.engine.url.database)), pool_size=1, role=None)
    try:
        async with owner.begin() as connection:
            await connection.execute(text("REVOKE SELECT ON ledger.txn FROM tenure_application"))
        yield
    finally:
        async with owner.begin() as connection:
            await connection.execute(text("GRANT SELECT ON ledger.txn TO tenure_application"))
        await owner.dispose()


async def test_a_look_that_the_database_refuses_counts_for_nothing_and_is_tried_again(
    hasty_stack: Stack, database: Databases
) -> None:
    """In a stack that no other test uses meanwhile."""
    stack, program = hasty_stack, program_id("unreadable")
    async with ledger_unreadable(database, stack):
        await launch(stack, sample_definition(program, waves=[FEW, ALL], guardrails=[NO_POINTS]))
        watched, rollout = watch(program), ids.rollout(program, 1)
        await done(stack.temporal, watched, "Look 1: the source failed")
        await done(stack.temporal, rollout, "Keep where the rollout stands")
        found = await rollout_of(stack, program)
        assert (found["status"], found["holds"], found["stopped"]) == ("running", [], None)
        assert "could not be read" in found["warnings"][0]["why"]
        assert found["guardrails"][0]["looks"][-1]["status"] == "source_failed"
    await done(stack.temporal, rollout, "Keep where the rollout stands", times=2)
    found = await rollout_of(stack, program)
    assert (found["status"], found["warnings"], found["guardrails"][0]["looks"][0]["status"]) == ("running", [], "ok")
    await approve(stack, f"{rollout}/gate/all/1", "demo-operations")
    assert (await handle(stack, rollout).result())["halted"] is False


async def test_a_guardrail_that_warns_says_so_and_takes_it_back(stack: Stack) -> None:
    program = program_id("warned")
    none_joined = {"id": "someone", "kpi": "points_outstanding", "window": "P30D", "at_least": 1, "every": "PT0.2S"}
    definition = sample_definition(program, waves=[FEW, ALL], guardrails=[none_joined | {"on_failure": "warn"}])
    await launch(stack, definition)
    rollout = ids.rollout(program, 1)
    await done(stack.temporal, rollout, "Keep where the rollout stands")
    found = await rollout_of(stack, program)
    assert (found["status"], [each["what"] for each in found["warnings"]]) == ("running", ["someone"])
    await enrol(stack, program, inside(program))
    await buy(stack, definition, inside(program), 10, datetime.now(UTC))
    await done(stack.temporal, rollout, "Keep where the rollout stands", times=2)
    assert (await rollout_of(stack, program))["warnings"] == []


async def test_many_looks_make_no_history_long(hasty_stack: Stack, histories: Histories) -> None:
    """A watch goes on in a new run, where it was: the looks are numbered on, and what was seen still counts."""
    stack, program = hasty_stack, program_id("longwatch")
    await launch(stack, sample_definition(program, waves=[FEW, ALL], guardrails=[NO_POINTS | {"every": "PT0.05S"}]))
    watched = watch(program)
    await started(stack.temporal, watched)
    first = (await handle(stack, watched).describe()).run_id
    assert first is not None
    second = await continued_as_new(stack.temporal, watched, first)
    scheduled = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    look = await history_has(stack.temporal, watched, lambda event: event.event_type == scheduled, run_id=second)
    before = (await stack.temporal.get_workflow_handle(watched, run_id=first).fetch_history()).events
    looks = sum(event.event_type == scheduled for event in before)
    assert look.user_metadata.summary.data.startswith(f'"Look {looks + 1} '.encode())
    await histories.keep(stack.temporal, watched, "GuardrailWatch-continued", run_id=first)
    (guardrail,) = (await rollout_of(stack, program))["guardrails"]
    numbers = [look["number"] for look in guardrail["looks"]]
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) == len(numbers)


async def test_an_end_while_a_wave_runs_closes_the_watch_and_the_gate(stack: Stack, histories: Histories) -> None:
    program = program_id("endwatched")
    await launch(stack, sample_definition(program, waves=[FEW, ALL], guardrails=[NO_POINTS | {"minimum_sample": 5}]))
    rollout = ids.rollout(program, 1)
    await done(stack.temporal, rollout, "Held")
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    assert await handle(stack, rollout).result() == {"waves": ["few"], "stopped": "the program ends", "halted": False}
    assert await handle(stack, watch(program)).result() >= 1
    found = await rollout_of(stack, program)
    assert (found["status"], found["holds"]) == ("over", [])
    assert await wave_states(stack, program) == [("few", "passed"), ("all", "to_come")]
    assert (await stack.get(f"/programs/{program}"))["open_gates"] == []
    await histories.keep(stack.temporal, rollout, "Rollout-held-and-ended")
