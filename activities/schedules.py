"""The Temporal Schedules of a program in operation: its evaluations, and the sweep of points that are due to lapse."""

from datetime import timedelta

from temporalio import activity
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from activities.search_attributes import PROGRAM
from domain import ids, recurrence
from domain.model import Message
from domain.period import Period

_CATCH_UP = timedelta(minutes=1)
"""What was missed for longer is left out: the next evaluation sees the same figures, the next sweep the same lots."""

_SPREAD, _WIDEST_SPREAD = 20, timedelta(minutes=5)
"""Schedules of the same interval fall due at the same instant: each is put off by up to a part of its interval."""


class ProgramSchedules(Message):
    """How often a program is evaluated and swept; `None` leaves a Schedule out."""

    program: str
    evaluate_every: Period | None
    sweep_every: Period | None


class ScheduleActivities:
    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def start_schedules(self, wanted: ProgramSchedules) -> None:
        """Create the program's Schedules; those that are there get the new interval, and stay paused where they are."""
        if wanted.evaluate_every:
            await self._create(
                ids.evaluation_schedule(wanted.program),
                wanted.program,
                "ProgramEvaluation",
                ids.PROGRAMS_QUEUE,
                wanted.evaluate_every,
                f"Evaluation of {wanted.program}",
            )
        if wanted.sweep_every:
            await self._create(
                ids.expiry_schedule(wanted.program),
                wanted.program,
                "ExpirySweep",
                ids.BULK_QUEUE,
                wanted.sweep_every,
                f"Expiry sweep of {wanted.program}",
            )
        else:
            await self._delete(ids.expiry_schedule(wanted.program))

    @activity.defn
    async def stop_schedules(self, program: str) -> None:
        """Delete the program's Schedules; ones that are gone already do no harm."""
        for schedule in (ids.evaluation_schedule(program), ids.expiry_schedule(program)):
            await self._delete(schedule)

    async def _delete(self, schedule_id: str) -> None:
        try:
            await self._client.get_schedule_handle(schedule_id).delete()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise

    async def _create(self, schedule_id: str, program: str, workflow: str, queue: str, every: Period, summary: str) -> None:
        interval = recurrence.interval(every)
        attributes = TypedSearchAttributes([SearchAttributePair(PROGRAM, program)])
        schedule = Schedule(
            action=ScheduleActionStartWorkflow(
                workflow, program, id=schedule_id, task_queue=queue, static_summary=summary, typed_search_attributes=attributes
            ),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=interval)], jitter=min(interval / _SPREAD, _WIDEST_SPREAD)),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
        )
        try:
            await self._client.create_schedule(schedule_id, schedule, search_attributes=attributes)
        except ScheduleAlreadyRunningError:
            await self._client.get_schedule_handle(schedule_id).update(lambda found: _with_spec(found, schedule.spec))


def _with_spec(found: ScheduleUpdateInput, spec: ScheduleSpec) -> ScheduleUpdate:
    """The Schedule as it is, at other times."""
    there = found.description.schedule
    there.spec = spec
    return ScheduleUpdate(schedule=there)
