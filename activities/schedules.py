"""The Temporal Schedules of a program in operation: its evaluations, and the sweep of points that are due to expire."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from activities.search_attributes import PROGRAM
from domain import ids
from domain.model import Message
from domain.recurrence import MeanGrid, Recurrence, changes_over
from domain.stages import ENDED
from store import programs

_LONGEST_CATCH_UP, _SHORTEST_CATCH_UP = timedelta(days=1), timedelta(seconds=10)
"""The shortest is Temporal's own: it takes no less."""
_SPREAD, _WIDEST_SPREAD = 20, timedelta(minutes=5)
"""Schedules of many programs fall due at the same instant: each is put off by up to a part of its interval."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR = 2100
"""The last one that Temporal's calendars know."""


_ENDING = ENDED | {"wind_down"}


class _Scheduled(NamedTuple):
    """A workflow that a Schedule of a program starts."""

    type: str
    queue: str
    title: str


_EVALUATION = _Scheduled("ProgramEvaluation", ids.PROGRAMS_QUEUE, "Evaluation")
_SWEEP = _Scheduled("ExpirySweep", ids.BULK_QUEUE, "Expiry sweep")


class ProgramSchedules(Message):
    """The program whose Schedules are to be as the definition in force says."""

    program: str


class ScheduleActivities:
    def __init__(self, client: Client, engine: AsyncEngine) -> None:
        self._client = client
        self._engine = engine

    @activity.defn
    async def start_schedules(self, wanted: ProgramSchedules) -> None:
        """Create the program's Schedules; those that are there fall due as the definition in force says, and stay paused."""
        await reconcile(self._client, self._engine, wanted.program)

    @activity.defn
    async def stop_schedules(self, program: str) -> None:
        """Delete the program's Schedules; ones that are gone already do no harm."""
        await _delete_all(self._client, program)


async def reconcile(client: Client, engine: AsyncEngine, program: str) -> None:
    """Have a launched program's Schedules as its definition in force says; once its end has begun they are its wind-down's.

    A program that was launched by older code goes over to the calendar now.
    """
    async with engine.begin() as connection:
        record = await programs.find(connection, program)
        if record.launched_at is None or record.revision_in_force is None or record.stage in _ENDING:
            return
        definition = await programs.definition(connection, program, record.revision_in_force)
        since = await programs.calendar_since(connection, program)
        if since is None:
            change = changes_over(MeanGrid(definition.evaluation.every), datetime.now(UTC))
            since = await programs.follow_calendar(connection, program, change)
    evaluation = Recurrence(definition.evaluation.every, record.launched_at, definition.zone)
    await _put(client, program, ids.evaluation_schedule(program), _EVALUATION, evaluation, since)
    if definition.expiry.kind == "never":
        await _delete(client, ids.expiry_schedule(program))
    else:
        sweep = Recurrence(definition.expiry.sweep_every, record.launched_at, definition.zone)
        await _put(client, program, ids.expiry_schedule(program), _SWEEP, sweep, record.launched_at)
    async with engine.connect() as connection:
        earning_until = (await programs.find(connection, program)).earning_until
    if earning_until is not None and earning_until <= datetime.now(UTC):  # its wind-down may have deleted them just before
        await _delete_all(client, program)


def spec_of(recurrence: Recurrence, since: datetime) -> ScheduleSpec:
    """The instants of a recurrence from `since` on, as Temporal writes them; the grid of `domain.recurrence`, to the second."""
    first = recurrence.at(recurrence.last(since - timedelta(microseconds=1)) + 1)
    jitter = min(recurrence.interval / _SPREAD, _WIDEST_SPREAD)
    if not recurrence.follows_calendar:
        every = recurrence.interval
        intervals = [ScheduleIntervalSpec(every=every, offset=(first - _EPOCH) % every)]
        return ScheduleSpec(intervals=intervals, start_at=first, jitter=jitter)
    local, months = first.astimezone(recurrence.zone), recurrence.every.months
    calendar = ScheduleCalendarSpec(
        second=[ScheduleRange(0)],
        minute=[ScheduleRange(local.minute)],
        hour=[ScheduleRange(local.hour)],
        day_of_month=[ScheduleRange(local.day)],
        month=[ScheduleRange((local.month - 1) % months + 1, 12, months) if months < 12 else ScheduleRange(local.month)],
        year=[ScheduleRange(local.year, _LAST_YEAR, months // 12)] if months > 12 else [],
    )
    return ScheduleSpec(calendars=[calendar], start_at=first, jitter=jitter, time_zone_name=recurrence.zone.key)


def policy_of(interval: timedelta) -> SchedulePolicy:
    """What was missed is made up for within half the interval or a day, whichever is shorter; no two runs go side by side."""
    catch_up = max(_SHORTEST_CATCH_UP, min(interval / 2, _LONGEST_CATCH_UP))
    return SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=catch_up)


async def put_schedule(
    client: Client, schedule_id: str, schedule: Schedule, attributes: TypedSearchAttributes = TypedSearchAttributes.empty
) -> None:
    """Create a Schedule, or give the one that is there these instants and this policy; one that is paused stays paused.

    One that has them already is left alone: Temporal drops what it still has to catch up on when a Schedule changes.
    """

    def changed(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
        there = found.description.schedule
        if _written(there) == _written(schedule):
            return None
        there.spec, there.policy = schedule.spec, schedule.policy
        return ScheduleUpdate(there)

    try:
        await client.create_schedule(schedule_id, schedule, search_attributes=attributes)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(schedule_id).update(changed)


def _written(schedule: Schedule) -> str:
    """When a Schedule acts, fit for comparing: Temporal answers with other containers, and fills in what was left out."""
    spec = asdict(schedule.spec) | {"cron_expressions": list(schedule.spec.cron_expressions)}
    for calendar in spec["calendars"]:
        del calendar["day_of_week"], calendar["comment"]
    for interval in spec["intervals"]:
        interval["offset"] = interval["offset"] or None
    return json.dumps([spec, asdict(schedule.policy)], default=str)


async def _put(
    client: Client, program: str, schedule_id: str, workflow: _Scheduled, recurrence: Recurrence, since: datetime
) -> None:
    attributes = TypedSearchAttributes([SearchAttributePair(PROGRAM, program)])
    action = ScheduleActionStartWorkflow(
        workflow.type,
        program,
        id=schedule_id,
        task_queue=workflow.queue,
        static_summary=f"{workflow.title} of {program}",
        typed_search_attributes=attributes,
    )
    schedule = Schedule(action, spec_of(recurrence, since), policy=policy_of(recurrence.interval))
    await put_schedule(client, schedule_id, schedule, attributes)


async def _delete_all(client: Client, program: str) -> None:
    for schedule in (ids.evaluation_schedule(program), ids.expiry_schedule(program)):
        await _delete(client, schedule)


async def _delete(client: Client, schedule_id: str) -> None:
    try:
        await client.get_schedule_handle(schedule_id).delete()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
