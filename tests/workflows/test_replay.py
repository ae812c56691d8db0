"""Recorded histories of every workflow lead the code of today to the same commands (`python -m tests.histories.record`)."""

from pathlib import Path

import pytest
from temporalio import workflow

from domain.gates.result import GateResult
from domain.gates.state import GateState
from domain.programs.lifecycle import Revision
from tests.histories.reading import ALL_WORKFLOWS, read, recorded, replayer
from tests.paths import HISTORIES
from workflows.attributes import awaiting
from workflows.gates.approval_gate import ApprovalGate
from workflows.programs.wind_down import WindDown, WindDownResult

LARGEST = 6_000_000
"""Bytes of all histories together: they lie in the repository."""


@pytest.mark.parametrize("file", recorded(), ids=lambda file: file.stem)
async def test_what_was_recorded_can_be_replayed(file: Path) -> None:
    kind, history = read(file)
    assert file.stem.partition("-")[0] == kind
    await replayer().replay_workflow(history)


def test_every_workflow_has_a_recorded_history() -> None:
    assert {workflow.__name__ for workflow in ALL_WORKFLOWS} - {read(file)[0] for file in recorded()} == set()


def test_the_histories_are_small() -> None:
    assert sum(file.stat().st_size for file in recorded()) < LARGEST


@workflow.defn(name="WindDown", sandboxed=False)
class ExpirySuspendedFirst(WindDown):
    """The same, but for two steps that have changed their places."""

    @workflow.init
    def __init__(self, revision: Revision) -> None:
        super().__init__(revision)

    @workflow.run
    async def run(self, revision: Revision) -> WindDownResult:
        return await super().run(revision)

    async def _stop_schedules(self) -> None:
        await super()._suspend_expiry()

    async def _suspend_expiry(self) -> None:
        await super()._stop_schedules()


@workflow.defn(name="ApprovalGate", sandboxed=False)
class ShownFirst(ApprovalGate):
    """The same, but for being found by its due date before it is written."""

    @workflow.init
    def __init__(self, opening: GateState) -> None:
        super().__init__(opening)

    @workflow.run
    async def run(self, opening: GateState) -> GateResult:
        workflow.upsert_search_attributes(awaiting([], opening.due))
        return await super().run(opening)


@pytest.mark.parametrize(
    ("changed", "name"), [(ExpirySuspendedFirst, "WindDown-closed"), (ShownFirst, "ApprovalGate-approved")]
)
async def test_a_workflow_that_does_something_else_is_found_out(changed: type, name: str) -> None:
    _, history = read(HISTORIES / f"{name}.json")
    with pytest.raises(workflow.NondeterminismError):
        await replayer(changed).replay_workflow(history)


def test_no_history_names_a_folder_of_the_machine_it_was_recorded_on() -> None:
    assert [file.name for file in recorded() if '"stackTrace"' in file.read_text()] == []
