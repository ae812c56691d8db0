"""A fingerprint of what a workflow asks of Temporal: which commands, with which limits; not how often, nor with what in them.

A replay compares the kinds and names of commands alone, and only of the branches that were recorded. The fingerprint of a fresh
run catches what a replay lets pass: another time limit, another retry policy, another queue, a command behind `patched`.
"""

from collections.abc import Iterator
from typing import Any

from temporalio.client import WorkflowHistory

Fingerprint = frozenset[str]

_COMMANDS = {
    "activityTaskScheduledEventAttributes": (
        "activityType", "taskQueue", "startToCloseTimeout", "scheduleToCloseTimeout", "heartbeatTimeout", "retryPolicy",
    ),
    "startChildWorkflowExecutionInitiatedEventAttributes": (
        "workflowType", "taskQueue", "parentClosePolicy", "workflowIdReusePolicy", "retryPolicy",
    ),
    "signalExternalWorkflowExecutionInitiatedEventAttributes": ("signalName",),
    "timerStartedEventAttributes": (),
    "workflowExecutionCompletedEventAttributes": (),
    "workflowExecutionFailedEventAttributes": (),
    "workflowExecutionContinuedAsNewEventAttributes": ("workflowType", "taskQueue"),
}  # fmt: skip


def fingerprint(history: WorkflowHistory) -> Fingerprint:
    """The commands of a history, each once: a workflow gives some of them more often when it is nudged more often."""
    return frozenset(_commands(history.to_json_dict()["events"]))


def _commands(events: list[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        for kind, said in _COMMANDS.items():
            if kind in event:
                text = " ".join(f"{name}={_plain(event[kind][name])}" for name in said if name in event[kind])
                yield f"{kind.removesuffix('EventAttributes')} {text}".rstrip()


def _plain(value: Any) -> Any:
    """A name without what surrounds it."""
    return value["name"] if isinstance(value, dict) and "name" in value else value
