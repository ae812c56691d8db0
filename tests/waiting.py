"""How tests wait for what workflows do: by the events of their histories, never by the clock."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory

from domain import ids
from tests.stack import Stack

_WAIT_TIMEOUT = 60
"""Seconds after which a test gives up; what is waited for takes a fraction of one."""
_PART = re.compile(
    r"(?P<owner>.+?)(/gate/[^/]+/\d+|/readiness|/test/[^/]+|/rollout/r\d+|/guardrail/[^/]+/[^/]+|/invitations/[^/]+"
    r"|/r\d+|/wind-down|/intervention/\d+)"
)
"""A workflow that another one starts: its id begins with the other's."""


async def history_has(
    client: Client, workflow_id: str, wanted: Callable[[HistoryEvent], bool], *, run_id: str | None = None
) -> HistoryEvent:
    """The first event of a workflow that is wanted, as soon as it is there: of all its runs, or of the one that is named.

    Which run something happens in is for nobody to know beforehand: a workflow continues as new when the server suggests it.
    """
    seen: list[str] = []
    try:
        async with asyncio.timeout(_WAIT_TIMEOUT):
            async for event in _events(client, workflow_id, run_id):
                if wanted(event):
                    return event
                seen.append(f"{EventType.Name(event.event_type)} {event.user_metadata.summary.data.decode()}")
    except TimeoutError:
        raise AssertionError(f"{workflow_id} does not come to the event; its last ones are {seen[-8:]}") from None
    raise AssertionError(f"{workflow_id} ended without the event; its last ones are {seen[-8:]}")


async def _events(client: Client, workflow_id: str, run_id: str | None) -> AsyncIterator[HistoryEvent]:
    """The events of one run, or of all from the first on, as they come."""
    described = await client.get_workflow_handle(workflow_id, run_id=run_id).describe()
    run = run_id or described.raw_description.workflow_execution_info.first_run_id
    while run:
        following = ""
        async for event in client.get_workflow_handle(workflow_id, run_id=run).fetch_history_events(wait_new_event=True):
            yield event
            following = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        run = following if run_id is None else ""


async def child_started(client: Client, parent: str, child: str) -> None:
    """Wait until a workflow has started this child."""

    def is_start(event: HistoryEvent) -> bool:
        return (
            event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
            and event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id == child
        )

    await history_has(client, parent, is_start)


async def started(client: Client, workflow_id: str) -> None:
    """Wait until a part of a life has been started by what it belongs to, and that by what it belongs to."""
    part = _PART.fullmatch(workflow_id)
    if part is not None:
        owner = part.group("owner")
        await started(client, owner)
        await child_started(client, owner, workflow_id)


async def timer_started(client: Client, workflow_id: str, *, run_id: str | None = None) -> None:
    """Wait until a workflow, or one run of it, has been started, and waits for a time."""
    await started(client, workflow_id)
    await history_has(client, workflow_id, lambda event: event.event_type == EventType.EVENT_TYPE_TIMER_STARTED, run_id=run_id)


async def gate_open(stack: Stack, gate: str) -> str:
    """Wait until a gate can be voted at; the digest to vote for."""
    await started(stack.temporal, gate)
    await history_has(stack.temporal, gate, lambda event: event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    state = await stack.get(f"/gates/{gate}")
    digest: str = state["subject"]["digest"]
    return digest


async def approve(stack: Stack, gate: str, *people: str) -> None:
    """Have these people approve at a gate, as soon as it is open."""
    digest = await gate_open(stack, gate)
    for person in people:
        await vote(stack, gate, person, answer="approve", digest=digest)


async def vote(stack: Stack, gate: str, person: str, **decision: str) -> None:
    """Decide at a gate, which must count; what becomes of a decision that is not answered in time is asked at its place."""
    response = await stack.post(f"/gates/{gate}/decisions", decision, person=person)
    assert response.status_code in (201, 202), response.text
    if response.status_code == 202:
        async with asyncio.timeout(_WAIT_TIMEOUT):
            while (became := await stack.get(response.headers["Location"], person))["status"] == "open":
                pass
        assert became["status"] == "counted", became


async def done(client: Client, workflow_id: str, summary: str, times: int = 1) -> None:
    """Wait until a workflow has had this done so many times: an activity with this summary (or its beginning)."""
    scheduled: set[int] = set()
    completed = 0

    def is_enough(event: HistoryEvent) -> bool:
        nonlocal completed
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED and event.user_metadata.summary.data.startswith(
            f'"{summary}'.encode()
        ):
            scheduled.add(event.event_id)
        completed += event.activity_task_completed_event_attributes.scheduled_event_id in scheduled
        return completed >= times

    await history_has(client, workflow_id, is_enough)


async def stage_reached(stack: Stack, program: str, stage: str, times: int = 1) -> None:
    """Wait until a program's lifecycle has entered a stage, for the so manieth time, and written it down."""
    await done(stack.temporal, ids.lifecycle(program), f"Stage: {stage.replace('_', ' ')}", times)


async def progress_shown(client: Client, program: str, words: str) -> None:
    """Wait until a part of a program's life has told its lifecycle something with these words."""

    def shows(event: HistoryEvent) -> bool:
        shown = event.workflow_execution_signaled_event_attributes
        return shown.signal_name == "show_progress" and words.encode() in shown.input.payloads[0].data

    await history_has(client, ids.lifecycle(program), shows)


async def ended(client: Client, workflow_id: str) -> None:
    """Wait until a run of a workflow is over, whichever way."""
    await history_has(client, workflow_id, lambda event: event.event_type in _ENDS)


async def outcome_known(client: Client, gate: str, *, run_id: str | None = None) -> None:
    """Wait until whoever asked a gate has taken in how it ended; `run_id` is the asking run's, where there are several."""
    over = False

    def is_taken_in(event: HistoryEvent) -> bool:
        nonlocal over
        ended = event.child_workflow_execution_completed_event_attributes
        over = over or ended.workflow_execution.workflow_id == gate
        return over and event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED

    await history_has(client, gate.partition("/gate/")[0], is_taken_in, run_id=run_id)


async def continued_as_new(client: Client, workflow_id: str, run_id: str) -> str:
    """Wait until a run has been continued as a new one; that one's id."""
    kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
    event = await history_has(client, workflow_id, lambda event: event.event_type == kind, run_id=run_id)
    new: str = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return new


async def worked_on(client: Client, workflow_id: str) -> None:
    """Wait until the run that a workflow has come to has been worked on: before that it cannot be asked anything."""
    handle, waited = client.get_workflow_handle(workflow_id), None
    while (run := (await handle.describe()).run_id) != waited:
        await history_has(
            client, workflow_id, lambda event: event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, run_id=run
        )
        waited = run


async def runs_of(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """The histories of all runs of a workflow, from the first on."""
    described = await client.get_workflow_handle(workflow_id).describe()
    run: str = described.raw_description.workflow_execution_info.first_run_id
    found = []
    while run:
        history = await client.get_workflow_handle(workflow_id, run_id=run).fetch_history()
        found.append(history)
        run = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return found


def _ends(*names: str) -> frozenset[int]:
    return frozenset(EventType.Value(f"EVENT_TYPE_WORKFLOW_EXECUTION_{name}") for name in names)


_ENDS = _ends("COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED", "CANCELED", "CONTINUED_AS_NEW")
