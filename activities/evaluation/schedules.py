"""The Temporal Schedules of a program in operation: its evaluations, and the sweep of points that are due to expire."""

import asyncio
import json
import logging
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleHandle,
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

from activities.queues import ActivityGroup
from activities.search_attributes import PROGRAM
from domain import ids
from domain.definition.expiry_kinds import expiry_rule
from domain.ids import PROGRAMS_QUEUE
from domain.model import Message
from domain.period import Period
from domain.programs.availability import closed_for
from domain.recurrence import MeanGrid, Recurrence, changes_over
from store.programs import programs

logger = logging.getLogger(__name__)

_LONGEST_CATCH_UP, _SHORTEST_CATCH_UP = timedelta(days=1), timedelta(seconds=10)
"""The shortest is Temporal's own: it takes no less."""
_SPREAD, _WIDEST_SPREAD = 20, timedelta(minutes=5)
"""Schedules of many programs fall due at the same instant: each is put off by up to a part of its interval."""
_BEGUN_WITHIN, _BETWEEN_CHECKS = 4.0, 0.1
"""Seconds that Temporal may take to begin what is overdue, and from one check to the next."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR = 2100
"""The last one that Temporal's calendars know."""


class _Wanted(NamedTuple):
    """When a program is evaluated, and when what is due to expire is taken off; None: nothing expires."""

    evaluation: Recurrence
    sweep: Recurrence | None


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


class ScheduleActivities(ActivityGroup):
    QUEUE = PROGRAMS_QUEUE

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
    """Have a launched program's Schedules as its definition in force says, until its end stops them.

    A program whose Schedule older code made, or has made anew meanwhile, goes over to the calendar now. An amendment that comes
    into force while this writes is seen afterwards, and written too.
    """
    written: _Wanted | None = None
    while (wanted := await _wanted(engine, program)) is not None and wanted != written:
        since = await _change_over(client, engine, program, wanted.evaluation)
        await _put(client, program, ids.evaluation_schedule(program), _EVALUATION, wanted.evaluation, since)
        if wanted.sweep is None:
            await _delete(client, ids.expiry_schedule(program))
        else:
            await _put(client, program, ids.expiry_schedule(program), _SWEEP, wanted.sweep, wanted.sweep.anchor)
        written = wanted
    if written is not None and wanted is None:  # its wind-down may have deleted them just before they were written
        await _delete_all(client, program)


async def _wanted(engine: AsyncEngine, program: str) -> _Wanted | None:
    """What a program's Schedules should be; None before its launch, and once nothing is earned any more."""
    async with engine.connect() as connection:
        record = await programs.find(connection, program)
        if closed_for(record, "schedules", datetime.now(UTC)) is not None:
            return None
        assert record.launched_at is not None and record.revision_in_force is not None
        definition = await programs.definition(connection, program, record.revision_in_force)
        (_, first), *_ = (await programs.revisions_in_force(connection, program)).by_instant

    def recurrence(every: Period) -> Recurrence:
        return Recurrence(every, launched_at, definition.zone, first.definition.zone)

    launched_at, expiry = record.launched_at, definition.expiry
    sweep = recurrence(expiry.sweep_every) if expiry_rule(expiry).expires else None
    return _Wanted(recurrence(definition.evaluation.every), sweep)


async def _change_over(client: Client, engine: AsyncEngine, program: str, evaluation: Recurrence) -> datetime:
    """Since when the program is evaluated by the calendar; that is decided and written as long as it is on the former grid."""
    async with engine.begin() as connection:
        since = await programs.calendar_since(connection, program)
        if since is None or await _on_former_grid(client, program):
            since = changes_over(MeanGrid(evaluation.every), evaluation, datetime.now(UTC))
            await programs.follow_calendar(connection, program, since)
    return since


async def _on_former_grid(client: Client, program: str) -> bool:
    """Whether the Schedule is one that older code has made: those of the calendar begin at an instant."""
    try:
        found = await client.get_schedule_handle(ids.evaluation_schedule(program)).describe()
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise
    return found.schedule.spec.start_at is None


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

    One that has them already is left alone: Temporal drops what a Schedule still has to do when that changes. So what it still
    catches up on, after an outage, is begun first; what its jitter puts off beyond this very moment is dropped, and a backfill
    makes it.
    """
    try:
        await client.create_schedule(schedule_id, schedule, search_attributes=attributes)
        return
    except ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(schedule_id)
    found = await handle.describe()
    if _written(found.schedule) == _written(schedule):
        return
    if not found.schedule.state.paused:
        await _begin_overdue(client, handle, found)

    def changed(found: ScheduleUpdateInput) -> ScheduleUpdate:
        there = found.description.schedule
        there.spec, there.policy = schedule.spec, schedule.policy
        return ScheduleUpdate(there)

    await handle.update(changed)


async def _begin_overdue(client: Client, handle: ScheduleHandle, found: ScheduleDescription) -> None:
    """Have a Schedule begin now what fell due within its catch-up window; what was begun already is begun again."""
    spec, policy, now = found.schedule.spec, found.schedule.policy, datetime.now(UTC)
    begins = now - (policy.catchup_window or timedelta()) - (spec.jitter or timedelta())
    since, until = Timestamp(), Timestamp()
    since.FromDatetime(begins)
    until.FromDatetime(now)
    request = ListScheduleMatchingTimesRequest(
        namespace=client.namespace, schedule_id=handle.id, start_time=since, end_time=until
    )
    if not (await client.workflow_service.list_schedule_matching_times(request)).start_time:
        return
    await handle.backfill(ScheduleBackfill(start_at=begins, end_at=now, overlap=ScheduleOverlapPolicy.ALLOW_ALL))
    try:
        async with asyncio.timeout(_BEGUN_WITHIN):
            while (await handle.describe()).info.num_actions == found.info.num_actions:  # noqa: ASYNC110 - it sends no event
                await asyncio.sleep(_BETWEEN_CHECKS)
    except TimeoutError:
        logger.warning("%s changes before what it had to catch up on has begun; a backfill makes it", handle.id)


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
