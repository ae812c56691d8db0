"""A rollout in people's hands: pause and resume, abort and what comes after it; whom waves, cohorts and holdout let in."""

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from domain.definition.document import Definition
from domain.rollout.state import RolloutAction
from domain.rollout.waves import bucket, is_held_out
from store.rollout import invitations
from tests.histories.reading import replayer
from tests.program_steps import (
    AGREEMENT,
    ask_for_the_end,
    begin,
    buy,
    enrol,
    forward,
    handle,
    launch,
    pass_all_gates,
    revise,
    sample_definition,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, done, gate_open, history_has, runs_of, stage_reached, started, timer_started
from tests.workflows.conftest import Histories
from tests.workflows.rollout.test_rollout_guardrails import GATE, act, inside, rollout_of, shown_when, wave_states

FEW: dict[str, Any] = {"id": "few", "share": 20, "minimum_time": "P30D"}
ALL: dict[str, Any] = {"id": "all", "share": 100, "minimum_time": "P30D"}
STAFF: dict[str, Any] = {"id": "staff", "cohort": "staff", "minimum_time": "P30D"}


async def asked(stack: Stack, program: str, participant: str) -> tuple[int, str | None]:
    """What becomes of it when somebody asks to join."""
    body = {"participant": participant, "agreement": AGREEMENT}
    response = await stack.post(f"/programs/{program}/members", body, person="demo-shop")
    return response.status_code, response.json().get("code")


async def gather(stack: Stack, program: str, *participants: str, cohort: str = "staff") -> None:
    response = await stack.post(f"/programs/{program}/cohorts/{cohort}", {"participants": list(participants)})
    assert response.status_code == 201, response.text


async def launch_with_cohort(stack: Stack, definition: Definition, *participants: str) -> None:
    """Bring a program into its rollout whose cohort is gathered before."""
    qualification = await begin(stack, definition)
    if participants:
        await gather(stack, definition.program, *participants)
    await pass_all_gates(stack, qualification)
    await started(stack.temporal, ids.rollout(definition.program, 1))


def outside(program: str, number: int = 0) -> str:
    """The so manieth participant whom the first wave of 20 percent does not reach."""
    return [str(each) for each in range(200) if bucket(program, str(each)) >= 2_000][number]


async def test_a_pause_lets_nobody_new_in_and_changes_nothing_for_those_who_are(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("paused")
    definition = sample_definition(program, waves=[FEW, ALL])
    await launch(stack, definition)
    rollout = ids.rollout(program, 1)
    await enrol(stack, program, inside(program))
    paused = await act(stack, program, "pause", reason="The till is down")
    assert (paused.status_code, paused.json()["status"]) == (200, "paused"), paused.text
    assert await asked(stack, program, inside(program, 1)) == (409, "rollout_paused")
    assert await asked(stack, program, inside(program)) == (201, None), "who is a member stays one"
    event = {"type": "purchase", "occurred_at": datetime.now(UTC).isoformat(), "amount": 10}
    earned = await stack.post(f"/programs/{program}/members/{inside(program)}/events", event, person="demo-shop")
    assert earned.status_code == 201, earned.text
    assert (await act(stack, program, "pause")).json()["code"] == "rollout_is_paused"
    found = await rollout_of(stack, program)
    assert (found["paused"]["by"], found["paused"]["why"]) == ("demo-operations", "The till is down")

    await forward(temporal_env, handle(stack, rollout), timedelta(days=40))
    assert await wave_states(stack, program) == [("few", "open"), ("all", "to_come")]
    assert (await act(stack, program, "resume", reason="It is back")).json()["status"] == "running"
    assert await asked(stack, program, inside(program, 1)) == (201, None)
    await timer_started(stack.temporal, rollout)
    await forward(temporal_env, handle(stack, rollout), timedelta(days=29))
    assert await wave_states(stack, program) == [("few", "open"), ("all", "to_come")], "the pause does not count"
    await forward(temporal_env, handle(stack, rollout), timedelta(days=1))
    await done(stack.temporal, rollout, "Open wave all")
    trail = await stack.get(f"/programs/{program}/audit?about=rollout/r1")
    assert [(each["action"], each["actor"], each["details"]["reason"]) for each in trail["items"]] == [
        ("rollout_paused", "demo-operations", "The till is down"),
        ("rollout_resumed", "demo-operations", "It is back"),
    ]
    await forward(temporal_env, handle(stack, rollout), timedelta(days=30))
    await handle(stack, rollout).result()
    await histories.keep(stack.temporal, rollout, "Rollout-paused-and-resumed")


async def test_a_hold_of_the_program_pauses_by_signal_and_is_not_ended_by_resuming(stack: Stack) -> None:
    program = program_id("withprogram")
    await launch(stack, sample_definition(program, waves=[FEW, ALL]))
    rollout = handle(stack, ids.rollout(program, 1))
    await rollout.signal("pause_with_program", RolloutAction(by="demo-legal", why="A court order", key="hold-1"))
    await done(stack.temporal, rollout.id, "Paused: A court order")
    assert await asked(stack, program, inside(program)) == (409, "rollout_paused")
    assert (await act(stack, program, "resume")).json()["code"] == "rollout_not_paused"
    assert (await act(stack, program, "pause")).status_code == 200
    assert (await act(stack, program, "resume")).json()["status"] == "paused"
    await rollout.signal("resume_with_program", RolloutAction(by="demo-legal", why="Lifted", key="hold-1"))
    await done(stack.temporal, rollout.id, "Resumed: Lifted")
    assert await asked(stack, program, inside(program)) == (201, None)


async def test_what_was_issued_before_an_abort_is_honoured_and_a_further_revision_keeps_those_who_are_in(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("aborted")
    definition = sample_definition(program, waves=[FEW, ALL])
    await launch(stack, definition)
    member = inside(program)
    await enrol(stack, program, member)
    await buy(stack, definition, member, 200, datetime.now(UTC))
    changed = sample_definition(program, waves=[FEW | {"share": 30}, ALL])
    response = await stack.post(f"/programs/{program}/revisions", changed.model_dump(mode="json"))
    assert (response.status_code, response.json()["code"]) == (409, "wave_begun")
    assert "The definition changes few;" in response.json()["detail"]

    aborted = await act(stack, program, "abort", reason="The till gives double points")
    assert (aborted.status_code, aborted.json()["status"]) == (200, "stopped"), aborted.text
    result = await handle(stack, ids.rollout(program, 1)).result()
    assert result == {
        "waves": ["few"], "stopped": "stopped by demo-operations: The till gives double points", "halted": True
    }  # fmt: skip
    await shown_when(stack, program, "The rollout is stopped")
    assert await asked(stack, program, inside(program, 1)) == (409, "rollout_stopped")
    path = f"/programs/{program}/members/{member}"
    event = {"type": "purchase", "occurred_at": datetime.now(UTC).isoformat(), "amount": 10}
    assert (await stack.post(f"{path}/events", event, person="demo-shop")).json()["code"] == "earning_stopped"
    assert (await stack.post(f"{path}/redemptions", {"reward": "single"}, person="demo-shop")).status_code == 201
    await histories.keep(stack.temporal, ids.rollout(program, 1), "Rollout-aborted")

    for dropped in ([ALL], [FEW | {"minimum_time": "P1D"}, ALL]):
        response = await stack.post(
            f"/programs/{program}/revisions", sample_definition(program, waves=dropped).model_dump(mode="json")
        )
        assert (response.status_code, response.json()["code"]) == (409, "wave_begun")
    fixed = sample_definition(program, waves=[FEW, {"id": "half", "share": 50, "minimum_time": "P10D"}, ALL])
    await pass_all_gates(stack, await revise(stack, fixed))
    second = ids.rollout(program, 2)
    await timer_started(stack.temporal, second)
    found = await rollout_of(stack, program)
    assert (found["revision"], found["status"], found["stopped"]) == (2, "running", None)
    assert [(wave["wave"], wave["state"], wave["joined"]) for wave in found["waves"]] == [
        ("few", "open", 1),
        ("half", "to_come", 0),
        ("all", "to_come", 0),
    ]
    assert await asked(stack, program, inside(program, 1)) == (201, None)
    assert await asked(stack, program, outside(program)) == (409, "not_in_wave")
    again = {"type": "purchase", "occurred_at": datetime.now(UTC).isoformat(), "amount": 10}
    assert (await stack.post(f"{path}/events", again, person="demo-shop")).status_code == 201
    assert (await stack.post(f"{path}/events", event, person="demo-shop")).json()["code"] == "earning_stopped"
    await forward(temporal_env, handle(stack, second), timedelta(days=80))
    assert await handle(stack, second).result() == {"waves": ["few", "half", "all"], "stopped": "", "halted": False}
    await stage_reached(stack, program, "operation")
    await histories.keep(stack.temporal, second, "Rollout-of-a-further-revision")


async def test_after_an_abort_the_owner_may_end_the_program_instead(stack: Stack, histories: Histories) -> None:
    program = program_id("abortend")
    await launch(stack, sample_definition(program, waves=[FEW, ALL]))
    await act(stack, program, "abort", person="demo-owner")
    await shown_when(stack, program, "The rollout is stopped")
    gate = await ask_for_the_end(stack, program)
    body = {"answer": "reject", "digest": await gate_open(stack, gate), "reason": "Mend it"}
    assert (await stack.post(f"/gates/{gate}/decisions", body, person="demo-legal")).status_code == 201
    await handle(stack, gate).result()
    again = gate.removesuffix("1") + "2"
    response = await stack.post(f"/programs/{program}/end", {"reason": "It cannot be mended"})
    assert response.status_code == 202, response.text
    await approve(stack, again, "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    assert (await stack.get(f"/programs/{program}"))["stage"] == "wind_down"
    await histories.keep(stack.temporal, ids.lifecycle(program), "ProgramLifecycle-aborted-and-ended")


async def test_a_wave_for_a_cohort_lets_in_those_in_it_alone_and_settles_who_they_are(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("cohort")
    ann, bob = outside(program, 0), outside(program, 1)
    await launch_with_cohort(stack, sample_definition(program, waves=[STAFF, FEW, ALL]), ann)
    rollout = ids.rollout(program, 1)
    await timer_started(stack.temporal, rollout)
    assert await asked(stack, program, ann) == (201, None)
    assert await asked(stack, program, bob) == (409, "not_in_wave")
    assert await asked(stack, program, inside(program)) == (409, "not_in_wave")
    late = await stack.post(f"/programs/{program}/cohorts/staff", {"participants": [bob]})
    assert (late.status_code, late.json()["code"]) == (409, "cohort_begun")
    assert (await stack.get(f"/programs/{program}/members/{ann}"))["wave"] == "staff"
    await forward(temporal_env, handle(stack, rollout), timedelta(days=30))
    await done(stack.temporal, rollout, "Open wave few")
    assert await asked(stack, program, inside(program)) == (201, None)
    assert [(wave["wave"], wave["joined"]) for wave in (await rollout_of(stack, program))["waves"]] == [
        ("staff", 1), ("few", 1), ("all", 0)
    ]  # fmt: skip
    await forward(temporal_env, handle(stack, rollout), timedelta(days=60))
    await handle(stack, rollout).result()
    await histories.keep(stack.temporal, rollout, "Rollout-of-a-cohort")


async def test_a_cohort_that_nobody_is_in_holds_until_somebody_is(stack: Stack, histories: Histories) -> None:
    program = program_id("emptycohort")
    await launch_with_cohort(stack, sample_definition(program, waves=[STAFF, ALL]))
    rollout = ids.rollout(program, 1)
    await done(stack.temporal, rollout, "Held")
    assert "nobody is in the cohort staff" in (await rollout_of(stack, program))["holds"][0]["why"]
    await gather(stack, program, "c-1")
    assert (await act(stack, program, "release")).status_code == 200
    await timer_started(stack.temporal, rollout)
    assert await asked(stack, program, "c-1") == (201, None)


async def test_a_cohort_is_invited_page_by_page_without_the_holdout_and_joins_once_invited(
    stack: Stack, histories: Histories
) -> None:
    program = program_id("invited")
    definition = sample_definition(
        program,
        waves=[STAFF | {"minimum_time": "PT0.1S", "invitations": {"count": 2, "every": "PT0.3S"}}, ALL | {"gate": GATE}],
        holdout={"share": 10},
    )
    held = next(str(each) for each in range(1000) if is_held_out(definition, program, str(each)))
    let_in = [f"s-{each}" for each in range(20) if not is_held_out(definition, program, f"s-{each}")][:5]
    await launch_with_cohort(stack, definition, held, *let_in)
    rollout = ids.rollout(program, 1)
    inviting = ids.invitations(rollout, "staff")
    await started(stack.temporal, inviting)
    await done(stack.temporal, inviting, "Invite 2 of the cohort staff")
    assert (await act(stack, program, "pause")).status_code == 200
    await history_has(
        stack.temporal, inviting, lambda event: event.workflow_execution_signaled_event_attributes.signal_name == "pause"
    )
    async with stack.engine.connect() as connection:
        invited, _ = await invitations.counts(connection, program)
    assert invited in (2, 4), "nobody else is invited while it is paused"
    assert await asked(stack, program, held) == (409, "rollout_paused"), "as everybody else"
    await act(stack, program, "resume")
    assert await handle(stack, inviting).result() == 5
    assert await asked(stack, program, let_in[4]) == (201, None)
    assert await asked(stack, program, held) == (409, "held_out")
    async with stack.engine.connect() as connection:
        assert not await invitations.is_invited(connection, program, held)
    await gate_open(stack, f"{rollout}/gate/all/1")
    await histories.keep(stack.temporal, inviting, "WaveInvitation-paused")


async def test_who_has_not_been_invited_yet_waits_for_it(stack: Stack) -> None:
    program = program_id("uninvited")
    wave = STAFF | {"invitations": {"count": 1, "every": "P1D"}}
    await launch_with_cohort(stack, sample_definition(program, waves=[wave, ALL]), "a-1", "b-2")
    inviting = ids.invitations(ids.rollout(program, 1), "staff")
    await timer_started(stack.temporal, inviting)
    assert await asked(stack, program, "a-1") == (201, None)
    assert await asked(stack, program, "b-2") == (409, "not_invited")
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    assert await handle(stack, inviting).result() == 1, "the end invites nobody else"


async def test_the_next_wave_waits_until_enough_have_joined(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("sample")
    await launch(stack, sample_definition(program, waves=[FEW | {"minimum_sample": 2}, ALL | {"minimum_sample": 50}]))
    rollout = ids.rollout(program, 1)
    await enrol(stack, program, inside(program))
    await forward(temporal_env, handle(stack, rollout), timedelta(days=30))
    await done(stack.temporal, rollout, "Held")
    found = await rollout_of(stack, program)
    assert found["status"] == "held" and "1 of the 2 members" in found["holds"][0]["why"]
    await enrol(stack, program, inside(program, 1))
    await done(stack.temporal, rollout, "Open wave all")
    assert (await rollout_of(stack, program))["status"] == "running"
    await forward(temporal_env, handle(stack, rollout), timedelta(days=30))
    await done(stack.temporal, rollout, "Held", times=2)
    released = await act(stack, program, "release", reason="So few come in August")
    assert released.status_code == 200, released.text
    assert (await handle(stack, rollout).result())["stopped"] == ""
    await stage_reached(stack, program, "operation")
    await histories.keep(stack.temporal, rollout, "Rollout-minimum-sample")


async def test_a_wave_lets_in_no_more_than_its_rate(stack: Stack) -> None:
    program = program_id("pace")
    await launch(stack, sample_definition(program, waves=[FEW | {"enrolment": {"count": 2, "every": "P1D"}}, ALL]))
    assert [await asked(stack, program, inside(program, number)) for number in range(3)] == [
        (201, None), (201, None), (409, "wave_full")
    ]  # fmt: skip
    assert await asked(stack, program, inside(program)) == (201, None), "who is a member is not counted anew"


async def test_a_rollout_begun_anew_hears_of_it_when_its_sample_is_whole(stack: Stack) -> None:
    program = program_id("sampled")
    waves = [{"id": "all", "share": 100, "minimum_time": "PT0.1S", "minimum_sample": 1}]
    await launch(stack, sample_definition(program, waves=waves))
    await done(stack.temporal, ids.rollout(program, 1), "Held")
    assert (await act(stack, program, "abort")).status_code == 200
    await done(stack.temporal, ids.rollout(program, 1), "Stopped")
    await pass_all_gates(stack, await revise(stack, sample_definition(program, waves=waves, summary="Mended.")))
    await started(stack.temporal, ids.rollout(program, 2))
    await done(stack.temporal, ids.rollout(program, 2), "Held")
    assert await asked(stack, program, "ann") == (201, None)
    await stage_reached(stack, program, "operation")


async def test_a_long_invitation_continues_as_new_and_invites_each_once(hasty_stack: Stack) -> None:
    stack, program = hasty_stack, program_id("longinvited")
    waves = [STAFF | {"minimum_time": "PT0.1S", "invitations": {"count": 1, "every": "PT0.02S"}}, ALL | {"gate": GATE}]
    people = [f"s-{each:02}" for each in range(30)]
    await launch_with_cohort(stack, sample_definition(program, waves=waves), *people)
    inviting = ids.invitations(ids.rollout(program, 1), "staff")
    await started(stack.temporal, inviting)
    assert await handle(stack, inviting).result() == len(people)
    runs = await runs_of(stack.temporal, inviting)
    assert len(runs) > 2, "the server suggests it after sixty events"
    async with stack.engine.connect() as connection:
        invited, _ = await invitations.counts(connection, program)
    assert invited == len(people)
    for history in runs:  # whether one waits for a page depends on how busy the machine is, so that none is recorded
        await replayer().replay_workflow(history)


async def held_out(stack: Stack, program: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await stack.get(f"/programs/{program}/held-out", "demo-shop"))["items"]
    return found


async def test_the_holdout_stays_out_to_the_end_and_is_never_changed(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("holdout")
    definition = sample_definition(program, waves=[FEW, ALL], holdout={"share": 10})
    await launch(stack, definition)
    held = [str(each) for each in range(500) if is_held_out(definition, program, str(each))]
    early = next(each for each in held if bucket(program, each) < 2_000)
    late = next(each for each in held if bucket(program, each) >= 2_000)
    assert await asked(stack, program, early) == (409, "held_out")
    assert await asked(stack, program, late) == (409, "not_in_wave"), "as everybody else"
    assert [each["participant"] for each in (await held_out(stack, program))] == [early]
    await forward(temporal_env, handle(stack, ids.rollout(program, 1)), timedelta(days=60))
    await stage_reached(stack, program, "operation")
    assert [await asked(stack, program, each) for each in (late, early)] == [(409, "held_out")] * 2
    assert {each["participant"] for each in (await held_out(stack, program))} == {early, late}
    assert (await rollout_of(stack, program))["held_out"] == 2
    changed = sample_definition(program, waves=[ALL | {"id": "new"}], holdout={"share": 1})
    response = await stack.post(f"/programs/{program}/revisions", changed.model_dump(mode="json"))
    assert (response.status_code, response.json()["code"], response.json()["field"]) == (409, "wave_begun", "holdout")
    assert (await rollout_of(stack, program))["holdout"] == "10"
