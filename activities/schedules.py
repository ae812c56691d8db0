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
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from activities.search_attributes import PROGRAM
from domain import ids
from domain.model import Message
from domain.period import Period

_SHORTEST = timedelta(seconds=1)
"""Temporal's Schedules count in whole seconds."""
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
        """Create the program's Schedules; those that are there already stay."""
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

    @activity.defn
    async def stop_schedules(self, program: str) -> None:
        """Delete the program's Schedules; ones that are gone already do no harm."""
        for schedule in (ids.evaluation_schedule(program), ids.expiry_schedule(program)):
            try:
                await self._client.get_schedule_handle(schedule).delete()
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise

    async def _create(self, schedule_id: str, program: str, workflow: str, queue: str, every: Period, summary: str) -> None:
        interval = max(_SHORTEST, every.approximate())
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
            activity.logger.info("schedule %s is there already", schedule_id)
