"""The Schedules that a worker's start sees to: they fire when the rules say, come back when lost, and stay paused."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.evaluation import schedules
from activities.evaluation.schedules import policy_of, spec_of
from domain import ids
from domain.period import Period
from domain.recurrence import Recurrence, Stretch
from tests.program_steps import ask_for_the_end, forward, handle, launch, operate, sample_definition
from tests.stack import Stack, program_id
from tests.waiting import approve, done, gate_open, timer_started
from worker.schedules import ensure_sealing, keep_schedules, reconcile_programs

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOURS, WEEK = timedelta(hours=10), timedelta(days=7)
LAUNCHES = {
    "on the 31st": (datetime(2026, 1, 31, 14, 30, tzinfo=UTC), "America/New_York"),
    "on a leap day": (datetime(2028, 2, 29, 12, tzinfo=UTC), "Europe/Berlin"),
    "on New Year's Eve, late": (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "Pacific/Apia"),
    "in a zone of half hours": (datetime(2026, 4, 4, 15, 31, 7, 900_000, tzinfo=UTC), "Australia/Lord_Howe"),
    "in the hour that is left out": (datetime(2027, 3, 28, 1, 15, tzinfo=UTC), "Europe/Berlin"),
}


async def matching(client: Client, schedule_id: str, since: datetime, until: datetime) -> Sequence[datetime]:
    """The instants at which the server says that a Schedule fires in [since, until]."""
    begin, end = Timestamp(), Timestamp()
    begin.FromDatetime(since - timedelta(seconds=1))  # the server counts from after the first instant
    end.FromDatetime(until)
    request = ListScheduleMatchingTimesRequest(
        namespace=client.namespace, schedule_id=schedule_id, start_time=begin, end_time=end
    )
    answer = await client.workflow_service.list_schedule_matching_times(request)
    return [at.ToDatetime(tzinfo=UTC) for at in answer.start_time]


@asynccontextmanager
async def scheduled(client: Client, name: str, spec: ScheduleSpec) -> AsyncIterator[ScheduleHandle]:
    """A Schedule of these instants that is paused, until the block is left."""
    action = ScheduleActionStartWorkflow("ProgramEvaluation", "nobody", id=name, task_queue="nobody")
    handle = await client.create_schedule(name, Schedule(action, spec))
    try:
        await handle.pause()
        yield handle
    finally:
        await handle.delete()


@pytest.mark.parametrize("every", ["P1M", "P2M", "P3M", "P6M", "P1Y", "P2Y", "P5M", "P7D", "PT36H"])
@pytest.mark.parametrize("launched", LAUNCHES)
async def test_a_schedule_fires_at_the_instants_that_the_rules_and_a_backfill_name(
    temporal_env: WorkflowEnvironment, launched: str, every: str
) -> None:
    at, zone = LAUNCHES[launched]
    recurrence = Recurrence(Period.parse(every), at, ZoneInfo(zone))
    since = at + timedelta(days=100)
    until = since + 6 * recurrence.interval + timedelta(days=400)
    spec = replace(spec_of(recurrence, since), jitter=None)
    async with scheduled(temporal_env.client, program_id("grid"), spec) as handle:
        assert await matching(temporal_env.client, handle.id, at, until) == Stretch(recurrence, since, until).instants()


async def test_what_was_missed_is_made_up_for_within_half_the_interval_or_a_day() -> None:
    intervals = timedelta(seconds=2), timedelta(minutes=10), timedelta(days=1), timedelta(days=30)
    windows = [policy_of(interval).catchup_window for interval in intervals]
    assert windows == [timedelta(seconds=10), timedelta(minutes=5), timedelta(hours=12), timedelta(days=1)]


async def test_a_worker_has_the_seals_schedule_there_and_a_changed_interval_changes_it(stack: Stack) -> None:
    schedule = stack.temporal.get_schedule_handle(ids.SEAL_SCHEDULE)
    for every in (HOURS, HOURS, timedelta(hours=11)):
        await keep_schedules(stack.temporal, stack.engine, every)
        found = (await schedule.describe()).schedule
        assert [interval.every for interval in found.spec.intervals] == [every]
        assert (found.policy.overlap, found.policy.catchup_window) == (ScheduleOverlapPolicy.SKIP, every / 2)
    await schedule.pause()
    await ensure_sealing(stack.temporal, timedelta(hours=12))
    assert (await schedule.describe()).schedule.state.paused
    await schedule.delete()


async def former_schedules(stack: Stack, program: str, calendar_since: str = "NULL") -> list[ScheduleHandle]:
    """Put a program's Schedules back to what code before the calendar made of them."""
    found = [
        stack.temporal.get_schedule_handle(name) for name in (ids.evaluation_schedule(program), ids.expiry_schedule(program))
    ]
    for schedule in found:
        former = (await schedule.describe()).schedule
        await schedule.delete()
        spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=7_889_238))], jitter=timedelta(minutes=5))
        policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=1))
        await stack.temporal.create_schedule(schedule.id, Schedule(former.action, spec, policy=policy))
    await amend(stack, program, f"calendar_since = {calendar_since}")
    return found


def schedule_of(stack: Stack, program: str) -> ScheduleHandle:
    return stack.temporal.get_schedule_handle(ids.evaluation_schedule(program))


async def amend(stack: Stack, program: str, change: str, *, table: str = "program", key: str = "id") -> None:
    """Change a program's row by hand."""
    async with stack.engine.begin() as connection:
        await connection.execute(text(f"UPDATE store.{table} SET {change} WHERE {key} = :id"), {"id": program})  # noqa: S608


async def calendar_since(stack: Stack, program: str) -> datetime | None:
    async with stack.engine.connect() as connection:
        since: datetime | None = await connection.scalar(
            text("SELECT calendar_since FROM store.program WHERE id = :id"), {"id": program}
        )
    return since


async def test_a_workers_start_takes_a_program_of_older_code_over_to_the_calendar_once(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("older")
    await operate(stack, temporal_env, sample_definition(program))
    evaluation, sweep = await former_schedules(stack, program)
    await evaluation.pause(note="audit")
    before = datetime.now(UTC)
    await reconcile_programs(stack.temporal, stack.engine)

    found = await evaluation.describe()
    (calendar,) = found.schedule.spec.calendars
    assert ([each.start for each in calendar.hour], found.schedule.spec.time_zone_name) == ([6], "America/New_York")
    assert found.schedule.spec.intervals == []
    assert (found.schedule.state.paused, found.schedule.state.note) == (True, "audit")
    assert found.schedule.policy.catchup_window == timedelta(days=1)
    sweeps = (await sweep.describe()).schedule.spec
    launched_at = datetime.fromisoformat((await stack.get(f"/programs/{program}"))["launched_at"]).replace(microsecond=0)
    assert ([each.every for each in sweeps.intervals], sweeps.start_at) == ([WEEK], launched_at + WEEK)
    since = await calendar_since(stack, program)
    assert since is not None
    assert since >= before

    changed = [(await handle.describe()).info.last_updated_at for handle in (evaluation, sweep)]
    await reconcile_programs(stack.temporal, stack.engine)
    assert [(await handle.describe()).info.last_updated_at for handle in (evaluation, sweep)] == changed
    assert await calendar_since(stack, program) == since

    # Code of before, which still runs beside, makes the former Schedule again.
    await former_schedules(stack, program, calendar_since="'2026-01-15'")
    await reconcile_programs(stack.temporal, stack.engine)
    again = await calendar_since(stack, program)
    assert again is not None
    assert again >= since
    assert (await evaluation.describe()).schedule.spec.start_at is not None


async def test_a_schedule_that_was_lost_is_there_again_and_an_ended_program_gets_none(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("lost")
    await operate(stack, temporal_env, sample_definition(program))
    evaluation = stack.temporal.get_schedule_handle(ids.evaluation_schedule(program))
    wanted = (await evaluation.describe()).schedule.spec
    await evaluation.delete()
    await reconcile_programs(stack.temporal, stack.engine)
    assert (await evaluation.describe()).schedule.spec == wanted

    gate = await ask_for_the_end(stack, program)
    await gate_open(stack, gate)
    await approve(stack, gate, "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    await reconcile_programs(stack.temporal, stack.engine)
    assert (await evaluation.describe()).schedule.spec == wanted  # members still earn, and the program is still evaluated
    await forward(temporal_env, handle(stack, ids.wind_down(program)), timedelta(days=14, minutes=1))
    await done(stack.temporal, ids.wind_down(program), "Stop the scheduled evaluations and sweeps")
    await amend(stack, program, "earning_until = clock_timestamp()")  # the workflow's clock has been forwarded, and no other
    await reconcile_programs(stack.temporal, stack.engine)
    for name in (ids.evaluation_schedule(program), ids.expiry_schedule(program)):
        with pytest.raises(RPCError) as gone:
            await stack.temporal.get_schedule_handle(name).describe()
        assert gone.value.status == RPCStatusCode.NOT_FOUND


async def test_an_amendment_that_comes_into_force_while_a_worker_starts_is_not_overwritten(
    stack: Stack, temporal_env: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = program_id("overtaken")
    await operate(stack, temporal_env, sample_definition(program))
    put, amended = schedules.put_schedule, False

    async def amend_meanwhile(client: Client, schedule_id: str, *rest: Any) -> None:
        nonlocal amended
        if not amended:
            amended = True
            yearly = "document = jsonb_set(document, '{evaluation,every}', '\"P1Y\"')"
            await amend(stack, program, yearly, table="revision", key="program")
        await put(client, schedule_id, *rest)

    monkeypatch.setattr(schedules, "put_schedule", amend_meanwhile)
    await schedules.reconcile(stack.temporal, stack.engine, program)
    (calendar,) = (
        await stack.temporal.get_schedule_handle(ids.evaluation_schedule(program)).describe()
    ).schedule.spec.calendars
    assert [(month.start, month.end, month.step) for month in calendar.month] == [(calendar.month[0].start,) * 2 + (1,)]


async def test_what_fell_due_just_before_a_schedule_changes_is_begun(
    temporal_env: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "_BEGUN_WITHIN", 60.0)
    client, name = temporal_env.client, program_id("put-off")
    action = ScheduleActionStartWorkflow("ProgramEvaluation", "nobody", id=name, task_queue="nobody")
    now = datetime.now(UTC).replace(microsecond=0)
    due = now - timedelta(minutes=3)
    far = timedelta(days=300)
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(far, offset=(due - EPOCH) % far)], jitter=None)
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=5))
    handle = await client.create_schedule(name, Schedule(action, spec, policy=policy))
    changed = replace(spec, intervals=[ScheduleIntervalSpec(far, offset=timedelta(days=7))])
    await schedules.put_schedule(client, name, Schedule(action, changed, policy=policy))
    actions = (await handle.describe()).info.recent_actions
    begun = [each.action.workflow_id for each in actions if isinstance(each.action, ScheduleActionExecutionStartWorkflow)]
    assert begun == [f"{name}-{due:%Y-%m-%dT%H:%M:%SZ}"]
    assert (await handle.describe()).schedule.spec.intervals == changed.intervals
    await handle.delete()


async def test_a_program_that_temporal_refuses_does_not_keep_the_others_from_being_seen_to(
    stack: Stack, temporal_env: WorkflowEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    refused, unreadable, other = (program_id(f"{prefix}-schedules") for prefix in ("a", "b", "c"))
    kpis = [{"kpi": "active_rate", "window": "P3M", "thresholds": [{"below": "0.5", "consequence": "alert"}]}]
    for program in (refused, unreadable, other):
        await launch(stack, sample_definition(program, evaluation={"every": "P2Y", "kpis": kpis}))
        await stack.temporal.get_schedule_handle(ids.evaluation_schedule(program)).delete()
    # A launch in a year that Temporal's calendars do not have, and a document that cannot be read.
    await amend(stack, refused, "launched_at = '2190-01-01', calendar_since = '2190-01-01'")
    await amend(stack, unreadable, "document = '{}'", table="revision", key="program")
    await reconcile_programs(stack.temporal, stack.engine)
    for program in (refused, unreadable):
        assert f"the Schedules of {program} stay as they are" in caplog.text
        await amend(stack, program, "stage = 'closed'")  # so that the starts of other tests pass it over
    assert (await stack.temporal.get_schedule_handle(ids.evaluation_schedule(other)).describe()).schedule.spec.calendars
