"""Recorded histories, one file per workflow type and branch, and the replayer of every workflow that Tenure hosts."""

import json
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.paths import HISTORIES
from worker.registry import WORKFLOWS

_NOISE = {
    "identity", "requestId", "taskId", "links", "meteringMetadata", "stickyAttributes", "workerVersion", "binaryChecksum",
    "stackTrace",
}  # fmt: skip
ALL_WORKFLOWS: list[type] = [workflow for workflows in WORKFLOWS.values() for workflow in workflows]


def replayer(*workflows: type) -> Replayer:
    """A replayer of these workflows, or of all that Tenure hosts."""
    return Replayer(workflows=workflows or ALL_WORKFLOWS, data_converter=pydantic_data_converter)


def recorded() -> list[Path]:
    """The files of all recorded histories."""
    return sorted(HISTORIES.glob("*.json"))


def written(history: WorkflowHistory) -> str:
    """A history as it is kept: what a replay does not read is left out, whose machine it was above all."""
    return json.dumps(_essential(history.to_json_dict()), separators=(",", ":"), sort_keys=True) + "\n"


def _essential(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _essential(value) for name, value in part.items() if name not in _NOISE and not _is_sticky(value)}
    if isinstance(part, list):
        return [_essential(value) for value in part]
    return part


def _is_sticky(part: Any) -> bool:
    """A queue of one process, whose name tells the machine's."""
    return isinstance(part, dict) and part.get("kind") == "TASK_QUEUE_KIND_STICKY"


def read(file: Path) -> tuple[str, WorkflowHistory]:
    """A recorded history, and the type of its workflow."""
    document: dict[str, Any] = json.loads(file.read_text())
    begun = document["events"][0]["workflowExecutionStartedEventAttributes"]
    return begun["workflowType"]["name"], WorkflowHistory.from_json(begun["workflowId"], document)
