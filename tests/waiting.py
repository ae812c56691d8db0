"""How tests wait for what workflows do: by the events of their histories, never by the clock."""

from collections.abc import Callable

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from domain import ids
from tests.house import House


async def history_has(client: Client, workflow_id: str, wanted: Callable[[HistoryEvent], bool]) -> HistoryEvent:
    """The first event of a workflow that is wanted, as soon as it is there."""
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events(wait_new_event=True):
        if wanted(event):
            return event
    raise AssertionError(f"{workflow_id} ended without the event")


async def child_started(client: Client, parent: str, child: str) -> None:
    """Wait until a workflow has started this child."""

    def is_start(event: HistoryEvent) -> bool:
        return (
            event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
            and event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id == child
        )

    await history_has(client, parent, is_start)


async def started(client: Client, workflow_id: str) -> None:
    """Wait until a part of a program's life has been started by what it belongs to, and that by what it belongs to."""
    for separator in ("/gate/", "/test/", "/r", "/wind-down"):
        owner, found, _ = workflow_id.rpartition(separator)
        if found:
            await started(client, owner)
            await child_started(client, owner, workflow_id)
            return


async def timer_started(client: Client, workflow_id: str) -> None:
    """Wait until a workflow waits for a time."""
    await history_has(client, workflow_id, lambda event: event.event_type == EventType.EVENT_TYPE_TIMER_STARTED)


async def gate_open(house: House, gate: str) -> str:
    """Wait until a gate can be voted at; the digest to vote for."""
    await started(house.temporal, gate)
    await history_has(house.temporal, gate, lambda event: event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    state = await house.get(f"/gates/{gate}")
    digest: str = state["subject"]["digest"]
    return digest


async def approve(house: House, gate: str, *people: str) -> None:
    """Have these people approve at a gate, as soon as it is open."""
    digest = await gate_open(house, gate)
    for person in people:
        response = await house.post(f"/gates/{gate}/decisions", {"answer": "approve", "digest": digest}, person=person)
        assert response.status_code == 201, response.text


async def stage_reached(house: House, program: str, stage: str) -> None:
    """Wait until a program's lifecycle has entered a stage and written it down."""
    summary = f"Stage: {stage.replace('_', ' ')}"
    scheduled: set[int] = set()

    def is_written(event: HistoryEvent) -> bool:
        if (
            event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
            and summary.encode() in event.user_metadata.summary.data
        ):
            scheduled.add(event.event_id)
        return event.activity_task_completed_event_attributes.scheduled_event_id in scheduled

    await history_has(house.temporal, ids.lifecycle(program), is_written)
