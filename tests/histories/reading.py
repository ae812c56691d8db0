"""Recorded histories, one file per workflow type and branch, and the replayer of every workflow that Tenure hosts."""

import json
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.paths import HISTORIES
from worker.registry import WORKFLOWS

ALL_WORKFLOWS: list[type] = [workflow for workflows in WORKFLOWS.values() for workflow in workflows]


def replayer(*workflows: type) -> Replayer:
    """A replayer of these workflows, or of all that Tenure hosts."""
    return Replayer(workflows=workflows or ALL_WORKFLOWS, data_converter=pydantic_data_converter)


def recorded() -> list[Path]:
    """The files of all recorded histories."""
    return sorted(HISTORIES.glob("*.json"))


def read(file: Path) -> tuple[str, WorkflowHistory]:
    """A recorded history, and the type of its workflow."""
    document: dict[str, Any] = json.loads(file.read_text())
    begun = document["events"][0]["workflowExecutionStartedEventAttributes"]
    return begun["workflowType"]["name"], WorkflowHistory.from_json(begun["workflowId"], document)
